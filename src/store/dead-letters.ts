import type { JsonObject, JsonValue } from "../json";
import type { Change } from "./change";
import type { KeptRepetition, RecordKind } from "./kept-record";

/** What an API said about a record or a call, kept so that a user can read it on the message. */
export interface ApiAnswer {
  /** HTTP status; absent when no answer came (time-out, connection reset). */
  readonly statusCode?: number;
  /** The API's body: parsed when it was JSON, else the raw text. Never contains our secrets. */
  readonly body?: JsonValue;
}

/** A record that could not be delivered, kept until a person acts or it is too old. Times are Unix ms. */
export interface DeadLetter extends RecordKind {
  readonly id: string;
  /** Node that was to deliver it. */
  readonly node: string;
  /** The customer's hard ID. */
  readonly customer: string;
  /** Key of the record, where it is not the customer. */
  readonly key?: string;
  readonly body: JsonValue;
  /** By what a repetition of it is known; it may come again as long as this is a dead letter. */
  readonly repetition?: KeptRepetition;
  /** A sentence for the user. */
  readonly reason: string;
  /** Short machine-readable reason. */
  readonly reasonKey: string;
  readonly attempts: number;
  readonly acceptedAt: number;
  readonly failedAt: number;
  readonly answer?: ApiAnswer;
  /** The message that it came with, and its place there. */
  readonly messageId: string;
  readonly index: number;
  /** The message's serialisable properties. */
  readonly envelope: JsonObject;
  /** Of the webhook that it came with. */
  readonly requestId?: string;
}

/** A dead letter that is to be kept. */
export type NewLetter = Omit<DeadLetter, "id">;

/** What must be written so that letters come or go. */
export interface LetterChange {
  /** To be handed to the store in the same turn, so that changes are written in the order in which they were made. */
  readonly changes: readonly Change[];
  /** The write that carried the changes has failed. */
  failed(): void;
}

/** One page of letters, oldest first. */
export interface LetterPage {
  readonly letters: DeadLetter[];
  /** `after` of the next page; missing on the last one. */
  readonly next?: string;
}

/** The records that have failed. */
export interface DeadLetters {
  /** Looks what is there, and tells the administrator when some are missing. Before anything else. */
  open(): Promise<void>;

  /** Letters that are about to be kept; their ids rise in time. What looks like a key of an account is left out of the envelopes. */
  prepare(letters: readonly NewLetter[]): LetterChange;

  /** Letters that are about to go, because their records are queued again in the same write. */
  removal(letters: readonly Pick<DeadLetter, "id" | "node">[]): LetterChange;

  /** One page, oldest first. @param query.after id of the last letter of the page before */
  list(query: { node?: string; after?: string; limit: number }): Promise<LetterPage>;

  /** The letters with these ids, without those that are not there. */
  read(ids: readonly string[]): Promise<readonly DeadLetter[]>;

  /** Forgets the letters with these ids. Returns how many of them were there. */
  discard(ids: readonly string[]): Promise<number>;

  /** Forgets every letter, or every one of a node, that failed until now. Returns how many there were. */
  discardAll(node?: string): Promise<number>;

  /** Forgets the letters that failed before a time (Unix ms); reads no others. Returns how many there were. */
  expire(failedBefore: number): Promise<number>;

  /** How many letters are kept, of one node or in all. */
  count(node?: string): Promise<number>;

  /** Every letter, or every one of a node, oldest first. */
  all(node?: string): AsyncIterable<DeadLetter>;

  /**
   * Changes or forgets letters; letters must not be queued again meanwhile. Returns how many of each there were.
   * @param change returns the new letter, the same one for no change, undefined to forget it
   */
  rewrite(
    change: (letter: DeadLetter) => DeadLetter | undefined,
  ): Promise<{ readonly removed: number; readonly changed: number }>;

  /** How many letters came with the webhook that was answered with this `request_id`, by node. */
  find(requestId: string): Promise<Record<string, number>>;
}
