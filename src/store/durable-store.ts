import type { Change } from "./change";
import type { Cursors } from "./cursors";
import type { DeadLetters } from "./dead-letters";
import type { InboxStore } from "./inbox-store";
import type { Lanes } from "./lanes";
import type { SeenEvents } from "./seen-events";

/** The store cannot be used now: the disk is full, the folder is read-only, another process has it. */
export class StoreUnavailableError extends Error {
  override readonly name = "StoreUnavailableError";
}

/**
 * Keeps what must not be lost. Its parts make changes, and whoever needs several of them at once writes them in one call:
 * the records into a queue, the marks of what was taken, the keys that were seen.
 * What another process could change is asked for and never remembered, so that an engine that several processes share can
 * stand behind the same contract (docs/architecture.md says where the shared request budget will).
 * Promises of all parts reject with a StoreUnavailableError while the store does not work; nothing was changed then, and
 * the same call may be repeated.
 */
export interface DurableStore {
  readonly inbox: InboxStore;
  readonly lanes: Lanes;
  readonly deadLetters: DeadLetters;
  readonly seen: SeenEvents;
  readonly cursors: Cursors;

  /** Resolves when the store could be used for the first time. */
  ready(): Promise<void>;

  /**
   * Writes all or nothing; when the promise resolves, the changes survive a kill and a power cut. Callers at the same time
   * share one write to disk. Changes come into force in the order in which the calls were made.
   * When a write fails, so does every other that was called before the failure was told: whoever counts in memory what is
   * about to be written can take exactly that back.
   */
  write(changes: readonly Change[]): Promise<void>;

  /** Finds out whether something can be kept now, by keeping it and forgetting it. */
  probe(): Promise<void>;

  /** Takes what was deleted off the disk now, and not some time later. */
  compact(): Promise<void>;

  /** Paths of older copies of the store that were set aside because the disk had damaged them. Nobody reads or changes them. */
  setAside(): Promise<readonly string[]>;

  /** A sentence for the user while the store cannot be used; undefined when all is well. */
  readonly problem: string | undefined;

  /** Hears when `problem` changes. Returns what ends it. */
  onProblem(listener: (problem: string | undefined) => void): () => void;
}
