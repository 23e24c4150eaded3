import { createHash } from "node:crypto";
import type { DurableStore, StoreOperation } from "./durable-store";
import { padded } from "./store-keys";

const SEEN = "seen/";
const UNTIL = "seen-until/";
/** Behind every key with that prefix. */
const UNTIL_END = "seen-until0";
/** So many are forgotten at one go. */
const PAGE = 500;

/** What of some keys is seen for the first time. One of `done` and `release` must follow. */
export interface SeenClaim {
  /** Places of the keys that are new. Of equal keys only the first one is. */
  readonly fresh: readonly number[];
  /** What must be written in the same moment as what the keys stand for. */
  readonly operations: readonly StoreOperation[];
  /** The write has resolved. */
  done(): void;
  /** Nothing was written: the keys are as new as before. */
  release(): void;
}

/**
 * Remembers on disk what was received, so that a repetition is known for some time, also after a restart. Keys are kept as
 * hashes: they may hold IDs of customers.
 */
export class SeenEvents {
  /** Claimed by a write that is not done; resolves when it is known. */
  private readonly claimed = new Map<string, Promise<void>>();

  constructor(private readonly store: DurableStore) {}

  /**
   * @param keys what tells one thing from another; undefined for what cannot be told, which is always new
   * @param forMs how long a repetition is known from now on
   * @throws StoreUnavailableError
   */
  async claim(keys: readonly (string | undefined)[], forMs: number, now: number): Promise<SeenClaim> {
    const hashes = keys.map((key) => key && hashOf(key));
    const known = hashes.filter((hash) => hash !== undefined);
    // Nothing may come between the last look and the claim.
    for (let others = this.othersOf(known); others.length > 0; others = this.othersOf(known)) await Promise.all(others);
    let finish = (): void => undefined;
    const finished = new Promise<void>((resolve) => (finish = resolve));
    for (const hash of known) this.claimed.set(hash, finished);
    const end = (): void => {
      for (const hash of known) if (this.claimed.get(hash) === finished) this.claimed.delete(hash);
      finish();
    };
    try {
      const seen = await this.seenAmong(known, now);
      const fresh = [...hashes.keys()].filter((place) => {
        const hash = hashes[place];
        return hash === undefined || (!seen.has(hash) && hashes.indexOf(hash) === place);
      });
      const operations = fresh.flatMap((place) => remember(hashes[place], now + forMs));
      return { fresh, operations, done: end, release: end };
    } catch (error) {
      end();
      throw error;
    }
  }

  /** Forgets what is too old. Returns how many there were. @throws StoreUnavailableError */
  async expire(now: number): Promise<number> {
    for (let forgotten = 0; ;) {
      const page = await this.store.read({ gte: UNTIL, lt: `${UNTIL}${padded(now)}`, limit: PAGE });
      if (page.length === 0) return forgotten;
      const hashes = page.map(([key]) => key.slice(-HASH_LENGTH));
      // Seen again since: it has a later time.
      const again = await this.seenAmong(hashes, now);
      const operations = page.map(([key]): StoreOperation => ({ type: "del", key }));
      for (const hash of hashes) if (!again.has(hash)) operations.push({ type: "del", key: SEEN + hash });
      await this.store.write(operations);
      forgotten += page.length;
    }
  }

  /** How many are remembered, those that are too old included. For tests and figures: reads them all. */
  async count(): Promise<number> {
    return (await this.store.read({ gte: UNTIL, lt: UNTIL_END })).length;
  }

  private othersOf(hashes: readonly string[]): Promise<void>[] {
    return hashes.flatMap((hash) => this.claimed.get(hash) ?? []);
  }

  private async seenAmong(hashes: readonly string[], now: number): Promise<Set<string>> {
    const values = await this.store.get(hashes.map((hash) => SEEN + hash));
    return new Set(hashes.filter((_, place) => Number(values[place] ?? 0) > now));
  }
}

const HASH_LENGTH = 43;

function hashOf(key: string): string {
  return createHash("sha256").update(key).digest("base64url");
}

function remember(hash: string | undefined, until: number): StoreOperation[] {
  if (hash === undefined) return [];
  return [
    { type: "put", key: SEEN + hash, value: until },
    { type: "put", key: `${UNTIL}${padded(until)}/${hash}`, value: null },
  ];
}
