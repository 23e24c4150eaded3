import { mkdtempSync, rmSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { ClassicLevel } from "classic-level";
import { type DurableStore, StoreUnavailableError } from "../../src/store/durable-store";
import type { KeyValueEngine } from "../../src/store/key-value/engine";
import { KeyValueStore } from "../../src/store/key-value/key-value-store";
import { LevelStore } from "../../src/store/level/level-store";
import { MemoryEngine } from "./memory-durable-store";

/** A store over its lives, on one of the engines that every part of it must work on. */
export interface StoreLives {
  readonly store: DurableStore;
  /** What was told to be lost or damaged. */
  readonly told: readonly string[];
  /** The next write is refused. */
  refuseNextWrite(): void;
  /**
   * The process ends, the disk damages or loses the values of these keys (docs/durable-store.md has them), and the next process
   * opens the store.
   */
  reopen(disk?: { readonly damaged?: readonly string[]; readonly lost?: readonly string[] }): Promise<DurableStore>;
  end(): Promise<void>;
}

type Mutable<Type> = { -readonly [Key in keyof Type]: Type[Key] };

/** The engines by name, each with a way to begin an empty store. */
export const ENGINES: Readonly<Record<string, () => Promise<StoreLives>>> = {
  "in memory": () => {
    let engine = new MemoryEngine();
    const lives: Mutable<StoreLives> = {
      store: new KeyValueStore(engine),
      get told() {
        return engine.losses;
      },
      refuseNextWrite: () => refuseNextWrite(engine),
      reopen: async ({ damaged = [], lost = [] } = {}) => {
        engine = engine.crashedCopy();
        await engine.write(lost.map((key) => ({ type: "del", key })));
        for (const key of damaged) engine.damaged.add(key);
        return (lives.store = new KeyValueStore(engine));
      },
      end: () => Promise.resolve(),
    };
    return Promise.resolve(lives);
  },
  "on LevelDB": async () => {
    const folder = mkdtempSync(join(tmpdir(), "store-contract-"));
    const told: string[] = [];
    const open = async (): Promise<LevelStore> => {
      const level = LevelStore.open(folder, {
        log: (kind, sentence) => void (kind === "error" && told.push(sentence)),
      });
      await level.ready();
      return level;
    };
    let level = await open();
    const lives: Mutable<StoreLives> = {
      store: new KeyValueStore(level),
      told,
      refuseNextWrite: () => refuseNextWrite(level),
      reopen: async ({ damaged = [], lost = [] } = {}) => {
        await level.close();
        const db = new ClassicLevel(folder);
        await db.batch([
          ...damaged.map((key) => ({ type: "put" as const, key, value: "00000000{}" })),
          ...lost.map((key) => ({ type: "del" as const, key })),
        ]);
        await db.close();
        level = await open();
        return (lives.store = new KeyValueStore(level));
      },
      end: async () => {
        await level.close();
        rmSync(folder, { recursive: true });
      },
    };
    return lives;
  },
};

function refuseNextWrite(engine: KeyValueEngine): void {
  const write = engine.write.bind(engine);
  engine.write = () => {
    engine.write = write;
    return Promise.reject(new StoreUnavailableError("The test refuses this write."));
  };
}
