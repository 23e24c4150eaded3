import type { JsonObject } from "../json";
import type { Change } from "./change";
import type { IncomingRecord, MarkTranslation } from "./take-mark";

/** One message on its way into the flow, kept until delivery nodes have taken its records. */
export interface InboxEntry {
  /** Unique for ever; receipts sort by arrival. */
  readonly receipt: string;
  /** Id of the node that emits it. */
  readonly node: string;
  /** Unix ms. */
  readonly receivedAt: number;
  /** Of the webhook that brought it. */
  readonly requestId?: string;
  /** What the node emits; opaque here, but for `simulated: true`, which its receipt tells too. */
  readonly message: JsonObject;
}

/** What is known of an entry without reading its message. */
export type AboutEntry = Omit<InboxEntry, "message">;

/** What a node may take of a message. Exactly one of `done` and `release` has to be called, once. */
export interface Take {
  /** Places of the records that the node has not taken before and that no other take holds now. */
  readonly fresh: readonly number[];
  /** What has to be in the atomic write of the take. */
  readonly changes: readonly Change[];
  /** The write has resolved: the take counts. */
  done(): void;
  /** The write has failed: the same take may be made again. */
  release(): void;
}

/**
 * What was received and may not be taken yet by every delivery node: entries, their messages, and marks of what was taken.
 * When an entry is emitted and forgotten is not decided here.
 */
export interface InboxStore {
  /**
   * What the last life left, without the messages, in the order of receipts; tells the administrator of entries that have
   * lost a half. Before anything else.
   */
  open(): Promise<readonly { readonly entry: AboutEntry; readonly isTaken: boolean }[]>;

  /** An entry that is to be kept. */
  adding(entry: InboxEntry): readonly Change[];

  /**
   * Says which records of a message a node may take: those that it has not taken before from the same entry. After a join a
   * message has several receipts: a record counts as taken when one of them has its mark. Of two takes at one time, the
   * one that was called first has the records.
   * @param receipts of entries that are kept
   */
  take(receipts: readonly string[], node: string, records: readonly IncomingRecord[]): Promise<Take>;

  /** The message of an entry; undefined when there is none any more, or when it is damaged. */
  message(receipt: string): Promise<JsonObject | undefined>;

  /** All messages, some at one go: one can have megabytes. Damaged ones are left out. */
  messages(): AsyncIterable<readonly { readonly receipt: string; readonly message: JsonObject }[]>;

  /**
   * Writes another message in place of the one that an entry has. Which records were taken stays as it is: their marks
   * follow in the same write, and so does what is taken from now on of the message as it was. No take of the entry may be
   * under way at the call; takes made meanwhile are written behind it, and fail with it.
   */
  rewrite(receipt: string, message: JsonObject, marks: MarkTranslation): Promise<void>;

  /**
   * Forgets entries with everything that belongs to them, marks of takes that are under way included.
   * @param also what is written in the same moment
   */
  forget(receipts: readonly string[], also?: readonly Change[]): Promise<void>;

  /** The entry of a webhook, and which nodes took from it. */
  find(requestId: string): Promise<(AboutEntry & { readonly takenBy: readonly string[] }) | undefined>;
}
