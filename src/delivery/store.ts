import type { JsonObject } from "../json";

/** A record as it is kept while it waits. Times are Unix ms. */
export interface WaitingRecord<Body> {
  readonly id: number;
  readonly key: string;
  /** The message it came with, and its place in that message. */
  readonly messageId: string;
  readonly index: number;
  readonly body: Body;
  /** Size of the accepted JSON, in bytes. */
  readonly bytes: number;
  readonly acceptedAt: number;
  attempts: number;
}

/** What is kept once per message: how far it is, and what of it can be written down. */
export interface WaitingMessage {
  readonly id: string;
  /** The message's serialisable properties, without payload, `req` and `res`. */
  readonly envelope: JsonObject;
  readonly total: number;
  settled: number;
}

/**
 * Holds the waiting records of one lane, in order of acceptance.
 * Everything is asynchronous because the durable implementation writes to disk.
 */
export interface LaneStore<Body> {
  /** Adds one message and its records; when the promise resolves they are kept. Returns them with ids. */
  append(
    message: WaitingMessage,
    records: readonly { key: string; body: Body; bytes: number; index: number }[],
    now: number,
  ): Promise<readonly WaitingRecord<Body>[]>;

  /**
   * The oldest waiting records whose key is not in `blocked`, up to the limits (always at least one when
   * there is one). Records with one key come together, in order.
   */
  take(
    blocked: ReadonlySet<string>,
    limits: { readonly records: number; readonly bytes: number },
  ): Promise<readonly WaitingRecord<Body>[]>;

  /** Notes one more attempt for these records. */
  markTried(ids: readonly number[]): Promise<void>;

  /** Forgets settled records; returns their messages with `settled` raised, and forgets finished messages. */
  settle(records: readonly WaitingRecord<Body>[]): Promise<readonly WaitingMessage[]>;

  /** Number of records waiting, those in flight included. */
  count(): number;

  /** Acceptance time (Unix ms) of the oldest waiting record. */
  oldest(): number | undefined;
}
