import { resolve } from "node:path";
import type { ClassicLevel } from "classic-level";
import type { JsonValue } from "../../json";
import { StoreUnavailableError } from "../durable-store";
import type { KeyRange, KeyValueEngine, KeyValueEntry, KeyValueOperation } from "../key-value/engine";
import { acknowledged } from "./acknowledged";
import { keepPrivate } from "./private";
import { foldersSetAside, type Mending, type RawOperation, markerOf, openDatabase } from "./open";
import { LastingTrouble, UnfitPlace, explainTrouble, isDamage } from "./trouble";
import { decodeValue } from "./values";
import { realPath } from "./real-path";
import { toRaw, valuesNow, WaitingWrites } from "./waiting-writes";

/** Settings of a LevelStore; times in milliseconds. */
export interface LevelStoreOptions {
  /** Hears what an administrator should read; errors are about data that may be lost. */
  log?(level: "info" | "warn" | "error", sentence: string): void;
  /** Why nothing may be kept in the folder now, as a sentence for the user; asked before each attempt to open it. */
  unfit?(): string | undefined;
  /** Pause after the first attempt to open that failed (default 250); it doubles each time. */
  readonly retryFirstMs?: number;
  /** Longest pause between attempts to open (default 10,000). */
  readonly retryCapMs?: number;
}

/** Before and after all keys; nothing is ever stored there. */
const FIRST_KEY = "!";
const LAST_KEY = "~";

/**
 * Who has which folder open, by real path. On a global symbol, so that two copies of this module share it: a second open
 * of a folder in one process would release LevelDB's lock, and another process could open it too.
 */
const owners = ((globalThis as Record<symbol, unknown>)[Symbol.for("@bloomreach-voucherify/node-red/level-stores")] ??=
  new Map()) as Map<string, LevelStore>;

/** The key-value engine on LevelDB. What it does when the disk fails: docs/durable-store.md. */
export class LevelStore implements KeyValueEngine {
  private trouble: string | undefined;
  private readonly listeners = new Set<(problem: string | undefined) => void>();
  /** Set while the store can be used. */
  private db: ClassicLevel | undefined;
  private lastBatch = 0;
  private readonly waiting = new WaitingWrites();
  /** Work in the background that `close` waits for: opening, or writing. */
  private work: Promise<void>;
  private writing = false;
  private readonly mending: Mending = { damaged: false, rescued: false, undo: [] };
  /** The batch that failed last, until the store is open again. */
  private failed: readonly RawOperation[] = [];
  private closed: Promise<void> | undefined;
  /** The trouble that was logged last, until it is over. */
  private reported: string | undefined;
  private endPause: (() => void) | undefined;
  private endPrivacy: (() => void) | undefined;
  private readonly unreadable = new Set<string>();
  private readonly firstOpen: Promise<void>;
  private tellFirstOpen!: () => void;

  /**
   * The store in `folder`, which is made when it is not there. Opens it in the background and keeps trying; `problem`
   * tells how that goes. The same folder again gives the same store (with the options of the first call).
   */
  static open(folder: string, options: LevelStoreOptions = {}): LevelStore {
    const path = realPath(resolve(folder));
    const owner = owners.get(path);
    if (owner && !owner.closed) return owner;
    const store = new LevelStore(path, options, owner?.closed);
    owners.set(path, store);
    return store;
  }

  private constructor(
    private readonly folder: string,
    private readonly options: LevelStoreOptions,
    before = Promise.resolve(),
  ) {
    this.trouble = `The store in the folder ${folder} is being opened. Try again in a moment.`;
    this.firstOpen = new Promise((tell) => (this.tellFirstOpen = tell));
    this.work = before.catch(() => undefined).then(() => this.keepOpening());
  }

  get problem(): string | undefined {
    return this.trouble;
  }

  /** How many batches were written to disk over all lives of the store: against the number of writes, how well callers share. */
  get batches(): number {
    return this.lastBatch;
  }

  /** Resolves when the store was opened for the first time. */
  ready(): Promise<void> {
    return this.firstOpen;
  }

  onProblem(listener: (problem: string | undefined) => void): () => void {
    this.listeners.add(listener);
    return () => void this.listeners.delete(listener);
  }

  async write(operations: readonly KeyValueOperation[]): Promise<void> {
    const raw = operations.map(toRaw);
    if (!this.db || this.closed) throw this.unavailable();
    const written = this.waiting.add(raw);
    if (!this.writing) this.work = this.writeQueue();
    return written;
  }

  async get(keys: readonly string[]): Promise<readonly (JsonValue | undefined)[]> {
    const stored = await this.use((db) => db.getMany([...keys]));
    return keys.map((key, index) => this.readable(key, stored[index]));
  }

  async read({ gte, lt, limit = -1 }: KeyRange): Promise<readonly KeyValueEntry[]> {
    const entries = await this.use((db) => db.iterator({ gte, lt, limit }).all());
    return entries.map(([key, stored]) => [key, this.readable(key, stored)] as const);
  }

  readKeys({ gte, lt, limit = -1 }: KeyRange): Promise<readonly string[]> {
    return this.use((db) => db.keys({ gte, lt, limit }).all());
  }

  tellLoss(sentence: string): void {
    this.log("error", sentence);
  }

  async compact(): Promise<void> {
    // LevelDB merges a level only into one below it. Two deletions around all keys put a table over everything that is
    // there, which is then merged with it; the first round brings what is in memory down, the second merges it.
    for (let round = 0; round < 2; round++) {
      await this.write([
        { type: "del", key: FIRST_KEY },
        { type: "del", key: LAST_KEY },
      ]);
      await this.use((db) => db.compactRange(FIRST_KEY, LAST_KEY));
    }
    // compactRange tells no failure, but the next write does.
    await this.write([]);
  }

  setAside(): Promise<readonly string[]> {
    return foldersSetAside(this.folder);
  }

  /** Ends the store: writes that were called are finished, later calls are refused, and the folder is free again. */
  close(): Promise<void> {
    return (this.closed ??= this.shut());
  }

  private async shut(): Promise<void> {
    await Promise.resolve(); // so that `closed` is set
    this.endPause?.();
    for (let work; work !== this.work;) await (work = this.work);
    const db = this.db;
    this.db = undefined;
    this.endPrivacy?.();
    this.setProblem(`The store in the folder ${this.folder} is closed.`);
    try {
      await db?.close();
    } finally {
      if (owners.get(this.folder) === this) owners.delete(this.folder);
    }
  }

  /** Writes what waits, one batch after the other; what is called meanwhile shares the next. Never rejects. */
  private async writeQueue(): Promise<void> {
    this.writing = true;
    await Promise.resolve(); // so that calls made in one go share a batch
    for (let db = this.db; db && this.waiting.size > 0; db = this.db) {
      const callers = this.waiting.next();
      const operations = callers.flatMap((caller) => caller.operations);
      try {
        await db.batch([...operations, markerOf(this.lastBatch + 1)], { sync: true });
      } catch (error) {
        this.failed = operations;
        this.fail(db, error);
        for (const caller of callers) caller.reject(this.unavailable());
        this.waiting.refuse(this.unavailable());
        break;
      }
      this.lastBatch++;
      acknowledged.note(this.folder, this.lastBatch);
      for (const caller of callers) caller.resolve();
    }
    this.writing = false;
  }

  /** Reads with the open handle. */
  private async use<Result>(read: (db: ClassicLevel) => Promise<Result>): Promise<Result> {
    const db = this.db;
    if (!db || this.closed) throw this.unavailable();
    try {
      return await read(db);
    } catch (error) {
      this.fail(db, error);
      throw this.unavailable();
    }
  }

  /**
   * A handle that failed once is never written again: LevelDB would acknowledge writes behind a torn one and not find
   * them after a restart. What waits is refused, and the store is opened anew.
   */
  private fail(db: ClassicLevel, error: unknown): void {
    if (this.db !== db || this.closed) return;
    this.db = undefined;
    this.mending.damaged = isDamage(error);
    this.report(error);
    const before = this.work;
    this.work = (async () => {
      await before;
      this.mending.undo = await valuesNow(db, this.failed);
      this.failed = [];
      await db.close();
      await this.keepOpening();
    })();
    this.waiting.refuse(this.unavailable());
  }

  /** Opens until it works, the store is closed, or it never will. Never rejects. */
  private async keepOpening(): Promise<void> {
    const { retryFirstMs = 250, retryCapMs = 10_000 } = this.options;
    for (let pauseMs = retryFirstMs; !this.closed; pauseMs = Math.min(retryCapMs, pauseMs * 2)) {
      try {
        const unfit = this.options.unfit?.();
        if (unfit !== undefined) throw new UnfitPlace(unfit);
        const { db, batch } = await openDatabase(this.folder, this.mending, (loss) => this.log("error", loss));
        this.db = db;
        this.lastBatch = batch;
        this.endPrivacy?.();
        this.endPrivacy = keepPrivate(this.folder);
        this.mending.undo = [];
        this.mending.rescued = false;
        this.tellFirstOpen();
        if (this.reported) this.log("info", `The store in the folder ${this.folder} can be used again.`);
        this.reported = undefined;
        this.setProblem(undefined);
        return;
      } catch (error) {
        this.report(error);
        if (error instanceof LastingTrouble) return;
      }
      await this.pause(pauseMs);
    }
  }

  private pause(ms: number): Promise<void> {
    return new Promise((resolve) => {
      const timer = setTimeout(resolve, ms).unref();
      this.endPause = () => {
        clearTimeout(timer);
        resolve();
      };
      if (this.closed) this.endPause();
    });
  }

  /** Tells what is wrong, once. */
  private report(error: unknown): void {
    const sentence = explainTrouble(error, this.folder);
    if (sentence !== this.reported) this.log("error", sentence);
    this.reported = sentence;
    this.setProblem(sentence);
  }

  private setProblem(problem: string | undefined): void {
    if (problem === this.trouble) return;
    this.trouble = problem;
    for (const listener of [...this.listeners]) listener(problem);
  }

  private log(level: "info" | "warn" | "error", sentence: string): void {
    this.options.log?.(level, sentence);
  }

  private unavailable(): StoreUnavailableError {
    return new StoreUnavailableError(this.trouble ?? `The store in the folder ${this.folder} is being closed.`);
  }

  private readable(key: string, stored: string | undefined): JsonValue | undefined {
    if (stored === undefined) return undefined;
    try {
      return decodeValue(key, stored);
    } catch {
      if (!this.unreadable.has(key)) {
        this.log(
          "error",
          `A record in the store in the folder ${this.folder} is damaged and cannot be used (${key}). All others are delivered, there is nothing to do for them. Check the disk.`,
        );
      }
      this.unreadable.add(key);
      return undefined;
    }
  }
}
