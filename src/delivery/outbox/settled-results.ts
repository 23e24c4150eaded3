import type { JsonObject } from "../../json";
import type { Delivered, Failed } from "../outcome";
import type { MessageProgress, NewRecord } from "../../store/kept-record";
import type { WaitingRecord } from "../queue/waiting-record";

/** A record with its final outcome. */
export interface SettledRecord<Body, Final extends Delivered | Failed> extends NewRecord<Body> {
  /** Its place among the records of the message. */
  readonly index: number;
  /** When the record was accepted (Unix ms), and how often it was tried. */
  readonly acceptedAt: number;
  readonly attempts: number;
  readonly outcome: Final;
}

/** What one call settled of one message. The counts are records of the message. */
export interface SettledResults<Body> {
  readonly messageId: string;
  readonly envelope: JsonObject;
  readonly delivered: readonly SettledRecord<Body, Delivered>[];
  readonly failed: readonly SettledRecord<Body, Failed>[];
  readonly settled: number;
  readonly waiting: number;
  readonly total: number;
}

/** A waiting record whose outcome is known. */
export interface FinalRecord<Body> {
  readonly original: WaitingRecord<Body>;
  readonly outcome: Delivered | Failed;
}

/** Sorts what one call settled by message: one piece of news for each of them. */
export function settledResultsOf<Body>(
  final: readonly FinalRecord<Body>[],
  messages: readonly MessageProgress[],
): SettledResults<Body>[] {
  const results = new Map(
    messages.map(({ id }) => [
      id,
      { delivered: [] as SettledRecord<Body, Delivered>[], failed: [] as SettledRecord<Body, Failed>[] },
    ]),
  );
  for (const { original, outcome } of final) {
    const { messageId, index, key, body, kind, version, repetition, acceptedAt } = original;
    const settled = {
      ...{ index, key, body, acceptedAt, attempts: original.attempts + 1 },
      ...(kind !== undefined && { kind }),
      ...(version !== undefined && { version }),
      ...(repetition && { repetition }),
    };
    if (outcome.status === "delivered") results.get(messageId)?.delivered.push({ ...settled, outcome });
    else results.get(messageId)?.failed.push({ ...settled, outcome });
  }
  return messages.map(({ id, envelope, settled, total }) => ({
    messageId: id,
    envelope,
    ...results.get(id)!,
    settled,
    waiting: total - settled,
    total,
  }));
}
