import type { JsonObject, JsonValue } from "../../json";
import type { NewLetter } from "../../store/dead-letters";
import { DEFECT_KEY } from "../defect";
import { UNFIT } from "../fitting-destination";
import { customerOf } from "../record-key";
import type { OutboxNews, OutboxNode } from "./outgoing-message";
import type { SettledResults } from "./settled-results";

/** What is kept of a message beside its records. */
export interface Envelope extends JsonObject {
  properties: JsonObject;
  settledAtOnce: number;
}

/** Whether there is something that leaves by the node's output. What the node cannot send is only kept. */
export function leavesByOutput<Body>({ delivered, failed }: OutboxNews<Body>, sendsFailures = false): boolean {
  return delivered.length > 0 || (sendsFailures && failed.some(({ outcome }) => outcome.key !== UNFIT));
}

/** What leaves by the output, if anything: what could not leave because of a mistake in the program is only kept. */
export function outputOf<Body>(one: SettledResults<Body>, node: OutboxNode<Body>): JsonObject | undefined {
  const news = newsFor(one);
  if (!leavesByOutput(news, node.sendsFailures)) return undefined;
  try {
    return node.output(news);
  } catch (error) {
    if (one.delivered.length === 0 && one.failed.every(({ outcome }) => outcome.key === DEFECT_KEY)) return undefined;
    throw error;
  }
}

/** What one call settled of a message, as its node hears it. */
export function newsFor<Body>({ envelope, ...news }: SettledResults<Body>): OutboxNews<Body> {
  const { properties, settledAtOnce, repeated } = envelope as Envelope;
  return {
    ...news,
    properties,
    settled: news.settled + settledAtOnce,
    total: news.total + settledAtOnce,
    repeated: Number(repeated ?? 0),
  };
}

/** The dead letters of the records that have failed. @param node that was to deliver them */
export function lettersOf<Body>({ messageId, envelope, failed }: SettledResults<Body>, node: string): NewLetter[] {
  const { properties, requestId } = envelope as Envelope;
  return failed.map(({ index, key, body, kind, version, repetition, acceptedAt, attempts, outcome }) => ({
    node: node,
    customer: customerOf(key),
    ...(customerOf(key) !== key && { key }),
    body: body as JsonValue,
    ...(kind !== undefined && { kind }),
    ...(version !== undefined && { version }),
    ...(repetition && { repetition }),
    reason: outcome.reason,
    reasonKey: outcome.key,
    attempts,
    acceptedAt,
    failedAt: Date.now(),
    ...(outcome.answer && { answer: outcome.answer }),
    messageId,
    index,
    envelope: properties,
    ...(typeof requestId === "string" && { requestId }),
  }));
}
