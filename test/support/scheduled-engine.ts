import type { JsonValue } from "../../src/json";
import { StoreUnavailableError } from "../../src/store/durable-store";
import type { KeyRange, KeyValueEngine, KeyValueOperation } from "../../src/store/key-value/engine";
import { MemoryEngine } from "./memory-durable-store";

interface PendingWrite {
  readonly operations: readonly KeyValueOperation[];
  readonly resolve: () => void;
  readonly reject: (error: Error) => void;
}

/**
 * A key-value engine whose answers come when the test says, in any order: what a disk does is applied in the order of the
 * calls, but who hears of it first is chance. Reads see the moment of their call.
 */
export class ScheduledEngine implements KeyValueEngine {
  readonly problem = undefined;
  private readonly steps: (() => void)[] = [];
  private unapplied: PendingWrite[] = [];
  private acknowledging: PendingWrite[] = [];

  /** @param disk what is really written */
  constructor(readonly disk = new MemoryEngine()) {}

  /** How many things can happen next. */
  get pending(): number {
    return this.steps.length;
  }

  /** Lets one of the things happen that can happen next, and everything that follows from it until somebody waits again. */
  async step(choice: number): Promise<void> {
    const [next] = this.steps.splice(choice % this.steps.length, 1);
    next?.();
    await new Promise((resolve) => setImmediate(resolve));
  }

  /** The next write to be applied is refused, and so is every one that was called before that is told. */
  refuseWrites(): void {
    if (this.unapplied.length === 0) return;
    const refused = this.unapplied.splice(0);
    for (const { reject } of refused) reject(new StoreUnavailableError("The test refuses this write."));
  }

  write(operations: readonly KeyValueOperation[]): Promise<void> {
    return new Promise((resolve, reject) => {
      this.unapplied.push({ operations: structuredClone(operations), resolve, reject });
      this.steps.push(() => this.applyNext());
    });
  }

  ready(): Promise<void> {
    return Promise.resolve();
  }

  get(keys: readonly string[]): Promise<readonly (JsonValue | undefined)[]> {
    return this.later(this.disk.get(keys));
  }

  read(range: KeyRange): ReturnType<KeyValueEngine["read"]> {
    return this.later(this.disk.read(range));
  }

  readKeys(range: KeyRange): Promise<readonly string[]> {
    return this.later(this.disk.readKeys(range));
  }

  tellLoss(sentence: string): void {
    this.disk.tellLoss(sentence);
  }

  setAside(): Promise<readonly string[]> {
    return Promise.resolve([]);
  }

  compact(): Promise<void> {
    return Promise.resolve();
  }

  onProblem(): () => void {
    return () => undefined;
  }

  private applyNext(): void {
    const write = this.unapplied.shift();
    if (!write) return; // refused meanwhile
    this.acknowledging.push(write);
    void this.disk.write(write.operations);
    this.steps.push(() => this.acknowledging.shift()?.resolve());
  }

  private later<Value>(value: Promise<Value>): Promise<Value> {
    return new Promise((resolve) => this.steps.push(() => resolve(value)));
  }
}
