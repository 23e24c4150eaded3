import { createHash } from "node:crypto";
import type { Change } from "./change";

/** What of some keys is seen for the first time. One of `done` and `release` must follow. */
export interface FirstSight {
  /** Places of the keys that are new. Of equal keys only the first one is. */
  readonly fresh: readonly number[];
  /** What must be written in the same moment as what the keys stand for. */
  readonly changes: readonly Change[];
  /** The write has resolved. */
  done(): void;
  /** Nothing was written: the keys are as new as before. */
  release(): void;
}

/**
 * Remembers what was received, so that a repetition is known for some time, also after a restart. Keys are kept as hashes:
 * they may hold IDs of customers.
 */
export interface SeenEvents {
  /**
   * Says which keys are new. Who asks for a key while another has it as new waits until that one has ended.
   * @param keys what tells one thing from another; undefined for what cannot be told, which is always new
   * @param forMs how long a repetition is known from now on; for all of them, or for each
   * @param now Unix ms
   */
  firstOf(keys: readonly (string | undefined)[], forMs: number | readonly number[], now: number): Promise<FirstSight>;

  /** Remembers a key until a time (Unix ms). @param hash see `hashOfSeen` */
  remembering(hash: string, until: number): readonly Change[];

  /** The key is as new as if it had never come. @param hash see `hashOfSeen` */
  forgetting(hash: string): readonly Change[];

  /** Forgets what is too old. Returns how many there were. @param now Unix ms */
  expire(now: number): Promise<number>;

  /** How many are remembered, those that are too old included. */
  count(): Promise<number>;
}

/** What is kept of a key. */
export function hashOfSeen(key: string): string {
  return createHash("sha256").update(key).digest("base64url");
}
