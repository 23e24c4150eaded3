import assert from "node:assert/strict";
import fc from "fast-check";
import { DueTimes } from "../../src/async/due-times";
import { Fifo } from "../../src/async/fifo";
import { LaneQueue } from "../../src/delivery/queue/lane-queue";
import { DEFAULT_RETRY, retryDelay } from "../../src/delivery/retry-policy";
import type { WaitingRecord } from "../../src/delivery/queue/waiting-record";
import { customerOf, independentKey } from "../../src/delivery/record-key";
import { MemoryDurableStore, put } from "../support/memory-durable-store";

type Body = { readonly n: number };
const LIMITS = { records: 100, bytes: 10_000, together: true };

const OWNER = { node: "node/1", name: "Node", type: "test" };
const open = (disk: MemoryDurableStore): Promise<LaneQueue<Body>> => LaneQueue.open<Body>(disk, OWNER);

async function storeWith(...keys: string[]): Promise<LaneQueue<Body>> {
  return (await onDisk(...keys)).store;
}
async function onDisk(...keys: string[]): Promise<{ disk: MemoryDurableStore; store: LaneQueue<Body> }> {
  const disk = new MemoryDurableStore();
  const store = await open(disk);
  const records = keys.map((key, n) => ({ key, body: { n } }));
  await store.append({ id: "m", envelope: { topic: "t" } }, records, 1_000);
  return { disk, store };
}
const numbers = (records: readonly WaitingRecord<Body>[]): number[] => records.map(({ body }) => body.n);
const conclusion = { settled: [], postponed: [], unsent: [] };

describe("delivery: the queue of a node", () => {
  it("lends records in the order of acceptance, those of one key one behind the other", async () => {
    const store = await storeWith("a", "b", "a", "c");
    const taken = await store.lend(LIMITS, 2_000);
    assert.deepEqual(numbers(taken), [0, 2, 1, 3]);
    assert.deepEqual(taken[1], {
      id: 3,
      key: "a",
      messageId: "m",
      index: 2,
      body: { n: 2 },
      acceptedAt: 1_000,
      attempts: 0,
    });
    assert.deepEqual(await store.lend(LIMITS, 2_000), []);
    assert.equal(store.count(), 4);
  });

  it("lends one record of a key where they must stay apart, the next when that is settled", async () => {
    const store = await storeWith("a", "a", "b");
    const apart = { ...LIMITS, together: false };
    const taken = await store.lend(apart, 2_000);
    assert.deepEqual(numbers(taken), [0, 2]);
    await store.conclude({ ...conclusion, settled: taken.slice(0, 1) });
    assert.deepEqual(numbers(await store.lend(apart, 2_000)), [1]);
  });

  it("tells how far a message is, and forgets it at its end", async () => {
    const store = await storeWith("a", "b");
    const [a, b] = await store.lend(LIMITS, 2_000);
    const first = await store.conclude({ ...conclusion, settled: [a!] });
    assert.deepEqual(first, [{ id: "m", envelope: { topic: "t" }, total: 2, settled: 1 }]);
    const second = await store.conclude({ ...conclusion, settled: [b!] });
    assert.deepEqual(second, [{ id: "m", envelope: { topic: "t" }, total: 2, settled: 2 }]);
    assert.equal(store.count(), 0);
  });

  it("lends postponed records when they are due, together and before the others", async () => {
    const store = await storeWith("a", "a", "b");
    const records = (await store.lend({ ...LIMITS, records: 2 }, 2_000)).slice();
    await store.conclude({ ...conclusion, postponed: [{ records, triedAt: 2_000, dueAt: 5_000 }] });
    await store.append({ id: "n", envelope: {} }, [{ key: "a", body: { n: 9 } }], 2_500);
    assert.equal(store.nextDue(), 5_000);
    const due = await store.lend({ ...LIMITS, records: 1 }, 5_000);
    assert.deepEqual(numbers(due), [0, 1]);
    assert.deepEqual(
      due.map(({ attempts, firstTriedAt }) => [attempts, firstTriedAt]),
      [
        [1, 2_000],
        [1, 2_000],
      ],
    );
    assert.equal(store.nextDue(), undefined);
    assert.deepEqual(numbers(await store.lend(LIMITS, 5_000)), [2]);
    await store.conclude({ ...conclusion, settled: due });
    assert.deepEqual(numbers(await store.lend(LIMITS, 5_000)), [9]);
  });

  it("keeps nothing of a message with a body that is no JSON", async () => {
    const store = await LaneQueue.open<unknown>(new MemoryDurableStore(), OWNER);
    const circular: { self?: unknown } = {};
    circular.self = circular;
    const records = [
      { key: "a", body: 1 },
      { key: "b", body: circular },
    ];
    await assert.rejects(async () => store.append({ id: "m", envelope: {} }, records, 0));
    assert.equal(store.count(), 0);
    assert.deepEqual(await store.lend(LIMITS, 0), []);
  });

  it("continues after a crash: what was lent waits again, what was tried comes together when it is due", async () => {
    const { disk, store } = await onDisk("a", "b", "a", "c", "d");
    const lent = await store.lend({ ...LIMITS, records: 4 }, 2_000);
    assert.deepEqual(numbers(lent), [0, 2, 1, 3]);
    await store.conclude({ ...conclusion, postponed: [{ records: lent.slice(0, 2), triedAt: 2_000, dueAt: 5_000 }] });
    await store.conclude({ ...conclusion, settled: [lent[2]!] });
    await store.append({ id: "n", envelope: {} }, [{ key: "a", body: { n: 9 } }], 2_500);

    const next = await open(disk.crashedCopy());
    assert.equal(next.count(), 5);
    assert.equal(next.nextDue(), 5_000);
    assert.equal(await next.oldest(), 1_000);
    assert.deepEqual(numbers(await next.lend(LIMITS, 3_000)), [3, 4], "the customer that rests delays nobody");
    const due = await next.lend({ ...LIMITS, records: 1 }, 5_000);
    assert.deepEqual(numbers(due), [0, 2]);
    assert.deepEqual([due[0]?.attempts, due[0]?.firstTriedAt], [1, 2_000]);
    await next.conclude({ ...conclusion, settled: due });
    assert.deepEqual(numbers(await next.lend(LIMITS, 5_000)), [9]);
    await next.append({ id: "o", envelope: {} }, [{ key: "z", body: { n: 10 } }], 6_000);
    assert.deepEqual(numbers(await next.lend(LIMITS, 6_000)), [10], "no number is given twice");
  });

  it("writes what goes with an append or a conclusion in the same moment, or nothing of both", async () => {
    const { disk, store } = await onDisk("a");
    const mark = put("mark", 1);
    disk.failWrites = 1;
    await assert.rejects(store.append({ id: "n", envelope: {} }, [{ key: "b", body: { n: 1 } }], 0, [mark]));
    assert.equal(store.count(), 1);
    assert.ok(!disk.keys().includes("mark"));
    await store.append({ id: "n", envelope: {} }, [{ key: "b", body: { n: 1 } }], 0, [mark]);
    assert.ok(disk.keys().includes("mark"));

    const [a] = await store.lend({ ...LIMITS, records: 1 }, 0);
    disk.failWrites = 1;
    const settled = { ...conclusion, settled: [a!] };
    const letter = (value: number) => () => [put("letter", value)];
    await assert.rejects(store.conclude(settled, letter(1)));
    assert.equal(store.count(), 2);
    const told = await store.conclude(settled, letter(2));
    assert.deepEqual(told, [{ id: "m", envelope: { topic: "t" }, total: 1, settled: 1 }]);
    assert.deepEqual(await disk.engine.get(["letter"]), [2]);
    assert.equal((await open(disk.crashedCopy())).count(), 1);
  });

  it("takes as often from the disk with 100,000 resting keys before the free ones (counted, not timed)", async () => {
    const { disk, store } = await onDisk(...Array.from({ length: 100_000 }, (_, n) => `k${n}`));
    const rest = await store.lend({ ...LIMITS, records: 99_000, bytes: Infinity }, 2_000);
    const postponed = rest.map((record) => ({ records: [record], triedAt: 2_000, dueAt: 9_000 }));
    await store.conclude({ ...conclusion, postponed });
    const ranges: string[] = [];
    const read = disk.engine.read.bind(disk.engine);
    disk.engine.read = (range) => {
      ranges.push(range.gte);
      return read(range);
    };
    assert.equal((await store.lend({ ...LIMITS, records: 10 }, 3_000)).length, 10);
    assert.equal(ranges.length, 1, "one read, from where the last one ended");
    assert.match(ranges[0]!, /0099001$/);
  });

  it("passes over as many records of one blocked customer as there are, and keeps their order", async () => {
    const { store } = await onDisk("a", ...Array.from({ length: 1_200 }, () => "a"), "b");
    const apart = { ...LIMITS, together: false };
    const taken = await store.lend(apart, 0);
    assert.deepEqual(numbers(taken), [0, 1_201]);
    await store.conclude({ ...conclusion, settled: taken });
    const merging = await store.lend({ ...LIMITS, records: 2_000, bytes: Infinity }, 0);
    assert.deepEqual(
      numbers(merging),
      Array.from({ length: 1_200 }, (_, n) => n + 1),
    );
  });

  it("erases one customer: what waits, rests or is lent, and only that", async () => {
    const { disk, store } = await onDisk("a", "a", "b", "c");
    const lent = await store.lend({ ...LIMITS, records: 2 }, 0);
    assert.deepEqual(numbers(lent), [0, 1]);
    await store.append({ id: "n", envelope: {} }, [{ key: "a", body: { n: 7 } }], 0);
    assert.equal(await store.erase("a"), 3);
    assert.equal(store.count(), 4, "what is lent is gone when its call has ended");
    assert.deepEqual(await store.conclude({ ...conclusion, unsent: lent }), []);
    assert.equal(store.count(), 2);
    assert.equal(await store.erase("nobody"), 0);

    const [b, c] = await store.lend(LIMITS, 0);
    await store.conclude({ ...conclusion, postponed: [{ records: [b!], triedAt: 0, dueAt: 10 }] });
    assert.equal(await store.erase("b"), 1);
    assert.deepEqual(await store.lend(LIMITS, 20), []);
    const [last] = await store.conclude({ ...conclusion, settled: [c!] });
    assert.deepEqual([last?.settled, last?.total], [4, 4]);
    assert.deepEqual(disk.keys(), ["lanes/node%2F1"]);
  });

  it("erases a customer's records that need no order as well", async () => {
    const keys = ["jane", "joe"].flatMap((customer) => ["1", "2", "3"].map((id) => independentKey(customer, id)));
    const { store } = await onDisk(...keys);
    const lent = await store.lend({ ...LIMITS, records: 1 }, 0);
    assert.equal(await store.erase("jane"), 3);
    await store.conclude({ ...conclusion, unsent: lent });
    const left = await store.lend(LIMITS, 0);
    assert.deepEqual(
      left.map(({ key }) => customerOf(key)),
      ["joe", "joe", "joe"],
    );
    assert.equal(store.count(), 3);
  });

  it("tells whose queues there are, and discards one", async () => {
    const { disk, store } = await onDisk("a", "b");
    const other = await LaneQueue.open<Body>(disk, { node: "other", name: "Other", type: "test" });
    await other.append({ id: "o", envelope: {} }, [{ key: "a", body: { n: 1 } }], 0);
    const others = { node: "other", name: "Other", type: "test" };
    assert.deepEqual(await disk.lanes.owners(), [OWNER, others]);
    assert.equal(await store.discard(), 2);
    assert.deepEqual(await disk.lanes.owners(), [others]);
    assert.deepEqual(await store.lend(LIMITS, 0), []);
  });

  it("forgets what it counted when the disk has lost it", async () => {
    const { disk, store } = await onDisk("a", "b");
    await disk.lose(disk.keys().filter((key) => key.includes("/record/")));
    assert.equal(store.count(), 2);
    assert.deepEqual(await store.lend(LIMITS, 0), []);
    assert.equal(store.count(), 0);
  });
});

describe("delivery: lines and times", () => {
  it("keeps the order of a line however it is used", () => {
    fc.assert(
      fc.property(fc.array(fc.integer({ min: -60, max: 60 })), (steps) => {
        const fifo = new Fifo<number>();
        const model: number[] = [];
        let next = 0;
        for (const step of steps) {
          for (let n = 0; n < step; n++) {
            fifo.push(next);
            model.push(next++);
          }
          if (step < 0) {
            fifo.drop(-step);
            model.splice(0, -step);
          }
          assert.equal(fifo.size, model.length);
          assert.deepEqual([fifo.at(0), fifo.at(3)], [model[0], model[3]]);
        }
      }),
    );
  });

  it("gives back what is due in the order of time, then of adding", () => {
    fc.assert(
      fc.property(fc.array(fc.integer({ min: 0, max: 20 })), fc.integer({ min: -1, max: 21 }), (times, now) => {
        const due = new DueTimes<number>();
        times.forEach((at, index) => due.add(at, index));
        const sorted = [...times.keys()].sort((a, b) => times[a]! - times[b]! || a - b);
        assert.deepEqual(
          due.takeUntil(now),
          sorted.filter((index) => times[index]! <= now),
        );
        assert.equal(due.next(), times[sorted.find((index) => times[index]! > now) ?? -1]);
      }),
    );
  });

  it("draws a wait between a quarter of a second and its limit: 1 s, doubling, at most 5 minutes", () => {
    fc.assert(
      fc.property(
        fc.integer({ min: 1, max: 2_000 }),
        fc.double({ min: 0, max: 1, noNaN: true }),
        (failures, random) => {
          const limit = Math.min(300_000, 1_000 * 2 ** (failures - 1));
          assert.equal(retryDelay(DEFAULT_RETRY, failures, random), Math.max(250, Math.round(random * limit)));
        },
      ),
    );
  });
});
