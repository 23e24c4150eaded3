import { randomBytes } from "node:crypto";
import { isJsonObject, type JsonObject, type JsonValue } from "../../json";
import { Mutex } from "../../async/mutex";
import type { DeadLetter, DeadLetters, LetterChange, LetterPage, NewLetter } from "../dead-letters";
import { asChanges, operationsOf } from "./changes";
import type { KeyValueEngine, KeyValueOperation } from "./engine";
import { countKeys, padded, readable, readAll, readPages } from "./pages";
import { withoutKeys } from "./without-keys";

const PREFIX = "dead/";
/** Behind every key with the prefix. */
const END = "dead0";
/** Finds every letter. */
export const LETTERS = { gte: PREFIX, lt: END } as const;
const COUNTS = "dead-count";
/** So many letters are read or deleted at one go. */
const PAGE = 100;

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

/** Letters under their keys; how many there are of each node is counted in memory, and written with each change. */
export class KeyValueDeadLetters implements DeadLetters {
  private readonly counts = new Map<string, number>();
  /** Two that delete at one time would both count the same letter. */
  private readonly deleting = new Mutex();
  private made = 0;

  constructor(private readonly engine: KeyValueEngine) {}

  /** Counts the letters, and tells when some are missing. Reads them only when their number is not what was written down. */
  async open(): Promise<void> {
    const [found] = await this.engine.get([COUNTS]);
    this.counts.clear();
    for (const [node, count] of Object.entries(isJsonObject(found) ? found : {})) this.counts.set(node, Number(count));
    const counted = this.counted();
    const there = await countKeys(this.engine, LETTERS);
    if (there === counted) return;
    if (there < counted)
      this.engine.tellLoss(
        `${counted - there} of the records that had failed and were kept are not on the disk any more. Check the disk.`,
      );
    this.counts.clear();
    for await (const [key, value] of readAll(this.engine, LETTERS, PAGE)) {
      const { node } = letterOf(key, value);
      this.counts.set(node, (this.counts.get(node) ?? 0) + 1);
    }
  }

  prepare(letters: readonly NewLetter[]): LetterChange {
    const clean = new Map<JsonObject, JsonObject>();
    const operations = letters.map((letter): KeyValueOperation => {
      const envelope = clean.get(letter.envelope) ?? withoutKeys(letter.envelope);
      clean.set(letter.envelope, envelope);
      const value = { ...letter, envelope } as unknown as JsonObject;
      return { type: "put", key: PREFIX + this.nextId(letter.failedAt), value };
    });
    return this.counting(operations, letters, 1);
  }

  removal(letters: readonly Pick<DeadLetter, "id" | "node">[]): LetterChange {
    return this.counting(
      letters.map(({ id }): KeyValueOperation => ({ type: "del", key: PREFIX + id })),
      letters,
      -1,
    );
  }

  async list({ node, after, limit }: { node?: string; after?: string; limit: number }): Promise<LetterPage> {
    const letters: DeadLetter[] = [];
    const size = node === undefined ? Math.min(limit + 1, PAGE) : PAGE;
    for await (const letter of this.found({ node, after, size })) {
      if (letters.length === limit) return { letters, next: letters.at(-1)!.id };
      letters.push(letter);
    }
    return { letters };
  }

  async read(ids: readonly string[]): Promise<DeadLetter[]> {
    const unique = [...new Set(ids)];
    const found = await this.engine.get(unique.map((id) => PREFIX + id));
    return unique.flatMap((id, place) => (found[place] === undefined ? [] : letterOf(PREFIX + id, found[place])));
  }

  discard(ids: readonly string[]): Promise<number> {
    return this.deleting.run(async () => {
      const letters = await this.read(ids);
      await this.remove(letters);
      return letters.length;
    });
  }

  discardAll(node?: string): Promise<number> {
    return this.removeEvery({ node, before: Date.now() + 1 });
  }

  count(node?: string): Promise<number> {
    return Promise.resolve(this.counted(node));
  }

  async *all(node?: string): AsyncGenerator<DeadLetter> {
    yield* this.found({ node });
  }

  rewrite(
    change: (letter: DeadLetter) => DeadLetter | undefined,
  ): Promise<{ readonly removed: number; readonly changed: number }> {
    return this.deleting.run(async () => {
      const counts = { removed: 0, changed: 0 };
      for await (const { letters } of this.pages({})) {
        const removed: DeadLetter[] = [];
        const operations: KeyValueOperation[] = [];
        for (const letter of letters) {
          const next = change(letter);
          if (next === undefined) removed.push(letter);
          else if (next !== letter) {
            const { id, ...value } = next;
            operations.push({ type: "put", key: PREFIX + id, value: value as unknown as JsonObject });
          }
        }
        if (operations.length > 0) await this.engine.write(operations);
        await this.remove(removed);
        counts.removed += removed.length;
        counts.changed += operations.length;
      }
      return counts;
    });
  }

  expire(failedBefore: number): Promise<number> {
    return this.removeEvery({ before: failedBefore });
  }

  async find(requestId: string): Promise<Record<string, number>> {
    const found = new Map<string, number>();
    for await (const letter of this.found({}))
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
        if (isAnybodys && damaged.length > 0) await this.engine.write(damaged.map((key) => ({ type: "del", key })));
        removed += letters.length;
      }
      return removed;
    });
  }

  private counted(node?: string): number {
    if (node !== undefined) return this.counts.get(node) ?? 0;
    return [...this.counts.values()].reduce((sum, count) => sum + count, 0);
  }

  private async remove(letters: readonly DeadLetter[]): Promise<void> {
    if (letters.length === 0) return;
    const removal = this.removal(letters);
    try {
      await this.engine.write(operationsOf(removal.changes));
    } catch (error) {
      removal.failed();
      throw error;
    }
  }

  /** Counts letters that come (1) or go (-1), and adds the counts to what must be written. */
  private counting(
    operations: readonly KeyValueOperation[],
    letters: readonly Pick<DeadLetter, "node">[],
    change: 1 | -1,
  ): LetterChange {
    if (letters.length === 0) return { changes: [], failed: () => undefined };
    const count = (by: number): void => {
      for (const { node } of letters) this.counts.set(node, (this.counts.get(node) ?? 0) + by);
      for (const { node } of letters) if ((this.counts.get(node) ?? 0) <= 0) this.counts.delete(node);
    };
    count(change);
    const counts: KeyValueOperation = { type: "put", key: COUNTS, value: Object.fromEntries(this.counts) };
    return { changes: asChanges([...operations, counts]), failed: () => count(-change) };
  }

  private async *found(query: LetterQuery): AsyncGenerator<DeadLetter> {
    for await (const { letters } of this.pages(query)) yield* letters;
  }

  /** The letters and the keys of damaged ones, oldest first. */
  private async *pages({ node, after, before, size = PAGE }: LetterQuery): AsyncGenerator<{
    readonly letters: readonly DeadLetter[];
    readonly damaged: readonly string[];
  }> {
    const lt = before === undefined ? END : PREFIX + atTime(before);
    const gte = after === undefined ? PREFIX : `${PREFIX}${after}\0`;
    for await (const page of readPages(this.engine, { gte, lt }, size)) {
      const letters = readable(page)
        .map(([key, value]) => letterOf(key, value))
        .filter((letter) => node === undefined || letter.node === node);
      yield { letters, damaged: page.filter(([, value]) => value === undefined).map(([key]) => key) };
    }
  }

  /** Sorts by time, then in the order in which it was asked for; the rest keeps two runs in one millisecond apart. */
  private nextId(failedAt: number): string {
    return `${atTime(failedAt)}-${padded(this.made++)}-${randomBytes(4).toString("hex")}`;
  }
}

function letterOf(key: string, value: JsonValue | undefined): DeadLetter {
  return { ...(value as unknown as DeadLetter), id: key.slice(PREFIX.length) };
}

function atTime(ms: number): string {
  return padded(Math.max(0, Math.trunc(ms)));
}
