import type { JsonValue } from "../../json";

/** One change of a key and its value. Keys sort as text. */
export type KeyValueOperation =
  | { readonly type: "put"; readonly key: string; readonly value: JsonValue }
  | { readonly type: "del"; readonly key: string };

/** Keys from `gte` (included) to `lt` (not included), in order, the first `limit` of them. */
export interface KeyRange {
  readonly gte: string;
  readonly lt: string;
  readonly limit?: number;
}

/** A key and its value, which is undefined when it is damaged: the store has told so. */
export type KeyValueEntry = readonly [key: string, value: JsonValue | undefined];

/**
 * An ordered key-value store: text keys and JSON values on disk, for one process. Each part of the durable store owns a
 * prefix of its keys (docs/durable-store.md lists them).
 */
export interface KeyValueEngine {
  /**
   * Writes all or nothing; when the promise resolves, the operations survive a kill and a power cut. Callers at the same
   * time share one write to disk. Operations are applied in the order in which the calls were made.
   * When a write fails, so does every other that was called before the failure was told: whoever counts in memory what is
   * about to be written can take exactly that back.
   * @throws StoreUnavailableError when nothing was written; the same call may be repeated
   */
  write(operations: readonly KeyValueOperation[]): Promise<void>;

  /** Resolves when it was opened for the first time. */
  ready(): Promise<void>;

  /** The values of the keys, in their order; undefined where there is none. @throws StoreUnavailableError */
  get(keys: readonly string[]): Promise<readonly (JsonValue | undefined)[]>;

  /**
   * What is written in a range, damaged values included; a snapshot of the moment of the call. Fewer than the limit only at
   * the end of the range. To read more than one page use pages.ts.
   * @throws StoreUnavailableError
   */
  read(range: KeyRange): Promise<readonly KeyValueEntry[]>;

  /** The keys alone, for counting: reads no value. Else as `read`. @throws StoreUnavailableError */
  readKeys(range: KeyRange): Promise<readonly string[]>;

  /** Takes what was deleted off the disk now, and not some time later. @throws StoreUnavailableError */
  compact(): Promise<void>;

  /** Tells the administrator that something which was kept is not there any more; the sentence says what, and how much. */
  tellLoss(sentence: string): void;

  /** Paths of older copies of the store that were set aside because the disk had damaged them. Nobody reads or changes them. */
  setAside(): Promise<readonly string[]>;

  /** A sentence for the user while the store cannot be used; undefined when all is well. */
  readonly problem: string | undefined;

  /** Hears when `problem` changes. Returns what ends it. */
  onProblem(listener: (problem: string | undefined) => void): () => void;
}
