import type { JsonObject, JsonValue } from "../json";
import type { Change } from "./change";
import type { KeptRecord, MessageProgress, TriedGroup } from "./kept-record";
import type { LaneOwner } from "./lanes";

/** What one write does to the records of a queue. */
export interface LaneConclusion {
  /** They are forgotten, and count as settled on their messages. */
  readonly settled: readonly { readonly id: number; readonly messageId: string }[];
  /** Groups that are written down, in place of what was written of their first record. */
  readonly noted: readonly TriedGroup[];
  /** Ids of the first records of groups that are not written down any more. */
  readonly unnoted: readonly number[];
}

/**
 * What waits in one queue, for the one owner who delivers from it: who decides what goes next remembers that in memory,
 * here is only what must survive. One call of `note`, `conclude`, `erase`, `rewrite` and `discard` at a time.
 */
export interface LaneWork {
  /** Whose queue it is; a new name is written with the next change. */
  owner: LaneOwner;

  /** What earlier lives tried and did not conclude, without records that are lost; as it was at the opening. */
  readonly tried: readonly TriedGroup[];

  /**
   * How many records are kept, as far as the owner knows: what this process appends counts at the call. What the disk has
   * lost or damaged counts until it is found.
   */
  readonly kept: number;

  /**
   * The records behind an id, in the order of acceptance, page by page; undefined for one that is damaged, once. Of an
   * append that is under way, nobody knows whether it is among them.
   */
  onwards(id: number, pageSize: number): AsyncIterable<readonly (readonly [id: number, record?: KeptRecord])[]>;

  /** The records with these ids. Those that are lost or damaged are missing, and do not count any more. */
  read(ids: readonly number[]): Promise<ReadonlyMap<number, KeptRecord>>;

  /** Nothing of what counts is there: tells the administrator, and counts nothing. */
  missAll(): void;

  /** Writes groups down, in place of what was written of their first record. */
  note(groups: readonly TriedGroup[]): Promise<void>;

  /**
   * Writes what became of records, all or nothing, and forgets messages whose last record is settled. Resolves with how far
   * the messages of the settled ones are.
   * @param also gets the same before it is written, and gives what must be written with it
   */
  conclude(
    conclusion: LaneConclusion,
    also?: (progress: readonly MessageProgress[]) => readonly Change[],
  ): Promise<readonly MessageProgress[]>;

  /**
   * Forgets records and what was written of their tries; they count as settled on their messages, and may come again.
   * @param unnoted as in a conclusion
   * @returns how many of them there were
   */
  erase(ids: readonly number[], unnoted: readonly number[]): Promise<number>;

  /**
   * Changes the envelopes of messages with waiting records, and the bodies of records. Returns how many were changed.
   * @param change both return the same one for no change; `customer` is whose record it is
   */
  rewrite(change: {
    envelope(envelope: JsonObject): JsonObject;
    body(body: JsonValue, customer: string): JsonValue;
  }): Promise<number>;

  /** Forgets everything, also that there was a queue. Returns how many records there were. */
  discard(): Promise<number>;

  /** The envelopes of the messages with waiting records, and how many records of each wait. */
  messages(): AsyncIterable<{ readonly envelope: JsonObject; readonly waiting: number }>;

  /** When the oldest kept record was accepted (Unix ms). */
  oldest(): Promise<number | undefined>;
}
