import type { JsonObject } from "../../json";
import type { RecordKind } from "../record-kind";
import type { KeptRepetition } from "../repetition";

/** A record that is to wait. */
export interface NewRecord<Body> extends RecordKind {
  readonly key: string;
  /** Plain JSON. */
  readonly body: Body;
  /** By what a repetition of it is known, which may come again when this one ends without being delivered. */
  readonly repetition?: KeptRepetition;
}

/** A record as it is kept while it waits. Times are Unix ms. */
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

/** How far a message is. */
export interface MessageProgress {
  readonly id: string;
  /** The message's serialisable properties, without payload, `req` and `res`. */
  readonly envelope: JsonObject;
  /** How many records it brought, and how many of them are settled. */
  readonly total: number;
  readonly settled: number;
}

/** How much one batch may hold. */
export interface TakeLimits {
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
