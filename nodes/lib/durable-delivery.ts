import { join } from "node:path";
import type { NodeAPI } from "node-red";
import { Delivery } from "../../src/delivery/delivery";
import { LevelStore } from "../../src/delivery/level-store";
import { onceFlowsRun, onFlowsStarted, onFlowsStopping } from "./flow-lifecycle";
import { processOwned } from "./process-owned";
import { addQueueRoutes } from "./queue-routes";

/** A store takes a few milliseconds to open, after a crash a few hundred. */
const OPENING_MS = 3_000;

/**
 * The durable delivery of this process: it outlives deploys, and every node file gets the same one. Its files lie in
 * Node-RED's user directory.
 */
export function durableDelivery(RED: NodeAPI): Delivery {
  const owned = processOwned<Delivery>("delivery");
  const folder = join(RED.settings.userDir ?? process.cwd(), "bloomreach-voucherify", "queue");
  const existing = owned.get(folder);
  if (existing) return existing;

  const store = LevelStore.open(folder, { log: (level, sentence) => RED.log[level](sentence) });
  const delivery = new Delivery(store, store.ready());
  owned.set(folder, delivery);
  onFlowsStopping(RED, () => delivery.flowsStopping());
  onFlowsStarted(RED, () => void delivery.flowsStarted());
  addQueueRoutes(RED, delivery);
  return delivery;
}

/** The ids of inbox entries on a message: one, or several after a join. */
export function receiptsOf(message: Readonly<Record<string, unknown>>): string[] {
  const { receipt } = message;
  return (Array.isArray(receipt) ? receipt : [receipt]).filter((one): one is string => typeof one === "string");
}

/**
 * Shows on a node's status while nothing can be kept; the store itself says in the log what to do. Returns what ends it.
 * @param showProblem shows it on the status; `showUsual` shows the usual status again
 */
export function showStoreProblem(delivery: Delivery, showProblem: () => void, showUsual: () => void): () => void {
  let isShown = false;
  const show = (problem: string | undefined): void => {
    if (isShown === (problem !== undefined)) return;
    isShown = !isShown;
    if (isShown) showProblem();
    else showUsual();
  };
  let end: (() => void) | undefined;
  let ended = false;
  const begin = (): void => {
    if (ended) return;
    end = delivery.onProblem(show);
    show(delivery.problem);
  };
  // While Node-RED starts, the store is only being opened.
  void delivery
    .usable(OPENING_MS)
    .catch(() => undefined)
    .then(() => onceFlowsRun(begin));
  return () => {
    ended = true;
    end?.();
  };
}
