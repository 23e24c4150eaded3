import { existsSync } from "node:fs";
import type { NodeAPI } from "node-red";
import { Delivery } from "../../../src/delivery/delivery";
import { KeyValueStore } from "../../../src/store/key-value/key-value-store";
import { LevelStore } from "../../../src/store/level/level-store";
import { checkCloseTimeout, deliveryLife } from "./delivery-life";
import { onceFlowsRun, watchFlows } from "../runtime/flow-lifecycle";
import { LiveMessages } from "./live-messages";
import { processOwned } from "../runtime/process-owned";
import { addQueueRoutes } from "./queue-routes";
import { storePlace } from "./store-place";

/** A store takes a few milliseconds to open, after a crash a few hundred. */
const OPENING_MS = 3_000;

/**
 * Call it when a node module loads, which is before Node-RED listens, and happens also where no node is deployed and in
 * safe mode: what is kept can be seen and erased then too, and what is too old goes. A user directory without a queue gets
 * one only with the first node, or when somebody asks for the queues.
 */
export function prepareDelivery(RED: NodeAPI): void {
  watchFlows(RED);
  const prepared = processOwned<WeakSet<object>>("prepared");
  const apps = prepared.get("admin-apps") ?? new WeakSet();
  prepared.set("admin-apps", apps);
  if (apps.has(RED.httpAdmin)) return;
  apps.add(RED.httpAdmin);
  checkCloseTimeout(RED);
  const desk = async (): Promise<Delivery> => {
    const delivery = durableDelivery(RED);
    await delivery.usable(OPENING_MS).catch(() => undefined);
    return delivery;
  };
  addQueueRoutes(RED, desk, () => storePlace(RED).report());
  const place = storePlace(RED);
  if (existsSync(place.queue) || place.isRefused) durableDelivery(RED);
}

/**
 * The durable delivery of this process: it outlives deploys, and every node file gets the same one. Where its files
 * lie: docs/durable-store.md.
 */
export function durableDelivery(RED: NodeAPI): Delivery {
  const place = storePlace(RED);
  const folder = place.queue;
  const life = deliveryLife();
  const existing = life.get(folder);
  if (existing) return existing;

  const level = LevelStore.open(folder, {
    log: (level, sentence) => RED.log[level](sentence),
    unfit: () => place.unfit(),
  });
  const delivery = new Delivery(new KeyValueStore(level), {
    report: (sentence) => RED.log.error(sentence),
    onErase: (person) => LiveMessages.forgetThoseWith(person),
  });
  life.add(RED, folder, { delivery, store: level });
  void place.tellAll();
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
