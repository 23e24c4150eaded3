import { createHash } from "node:crypto";
import type { DurableStore, StoreOperation } from "../store/durable-store";
import { countKeys, keyPages, padded } from "../store/store-keys";

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
  /** With a claim whose write is not done, or about to be forgotten; resolves when that is over. */
  private readonly held = new Map<string, Promise<void>>();

  constructor(private readonly store: DurableStore) {}

  /**
   * @param keys what tells one thing from another; undefined for what cannot be told, which is always new
   * @param forMs how long a repetition is known from now on; for all of them, or for each
   * @throws StoreUnavailableError
   */
  async claim(
    keys: readonly (string | undefined)[],
    forMs: number | readonly number[],
    now: number,
  ): Promise<SeenClaim> {
    const hashes = keys.map((key) => (key === undefined ? undefined : hashOfSeen(key)));
    const known = new Set(hashes.filter((hash) => hash !== undefined));
    const end = await this.hold(known);
    try {
      const seen = await this.seenAmong([...known], now);
      const fresh = [...hashes.keys()].filter((place) => {
        const hash = hashes[place];
        if (hash === undefined) return true;
        const isNew = !seen.has(hash);
        seen.add(hash);
        return isNew;
      });
      const operations = fresh.flatMap((place) => {
        const hash = hashes[place];
        return hash === undefined
          ? []
          : rememberSeen(hash, now + (typeof forMs === "number" ? forMs : (forMs[place] ?? 0)));
      });
      return { fresh, operations, done: end, release: end };
    } catch (error) {
      end();
      throw error;
    }
  }

  /** Forgets what is too old. Returns how many there were. @throws StoreUnavailableError */
  async expire(now: number): Promise<number> {
    let forgotten = 0;
    const old = { gte: UNTIL, lt: `${UNTIL}${padded(now)}` };
    for await (const page of keyPages(this.store, old, PAGE)) {
      const hashes = page.map((key) => key.slice(-HASH_LENGTH));
      const end = await this.hold(new Set(hashes));
      try {
        // Seen again since: it has a later time.
        const again = await this.seenAmong(hashes, now);
        const operations = page.map((key): StoreOperation => ({ type: "del", key }));
        for (const hash of hashes) if (!again.has(hash)) operations.push({ type: "del", key: SEEN + hash });
        await this.store.write(operations);
      } finally {
        end();
      }
      forgotten += page.length;
    }
    return forgotten;
  }

  /** How many are remembered, those that are too old included. For tests and figures. */
  count(): Promise<number> {
    return countKeys(this.store, { gte: UNTIL, lt: UNTIL_END });
  }

  /** Waits until nobody else works with these, then keeps others away from them. Returns what ends it. */
  private async hold(hashes: ReadonlySet<string>): Promise<() => void> {
    const others = (): Promise<void>[] => [...hashes].flatMap((hash) => this.held.get(hash) ?? []);
    // Nothing may come between the last look and the holding.
    for (let waiting = others(); waiting.length > 0; waiting = others()) await Promise.all(waiting);
    let finish = (): void => undefined;
    const finished = new Promise<void>((resolve) => (finish = resolve));
    for (const hash of hashes) this.held.set(hash, finished);
    return () => {
      for (const hash of hashes) if (this.held.get(hash) === finished) this.held.delete(hash);
      finish();
    };
  }

  private async seenAmong(hashes: readonly string[], now: number): Promise<Set<string>> {
    const values = await this.store.get(hashes.map((hash) => SEEN + hash));
    return new Set(hashes.filter((_, place) => Number(values[place] ?? 0) > now));
  }
}

const HASH_LENGTH = 43;

/** What is kept of a key. */
export function hashOfSeen(key: string): string {
  return createHash("sha256").update(key).digest("base64url");
}

/** Remembers a key until a time (Unix ms). @param hash of the key */
export function rememberSeen(hash: string, until: number): StoreOperation[] {
  return [
    { type: "put", key: SEEN + hash, value: until },
    { type: "put", key: `${UNTIL}${padded(until)}/${hash}`, value: null },
  ];
}

/** The key is as new as if it had never come; its entry by time goes when that has passed. @param hash of the key */
export function forgetSeen(hash: string): StoreOperation {
  return { type: "del", key: SEEN + hash };
}
