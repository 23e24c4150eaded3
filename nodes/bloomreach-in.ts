import type { Node, NodeAPI, NodeDef } from "node-red";
import {
  acceptedAnswer,
  connectionTestAnswer,
  retryLaterAnswer,
  tooLargeAnswer,
  wrongKeysAnswer,
} from "../src/bloomreach/webhook-answer";
import {
  CUSTOMER_RECORD,
  EVENT_RECORD,
  explainMissingIds,
  parseWebhookBody,
  type RecordShape,
  REQUEST_RECORD,
  type WebhookRecords,
} from "../src/bloomreach/webhook-body";
import { isAuthorized } from "../src/bloomreach/webhook-keys";
import { StoreUnavailableError } from "../src/store/durable-store";
import type { JsonObject } from "../src/json";
import type { BloomreachAccount } from "./lib/accounts/bloomreach-webhook-keys";
import { addPasteRoute } from "./lib/accounts/bloomreach-paste";
import { onClose } from "./lib/delivery/delivery-life";
import { prepareDelivery } from "./lib/delivery/durable-delivery";
import { OneEachTurn } from "../src/async/one-each-turn";
import { type Fresh, type Handed, Reception } from "./lib/delivery/reception";
import { clock, NodeStatus } from "./lib/runtime/status";
import { WebhookReply } from "./lib/webhooks/webhook-reply";
import {
  type WebhookAnswer,
  type WebhookHead,
  type WebhookRequest,
  webhookRoutes,
} from "./lib/webhooks/webhook-routes";

const TYPE = "bv-bloomreach-in";
const MEGABYTE = 1_048_576;
/** Bloomreach waits 1,000 ms for an answer; a 500 makes it send the same request again. */
const ANSWER_LIMIT_MS = 900;
/** Bloomreach repeats a webhook whose answer it missed; one that comes later than this is another one. */
const REPEATED_WITHIN_MS = 86_400_000;

type Kind = "customers" | "events" | "requests";

const SHAPES: Readonly<Record<Kind, RecordShape>> = {
  customers: CUSTOMER_RECORD,
  events: EVENT_RECORD,
  requests: REQUEST_RECORD,
};

/** The status where all records of a webhook lack their ID. */
const WITHOUT_ID: Readonly<Record<Kind, { readonly one: string; readonly many: string }>> = {
  customers: { one: "no-id-customers-one", many: "no-id-customers-many" },
  events: { one: "no-id-events-one", many: "no-id-events-many" },
  requests: { one: "no-id-requests-one", many: "no-id-requests-many" },
};

/** What one webhook brought, as it is kept until the flow has taken it. */
interface Received extends JsonObject {
  records: JsonObject[];
  hardId: string;
  webhook: { request_id: string } & JsonObject;
}

interface BloomreachInDef extends NodeDef {
  account: string;
  kind: Kind;
  path: string;
  output: "webhook" | "customer";
  eventKey: string;
  maxBytes: number | string;
}

/** Webhooks whose records are to be read. */
const readings = new OneEachTurn();

/** Receives Bloomreach's webhooks: answers at once, then one message per webhook or per record. */
export = (RED: NodeAPI): void => {
  prepareDelivery(RED);
  const routes = webhookRoutes(RED);

  function BloomreachIn(this: Node, def: BloomreachInDef): void {
    RED.nodes.createNode(this, def);
    const account = RED.nodes.getNode(def.account) as BloomreachAccount | null;
    const status = new NodeStatus(RED, this, "bloomreach-in");
    const maxMegabytes = Number(def.maxBytes) || 10;
    const hardId = account?.hardId ?? "registered";
    const isSimulated = account?.connection.isSimulated === true;
    const kind = Object.hasOwn(SHAPES, def.kind) ? def.kind : "customers";

    const fail = (key: string, sentence: string): void => {
      status.show("problem", key);
      this.error(sentence);
    };
    const refuse = (reason: string): void => fail(routes.enabled ? "path-taken" : "no-routes", reason);

    const answer = async (request: WebhookRequest): Promise<WebhookAnswer> => {
      const now = { time: clock(Date.now()) };
      if (request.tooLarge) {
        status.show("waiting", "too-large", now);
        this.error(
          `A webhook was larger than ${maxMegabytes} MB and was not taken: lower the batch size in Bloomreach.`,
        );
        return tooLargeAnswer(maxMegabytes, request.requestId);
      }
      if (request.method === "GET" || request.method === "HEAD" || request.body.length === 0)
        return connectionTestAnswer(request.requestId);

      await readings.turn();
      const parsed = parseWebhookBody(request.body, hardId, SHAPES[kind]);
      const { records, rejected, rejectedCount, test, withoutId } = parsed;
      const missingIds = withoutId ? explainMissingIds(rejectedCount, hardId, SHAPES[kind]) : undefined;
      const reply = acceptedAnswer({
        accepted: records.length,
        rejected,
        rejectedCount,
        test,
        ...(missingIds !== undefined && { message: missingIds }),
        requestId: request.requestId,
      });
      if (test) {
        // A request that comes alone may as well be a real one, of which only the ID was asked, under a wrong name.
        if (kind === "requests" && !parsed.batch) status.show("waiting", "no-data", now);
        else status.show("ok", "test", now);
        return reply;
      }
      const received: Received = {
        records: records.map(({ record }) => record),
        hardId,
        webhook: {
          request_id: request.requestId,
          path: request.path,
          received_at: Date.now(),
          accepted: records.length,
          rejected: rejectedCount,
          errors: reply.body.errors.map((error) => ({ ...error })),
        },
      };
      showCounts(parsed, now);
      if (rejectedCount > 0) setImmediate(() => report(reception.speaker(), received, parsed, missingIds));
      if (records.length === 0) return reply;
      return kind === "requests" ? askFlow(received, parsed) : ((await keep(received)) ?? reply);
    };

    const knows = (headers: WebhookRequest["headers"]): boolean => isAuthorized(headers, account?.webhookKeys);

    const refusal = ({ headers, requestId }: WebhookHead): WebhookAnswer | undefined => {
      if (knows(headers)) return undefined;
      if (account?.webhookKeys) status.show("waiting", "wrong-key", { time: clock(Date.now()) });
      return wrongKeysAnswer(requestId);
    };

    /** Writes a webhook down, then hands it to the flow. Returns the answer when that was not possible. */
    const keep = async (received: Received): Promise<WebhookAnswer | undefined> => {
      const { request_id } = received.webhook;
      let seen: Fresh<JsonObject> | undefined;
      try {
        if (kind === "events" && def.eventKey) seen = await reception.firstOf(received.records, keyOf);
        const fresh = seen ? { ...received, records: seen.fresh } : received;
        if (fresh.records.length > 0)
          reception.emitAfterAnswer(fresh, await reception.keep(fresh, request_id, seen?.operations));
        seen?.done();
        return undefined;
      } catch (error) {
        seen?.release();
        if (error instanceof StoreUnavailableError) return retryLaterAnswer(request_id);
        throw error;
      }
    };

    const keyOf = (record: JsonObject): string | undefined => {
      const key = record[def.eventKey];
      return typeof key === "string" || typeof key === "number" ? `${this.id} ${key}` : undefined;
    };

    /** The flow answers, or nobody in time. */
    const askFlow = async (received: Received, { batch }: WebhookRecords): Promise<WebhookAnswer> => {
      const reply = new WebhookReply(received.webhook.request_id, isSimulated);
      const payload = batch ? received.records : received.records[0];
      reception.speaker().send({ ...about(received), ...reception.mark, payload, res: reply });
      const limit = setTimeout(() => {
        const late = retryLaterAnswer(received.webhook.request_id);
        if (reply.answer(late.status, late.body)) status.show("waiting", "late", { time: clock(Date.now()) });
      }, ANSWER_LIMIT_MS);
      return reply.answered.finally(() => clearTimeout(limit));
    };

    const showCounts = (
      { records, rejected, rejectedCount, withoutId }: WebhookRecords,
      now: { time: string },
    ): void => {
      const accepted = records.length;
      const count = rejectedCount.toLocaleString("en-US");
      if (rejectedCount === 0) status.show("ok", "accepted", { count: accepted, ...now });
      else if (withoutId)
        status.show("problem", WITHOUT_ID[kind][rejectedCount === 1 ? "one" : "many"], {
          number: count,
          hardId,
          ...now,
        });
      else if (rejected.every(({ code }) => code === "missing_hard_id"))
        status.show("waiting", "some-without-id", { accepted, rejected: rejectedCount, ...now });
      else status.show("waiting", "rejected", { accepted, rejected: rejectedCount, ...now });
    };

    /** Each message has its own copy: what a flow does to one must not show in another. */
    const about = ({ hardId, webhook }: Received): object => ({
      topic: kind,
      hardId,
      webhook: structuredClone(webhook),
    });

    const emit = (node: Node, received: Received, handed: Handed): void => {
      const { records } = received;
      const count = records.length;
      if (def.output === "customer")
        records.forEach((payload, index) => {
          const parts = { id: received.webhook.request_id, index, count };
          node.send({ ...about(received), ...handed, payload, parts });
        });
      else if (count > 0) node.send({ ...about(received), ...handed, payload: records });
    };

    const report = (
      node: Node,
      received: Received,
      { rejected, rejectedCount }: WebhookRecords,
      missingIds: string | undefined,
    ): void => {
      const count = received.records.length + rejectedCount;
      const first = rejected[0]?.description ?? "";
      const sentence = missingIds
        ? `${missingIds} The first: ${first}`
        : `${rejectedCount} of ${count} ${kind} not accepted: ${first}`;
      node.error(sentence, { ...about(received), ...reception.mark, payload: rejected.map(({ raw }) => raw ?? null) });
    };

    const claim = routes.claim(def.path, answer, {
      maxBytes: maxMegabytes * MEGABYTE,
      refusal,
      knows,
      onRefused: (reason) => refuse(reason),
    });
    const showReadiness = (): void => {
      if (!claim.ok) refuse(claim.reason);
      else if (!account) fail("no-account", "Choose a bloomreach account: until then every webhook is refused.");
      else if (account.problem) fail("no-keys", account.problem);
      else status.show("idle", "waiting");
    };
    const reception = new Reception<Received>(RED, this, {
      emit,
      isSimulated,
      repeatedWithinMs: REPEATED_WITHIN_MS,
      showProblem: () => status.show("problem", "store"),
      showUsual: showReadiness,
    });
    showReadiness();

    onClose(this, (removed) => {
      reception.close();
      if (claim.ok) claim.release(removed);
    });
  }
  RED.nodes.registerType(TYPE, BloomreachIn);

  RED.httpAdmin.get(
    "/bloomreach-voucherify/bloomreach-in/path-owner",
    RED.auth.needsPermission(`${TYPE}.read`),
    (request, response) => {
      const path = typeof request.query.path === "string" ? request.query.path : "";
      response.json({ owner: routes.pathOwner(path) ?? null });
    },
  );
  addPasteRoute(RED, TYPE);
};
