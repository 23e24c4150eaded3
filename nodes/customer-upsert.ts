import { randomUUID } from "node:crypto";
import type { Node, NodeAPI, NodeDef } from "node-red";
import type { LaneState, SettledNews } from "../src/delivery/lane";
import { type CustomerUpdate, VoucherifyCustomers } from "../src/destinations/voucherify-customers";
import { isJsonObject, type JsonObject } from "../src/json";
import { readHardId } from "../src/schemas/hard-id";
import { serialisable } from "./lib/live-messages";
import { type Message, MessageError, onEachMessage } from "./lib/message-handler";
import { OwnedLane } from "./lib/owned-lane";
import { clock, NodeStatus } from "./lib/status";
import type { VoucherifyAccount } from "./lib/voucherify-connection";

interface CustomerUpsertDef extends NodeDef {
  account: string;
  emptyValues: "keep" | "clear";
  concurrency: number | string;
}

/** A customer that was settled without a call. */
interface SettledAtOnce {
  held: JsonObject[];
  failed: JsonObject[];
}

/** Creates or updates customers in Voucherify: accepts the message, delivers in bulk, reports per customer. */
export = (RED: NodeAPI): void => {
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
    const owned = OwnedLane.of<CustomerUpdate>(
      this.id,
      new VoucherifyCustomers({ api, schemas, emptyValues: def.emptyValues ?? "keep" }),
      Number(def.concurrency) || 2,
    );

    onEachMessage(this, async (message) => {
      const customers = customersOf(message.payload);
      const hardId = typeof message.hardId === "string" ? message.hardId : account.hardId;
      const { records, held, failed } = sort(customers, hardId, account.testCustomers);
      const id = randomUUID();
      const envelope = { message: serialisable(message), settledAtOnce: held.length + failed.length };
      const counts = { settled: held.length + failed.length, waiting: records.length, total: customers.length };
      if (failed.length > 0 && failed.length === customers.length)
        throw new MessageError(sentenceFor(failed), { failed, delivery: counts });
      if (records.length > 0) {
        owned.live.keep(id, message);
        await owned.lane.accept({ id, envelope, records });
      }
      if (held.length > 0) this.send({ ...RED.util.cloneMessage(message), payload: held, delivery: counts });
      if (failed.length > 0) reportFailed(RED.util.cloneMessage(message), failed, counts, {});
    });

    const reportFailed = (message: Message, failed: JsonObject[], delivery: JsonObject, answer: JsonObject): void => {
      this.error(sentenceFor(failed), Object.assign(message, { failed, delivery }, answer));
    };

    const settled = (news: SettledNews<CustomerUpdate>): void => {
      const offset = Number(news.envelope.settledAtOnce) || 0;
      const delivery = { settled: news.settled + offset, waiting: news.waiting, total: news.total + offset };
      const stored = isJsonObject(news.envelope.message) ? news.envelope.message : {};
      const live = owned.live.get(news.messageId, stored);
      if (news.failed.length > 0) {
        const failed = news.failed.map(({ body, outcome }) => ({
          source_id: body.sourceId,
          key: outcome.key,
          reason: outcome.reason,
        }));
        const answer = news.failed.find(({ outcome }) => outcome.answer)?.outcome.answer;
        const message = RED.util.cloneMessage(live);
        message.payload ??= news.failed.map(({ body }) => body.record);
        reportFailed(message, failed, delivery, {
          ...(answer?.statusCode !== undefined && { statusCode: answer.statusCode }),
          ...(answer?.body !== undefined && { response: answer.body }),
        });
      }
      if (news.delivered.length > 0) {
        const payload = news.delivered.map(({ outcome }) => ({ status: "delivered", ...outcome.result }));
        const omitted = payload.flatMap((customer) => omissionsOf(customer));
        // The last message out is the one that came in: whatever cannot be copied (req, res) leaves with it.
        const message = news.waiting === 0 ? live : RED.util.cloneMessage({ ...live, payload: undefined });
        this.send(Object.assign(message, { payload, omitted, delivery }));
      }
      if (news.waiting === 0) owned.live.forget(news.messageId);
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

    const detach = owned.attach({ settled, state: showState });
    const forgetBudget = budget.onChange(() => showState(owned.lane.state()));
    this.on("close", () => {
      forgetBudget();
      detach();
    });
  }
  RED.nodes.registerType("bv-customer-upsert", CustomerUpsert);
};

/** The customers of a payload: a list, or one. Throws a sentence for anything else. */
function customersOf(payload: unknown): unknown[] {
  if (Array.isArray(payload)) return payload;
  if (isJsonObject(payload)) return [payload];
  throw new MessageError(
    "msg.payload must be a customer or a list of customers, as they come from a bloomreach in node.",
  );
}

/** Sorts customers into those to deliver, those held back (not a test customer), and those that never can be sent. */
function sort(
  customers: readonly unknown[],
  hardId: string,
  testCustomers: ReadonlySet<string>,
): SettledAtOnce & { records: { key: string; body: CustomerUpdate }[] } {
  const sorted = { records: [] as { key: string; body: CustomerUpdate }[], held: [], failed: [] } as SettledAtOnce & {
    records: { key: string; body: CustomerUpdate }[];
  };
  for (const [index, record] of customers.entries()) {
    if (!isJsonObject(record)) {
      sorted.failed.push({ index, key: "not_an_object", reason: "A customer must be an object with fields." });
      continue;
    }
    const id = readHardId(record, hardId);
    if (!id.ok) sorted.failed.push({ index, key: "missing_hard_id", reason: id.reason });
    else if (testCustomers.size > 0 && !testCustomers.has(id.sourceId))
      sorted.held.push({ source_id: id.sourceId, status: "held" });
    else sorted.records.push({ key: id.sourceId, body: { sourceId: id.sourceId, hardId, record } });
  }
  return sorted;
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
