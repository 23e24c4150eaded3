import type { JsonObject } from "../json";

/** A record as it is kept while it waits. Times are Unix ms. */
export interface WaitingRecord<Body> {
  /** Unique within the lane, rising in the order of acceptance. */
  readonly id: number;
  readonly key: string;
  /** The message it came with, and its place in that message. */
  readonly messageId: string;
  readonly index: number;
  readonly body: Body;
  readonly acceptedAt: number;
  /** How often it was tried without being settled. */
  readonly attempts: number;
  /** When the first of these tries began. */
  readonly firstTriedAt?: number;
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
}

/** What became of lent records. */
export interface Conclusion<Body> {
  /** Their outcome is known: they are forgotten. */
  readonly settled: readonly WaitingRecord<Body>[];
  /** One more attempt is counted; from now on the records of each entry come together again, and with no others. */
  readonly postponed: readonly Postponed<Body>[];
  /** They wait on as if they had not been lent. */
  readonly unsent: readonly WaitingRecord<Body>[];
}

/**
 * Holds the waiting records of one lane. What is taken is lent: it stays kept, and its key rests, until its
 * conclusion. After a crash everything that was lent waits again.
 * Everything is asynchronous because the durable implementation writes to disk; a rejected promise means that nothing
 * was changed, and the same call may be repeated.
 */
export interface LaneStore<Body> {
  /** Adds one message and its records (plain JSON); when the promise resolves they are kept. */
  append(
    message: { readonly id: string; readonly envelope: JsonObject },
    records: readonly { readonly key: string; readonly body: Body }[],
    now: number,
  ): Promise<void>;

  /**
   * Lends the next records of keys that do not rest, up to the limits (always at least one when there is one): first the
   * postponed ones that are due and those that were put back, then the others in the order in which they came or their
   * key became free.
   * Records of one key come one behind the other: all that were tried as one, or the untried ones that wait together.
   */
  take(limits: TakeLimits, now: number): Promise<readonly WaitingRecord<Body>[]>;

  /**
   * Keeps what became of lent records, all or nothing. Returns how far the messages of the settled ones are, and forgets
   * finished messages.
   */
  conclude(conclusion: Conclusion<Body>): Promise<readonly MessageProgress[]>;

  /** Number of records kept, lent ones included. */
  count(): number;

  /** When the next resting key is due (Unix ms), if one rests. */
  nextDue(): number | undefined;
}
