import { join } from "node:path";
import type { Node, NodeAPI } from "node-red";
import { Delivery } from "../../src/delivery/delivery";
import { LevelStore } from "../../src/delivery/level-store";
import { onFlowsStarted, onFlowsStopping } from "./flow-lifecycle";
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
 * Says once, and on the node's status, while nothing can be kept. Returns what ends it.
 * @param showProblem shows it on the status; `showUsual` shows the usual status again
 */
export function showStoreProblem(
  delivery: Delivery,
  node: Node,
  showProblem: () => void,
  showUsual: () => void,
): () => void {
  let told: string | undefined;
  const tell = (problem: string | undefined): void => {
    if (problem === told) return;
    told = problem;
    if (problem === undefined) return showUsual();
    showProblem();
    node.error(problem);
  };
  let end: (() => void) | undefined;
  let ended = false;
  // While Node-RED starts, the store is only being opened.
  void delivery
    .usable(OPENING_MS)
    .catch(() => undefined)
    .then(() => {
      if (ended) return;
      end = delivery.onProblem(tell);
      tell(delivery.problem);
    });
  return () => {
    ended = true;
    end?.();
  };
}
