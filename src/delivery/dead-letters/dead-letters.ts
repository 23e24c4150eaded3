import { randomBytes } from "node:crypto";
import { isJsonObject, type JsonObject, type JsonValue, MOST_LEVELS } from "../../json";
import type { DurableStore, StoreOperation } from "../../store/durable-store";
import { Mutex } from "../../async/mutex";
import type { ApiAnswer } from "../outcome";
import type { RecordKind } from "../record-kind";
import type { KeptRepetition } from "../repetition";
import { countKeys, readable, readAll, readPages } from "../../store/store-keys";

const PREFIX = "dead/";
/** Behind every key with the prefix. */
const END = "dead0";
const COUNTS = "dead-count";
/** So many letters are read or deleted at one go. */
const PAGE = 100;
const DAY_MS = 86_400_000;

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

/** What must be written so that letters come or go. The counts already say so. */
export interface LetterChange {
  /** To be handed to the store in the same turn, so that changes are written in the order in which they were counted. */
  readonly operations: readonly StoreOperation[];
  /** Takes the counting back, when the write that carried the operations failed. */
  failed(): void;
}

/** One page of letters, oldest first. */
export interface LetterPage {
  readonly letters: DeadLetter[];
  /** `after` of the next page; missing on the last one. */
  readonly next?: string;
}

/** Which letters are looked for. */
interface LetterQuery {
  readonly node?: string | undefined;
  /** Id of the last letter of the page before. */
  readonly after?: string | undefined;
  /** Failed before this time, Unix ms. */
  readonly before?: number;
  /** How many are read at one go. */
  readonly size?: number;
}

/** The records that failed for good. Promises reject with a StoreUnavailableError while the store does not work. */
export class DeadLetters {
  /** Finds every letter. */
  static readonly all = { gte: PREFIX, lt: END } as const;
  private readonly counts = new Map<string, number>();
  /** Two that delete at one time would both count the same letter. */
  private readonly deleting = new Mutex();
  private readonly maxAgeMs: number;
  private made = 0;

  /** @param options.maxAgeMs how long letters are kept (default 30 days) */
  constructor(
    private readonly store: DurableStore,
    { maxAgeMs = 30 * DAY_MS }: { readonly maxAgeMs?: number } = {},
  ) {
    this.maxAgeMs = maxAgeMs;
  }

  /** Counts the letters, and tells when some are missing. Reads them only when their number is not what was written down. */
  async open(): Promise<void> {
    const [found] = await this.store.get([COUNTS]);
    this.counts.clear();
    for (const [node, count] of Object.entries(isJsonObject(found) ? found : {})) this.counts.set(node, Number(count));
    const counted = this.count();
    const there = await countKeys(this.store, { gte: PREFIX, lt: END });
    if (there === counted) return;
    if (there < counted)
      this.store.tellLoss(
        `${counted - there} of the records that had failed and were kept are not on the disk any more. Check the disk.`,
      );
    this.counts.clear();
    for await (const [key, value] of readAll(this.store, { gte: PREFIX, lt: END }, PAGE)) {
      const { node } = letterOf(key, value);
      this.counts.set(node, (this.counts.get(node) ?? 0) + 1);
    }
  }

  /** Letters that are about to be kept; their ids rise in time. What looks like a key is left out of the envelopes. */
  prepare(letters: readonly Omit<DeadLetter, "id">[]): LetterChange {
    const clean = new Map<JsonObject, JsonObject>();
    const operations = letters.map((letter): StoreOperation => {
      const envelope = clean.get(letter.envelope) ?? withoutKeys(letter.envelope);
      clean.set(letter.envelope, envelope);
      const value = { ...letter, envelope } as unknown as JsonObject;
      return { type: "put", key: PREFIX + this.nextId(letter.failedAt), value };
    });
    return this.counted(operations, letters, 1);
  }

  /** Letters that are about to go, because their records are queued again in the same write. */
  removal(letters: readonly Pick<DeadLetter, "id" | "node">[]): LetterChange {
    return this.counted(
      letters.map(({ id }): StoreOperation => ({ type: "del", key: PREFIX + id })),
      letters,
      -1,
    );
  }

  /**
   * One page, oldest first.
   * @param query.after id of the last letter of the page before
   */
  async list({ node, after, limit }: { node?: string; after?: string; limit: number }): Promise<LetterPage> {
    const letters: DeadLetter[] = [];
    const size = node === undefined ? Math.min(limit + 1, PAGE) : PAGE;
    for await (const letter of this.all({ node, after, size })) {
      if (letters.length === limit) return { letters, next: letters.at(-1)!.id };
      letters.push(letter);
    }
    return { letters };
  }

  /** The letters with these ids, without those that are not there. */
  async read(ids: readonly string[]): Promise<DeadLetter[]> {
    const unique = [...new Set(ids)];
    const found = await this.store.get(unique.map((id) => PREFIX + id));
    return unique.flatMap((id, place) => (found[place] === undefined ? [] : letterOf(PREFIX + id, found[place])));
  }

  /** Forgets the letters with these ids. Returns how many of them were there. */
  discard(ids: readonly string[]): Promise<number> {
    return this.deleting.run(async () => {
      const letters = await this.read(ids);
      await this.remove(letters);
      return letters.length;
    });
  }

  /** Forgets every letter, or every one of a node, that failed until now. Returns how many there were. */
  discardAll(node?: string): Promise<number> {
    return this.removeEvery({ node, before: Date.now() + 1 });
  }

  /** How many letters are kept, of one node or in all. */
  count(node?: string): number {
    if (node !== undefined) return this.counts.get(node) ?? 0;
    return [...this.counts.values()].reduce((sum, count) => sum + count, 0);
  }

  /** Every letter, or every one of a node, as JSON lines (each with its line end). */
  async *exportLines(node?: string): AsyncGenerator<string> {
    for await (const letter of this.all({ node })) yield `${JSON.stringify(letter)}\n`;
  }

  /**
   * Changes or forgets letters; letters must not be replayed meanwhile. Returns how many of each there were.
   * @param change returns the new letter, the same one for no change, undefined to forget it
   */
  rewrite(
    change: (letter: DeadLetter) => DeadLetter | undefined,
  ): Promise<{ readonly removed: number; readonly changed: number }> {
    return this.deleting.run(async () => {
      const counts = { removed: 0, changed: 0 };
      for await (const { letters } of this.pages({})) {
        const removed: DeadLetter[] = [];
        const operations: StoreOperation[] = [];
        for (const letter of letters) {
          const next = change(letter);
          if (next === undefined) removed.push(letter);
          else if (next !== letter) {
            const { id, ...value } = next;
            operations.push({ type: "put", key: PREFIX + id, value: value as unknown as JsonObject });
          }
        }
        if (operations.length > 0) await this.store.write(operations);
        await this.remove(removed);
        counts.removed += removed.length;
        counts.changed += operations.length;
      }
      return counts;
    });
  }

  /** Forgets the letters that are too old; reads no others. Returns how many there were. */
  expire(now: number): Promise<number> {
    return this.removeEvery({ before: now - this.maxAgeMs });
  }

  /** How many letters came with the webhook that was answered with this `request_id`, by node. */
  async find(requestId: string): Promise<Record<string, number>> {
    const found = new Map<string, number>();
    for await (const letter of this.all({}))
      if (letter.requestId === requestId) found.set(letter.node, (found.get(letter.node) ?? 0) + 1);
    return Object.fromEntries(found);
  }

  /** Removes what a query finds, and what is damaged there, unless the query asks whose it is. */
  private removeEvery(query: LetterQuery): Promise<number> {
    const isAnybodys = query.node === undefined;
    return this.deleting.run(async () => {
      let removed = 0;
      for await (const { letters, damaged } of this.pages(query)) {
        await this.remove(letters);
        if (isAnybodys && damaged.length > 0) await this.store.write(damaged.map((key) => ({ type: "del", key })));
        removed += letters.length;
      }
      return removed;
    });
  }

  private async remove(letters: readonly DeadLetter[]): Promise<void> {
    if (letters.length === 0) return;
    const removal = this.removal(letters);
    try {
      await this.store.write(removal.operations);
    } catch (error) {
      removal.failed();
      throw error;
    }
  }

  /** Counts letters that come (1) or go (-1), and adds the counts to what must be written. */
  private counted(
    operations: readonly StoreOperation[],
    letters: readonly Pick<DeadLetter, "node">[],
    change: 1 | -1,
  ): LetterChange {
    if (letters.length === 0) return { operations: [], failed: () => undefined };
    const count = (by: number): void => {
      for (const { node } of letters) this.counts.set(node, (this.counts.get(node) ?? 0) + by);
      for (const { node } of letters) if ((this.counts.get(node) ?? 0) <= 0) this.counts.delete(node);
    };
    count(change);
    const counts: StoreOperation = { type: "put", key: COUNTS, value: Object.fromEntries(this.counts) };
    return { operations: [...operations, counts], failed: () => count(-change) };
  }

  private async *all(query: LetterQuery): AsyncGenerator<DeadLetter> {
    for await (const { letters } of this.pages(query)) yield* letters;
  }

  /** The letters and the keys of damaged ones, oldest first. */
  private async *pages({ node, after, before, size = PAGE }: LetterQuery): AsyncGenerator<{
    readonly letters: readonly DeadLetter[];
    readonly damaged: readonly string[];
  }> {
    const lt = before === undefined ? END : PREFIX + padded(before);
    const gte = after === undefined ? PREFIX : `${PREFIX}${after}\0`;
    for await (const page of readPages(this.store, { gte, lt }, size)) {
      const letters = readable(page)
        .map(([key, value]) => letterOf(key, value))
        .filter((letter) => node === undefined || letter.node === node);
      yield { letters, damaged: page.filter(([, value]) => value === undefined).map(([key]) => key) };
    }
  }

  /** Sorts by time, then in the order in which it was asked for; the rest keeps two runs in one millisecond apart. */
  private nextId(failedAt: number): string {
    return `${padded(failedAt)}-${padded(this.made++)}-${randomBytes(4).toString("hex")}`;
  }
}

function letterOf(key: string, value: JsonValue | undefined): DeadLetter {
  return { ...(value as unknown as DeadLetter), id: key.slice(PREFIX.length) };
}

function padded(number: number): string {
  return String(Math.max(0, Math.trunc(number))).padStart(16, "0");
}

/** Names, without "-", "_" and capitals, of properties that carry keys, and of requests, whose headers do. */
const KEY_NAMES = new Set([
  "applicationid",
  "secretkey",
  "xappid",
  "xapptoken",
  "authorization",
  "proxyauthorization",
  "cookie",
  "req",
  "res",
]);

/**
 * A copy without any property, at any depth, that may hold a key of an account. Queues of the first release can hold values that
 * are nested too deep for recursion: what is below `levels` becomes null.
 */
function withoutKeys<Value extends JsonValue>(value: Value, levels = MOST_LEVELS): Value {
  if (typeof value !== "object" || value === null) return value;
  if (levels === 0) return null as Value;
  if (Array.isArray(value)) return value.map((one) => withoutKeys(one, levels - 1)) as Value;
  const kept = Object.entries(value).filter(([name]) => !KEY_NAMES.has(name.replace(/[-_]/g, "").toLowerCase()));
  return Object.fromEntries(kept.map(([name, one]) => [name, withoutKeys(one, levels - 1)])) as Value;
}
