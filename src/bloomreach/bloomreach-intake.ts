import type { JsonObject, JsonValue } from "../json";
import type { StatusLine } from "../status-line";
import type { WebhookRequest } from "../webhooks/webhook-request";
import {
  CUSTOMER_RECORD,
  EVENT_RECORD,
  explainMissingIds,
  type RecordShape,
  REQUEST_RECORD,
} from "./bodies/record-shapes";
import { parseWebhookBody, type WebhookRecords } from "./bodies/webhook-body";
import { acceptedAnswer, type BloomreachAnswer, connectionTestAnswer, tooLargeAnswer } from "./bloomreach-answers";

/** What a webhook of Bloomreach brings. */
export type WebhookKind = "customers" | "events" | "requests";

const SHAPES: Readonly<Record<WebhookKind, RecordShape>> = {
  customers: CUSTOMER_RECORD,
  events: EVENT_RECORD,
  requests: REQUEST_RECORD,
};

/** The status where all records of a webhook lack their ID. */
const WITHOUT_ID: Readonly<Record<WebhookKind, { readonly one: string; readonly many: string }>> = {
  customers: { one: "no-id-customers-one", many: "no-id-customers-many" },
  events: { one: "no-id-events-one", many: "no-id-events-many" },
  requests: { one: "no-id-requests-one", many: "no-id-requests-many" },
};

/** What a node that receives was told to expect. */
export interface IntakeSettings {
  readonly kind: WebhookKind;
  /** Name of the Main Hard ID. */
  readonly hardId: string;
}

/** What one webhook brought, as it is kept until the flow has taken it. */
export interface ReceivedRecords extends JsonObject {
  records: JsonObject[];
  hardId: string;
  webhook: { request_id: string } & JsonObject;
}

/** What is to be said of records that were not accepted, for Catch nodes. */
interface Complaint {
  readonly sentence: string;
  /** The records as they came. */
  readonly records: JsonValue[];
}

/** What becomes of a webhook. */
export interface BloomreachIntake {
  readonly answer: BloomreachAnswer;
  readonly status: StatusLine;
  /** What the flow gets; undefined where no customer is meant. */
  readonly received?: ReceivedRecords;
  readonly complaint?: Complaint;
  /** The body was a list of records, not one. */
  readonly batch: boolean;
}

/** The kind that a node was set to; customers where nobody knows it. */
export function webhookKindOf(kind: string): WebhookKind {
  return Object.hasOwn(SHAPES, kind) ? (kind as WebhookKind) : "customers";
}

/**
 * What a request is answered whose body need not be read: it was too large, or nothing came, with which Bloomreach tests an
 * authentication. Undefined for all others.
 * @param maxMegabytes the limit of the node
 */
export function answerUnread(
  { tooLarge, method, body, requestId }: Pick<WebhookRequest, "tooLarge" | "method" | "body" | "requestId">,
  maxMegabytes: number,
):
  | { readonly answer: BloomreachAnswer; readonly told?: { readonly status: StatusLine; readonly error: string } }
  | undefined {
  if (tooLarge)
    return {
      answer: tooLargeAnswer(maxMegabytes, requestId),
      told: {
        status: { look: "waiting", key: "too-large" },
        error: `A webhook was larger than ${maxMegabytes} MB and was not taken: lower the batch size in Bloomreach.`,
      },
    };
  if (method === "GET" || method === "HEAD" || body.length === 0) return { answer: connectionTestAnswer(requestId) };
  return undefined;
}

/** Decides what becomes of a webhook with a body: its answer, what the node shows and says, and what the flow gets. Never throws. */
export function takeIn(
  { body, path, requestId }: Pick<WebhookRequest, "body" | "path" | "requestId">,
  { kind, hardId }: IntakeSettings,
): BloomreachIntake {
  const shape = SHAPES[kind];
  const parsed = parseWebhookBody(body, hardId, shape);
  const { records, rejected, rejectedCount, test, withoutId, batch } = parsed;
  const missingIds = withoutId ? explainMissingIds(rejectedCount, hardId, shape) : undefined;
  const accepted = records.length;
  const answer = acceptedAnswer({
    accepted,
    rejected,
    rejectedCount,
    test,
    ...(missingIds !== undefined && { message: missingIds }),
    requestId,
  });
  if (test) return { answer, status: statusOfTest(kind, batch), batch };
  const first = rejected[0]?.description ?? "";
  const received: ReceivedRecords = {
    records: records.map(({ record }) => record),
    hardId,
    webhook: {
      request_id: requestId,
      path,
      received_at: Date.now(),
      accepted,
      rejected: rejectedCount,
      errors: answer.body.errors.map((error) => ({ ...error })),
    },
  };
  return {
    answer,
    status: statusOf(parsed, kind, hardId),
    received,
    ...(rejectedCount > 0 && {
      complaint: {
        sentence: missingIds
          ? `${missingIds} The first: ${first}`
          : `${rejectedCount} of ${accepted + rejectedCount} ${kind} not accepted: ${first}`,
        records: rejected.map(({ raw }) => raw ?? null),
      },
    }),
    batch,
  };
}

/** What tells an event from others, by which a repeated webhook is known; undefined for one that has no such field. */
export function eventKeyOf(record: JsonObject, field: string): string | undefined {
  const key = record[field];
  return typeof key === "string" || typeof key === "number" ? String(key) : undefined;
}

function statusOfTest(kind: WebhookKind, batch: boolean): StatusLine {
  // A request that comes alone may as well be a real one, of which only the ID was asked, under a wrong name.
  return kind === "requests" && !batch ? { look: "waiting", key: "no-data" } : { look: "ok", key: "test" };
}

function statusOf(
  { records, rejected, rejectedCount, withoutId }: WebhookRecords,
  kind: WebhookKind,
  hardId: string,
): StatusLine {
  const accepted = records.length;
  if (rejectedCount === 0) return { look: "ok", key: "accepted", values: { count: accepted } };
  if (withoutId) {
    const number = rejectedCount.toLocaleString("en-US");
    const key = WITHOUT_ID[kind][rejectedCount === 1 ? "one" : "many"];
    return { look: "problem", key, values: { number, hardId } };
  }
  const lackIds = rejected.every(({ code }) => code === "missing_hard_id");
  const values = { accepted, rejected: rejectedCount };
  return { look: "waiting", key: lackIds ? "some-without-id" : "rejected", values };
}
