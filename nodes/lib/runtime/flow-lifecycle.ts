import type { NodeAPI } from "node-red";
import { processOwned } from "./process-owned";

/** Whether flows run now, and what waits for it. */
interface Lifecycle {
  running: boolean;
  waiting: (() => void)[];
  readonly started: (() => void)[];
  readonly stopping: (() => void)[];
  readonly halted: (() => void)[];
}

/** The flows of this process, watched from the moment when the first node module loads. */
function lifecycleOf(RED: NodeAPI): Lifecycle {
  const owned = processOwned<Lifecycle>("lifecycle");
  const existing = owned.get("flows");
  if (existing) return existing;
  const lifecycle: Lifecycle = { running: false, waiting: [], started: [], stopping: [], halted: [] };
  owned.set("flows", lifecycle);
  RED.events.on("flows:stopping", () => {
    lifecycle.running = false;
    for (const action of lifecycle.stopping) action();
  });
  RED.events.on("flows:started", () => {
    lifecycle.running = true;
    for (const action of [...lifecycle.waiting.splice(0), ...lifecycle.started]) action();
  });
  RED.events.on("runtime-event", (event: RuntimeEvent) => {
    const { id, payload } = event;
    if (id !== "runtime-state" || payload?.state !== "stop" || payload.deploy) return;
    for (const action of lifecycle.halted) action();
  });
  return lifecycle;
}

/** What Node-RED tells its editors; a deploy stops the flows too, but says so (@node-red/runtime, lib/flows/index.js). */
interface RuntimeEvent {
  readonly id: string;
  readonly payload?: { readonly state?: string; readonly deploy?: boolean };
}

/** Starts watching the flows of this process; call it when a node module loads. */
export function watchFlows(RED: NodeAPI): void {
  lifecycleOf(RED);
}

/** Runs `action` each time flows have started, after everything that waited for it. */
export function onFlowsStarted(RED: NodeAPI, action: () => void): void {
  lifecycleOf(RED).started.push(action);
}

/** Runs `action` each time flows are about to stop. */
export function onFlowsStopping(RED: NodeAPI, action: () => void): void {
  lifecycleOf(RED).stopping.push(action);
}

/** Runs `action` each time flows have stopped without a deploy that starts them again: "Stop flows", `RED.stop()`. */
export function onFlowsHalted(RED: NodeAPI, action: () => void): void {
  lifecycleOf(RED).halted.push(action);
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
