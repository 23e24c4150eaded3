import type { NodeAPI } from "node-red";
import { processOwned } from "./process-owned";

/** Whether flows run now, and what waits for it. */
interface Lifecycle {
  running: boolean;
  waiting: (() => void)[];
}

/** Starts watching the flows of this process; call it when a node module loads. */
export function watchFlows(RED: NodeAPI): void {
  const owned = processOwned<Lifecycle>("lifecycle");
  if (owned.has("flows")) return;
  const lifecycle: Lifecycle = { running: false, waiting: [] };
  owned.set("flows", lifecycle);
  RED.events.on("flows:stopping", () => {
    lifecycle.running = false;
  });
  RED.events.on("flows:started", () => {
    lifecycle.running = true;
    for (const action of lifecycle.waiting.splice(0)) action();
  });
}

/**
 * Runs `action` at once while flows run, else when they have started: a message sent while the flows are being built
 * reaches nobody.
 */
export function onceFlowsRun(action: () => void): void {
  const lifecycle = processOwned<Lifecycle>("lifecycle").get("flows");
  if (!lifecycle || lifecycle.running) action();
  else lifecycle.waiting.push(action);
}
