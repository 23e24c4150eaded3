import { heldForTest, isHeld, type JudgedItem } from "./judged";
import { isJsonObject, type JsonObject, type JsonValue } from "../../json";
import { publicationAnswer } from "../../mapping/codes/publication-answer";
import {
  type PublicationDefaults,
  type PublicationRequest,
  readPublicationRequest,
} from "../../mapping/codes/publication-request";
import type { ConfirmedRecord } from "./delivered-result";
import { hardIdOf, type MessageFacts, receivedAt } from "./message-facts";

/** What a node that asks for codes was told. */
export interface CodeSettings {
  readonly defaults: PublicationDefaults;
  /** When not empty, only these `source_id`s get codes. */
  readonly testCustomers: ReadonlySet<string>;
}

/** A message may choose the campaign. */
export type CodeMessage = MessageFacts & { readonly payload?: unknown; readonly campaign?: unknown };

/** What becomes of a message that asks for one code at once. */
export type CodeReading =
  | { readonly kind: "request"; readonly request: PublicationRequest }
  | { readonly kind: "held"; readonly reason: string }
  | { readonly kind: "refused"; readonly key: string; readonly reason: string };

/** A request without a code, with why. */
interface RefusedRequest {
  readonly body: PublicationRequest;
  readonly outcome: { readonly key: string; readonly reason: string };
  /** Unix ms. */
  readonly acceptedAt: number;
}

/** Why somebody gets no code in test mode. */
export const ONLY_TEST_CUSTOMERS =
  "Only test customers get codes: see Deliver only these test customers in the voucherify account.";

/** Reads a message whose payload is one request. */
export function readCodeMessage(message: CodeMessage, { defaults, testCustomers }: CodeSettings): CodeReading {
  const { payload } = message;
  if (Array.isArray(payload))
    return { kind: "refused", key: "batch", reason: "A batch cannot give each customer its own code: use Queue." };
  if (!isJsonObject(payload))
    return { kind: "refused", key: "not_an_object", reason: 'msg.payload must be {"customer": …, "campaign": …}.' };
  const reading = readPublicationRequest(payload, settingsFor(message, defaults), receivedAt(message));
  if (!reading.ok) return { kind: "refused", key: reading.key, reason: reading.reason };
  const { request } = reading;
  if (isHeld(testCustomers, request.sourceId)) return { kind: "held", reason: ONLY_TEST_CUSTOMERS };
  return { kind: "request", request };
}

/**
 * Says whether a request can wait for its code in a queue, or why it needs no call.
 * @param owner of the queue: each knows its own repetitions
 */
export function judgeCodeRequest(
  item: JsonValue,
  message: CodeMessage,
  { defaults, testCustomers }: CodeSettings,
  owner: string,
): JudgedItem<PublicationRequest> {
  if (!isJsonObject(item))
    return { failed: true, result: { key: "not_an_object", reason: "A request must be an object with fields." } };
  const reading = readPublicationRequest(item, settingsFor(message, defaults), receivedAt(message));
  if (!reading.ok) return { failed: true, result: { key: reading.key, reason: reading.reason } };
  const { request, repetition } = reading;
  if (isHeld(testCustomers, request.sourceId)) return heldForTest(request.sourceId);
  return {
    records: [{ key: request.sourceId, body: request }],
    repetition: { key: `${owner} ${repetition.key}`, forMs: repetition.forMs },
  };
}

/**
 * What a message says of a request that has left the queue: the code, or why there is none, in the form of a publication.
 * @param currency ISO 4217 of the project
 */
export function settledCode(
  delivered: readonly ConfirmedRecord<unknown>[],
  failed: readonly RefusedRequest[],
  currency: string,
): JsonObject {
  const codes = delivered.map(({ outcome }) => publicationAnswer(outcome.result.publication as JsonObject, currency));
  const omitted = delivered.flatMap(({ outcome }) => outcome.result.omitted as JsonObject[]);
  const [payload = null] = [...codes, ...failed.map(failedPublication)];
  return { payload, ...(omitted.length > 0 && { omitted }) };
}

/** What a request without a code becomes for the flow: the same bytes whenever it is asked. */
function failedPublication({ body, outcome, acceptedAt }: RefusedRequest): JsonObject {
  const { sourceId, campaign, idempotencyKey } = body;
  return {
    object: "publication",
    success: false,
    result: "FAILURE",
    failure_code: outcome.key,
    failure_message: outcome.reason,
    created_at: new Date(acceptedAt).toISOString(),
    source_id: idempotencyKey,
    tracking_id: sourceId,
    customer: { source_id: sourceId },
    ...(campaign !== undefined && { campaign: { name: campaign } }),
  };
}

/** The request may say which ID it has, and a message may choose the campaign. */
function settingsFor(message: CodeMessage, defaults: PublicationDefaults): PublicationDefaults {
  const { campaign } = message;
  return {
    ...defaults,
    hardId: hardIdOf(message, defaults.hardId),
    ...(typeof campaign === "string" && campaign && { campaign }),
  };
}
