import { randomUUID } from "node:crypto";
import type { Node, NodeAPI } from "node-red";
import type { Destination } from "../../../src/delivery/destination";
import type { Lane } from "../../../src/delivery/outbox/lane";
import type { LaneState } from "../../../src/delivery/outbox/lane-state";
import { UNFIT } from "../../../src/delivery/fitting-destination";
import type { JudgedItem, SettledAtOnce } from "../../../src/destinations/work/judged";
import { leavesByOutput } from "../../../src/delivery/outbox/outbox-news";
import type { OutboxNews } from "../../../src/delivery/outbox/outgoing-message";
import { type BodyKind, kindOf, whyUnfit } from "../../../src/destinations/body-kinds";
import { liveOnly } from "../../../src/destinations/live-only";
import type { JsonObject, JsonValue } from "../../../src/json";
import type { RequestBudget } from "../../../src/throttle/request-budget";
import { itemsOf, makeCopyable, nameOf, requestIdOf, sentenceFor } from "./delivery-message";
import { hasDeliveryDownstream } from "./downstream";
import { onClose } from "./delivery-life";
import { durableDelivery, receiptsOf, showStoreProblem } from "./durable-delivery";
import { onceFlowsRun } from "../runtime/flow-lifecycle";
import { LiveMessages, serialisable } from "./live-messages";
import { type Message, MessageError, onEachMessage } from "../runtime/message-handler";
import { placeIn } from "./parts";
import { admitted, declareAccount, simulatedMark, refusalOfSimulated } from "./simulated-origin";
import { clock, type NodeStatus } from "../runtime/status";

/** How long a message without a receipt waits for the store when Node-RED has just started. */
const STORE_PATIENCE_MS = 5_000;

type DeliveredRecords<Body> = OutboxNews<Body>["delivered"];
type FailedRecords<Body> = OutboxNews<Body>["failed"];

/** What one kind of delivery node does. */
export interface DeliveryWork<Body> {
  readonly type: string;
  readonly status: NodeStatus;
  readonly destination: Destination<Body>;
  /** The account is the built-in simulator. */
  readonly isSimulated: boolean;
  /** Only test customers are delivered. */
  readonly testMode?: boolean;
  /** Most calls at one time. */
  readonly concurrency: number;
  readonly budget: RequestBudget;
  /** How many requests a full batch costs; 1 by default. */
  readonly requestsPerBatch?: number;
  /** What the records are, in the plural, for sentences: "customers". */
  readonly things: string;
  /** What the bodies of its records are. */
  readonly kind: BodyKind<Body>;
  /** Judges one item of the payload; a payload is an item or a list of them. */
  judge(item: JsonValue, message: Message): JudgedItem<Body>;
  /** The payload is neither an item nor a list: the sentence for it. Absent where anything may be judged. */
  readonly notAPayload?: string;
  /** Failed records leave by the output as well. */
  readonly sendsFailures?: boolean;
  /**
   * A message is safe on disk: `waiting` of its records are to be delivered, nothing can be done with `failed`,
   * `repeated` were brought by another message already, and `notSent` are for nobody among the test customers.
   */
  accepted?(
    message: Message,
    taken: {
      readonly waiting: number;
      readonly failed: readonly JsonObject[];
      readonly repeated: number;
      readonly notSent: number;
    },
  ): void;
  /** What leaves on the message, `payload` among it; the same for the same records. */
  result(delivered: DeliveredRecords<Body>, failed: FailedRecords<Body>): JsonObject;
}

/** The life of a delivery node: takes messages into its queue on disk, and tells what became of them, by output and Catch. */
export function runDeliveryNode<Body>(RED: NodeAPI, node: Node, work: DeliveryWork<Body>): void {
  const { status, budget, type } = work;
  const delivery = durableDelivery(RED);
  const live = LiveMessages.of(node.id);
  const name = node.name ?? "";
  const opening = delivery.outbox<Body>({ node: node.id, name, type });
  declareAccount(RED, node, work);
  /** When something that was simulated was refused last; until something else comes. */
  let refusedAt: number | undefined;

  onEachMessage(node, async (message) => {
    makeCopyable(RED, message);
    refusedAt = refusalOfSimulated(message, work) && Date.now();
    const given = itemsOf(message, work.notAPayload);
    const judged = given.map((item) => work.judge(item, message));
    const admittedItems = admitted(message, work, judged);
    const receipts = receiptsOf(message);
    if (receipts.length === 0) await delivery.usable(STORE_PATIENCE_MS);
    const outbox = await opening;
    const id = randomUUID();
    live.keep(id, message);
    const { kind, version } = work.kind;
    const taken = await outbox
      .accept({
        id,
        properties: serialisable(message),
        receipts,
        ...(requestIdOf(message) && { requestId: requestIdOf(message) }),
        kind: { kind, version },
        items: admittedItems.map((one, index) => ({
          text: JSON.stringify(given[index] ?? null),
          ...placeIn(message, index),
          ...("records" in one ? one : { records: [] }),
          formerTexts: () => formerTexts(judged[index]!),
        })),
      })
      .catch((error: unknown) => {
        live.forget(id);
        throw error;
      });
    const { waiting, repeated } = taken;
    if (waiting === 0) live.forget(id);
    const settled = taken.fresh.flatMap((index) => {
      const one = admittedItems[index]!;
      if ("records" in one) return [];
      return [{ ...one, result: one.failed ? { index, ...one.result } : one.result }];
    });
    const total = waiting + settled.length;
    const failed = settled.filter((one) => one.failed).map(({ result }) => result);
    const notSent = settled.filter((one) => one.notSent).length;
    if (notSent > 0) {
      outbox.noteNotSent(notSent);
      showNow();
    }
    work.accepted?.(message, { waiting, failed, repeated, notSent });
    const counts = { settled: settled.length, waiting, total, ...(repeated > 0 && { repeated }) };
    // Nothing will leave by the output: Complete nodes can tell what became of it.
    if (repeated > 0 && total === 0) message.delivery = counts;
    reportAtOnce(message, settled, counts);
  });

  const reportAtOnce = (message: Message, settled: readonly SettledAtOnce[], delivery: JsonObject): void => {
    const held = settled.filter((one) => !one.failed).map(({ result }) => result);
    const failed = settled.filter((one) => one.failed).map(({ result }) => result);
    // A message of which nothing can be done is not complete.
    if (failed.length > 0 && failed.length === delivery.total)
      throw new MessageError(sentenceFor(failed, work.things), { failed, delivery });
    if (held.length > 0) node.send({ ...RED.util.cloneMessage(message), payload: held, delivery });
    if (failed.length > 0) reportFailed(RED.util.cloneMessage(message), failed, delivery, {});
  };

  const reportFailed = (message: Message, failed: JsonObject[], delivery: JsonObject, answer: JsonObject): void => {
    node.error(sentenceFor(failed, work.things), Object.assign(message, { failed, delivery }, answer));
  };

  const resultOf = (news: OutboxNews<Body>): JsonObject => ({
    ...work.result(
      news.delivered,
      news.failed.filter(({ outcome }) => outcome.key !== UNFIT),
    ),
    delivery: countsOf(news),
    ...simulatedMark(work.isSimulated),
  });

  const settled = (news: OutboxNews<Body>): void => {
    const original = live.get(news.messageId, news.properties);
    if (news.failed.length > 0) {
      const failed = news.failed.map((record) => ({
        ...nameOf(record),
        key: record.outcome.key,
        reason: record.outcome.reason,
      }));
      const answer = news.failed.find(({ outcome }) => outcome.answer)?.outcome.answer;
      const message = RED.util.cloneMessage(original);
      message.payload ??= news.failed.map((record) => kindOf(record)?.original(record.body) ?? record.body);
      reportFailed(message, failed, countsOf(news), {
        ...(answer?.statusCode !== undefined && { statusCode: answer.statusCode }),
        ...(answer?.body !== undefined && { response: answer.body }),
      });
    }
    // What may not go now goes later, in its turn, from its stored copy.
    const goes = news.receipt === undefined || delivery.inbox.mayEmit(news.receipt);
    if (goes && leavesByOutput(news, work.sendsFailures)) {
      // The last message out is the one that came in: whatever cannot be copied (req, res) leaves with it.
      const message = news.waiting === 0 ? original : RED.util.cloneMessage({ ...original, payload: undefined });
      const receipt = news.receipt === undefined ? {} : { receipt: news.receipt };
      node.send(Object.assign(message, resultOf(news), receipt));
    }
    if (news.waiting === 0) live.forget(news.messageId);
  };

  /** When the last of what waits will have been sent; undefined when it can go at once, or nobody knows. */
  const doneAt = (waiting: number): number | undefined => {
    const batches = Math.ceil(waiting / work.destination.batchLimits.records);
    const at = waiting > 0 ? budget.doneAt(batches * (work.requestsPerBatch ?? 1)) : undefined;
    return at !== undefined && at > Date.now() ? at : undefined;
  };

  let pausedSince = 0;
  const showState = (state: LaneState): void => {
    const end = doneAt(state.waiting);
    // The status has room for a few words; the whole sentence is said once, where a user looks for it.
    if (state.paused && state.paused.since !== pausedSince) node.warn(state.paused.reason);
    pausedSince = state.paused?.since ?? 0;
    if (delivery.problem !== undefined) status.show("problem", "store");
    else if (state.paused) status.show("problem", "paused", { reason: shortened(state.paused.reason) });
    else if (state.retryingUntil) status.show("waiting", "retrying", { time: clock(state.retryingUntil) });
    else if (end !== undefined) status.show("waiting", "throttled", { count: state.waiting, time: clock(end) });
    else if (state.waiting > 0) status.show("working", "waiting", { count: state.waiting });
    else if (refusedAt !== undefined) status.show("problem", "simulated", { time: clock(refusedAt) });
    else if (state.failed > 0) status.show("problem", "failed", { count: state.failed });
    else if (state.delivered > 0) status.show("ok", "delivered", { count: state.delivered, time: clock(Date.now()) });
    else status.clear();
  };

  let closed = false;
  const ends: (() => void)[] = [];
  let lane: Lane<Body> | undefined;
  const showNow = (): void => (lane ? showState(lane.state()) : status.clear());
  // Also where the store has never worked, and there is no queue yet.
  ends.push(showStoreProblem(delivery, () => status.show("problem", "store"), showNow));
  let notSentBefore = (): number => 0;
  if (work.testMode) {
    status.tellTestMode(() => notSentBefore());
    onceFlowsRun(() => closed || showNow());
  }
  void opening.then((outbox) => {
    if (closed) return;
    lane = outbox.lane;
    notSentBefore = () => outbox.notSent;
    outbox.configure(
      {
        destination: work.isSimulated ? work.destination : liveOnly(work.destination),
        whyUnfit: (record) => whyUnfit(record, work.kind),
        concurrency: work.concurrency,
        ...(work.sendsFailures && { sendsFailures: true }),
        ...(work.testMode && { testMode: true }),
        output: (news) => ({ ...news.properties, ...resultOf(news) }),
        doneAt,
        isFollowed: () => hasDeliveryDownstream(RED, node),
      },
      { node: node.id, name, type },
    );
    onceFlowsRun(() => {
      if (closed) return;
      ends.push(outbox.attach({ settled, state: showState }));
      ends.push(budget.onChange(showNow));
    });
  });
  ends.push(
    delivery.onReplay(
      node.id,
      ({ message, receipt }, isReplayed) => node.send({ ...message, receipt, ...(isReplayed && { replayed: true }) }),
      ({ reason, reasonKey, body }) => node.error(reason, { topic: reasonKey, payload: body }),
    ),
  );
  onClose(node, () => {
    closed = true;
    for (const end of ends) end();
  });
}

/** How release 0.1.0 marked what it took: by what the node made of it. */
function formerTexts<Body>(judged: JudgedItem<Body>): string[] {
  return "records" in judged ? judged.records.map((record) => JSON.stringify(record)) : [];
}

function countsOf<Body>({ settled, waiting, total, repeated }: OutboxNews<Body>): JsonObject {
  return { settled, waiting, total, ...(repeated > 0 && { repeated }) };
}

function shortened(sentence: string): string {
  return sentence.length > 60 ? `${sentence.slice(0, 59)}…` : sentence;
}
