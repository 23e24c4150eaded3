import assert from "node:assert/strict";
import type { NewLetter } from "../../src/store/dead-letters";
import { Inbox } from "../../src/delivery/inbox/inbox";
import { LaneQueue } from "../../src/delivery/queue/lane-queue";
import { keyPages, readAll } from "../../src/store/key-value/pages";
import { MemoryDurableStore, put } from "../support/memory-durable-store";

const OWNER = { node: "node", name: "", type: "upsert" };
const LIMITS = { records: 100, bytes: 100_000, together: true };
const letter = (index: number): NewLetter => ({
  node: "node",
  customer: `c${index}`,
  body: {},
  reason: "Refused.",
  reasonKey: "refused",
  attempts: 1,
  acceptedAt: 1,
  failedAt: 1_000 + index,
  messageId: "m",
  index,
  envelope: {},
});

/** More than a page of each, with damage to whole pages of it. */
describe("delivery: damaged and lost values", () => {
  let disk: MemoryDurableStore;
  beforeEach(() => (disk = new MemoryDurableStore()));
  const keysOf = (prefix: string): string[] => disk.keys().filter((key) => key.startsWith(prefix));
  const damage = (keys: readonly string[]): void => keys.forEach((key) => disk.damaged.add(key));
  const lose = (keys: readonly string[]): Promise<void> => disk.lose(keys);

  it("pages go on behind them, be it a whole page", async () => {
    await disk.write(Array.from({ length: 25 }, (_, n) => put(`x/${n + 10}`, n)));
    const range = { gte: "x/", lt: "x0" };
    for (const damaged of [
      [],
      [0],
      [4],
      [5],
      [0, 1, 2, 3, 4],
      [5, 6, 7, 8, 9, 10],
      [24],
      Array(24)
        .fill(0)
        .map((_, n) => n),
    ]) {
      disk.damaged.clear();
      damage(damaged.map((n: number) => `x/${n + 10}`));
      const found: unknown[] = [];
      for await (const [, value] of readAll(disk.engine, range, 5)) found.push(value);
      assert.deepEqual(
        found,
        [...Array(25).keys()].filter((n) => !damaged.includes(n)),
      );
      let keys = 0;
      for await (const page of keyPages(disk.engine, range, 5)) keys += page.length;
      assert.equal(keys, 25);
    }
  });

  it("waiting records: the others are delivered, and the count ends at 0", async () => {
    const store = await LaneQueue.open<number>(disk, OWNER);
    const records = Array.from({ length: 1_300 }, (_, n) => ({ key: `c${n}`, body: n }));
    await store.append({ id: "m", envelope: {} }, records, 0);
    const tried = await store.lend({ ...LIMITS, records: 3 }, 0);
    await store.conclude({
      settled: [],
      postponed: tried.map((record) => ({ records: [record], triedAt: 0, dueAt: 10 })),
      unsent: [],
    });
    damage(
      [
        1,
        50,
        ...Array(600)
          .fill(0)
          .map((_, n) => 500 + n),
      ].map((n) => keysOf("lane/node/record/")[n]!),
    );
    const next = await LaneQueue.open<number>(disk, OWNER);
    assert.deepEqual(disk.losses, [], "the store tells of damaged values itself");
    let delivered = 0;
    for (;;) {
      const taken = await next.lend(LIMITS, 20);
      if (taken.length === 0) break;
      delivered += taken.length;
      await next.conclude({ settled: taken, postponed: [], unsent: [] });
    }
    assert.deepEqual([delivered, next.count()], [698, 0]);
  });

  it("waiting records: what is gone is told with its number, also of tried ones, and no number is given twice", async () => {
    const store = await LaneQueue.open<number>(disk, OWNER);
    await store.append(
      { id: "m", envelope: {} },
      [0, 1, 2, 3].map((n) => ({ key: `c${n % 2}`, body: n })),
      0,
    );
    const tried = await store.lend({ ...LIMITS, records: 2 }, 0);
    await store.conclude({ settled: [], postponed: [{ records: tried, triedAt: 0, dueAt: 10 }], unsent: [] });
    const [first, second] = keysOf("lane/node/record/");
    await lose([first!, second!, "lanes/node"]);
    assert.deepEqual(await disk.lanes.owners(), [{ ...OWNER, type: "" }], "a queue without its summary is found");
    await lose(keysOf("lane/node/tried/").slice(1));
    const next = await LaneQueue.open<number>(disk, OWNER);
    assert.equal(next.count(), 2);
    await next.append({ id: "n", envelope: {} }, [{ key: "z", body: 9 }], 0);
    assert.equal(next.count(), keysOf("lane/node/record/").length);
    await lose(keysOf("lane/node/record/").slice(-1));
    const last = await LaneQueue.open<number>(disk, OWNER);
    assert.match(disk.losses.join(), /^1 of the records that waited in the queue of upsert \(node\) are not/);
    const all = [...(await last.lend(LIMITS, 20))];
    await last.conclude({ settled: all, postponed: [], unsent: [] });
    all.push(...(await last.lend(LIMITS, 20)));
    assert.deepEqual(all.map(({ body }) => body).sort(), [2, 3]);
  });

  it("a wrong count of release 0.1.0 heals at the next start, and what it hid is delivered", async () => {
    for (const count of [0, -1, 1]) {
      disk = new MemoryDurableStore();
      const store = await LaneQueue.open<number>(disk, OWNER);
      await store.append(
        { id: "m", envelope: {} },
        [0, 1, 2].map((n) => ({ key: `c${n}`, body: n })),
        0,
      );
      await disk.write([put("lanes/node", { count, lastId: 3, name: "", type: "upsert" })]);
      const next = await LaneQueue.open<number>(disk, OWNER);
      assert.deepEqual([next.count(), disk.losses], [3, []]);
      assert.deepEqual(await disk.engine.get(["lanes/node"]), [{ count: 3, lastId: 3, name: "", type: "upsert" }]);
      const taken = await next.lend(LIMITS, 0);
      await next.conclude({ settled: taken, postponed: [], unsent: [] });
      assert.deepEqual([taken.length, next.count(), keysOf("lane/")], [3, 0, []]);
    }
  });

  it("messages whose records are all gone are forgotten", async () => {
    const store = await LaneQueue.open<number>(disk, OWNER);
    await store.append({ id: "m", envelope: {} }, [{ key: "c", body: 1 }], 0);
    await lose(keysOf("lane/node/record/"));
    await LaneQueue.open<number>(disk, OWNER);
    assert.deepEqual(keysOf("lane/"), []);
    assert.match(disk.losses.join(), /^1 of the records/);
  });

  it("failed records: the others are listed, missing ones told, damaged ones expire", async () => {
    await disk.write(disk.deadLetters.prepare(Array.from({ length: 250 }, (_, n) => letter(n))).changes);
    damage(keysOf("dead/").slice(0, 120));
    await lose(keysOf("dead/").slice(-3));
    const next = new MemoryDurableStore(disk.engine).deadLetters;
    await next.open();
    assert.match(disk.losses.join(), /^3 of the records that had failed/);
    assert.deepEqual([await next.count("node"), (await next.list({ limit: 500 })).letters.length], [127, 127]);
    assert.equal(await next.discardAll("node"), 127);
    assert.equal(keysOf("dead/").length, 120, "nobody knows whose these are");
    await next.expire(Date.now());
    assert.deepEqual([keysOf("dead/"), await next.count()], [[], 0]);
  });

  it("received messages: all others are replayed, those without either half are told with their number", async () => {
    const inbox = new Inbox(disk);
    for (let n = 0; n < 20; n++) await inbox.receive({ node: "in", receivedAt: n, message: { n } });
    await lose([...keysOf("inbox-message/").slice(0, 2), ...keysOf("inbox/").slice(-3)]);
    damage(keysOf("inbox/").slice(5, 6));
    const next = new Inbox(disk);
    await next.open();
    assert.match(disk.losses.join("\n"), /^2 of the webhooks .* are empty.*\n4 of the webhooks .* which node/);
    const seen: unknown[] = [];
    await next.replay(({ message }) => seen.push(message.n) > 0);
    assert.deepEqual(seen, [2, 3, 4, 6, 7, 8, 9, 10, 11, 12, 13, 14, 15, 16]);
    next.close();
  });

  it("seen events are forgotten by their keys", async () => {
    const { seen } = disk;
    const first = await seen.firstOf(
      Array.from({ length: 700 }, (_, n) => `k${n}`),
      10,
      0,
    );
    await disk.write(first.changes);
    first.done();
    damage([...keysOf("seen-until/").slice(0, 500), ...keysOf("seen/").slice(0, 10)]);
    assert.equal(await seen.expire(20), 700);
    assert.deepEqual(disk.keys(), []);
  });
});
