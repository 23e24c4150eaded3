import type { KeptRecord, NewRecord, TriedGroup } from "../../store/kept-record";
import { areOfOneKind } from "../record-kind";

/** A waiting record with what is known of its tries. Times are Unix ms. */
export interface WaitingRecord<Body> extends NewRecord<Body> {
  /** Unique within the lane, rising in the order of acceptance. */
  readonly id: number;
  /** The message it came with, and its place in that message. */
  readonly messageId: string;
  readonly index: number;
  readonly acceptedAt: number;
  /** How often it was tried without being settled. */
  readonly attempts: number;
  /** When the first of these tries began. */
  readonly firstTriedAt?: number;
  /** After how many of these tries nobody knew whether the destination has the record. */
  readonly lostAnswers?: number;
}

/** How much one batch may hold. */
export interface LendLimits {
  readonly records: number;
  /** Of the kept JSON. */
  readonly bytes: number;
  /** Untried records of one key may come together, because they will be merged; else one record per key. */
  readonly together: boolean;
}

/** Records that were sent as one and were not accepted. */
export interface Postponed<Body> {
  readonly records: readonly WaitingRecord<Body>[];
  /** When this try began. */
  readonly triedAt: number;
  /** Their key rests until then. */
  readonly dueAt: number;
  /** How long that is, in ms: should the clock of the machine step back, they wait no longer than this. Default: the longest pause of the usual policy. */
  readonly pauseMs?: number;
  /** Nobody knows whether the destination has them. */
  readonly lost?: true;
}

/** What became of lent records: each key's lent records have one fate. */
export interface Conclusion<Body> {
  /** Their outcome is known: they are forgotten. */
  readonly settled: readonly WaitingRecord<Body>[];
  /** One more attempt is counted; from now on the records of each entry come together again, and with no others. */
  readonly postponed: readonly Postponed<Body>[];
  /** They wait on as if they had not been lent. */
  readonly unsent: readonly WaitingRecord<Body>[];
}

/** The first records of a key that are of one kind: others come after them. Lost ones are none. */
export function leading(records: readonly (KeptRecord | undefined)[]): readonly (KeptRecord | undefined)[] {
  const first = records.find((record) => record !== undefined);
  const end = records.findIndex((record) => record && !areOfOneKind(record, first!));
  return end < 0 ? records : records.slice(0, end);
}

/** What is written down of records that were not accepted. */
export function triedGroup<Body>({ records, triedAt, dueAt, pauseMs, lost }: Postponed<Body>): TriedGroup {
  const { key, attempts, firstTriedAt = triedAt, lostAnswers = 0 } = records[0]!;
  const lostNow = lostAnswers + (lost ? 1 : 0);
  const ids = records.map(({ id }) => id);
  return {
    key,
    ids,
    attempts: attempts + 1,
    // Not in the time to come, or it would be tried for longer than is meant: the clock of the machine can step back.
    firstTriedAt: Math.min(firstTriedAt, triedAt),
    dueAt,
    ...(pauseMs !== undefined && { pauseMs }),
    ...(lostNow > 0 && { lostAnswers: lostNow }),
  };
}

/** A kept record, with what its group says of its tries. */
export function waitingRecord<Body>(
  id: number,
  { message, body, bytes: _bytes, ...kept }: KeptRecord,
  group?: TriedGroup,
): WaitingRecord<Body> {
  return {
    ...kept,
    id,
    messageId: message,
    body: body as Body,
    attempts: group?.attempts ?? 0,
    ...(group && { firstTriedAt: group.firstTriedAt }),
    ...(group?.lostAnswers !== undefined && { lostAnswers: group.lostAnswers }),
  };
}
