import { randomUUID } from "node:crypto";
import type { Node, NodeAPI, NodeDef } from "node-red";
import type { LaneState } from "../src/delivery/lane";
import type { OutboxNews } from "../src/delivery/outbox";
import { type CustomerUpdate, VoucherifyCustomers } from "../src/destinations/voucherify-customers";
import { isJsonObject, type JsonObject, type JsonValue } from "../src/json";
import { readHardId } from "../src/schemas/hard-id";
import { declareDeliveryType, hasDeliveryDownstream } from "./lib/downstream";
import { durableDelivery, receiptsOf, showStoreProblem } from "./lib/durable-delivery";
import { onceFlowsRun } from "./lib/flow-lifecycle";
import { LiveMessages, serialisable } from "./lib/live-messages";
import { type Message, MessageError, onEachMessage } from "./lib/message-handler";
import { clock, NodeStatus } from "./lib/status";
import type { VoucherifyAccount } from "./lib/voucherify-connection";

const TYPE = "bv-customer-upsert";
/** How long a message without a receipt waits for the store when Node-RED has just started. */
const STORE_PATIENCE_MS = 5_000;

interface CustomerUpsertDef extends NodeDef {
  account: string;
  emptyValues: "keep" | "clear";
  concurrency: number | string;
}

/** Creates or updates customers in Voucherify: accepts the message, delivers in bulk, reports per customer. */
export = (RED: NodeAPI): void => {
  declareDeliveryType(TYPE);
  const delivery = durableDelivery(RED);

  function CustomerUpsert(this: Node, def: CustomerUpsertDef): void {
    RED.nodes.createNode(this, def);
    const account = RED.nodes.getNode(def.account) as VoucherifyAccount | null;
    const status = new NodeStatus(RED, this, "customer-upsert");
    if (!account) {
      status.show("problem", "no-account");
      onEachMessage(this, () =>
        Promise.reject(new MessageError("Choose a voucherify account in this customer upsert node, then deploy.")),
      );
      return;
    }

    const { api, schemas, budget } = account.connection;
    const live = LiveMessages.of(this.id);
    const opening = delivery.outbox<CustomerUpdate>({ node: this.id, name: def.name, type: TYPE });

    onEachMessage(this, async (message) => {
      const customers = customersOf(message.payload);
      const hardId = typeof message.hardId === "string" ? message.hardId : account.hardId;
      const { records, settledAtOnce } = sort(customers, hardId, account.testCustomers);
      const receipts = receiptsOf(message);
      if (receipts.length === 0) await delivery.usable(STORE_PATIENCE_MS);
      const outbox = await opening;
      const id = randomUUID();
      live.keep(id, message);
      const taken = await outbox.accept({
        id,
        properties: serialisable(message),
        receipts,
        ...(requestIdOf(message) && { requestId: requestIdOf(message) }),
        records,
        settledAtOnce: settledAtOnce.map(({ customer }) => JSON.stringify(customer)),
      });
      if (taken.waiting === 0) live.forget(id);
      const settled = taken.settledAtOnce.map((place) => settledAtOnce[place]!);
      const total = taken.waiting + settled.length;
      reportAtOnce(message, settled, { settled: settled.length, waiting: taken.waiting, total });
    });

    const reportAtOnce = (message: Message, settled: readonly SettledAtOnce[], delivery: JsonObject): void => {
      const held = settled.filter((one) => !one.failed).map(({ result }) => result);
      const failed = settled.filter((one) => one.failed).map(({ result }) => result);
      // A message of which nothing can be done is not complete.
      if (failed.length > 0 && failed.length === delivery.total)
        throw new MessageError(sentenceFor(failed), { failed, delivery });
      if (held.length > 0) this.send({ ...RED.util.cloneMessage(message), payload: held, delivery });
      if (failed.length > 0) reportFailed(RED.util.cloneMessage(message), failed, delivery, {});
    };

    const reportFailed = (message: Message, failed: JsonObject[], delivery: JsonObject, answer: JsonObject): void => {
      this.error(sentenceFor(failed), Object.assign(message, { failed, delivery }, answer));
    };

    const settled = (news: OutboxNews<CustomerUpdate>): void => {
      const original = live.get(news.messageId, news.properties);
      if (news.failed.length > 0) {
        const failed = news.failed.map(({ body, outcome }) => ({
          source_id: body.sourceId,
          key: outcome.key,
          reason: outcome.reason,
        }));
        const answer = news.failed.find(({ outcome }) => outcome.answer)?.outcome.answer;
        const message = RED.util.cloneMessage(original);
        message.payload ??= news.failed.map(({ body }) => body.record);
        reportFailed(message, failed, countsOf(news), {
          ...(answer?.statusCode !== undefined && { statusCode: answer.statusCode }),
          ...(answer?.body !== undefined && { response: answer.body }),
        });
      }
      // What may not go now goes later, in its turn, from its stored copy.
      const goes = news.receipt === undefined || delivery.inbox.mayEmit(news.receipt);
      if (news.delivered.length > 0 && goes) {
        // The last message out is the one that came in: whatever cannot be copied (req, res) leaves with it.
        const message = news.waiting === 0 ? original : RED.util.cloneMessage({ ...original, payload: undefined });
        const receipt = news.receipt === undefined ? {} : { receipt: news.receipt };
        this.send(Object.assign(message, resultOf(news), receipt));
      }
      if (news.waiting === 0) live.forget(news.messageId);
    };

    let pausedSince = 0;
    const showState = (state: LaneState): void => {
      const throttled = budget.state();
      // The status has room for a few words; the whole sentence is said once, where a user looks for it.
      if (state.paused && state.paused.since !== pausedSince) this.warn(state.paused.reason);
      pausedSince = state.paused?.since ?? 0;
      if (state.paused) status.show("problem", "paused", { reason: shortened(state.paused.reason) });
      else if (state.retryingUntil) status.show("waiting", "retrying", { time: clock(state.retryingUntil) });
      else if (throttled.waiting > 0 && (throttled.doneAt ?? 0) > Date.now())
        status.show("waiting", "throttled", { count: state.waiting, time: clock(throttled.doneAt ?? 0) });
      else if (state.waiting > 0) status.show("working", "waiting", { count: state.waiting });
      else if (state.failed > 0) status.show("problem", "failed", { count: state.failed });
      else if (state.delivered > 0) status.show("ok", "delivered", { count: state.delivered, time: clock(Date.now()) });
    };

    let closed = false;
    const ends: (() => void)[] = [];
    void opening.then((outbox) => {
      if (closed) return;
      outbox.configure(
        {
          destination: new VoucherifyCustomers({ api, schemas, emptyValues: def.emptyValues ?? "keep" }),
          concurrency: Number(def.concurrency) || 2,
          output: (news) => ({ ...news.properties, ...resultOf(news) }),
          isFollowed: () => hasDeliveryDownstream(RED, this),
        },
        { node: this.id, name: def.name, type: TYPE },
      );
      const showNow = (): void => showState(outbox.lane.state());
      onceFlowsRun(() => {
        if (closed) return;
        ends.push(outbox.attach({ settled, state: showState }));
        ends.push(budget.onChange(showNow));
        ends.push(showStoreProblem(delivery, this, () => status.show("problem", "store"), showNow));
      });
    });
    ends.push(
      delivery.onReplay(this.id, ({ message, receipt }, isReplayed) =>
        this.send({ ...message, receipt, ...(isReplayed && { replayed: true }) }),
      ),
    );
    this.on("close", () => {
      closed = true;
      for (const end of ends) end();
    });
  }
  RED.nodes.registerType(TYPE, CustomerUpsert);
};

/** The customers of a payload: a list, or one. Throws a sentence for anything else. */
function customersOf(payload: unknown): unknown[] {
  if (Array.isArray(payload)) return payload;
  if (isJsonObject(payload)) return [payload];
  throw new MessageError(
    "msg.payload must be a customer or a list of customers, as they come from a bloomreach in node.",
  );
}

/** A customer that needs no call: held back (not a test customer), or one that never can be sent. */
interface SettledAtOnce {
  readonly customer: JsonValue;
  readonly failed: boolean;
  readonly result: JsonObject;
}

/** Sorts customers into those to deliver and those that need no call. */
function sort(
  customers: readonly unknown[],
  hardId: string,
  testCustomers: ReadonlySet<string>,
): { records: { key: string; body: CustomerUpdate }[]; settledAtOnce: SettledAtOnce[] } {
  const records: { key: string; body: CustomerUpdate }[] = [];
  const settledAtOnce: SettledAtOnce[] = [];
  for (const [index, record] of customers.entries()) {
    const id = isJsonObject(record) ? readHardId(record, hardId) : undefined;
    if (!isJsonObject(record) || !id?.ok) {
      const reason = id && !id.ok ? id.reason : "A customer must be an object with fields.";
      const result = { index, key: id ? "missing_hard_id" : "not_an_object", reason };
      settledAtOnce.push({ customer: (record ?? null) as JsonValue, failed: true, result });
    } else if (testCustomers.size > 0 && !testCustomers.has(id.sourceId)) {
      settledAtOnce.push({ customer: record, failed: false, result: { source_id: id.sourceId, status: "held" } });
    } else records.push({ key: id.sourceId, body: { sourceId: id.sourceId, hardId, record } });
  }
  return { records, settledAtOnce };
}

/** The `request_id` of the webhook that brought a message. */
function requestIdOf({ webhook }: Message): string | undefined {
  return isJsonObject(webhook) && typeof webhook.request_id === "string" ? webhook.request_id : undefined;
}

function countsOf({ settled, waiting, total }: OutboxNews<CustomerUpdate>): JsonObject {
  return { settled, waiting, total };
}

/** What a message says of the customers that were delivered. */
function resultOf(news: OutboxNews<CustomerUpdate>): JsonObject {
  const payload = news.delivered.map(({ outcome }) => ({ status: "delivered", ...outcome.result }));
  return { payload, omitted: payload.flatMap((customer) => omissionsOf(customer)), delivery: countsOf(news) };
}

function shortened(sentence: string): string {
  return sentence.length > 60 ? `${sentence.slice(0, 59)}…` : sentence;
}

/** What to say about customers that were not delivered. */
function sentenceFor(failed: readonly JsonObject[]): string {
  const reason = failed[0]?.reason;
  const first = typeof reason === "string" ? reason : "";
  return failed.length === 1 ? first : `${failed.length} customers were not delivered. The first: ${first}`;
}

/** Which values of a delivered customer were left out, each with whose it was. */
function omissionsOf(customer: JsonObject): JsonObject[] {
  const omitted = Array.isArray(customer.omitted) ? customer.omitted.filter(isJsonObject) : [];
  return omitted.map((omission) => ({ source_id: customer.source_id ?? null, ...omission }));
}
