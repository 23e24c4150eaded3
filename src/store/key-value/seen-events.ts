import type { Change } from "../change";
import { type FirstSight, hashOfSeen, type SeenEvents } from "../seen-events";
import { asChanges } from "./changes";
import type { KeyValueEngine, KeyValueOperation } from "./engine";
import { countKeys, keyPages, padded } from "./pages";

const SEEN = "seen/";
const UNTIL = "seen-until/";
/** Behind every key with that prefix. */
const UNTIL_END = "seen-until0";
/** Characters of a hash. */
const HASH_LENGTH = 43;
/** So many are forgotten at one go. */
const PAGE = 500;

export class KeyValueSeenEvents implements SeenEvents {
  /** Of a first sight whose write is not done, or about to be forgotten; resolves when that is over. */
  private readonly held = new Map<string, Promise<void>>();

  constructor(private readonly engine: KeyValueEngine) {}

  async firstOf(
    keys: readonly (string | undefined)[],
    forMs: number | readonly number[],
    now: number,
  ): Promise<FirstSight> {
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
      const changes = fresh.flatMap((place) => {
        const hash = hashes[place];
        return hash === undefined
          ? []
          : this.remembering(hash, now + (typeof forMs === "number" ? forMs : (forMs[place] ?? 0)));
      });
      return { fresh, changes, done: end, release: end };
    } catch (error) {
      end();
      throw error;
    }
  }

  remembering(hash: string, until: number): readonly Change[] {
    return asChanges([
      { type: "put", key: SEEN + hash, value: until },
      { type: "put", key: `${UNTIL}${padded(until)}/${hash}`, value: null },
    ]);
  }

  forgetting(hash: string): readonly Change[] {
    return asChanges([forgetSeen(hash)]);
  }

  async expire(now: number): Promise<number> {
    let forgotten = 0;
    const old = { gte: UNTIL, lt: `${UNTIL}${padded(now)}` };
    for await (const page of keyPages(this.engine, old, PAGE)) {
      const hashes = page.map((key) => key.slice(-HASH_LENGTH));
      const end = await this.hold(new Set(hashes));
      try {
        // Seen again since: it has a later time.
        const again = await this.seenAmong(hashes, now);
        const operations = page.map((key): KeyValueOperation => ({ type: "del", key }));
        for (const hash of hashes) if (!again.has(hash)) operations.push(forgetSeen(hash));
        await this.engine.write(operations);
      } finally {
        end();
      }
      forgotten += page.length;
    }
    return forgotten;
  }

  count(): Promise<number> {
    return countKeys(this.engine, { gte: UNTIL, lt: UNTIL_END });
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
    const values = await this.engine.get(hashes.map((hash) => SEEN + hash));
    return new Set(hashes.filter((_, place) => Number(values[place] ?? 0) > now));
  }
}

/** The key is as new as if it had never come; its entry by time goes when that has passed. @param hash of the key */
export function forgetSeen(hash: string): KeyValueOperation {
  return { type: "del", key: SEEN + hash };
}
