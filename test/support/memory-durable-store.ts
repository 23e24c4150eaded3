import type { JsonValue } from "../../src/json";
import type { Change } from "../../src/store/change";
import { StoreUnavailableError } from "../../src/store/durable-store";
import { asChanges } from "../../src/store/key-value/changes";
import type { KeyRange, KeyValueEngine, KeyValueEntry, KeyValueOperation } from "../../src/store/key-value/engine";
import { KeyValueStore } from "../../src/store/key-value/key-value-store";

/**
 * A key-value engine in memory, for tests: what a resolved write left behind can be carried over a "crash", and writes can
 * be made to fail.
 */
export class MemoryEngine implements KeyValueEngine {
  problem: string | undefined;
  /** Writes that are to be refused, from now on; each takes the writes behind it with it. */
  failWrites = 0;
  /** How many writes were made. */
  writes = 0;
  /** What was told to be lost. */
  readonly losses: string[] = [];
  /** Keys whose values cannot be read. */
  readonly damaged = new Set<string>();
  private readonly values: Map<string, string>;
  private readonly listeners = new Set<(problem: string | undefined) => void>();
  private last: Promise<void> = Promise.resolve();

  constructor(values: ReadonlyMap<string, string> = new Map()) {
    this.values = new Map(values);
  }

  write(operations: readonly KeyValueOperation[]): Promise<void> {
    this.writes++;
    const texts = operations.map((operation) =>
      operation.type === "put" ? JSON.stringify(operation.value) : undefined,
    );
    const written = this.last.then(() => {
      if (this.failWrites > 0) {
        this.failWrites--;
        throw new StoreUnavailableError("The test refuses this write.");
      }
      for (const [index, { key }] of operations.entries()) {
        const text = texts[index];
        if (text === undefined) this.values.delete(key);
        else this.values.set(key, text);
      }
    });
    this.last = written;
    written.catch(() => {
      if (this.last === written) this.last = Promise.resolve();
    });
    return written;
  }

  ready(): Promise<void> {
    return Promise.resolve();
  }

  get(keys: readonly string[]): Promise<readonly (JsonValue | undefined)[]> {
    return Promise.resolve(keys.map((key) => this.valueOf(key)));
  }

  read(range: KeyRange): Promise<readonly KeyValueEntry[]> {
    return Promise.resolve(this.keysIn(range).map((key) => [key, this.valueOf(key)] as const));
  }

  readKeys(range: KeyRange): Promise<readonly string[]> {
    return Promise.resolve(this.keysIn(range));
  }

  tellLoss(sentence: string): void {
    this.losses.push(sentence);
  }

  compact(): Promise<void> {
    return Promise.resolve();
  }

  setAside(): Promise<readonly string[]> {
    return Promise.resolve([]);
  }

  onProblem(listener: (problem: string | undefined) => void): () => void {
    this.listeners.add(listener);
    return () => void this.listeners.delete(listener);
  }

  /** Says that nothing can be written, or that all is well again. */
  setProblem(problem: string | undefined): void {
    this.problem = problem;
    for (const listener of this.listeners) listener(problem);
  }

  /** What a process finds that starts after this one died at this moment: resolved writes and nothing else. */
  crashedCopy(): MemoryEngine {
    return new MemoryEngine(this.values);
  }

  /** All keys, for looking inside. */
  keys(): string[] {
    return [...this.values.keys()].sort();
  }

  private keysIn({ gte, lt, limit = Infinity }: KeyRange): string[] {
    return this.keys()
      .filter((key) => key >= gte && key < lt)
      .slice(0, limit);
  }

  private valueOf(key: string): JsonValue | undefined {
    const text = this.values.get(key);
    return text === undefined || this.damaged.has(key) ? undefined : (JSON.parse(text) as JsonValue);
  }
}

/** A change of one key, to be written beside those of the store; or into it, as an older release or a damaged disk would. */
export function put(key: string, value: JsonValue): Change {
  return asChanges([{ type: "put", key, value }])[0]!;
}

/** A change after which the key is gone. */
export function del(key: string): Change {
  return asChanges([{ type: "del", key }])[0]!;
}

/** The durable store over a memory engine, with what tests do to that. */
export class MemoryDurableStore extends KeyValueStore {
  constructor(override readonly engine = new MemoryEngine()) {
    super(engine);
  }

  get failWrites(): number {
    return this.engine.failWrites;
  }

  set failWrites(count: number) {
    this.engine.failWrites = count;
  }

  get writes(): number {
    return this.engine.writes;
  }

  get losses(): readonly string[] {
    return this.engine.losses;
  }

  get damaged(): Set<string> {
    return this.engine.damaged;
  }

  keys(): string[] {
    return this.engine.keys();
  }

  /** The disk loses these. */
  lose(keys: readonly string[]): Promise<void> {
    return this.engine.write(keys.map((key) => ({ type: "del", key })));
  }

  setProblem(problem: string | undefined): void {
    this.engine.setProblem(problem);
  }

  crashedCopy(): MemoryDurableStore {
    return new MemoryDurableStore(this.engine.crashedCopy());
  }
}
