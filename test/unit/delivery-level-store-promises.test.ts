import assert from "node:assert/strict";
import {
  mkdirSync,
  mkdtempSync,
  readdirSync,
  realpathSync,
  rmSync,
  statSync,
  symlinkSync,
  truncateSync,
} from "node:fs";
import { chmodSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { ClassicLevel } from "classic-level";
import { Delivery } from "../../src/delivery/delivery";
import { StoreUnavailableError } from "../../src/store/durable-store";
import { LaneQueue } from "../../src/delivery/queue/lane-queue";
import { KeyValueStore } from "../../src/store/key-value/key-value-store";
import { LevelStore } from "../../src/store/level/level-store";
import { readAll } from "../../src/store/key-value/pages";
import { waitFor } from "../support/wait-for";

const RANGE = { gte: "lane/", lt: "lane0" };
const OWNER = { node: "node", name: "To Voucherify", type: "test" };

describe("delivery: what the store on LevelDB promises of real files", () => {
  let parent: string;
  let folder: string;
  let errors: string[];
  let opened: LevelStore[];
  beforeEach(() => {
    parent = realpathSync(mkdtempSync(join(tmpdir(), "level-promises-")));
    folder = join(parent, "store");
    errors = [];
    opened = [];
  });
  afterEach(async () => {
    await Promise.all(opened.map((store) => store.close()));
    rmSync(parent, { recursive: true, force: true });
  });

  function open(): LevelStore {
    const log = (level: string, sentence: string): void => void (level === "error" && errors.push(sentence));
    const store = LevelStore.open(folder, { log, retryFirstMs: 5, retryCapMs: 20 });
    opened.push(store);
    return store;
  }
  async function openReady(): Promise<LevelStore> {
    const store = open();
    await store.ready();
    return store;
  }
  /** One write for each record, then the end. */
  async function closedWith(records: number): Promise<void> {
    const store = await openReady();
    for (let number = 0; number < records; number++)
      await store.write([{ type: "put", key: `lane/${number}`, value: { filling: "x".repeat(100) } }]);
    await store.close();
  }
  const journal = (): string => {
    const name = readdirSync(folder).filter((file) => file.endsWith(".log"));
    return join(folder, name.sort().at(-1)!);
  };

  describe("syncing", () => {
    const batch = Reflect.get(ClassicLevel.prototype, "batch") as (...words: unknown[]) => Promise<void>;
    afterEach(() => void Object.assign(ClassicLevel.prototype, { batch }));

    it("resolves no write before a batch with all of it was synced", async () => {
      const synced = new Set<string>();
      Object.assign(ClassicLevel.prototype, {
        async batch(this: ClassicLevel, operations: { key: string }[], options?: { sync?: boolean }): Promise<void> {
          await batch.call(this, operations, options);
          if (options?.sync === true) for (const { key } of operations) synced.add(key);
        },
      });
      const store = await openReady();
      assert.ok(synced.has("meta/version"), "the first write of an opening is synced too");
      const alone = store.write([{ type: "put", key: "lane/alone", value: 1 }]);
      await alone.then(() => assert.ok(synced.has("lane/alone")));
      const together = Array.from({ length: 50 }, async (_, number) => {
        await store.write([{ type: "put", key: `lane/${number}`, value: "x".repeat(number * 5_000) }]);
        assert.ok(synced.has(`lane/${number}`), `lane/${number}`);
      });
      await Promise.all(together);
      await store.write([{ type: "del", key: "lane/alone" }]);
    });
  });

  describe("what files have lost is told, with a number, once", () => {
    for (const [name, bytes, lost] of [
      ["a journal of 0 bytes", (): number => 0, 53],
      ["a journal that was cut by 9 bytes", (size: number): number => size - 9, 1],
    ] as const) {
      it(name, async () => {
        await closedWith(52);
        truncateSync(journal(), bytes(statSync(journal()).size));
        const store = await openReady();
        assert.equal(errors.length, 1);
        assert.match(errors[0]!, new RegExp(`\\(${lost} of the newest writes\\).*may be missing`));
        await store.write([{ type: "put", key: "lane/after", value: 1 }]);
        await store.close();
        errors = [];
        assert.deepEqual(await (await openReady()).get(["lane/after"]), [1]);
        assert.deepEqual(errors, []);
      });
    }

    it("nothing is told where nothing is lost", async () => {
      await closedWith(52);
      await (await openReady()).close();
      assert.deepEqual(errors, []);
    });
  });

  it("a damaged value hides nothing behind it, and is not counted as waiting", async () => {
    const store = await openReady();
    const lane = await LaneQueue.open<number>(new KeyValueStore(store), OWNER);
    const records = Array.from({ length: 1_200 }, (_, number) => ({ key: `c${number}`, body: number }));
    await lane.append({ id: "m", envelope: {} }, records, 0);
    await store.close();
    const db = new ClassicLevel(folder);
    for (const id of [1, 500, 501]) await db.put(`lane/node/record/${String(id).padStart(16, "0")}`, "00000000{}");
    await db.close();

    const again = await openReady();
    const found = [];
    for await (const [key] of readAll(again, { gte: "lane/node/record/", lt: "lane/node/record0" })) found.push(key);
    assert.equal(found.length, 1_197);
    const left = await LaneQueue.open<number>(new KeyValueStore(again), OWNER);
    const limits = { records: 2_000, bytes: 1e9, together: true };
    const taken = await left.lend(limits, 0);
    assert.equal(taken.length, 1_197);
    await left.conclude({ settled: taken, postponed: [], unsent: [] });
    assert.equal(left.count(), 0);
    assert.equal(errors.length, 3, "one sentence for each, with its key");
  });

  it("a queue that has lost records says how many, whether its node is deployed or not", async () => {
    const first = await openReady();
    const lane = await LaneQueue.open<number>(new KeyValueStore(first), OWNER);
    await lane.append(
      { id: "m", envelope: {} },
      [1, 2, 3].map((n) => ({ key: `c${n}`, body: n })),
      0,
    );
    await first.close();
    const db = new ClassicLevel(folder);
    await db.del(`lane/node/record/${"2".padStart(16, "0")}`);
    await db.close();
    const store = await openReady();
    const delivery = new Delivery(new KeyValueStore(store));
    await delivery.ready;
    const [report] = await delivery.report();
    assert.deepEqual([report?.waiting, report?.name, report?.exists], [2, "To Voucherify", false]);
    assert.match(
      errors.join(),
      /^1 of the records that waited in the queue of "To Voucherify" \(node\) are not on the disk/,
    );
    await delivery.report();
    assert.equal(errors.length, 1, "told once");
    await delivery.stop();
  });

  describe("who may read", () => {
    const open = (path: string): number => statSync(path).mode & 0o077;
    const openFiles = (at: string): string[] => readdirSync(at).filter((file) => open(join(at, file)) !== 0);

    before(function () {
      if (process.platform === "win32") this.skip();
    });

    it("nobody but the user that runs Node-RED, also in what release 0.1.0 left", async () => {
      const old = new ClassicLevel(folder);
      await old.put("lane/1", "old");
      await old.close();
      const aside = join(parent, "store.damaged-20250101T000000000Z");
      mkdirSync(aside);
      writeFileSync(join(aside, "000005.ldb"), "customers", { mode: 0o644 });
      for (const each of [folder, aside]) chmodSync(each, 0o755);
      assert.notDeepEqual([openFiles(folder), openFiles(aside)], [[], []]);
      const store = await openReady();
      for (const each of [folder, aside]) assert.deepEqual([open(each), openFiles(each)], [0, []], each);

      await store.write([{ type: "put", key: "lane/2", value: "x".repeat(6_000_000) }]);
      await store.compact();
      await waitFor("new files to be shut", () => openFiles(folder).length === 0);
      assert.ok(readdirSync(folder).some((file) => file.endsWith(".ldb")));
    });

    it("nobody else, in a copy that was rescued", async () => {
      await closedWith(5);
      rmSync(join(folder, "CURRENT"));
      const store = await openReady();
      await store.write([]);
      await waitFor("all files to be shut", () =>
        readdirSync(parent).every(
          (each) => open(join(parent, each)) === 0 && openFiles(join(parent, each)).length === 0,
        ),
      );
      assert.equal(readdirSync(parent).length, 2);
    });
  });

  describe("a link to nothing as the folder", () => {
    it("is said in a sentence, nothing is made or moved, and it is over when the folder is there", async () => {
      const elsewhere = join(parent, "not mounted");
      symlinkSync(elsewhere, folder);
      const store = open();
      await waitFor("the sentence", () => /is a link to a folder that is not there/.test(store.problem ?? ""));
      await assert.rejects(store.write([]), StoreUnavailableError);
      assert.deepEqual(readdirSync(parent), ["store"]);
      mkdirSync(elsewhere);
      await store.ready();
      await store.write([{ type: "put", key: "lane/1", value: 1 }]);
      assert.equal((await store.read(RANGE)).length, 1);
    });

    it("also where it lies further up", async () => {
      symlinkSync(join(parent, "nowhere"), join(parent, "link"));
      folder = join(parent, "link", "queue");
      const store = open();
      await waitFor("the sentence", () => store.problem?.includes(`because ${join(parent, "link")} is a link`));
    });
  });
});
