import assert from "node:assert/strict";
import fc from "fast-check";
import { DueTimes } from "../../src/delivery/due-times";
import { Fifo } from "../../src/delivery/fifo";
import { MemoryStore } from "../../src/delivery/memory-store";
import { DEFAULT_RETRY, retryDelay } from "../../src/delivery/retry-policy";
import type { WaitingRecord } from "../../src/delivery/store";

type Body = { readonly n: number };
const LIMITS = { records: 100, bytes: 10_000, together: true };

async function storeWith(...keys: string[]): Promise<MemoryStore<Body>> {
  const store = new MemoryStore<Body>();
  const records = keys.map((key, n) => ({ key, body: { n } }));
  await store.append({ id: "m", envelope: { topic: "t" } }, records, 1_000);
  return store;
}
const numbers = (records: readonly WaitingRecord<Body>[]): number[] => records.map(({ body }) => body.n);
const conclusion = { settled: [], postponed: [], unsent: [] };

describe("delivery: memory store", () => {
  it("lends records in the order of acceptance, those of one key one behind the other", async () => {
    const store = await storeWith("a", "b", "a", "c");
    const taken = await store.take(LIMITS, 2_000);
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
    assert.deepEqual(await store.take(LIMITS, 2_000), []);
    assert.equal(store.count(), 4);
  });

  it("lends one record of a key where they must stay apart, the next when that is settled", async () => {
    const store = await storeWith("a", "a", "b");
    const apart = { ...LIMITS, together: false };
    const taken = await store.take(apart, 2_000);
    assert.deepEqual(numbers(taken), [0, 2]);
    await store.conclude({ ...conclusion, settled: taken.slice(0, 1) });
    assert.deepEqual(numbers(await store.take(apart, 2_000)), [1]);
  });

  it("tells how far a message is, and forgets it at its end", async () => {
    const store = await storeWith("a", "b");
    const [a, b] = await store.take(LIMITS, 2_000);
    const first = await store.conclude({ ...conclusion, settled: [a!] });
    assert.deepEqual(first, [{ id: "m", envelope: { topic: "t" }, total: 2, settled: 1 }]);
    const second = await store.conclude({ ...conclusion, settled: [b!] });
    assert.deepEqual(second, [{ id: "m", envelope: { topic: "t" }, total: 2, settled: 2 }]);
    assert.equal(store.count(), 0);
  });

  it("lends postponed records when they are due, together and before the others", async () => {
    const store = await storeWith("a", "a", "b");
    const records = (await store.take({ ...LIMITS, records: 2 }, 2_000)).slice();
    await store.conclude({ ...conclusion, postponed: [{ records, triedAt: 2_000, dueAt: 5_000 }] });
    await store.append({ id: "n", envelope: {} }, [{ key: "a", body: { n: 9 } }], 2_500);
    assert.equal(store.nextDue(), 5_000);
    const due = await store.take({ ...LIMITS, records: 1 }, 5_000);
    assert.deepEqual(numbers(due), [0, 1]);
    assert.deepEqual(
      due.map(({ attempts, firstTriedAt }) => [attempts, firstTriedAt]),
      [
        [1, 2_000],
        [1, 2_000],
      ],
    );
    assert.equal(store.nextDue(), undefined);
    assert.deepEqual(numbers(await store.take(LIMITS, 5_000)), [2]);
    await store.conclude({ ...conclusion, settled: due });
    assert.deepEqual(numbers(await store.take(LIMITS, 5_000)), [9]);
  });

  it("keeps nothing of a message with a body that is no JSON", async () => {
    const store = new MemoryStore<unknown>();
    const records = [
      { key: "a", body: 1 },
      { key: "b", body: undefined },
    ];
    await assert.rejects(async () => store.append({ id: "m", envelope: {} }, records, 0));
    assert.equal(store.count(), 0);
    assert.deepEqual(await store.take(LIMITS, 0), []);
  });

  it("takes as fast with 100,000 resting keys before the free ones (counted, not timed)", async () => {
    const keys = Array.from({ length: 100_000 }, (_, n) => `k${n}`);
    const store = await storeWith(...keys);
    const rest = await store.take({ ...LIMITS, records: 99_000, bytes: Infinity }, 2_000);
    const postponed = rest.map((record) => ({ records: [record], triedAt: 2_000, dueAt: 9_000 }));
    await store.conclude({ ...conclusion, postponed });
    let looked = 0;
    const real = Object.getOwnPropertyDescriptor(Fifo.prototype, "at")!;
    Fifo.prototype.at = function (this: Fifo<unknown>, index: number) {
      looked++;
      return (real.value as (index: number) => never).call(this, index);
    };
    try {
      assert.equal((await store.take({ ...LIMITS, records: 10 }, 3_000)).length, 10);
      assert.ok(looked < 100, `${looked} looks`);
    } finally {
      Object.defineProperty(Fifo.prototype, "at", real);
    }
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

  it("draws a wait between 0 and its limit: 1 s, doubling, at most 5 minutes", () => {
    fc.assert(
      fc.property(
        fc.integer({ min: 1, max: 2_000 }),
        fc.double({ min: 0, max: 1, noNaN: true }),
        (failures, random) => {
          const limit = Math.min(300_000, 1_000 * 2 ** (failures - 1));
          assert.equal(retryDelay(DEFAULT_RETRY, failures, random), Math.round(random * limit));
        },
      ),
    );
  });
});
