import assert from "node:assert/strict";
import type { Settlement } from "../../src/delivery/destination";
import { LaneQueue } from "../../src/delivery/queue/lane-queue";
import { ConfigurationError, type Outcome } from "../../src/delivery/outcome";
import { independentKey } from "../../src/delivery/record-key";
import { type Body, delivered, down, LaneBench, refused, retry, ScriptedDestination } from "../support/lane-bench";
import { MemoryDurableStore } from "../support/memory-durable-store";

const HOUR = 3_600_000;

describe("delivery: lane", () => {
  let bench: LaneBench;
  const set = async (options: Parameters<typeof LaneBench.start>[0] = {}): Promise<LaneBench> =>
    (bench = await LaneBench.start(options));
  afterEach(() => bench.end());

  describe("messages and calls", () => {
    it("tells the results of one message once per call, with its counts and its envelope", async () => {
      await set();
      bench.destination.batchLimits = { records: 2, bytes: 1_000 };
      await bench.accept("a:1", "b:2", "c:3");
      await bench.pass(100);
      assert.deepEqual(bench.destination.sent, [["1", "2"], ["3"]]);
      assert.deepEqual(
        bench.news.map(({ delivered, settled, waiting, total }) => ({
          keys: delivered.map(({ index, key }) => `${index}${key}`),
          settled,
          waiting,
          total,
        })),
        [
          { keys: ["0a", "1b"], settled: 2, waiting: 1, total: 3 },
          { keys: ["2c"], settled: 3, waiting: 0, total: 3 },
        ],
      );
      assert.deepEqual(bench.news[0]?.envelope, { topic: "message 1" });
    });

    it("tells one piece of news per message when many messages go in one call", async () => {
      await set();
      await bench.accept("x:0");
      const ids = await Promise.all([1, 2, 3, 4, 5].map((n) => bench.accept(`k${n}:${n}`)));
      await bench.pass(100);
      assert.equal(bench.destination.calls.length, 2);
      assert.deepEqual(
        bench.news.slice(1).map(({ messageId }) => messageId),
        ids,
      );
    });

    it("separates delivered from failed, each with its outcome and body", async () => {
      await set();
      bench.destination.answer = ({ key }) => (key === "bad" ? refused : delivered);
      await bench.accept("good:1", "bad:2");
      await bench.pass(100);
      const [news] = bench.news;
      const tried = { acceptedAt: Date.now() - 100, attempts: 1 };
      assert.deepEqual(news?.delivered, [
        { index: 0, key: "good", body: { values: ["1"] }, ...tried, outcome: delivered },
      ]);
      assert.deepEqual(news?.failed, [{ index: 1, key: "bad", body: { values: ["2"] }, ...tried, outcome: refused }]);
      const { waiting, inFlight, delivered: ok, failed } = bench.lane.state();
      assert.deepEqual({ waiting, inFlight, ok, failed }, { waiting: 0, inFlight: 0, ok: 1, failed: 1 });
    });

    it("keeps up to `concurrency` calls in flight, and never two for one key", async () => {
      await set({ concurrency: 3 });
      bench.destination.merge = undefined as never;
      bench.destination.batchLimits = { records: 1, bytes: 1_000 };
      await bench.accept("a:1", "a:2", "b:1", "c:1", "d:1", "e:1");
      await bench.pass(5);
      assert.equal(bench.destination.calls.length, 3);
      assert.equal(bench.lane.state().inFlight, 3);
      await bench.pass(100);
      assert.equal(bench.destination.mostInFlight, 3);
      assert.deepEqual(
        bench.destination.sent.flat().filter((value) => value === "2"),
        ["2"],
      );
      assert.equal(bench.lane.state().delivered, 6);
    });

    describe("when a batch may wait for more records", () => {
      const fill = async (records: number): Promise<void> => {
        await set({ concurrency: 4 });
        Object.assign(bench.destination, { fillMs: 1_000, batchLimits: { records, bytes: 100_000 } });
      };
      const sizes = (): number[] => bench.destination.sent.map((values) => values.length);

      it("sends full batches at once and the rest after that time, counted from its first record", async () => {
        await fill(50);
        await bench.accept(...Array.from({ length: 120 }, (_, index) => `k${index}:${index}`));
        await bench.pass(50);
        assert.deepEqual(sizes(), [50, 50]);
        await bench.pass(940);
        await bench.accept("late:1");
        await bench.pass(15);
        assert.deepEqual(sizes(), [50, 50, 21]);
      });

      for (const first of [0, 1])
        it(`goes also when a timer fires a moment early and the clock ticks between two looks (${first})`, async () => {
          await fill(50);
          const { now } = Date;
          try {
            let looks = first;
            Date.now = () => now() - (looks++ % 2);
            await bench.accept("a:1");
            await bench.pass(1_100);
          } finally {
            Date.now = now;
          }
          assert.deepEqual(sizes(), [1]);
        });

      it("does not let a steady stream out in small batches", async () => {
        await fill(50);
        for (let tick = 0; tick < 100; tick++) {
          await bench.accept(...Array.from({ length: 30 }, (_, index) => `k${tick}-${index}:1`));
          await bench.pass(100);
        }
        await bench.pass(2_000);
        assert.equal(bench.destination.calls.length, 60);
      });

      it("does not hold up what is due for another try", async () => {
        await fill(50);
        bench.destination.answer = (_, call) => (call === 0 ? { ...retry, retryAfterMs: 3_000 } : delivered);
        await bench.accept("a:1");
        await bench.pass(3_500);
        await bench.accept("b:1");
        await bench.pass(1_100);
        assert.deepEqual(bench.destination.sent, [["1"], ["1", "1"]]);
      });

      it("does not wait with what an earlier life left", async () => {
        const disk = new MemoryDurableStore();
        const left = await LaneQueue.open<Body>(disk, { node: "node", name: "Node", type: "test" });
        await left.append({ id: "m", envelope: {} }, [{ key: "a", body: { values: ["1"] } }], Date.now());
        bench = await LaneBench.start({}, disk);
        Object.assign(bench.destination, { fillMs: 60_000 });
        await bench.pass(100);
        assert.deepEqual(bench.destination.sent, [["1"]]);
      });
    });

    it("sends records of one customer together when they need no order", async () => {
      await set();
      bench.destination.merge = undefined as never;
      const records = [1, 2, 3].map((n) => ({
        key: independentKey("jane", `c${n}`),
        body: { values: [`${n}`] },
      }));
      await bench.lane.accept({ id: "m", envelope: {}, records });
      await bench.pass(100);
      assert.deepEqual(bench.destination.sent, [["1", "2", "3"]]);
    });

    it("takes no notice of what happens to a body after it was accepted", async () => {
      await set();
      const values = ["as accepted"];
      await bench.lane.accept({ id: "m", envelope: {}, records: [{ key: "k", body: { values } }] });
      values[0] = "changed";
      await bench.pass(100);
      assert.deepEqual(bench.news[0]?.delivered[0]?.body, { values: ["as accepted"] });
    });

    it("splits by bytes, and sends a record that is larger alone", async () => {
      await set();
      bench.destination.batchLimits = { records: 10, bytes: 60 };
      await bench.accept("a:1", "b:2", "c:3", `d:${"x".repeat(100)}`, "e:5");
      await bench.pass(100);
      assert.deepEqual(
        bench.destination.sent.map((values) => values.length),
        [3, 1, 1],
      );
    });
  });

  describe("order and merging", () => {
    it("merges untried records of one key that wait together, and reports each of them", async () => {
      await set();
      await bench.accept("a:1");
      await bench.accept("a:2", "b:1");
      await bench.accept("a:3");
      await bench.pass(100);
      assert.deepEqual(bench.destination.sent, [["1"], ["2", "3", "1"]]);
      assert.deepEqual(
        bench.news.map(({ messageId, delivered }) => [messageId, delivered.length]),
        [
          ["message 1", 1],
          ["message 2", 2],
          ["message 3", 1],
        ],
      );
    });

    it("sends the same again after a try: nothing joins, nothing overtakes", async () => {
      await set();
      bench.destination.answer = (_record, call) => (call < 3 ? retry : delivered);
      await bench.accept("a:1", "a:2");
      await bench.pass(20);
      await bench.accept("a:3", "a:4");
      await bench.pass(60_000);
      assert.deepEqual(bench.destination.sent, [
        ["1", "2"],
        ["1", "2"],
        ["1", "2"],
        ["1", "2"],
        ["3", "4"],
      ]);
    });

    it("puts unsent records back untried and before others", async () => {
      await set();
      const unsent: Outcome = { status: "unsent" };
      bench.destination.answer = ({ key }, call) => (call === 0 && key === "b" ? unsent : delivered);
      bench.destination.batchLimits = { records: 2, bytes: 1_000 };
      await bench.accept("a:1", "b:1", "c:1", "d:1");
      await bench.accept("b:2");
      await bench.pass(100);
      assert.deepEqual(
        bench.destination.calls.map(({ records }) => records.map(({ key, values }) => key + values.join(""))),
        [
          ["a1", "b1"],
          ["b1", "c1"],
          ["d1", "b2"],
        ],
      );
    });

    it("holds up only the key of a record that must be tried again", async () => {
      await set({ concurrency: 2 });
      bench.destination.answer = ({ key }) => (key === "slow" ? retry : delivered);
      await bench.accept("slow:1");
      await bench.pass(20);
      for (let n = 0; n < 50; n++) {
        await bench.accept(`k${n}:1`);
        await bench.pass(20);
      }
      assert.equal(bench.lane.state().delivered, 50);
      assert.equal(bench.lane.state().waiting, 1);
    });
  });

  describe("trying again", () => {
    it("waits 1 s, doubling to 5 minutes, at most (full jitter)", async () => {
      await set({ random: () => 1 });
      bench.destination.answer = () => retry;
      await bench.accept("a:1");
      await bench.pass(HOUR);
      const waits = bench.destination.calls.slice(1).map(({ at }, n) => at - bench.destination.calls[n]!.at - 10);
      assert.deepEqual(
        waits.slice(0, 11),
        [1, 2, 4, 8, 16, 32, 64, 128, 256, 300, 300].map((seconds) => seconds * 1_000),
      );
    });

    it("tells when the next try is", async () => {
      await set({ random: () => 0.5 });
      bench.destination.answer = () => retry;
      await bench.accept("a:1");
      await bench.pass(10);
      assert.equal(bench.lane.state().retryingUntil, Date.now() + 500);
    });

    it("brings what failed together back together, as one call", async () => {
      let n = 0;
      await set({ random: () => (n = (n + 0.37) % 1) });
      bench.destination.answer = (_record, call) => (call === 0 ? retry : delivered);
      await bench.accept("a:1", "b:2", "c:3");
      await bench.pass(5_000);
      assert.deepEqual(bench.destination.sent, [
        ["1", "2", "3"],
        ["1", "2", "3"],
      ]);
    });

    it("honours the time that the destination told", async () => {
      await set({ random: () => 0 });
      bench.destination.answer = (_record, call) => (call === 0 ? { ...retry, retryAfterMs: 42_000 } : delivered);
      await bench.accept("a:1");
      await bench.pass(41_990);
      assert.equal(bench.destination.calls.length, 1);
      await bench.pass(100);
      assert.equal(bench.lane.state().delivered, 1);
    });

    it("gives up 24 hours after the first try, with the last reason and answer", async () => {
      await set();
      const answer = { statusCode: 429, body: { message: "Slow down" } };
      bench.destination.answer = () => ({ status: "retry", reason: "Too many requests.", answer });
      await bench.pass(5 * HOUR);
      await bench.accept("a:1");
      await bench.pass(24 * HOUR - 1_000);
      assert.equal(bench.news.length, 0);
      await bench.pass(300_000);
      assert.deepEqual(bench.news[0]?.failed[0]?.outcome, {
        status: "failed",
        key: "gave_up",
        reason: "Given up after 24 hours of trying. The last reason: Too many requests.",
        answer,
      });
      assert.equal(bench.lane.state().waiting, 0);
    });

    it("tries again when the destination throws or forgets a record, with a reason", async () => {
      await set({ retry: { firstMs: 1, capMs: 1, giveUpAfterMs: 0 } });
      bench.destination.answer = () => {
        throw new Error("Something broke.");
      };
      await bench.accept("a:1");
      await bench.pass(10);
      assert.match(bench.news[0]?.failed[0]?.outcome.reason ?? "", /Something broke\.$/);
      const forgetful = new ScriptedDestination();
      forgetful.deliver = async function* (): AsyncGenerator<Settlement[]> {};
      bench.lane.setDestination(forgetful);
      await bench.accept("b:1");
      await bench.pass(10);
      assert.match(bench.news[1]?.failed[0]?.outcome.reason ?? "", /without a result for this record/);
    });

    it("survives a listener that throws", async () => {
      await set();
      const warnings: unknown[] = [];
      const emit = process.emitWarning.bind(process);
      process.emitWarning = (warning: unknown) => void warnings.push(warning);
      try {
        bench.lane.onSettled(() => {
          throw new Error("listener");
        });
        await bench.accept("a:1", "a:2");
        await bench.pass(100);
        assert.equal(bench.lane.state().delivered, 2);
        assert.equal(warnings.length, 1);
      } finally {
        process.emitWarning = emit;
      }
    });
  });

  describe("a mistake in the program costs only the record that meets it", () => {
    const fates = (): string[] =>
      bench.news
        .flatMap(({ delivered: done, failed }) => [
          ...done.map(({ key }) => `${key} delivered`),
          ...failed.map(({ key, outcome }) => `${key} ${outcome.key}: ${outcome.reason}`),
        ])
        .sort();
    const seven = ["a", "b", "c", "d", "e", "f", "g"];
    const others = seven.filter((key) => key !== "d").map((key) => `${key} delivered`);
    const isKept = (text: string): void => {
      const [guilty, ...rest] = fates().sort((one, other) => Number(/error/.test(other)) - Number(/error/.test(one)));
      assert.match(guilty ?? "", new RegExp(`^d unexpected_error: .*${text}`));
      assert.deepEqual(rest, others);
      assert.equal(bench.queue.count(), 0);
      assert.equal(bench.lane.state().inFlight, 0);
      assert.match(bench.reports.join(), /Node.*kept among the failed/);
    };

    it("in the destination", async () => {
      await set();
      const deliver = bench.destination.deliver.bind(bench.destination);
      bench.destination.deliver = (batch, signal) => {
        if (batch.some(({ key }) => key === "d")) throw new TypeError("body.command is undefined");
        return deliver(batch, signal);
      };
      await bench.accept(...seven.map((key) => `${key}:1`));
      await bench.pass(1_000);
      isKept("body.command is undefined");
    });

    it("in merging", async () => {
      await set();
      bench.destination.merge = (earlier, later) => {
        if (later.values[0] === "boom") throw new Error("merge");
        return ScriptedDestination.merge(earlier, later);
      };
      await bench.accept("d:1", "d:boom", "a:1", "a:2");
      await bench.pass(100);
      assert.equal(bench.lane.state().failed, 2);
      assert.deepEqual(bench.destination.sent, [["1", "2"]]);
    });

    it("in what is written with the outcome", async () => {
      await set({
        alongside: (news) => {
          for (const { delivered: done } of news)
            if (done.some(({ key }) => key === "d")) throw new Error("no publication");
          return { changes: [], written: () => undefined, failed: () => undefined };
        },
      });
      bench.destination.batchLimits = { records: 7, bytes: 10_000 };
      await bench.accept(...seven.map((key) => `${key}:1`));
      await bench.pass(1_000);
      isKept("no publication.*replay would deliver it again");
      await bench.accept("d:2", "x:1");
      await bench.pass(1_000);
      assert.equal(bench.lane.state().delivered, 7);
    });

    it("in the queue: it is told, and asked again", async () => {
      await set();
      const taking = bench.queue.lend.bind(bench.queue);
      bench.queue.lend = () => Promise.reject(new TypeError("record.key is undefined"));
      await bench.accept("a:1");
      await bench.pass(1_000);
      assert.match(bench.reports.join(), /record\.key is undefined/);
      bench.queue.lend = taking;
      await bench.pass(100_000);
      assert.equal(bench.lane.state().delivered, 1);
    });
  });

  describe("a destination that is down", () => {
    it("stops after three different calls, probes with one, and goes on by itself", async () => {
      await set();
      bench.destination.batchLimits = { records: 1, bytes: 1_000 };
      bench.destination.answer = () => down;
      await bench.accept(...Array.from({ length: 20 }, (_, n) => `k${n}:1`));
      await bench.pass(30);
      assert.equal(bench.destination.calls.length, 3);
      assert.equal(bench.lane.state().retryingUntil, Date.now() + 1_000);
      await bench.pass(10 * 60_000);
      // Probes at 1, 2, 4 ... 256, 300 s: one call each.
      assert.equal(bench.destination.calls.length, 3 + 9);
      bench.destination.answer = () => delivered;
      await bench.pass(10 * 60_000);
      assert.equal(bench.lane.state().delivered, 20);
      assert.equal(bench.lane.state().retryingUntil, undefined);
    });

    it("does not stop for one record that fails again and again", async () => {
      await set({ concurrency: 2 });
      bench.destination.answer = ({ key }) => (key === "poison" ? down : delivered);
      await bench.accept("poison:1");
      await bench.pass(60_000);
      await bench.accept("good:1");
      await bench.pass(10);
      assert.equal(bench.lane.state().delivered, 1);
    });
  });

  describe("wrong settings", () => {
    const wrongKeys = (): never => {
      throw new ConfigurationError("Voucherify refused the keys.");
    };

    it("pauses, keeps everything, and probes after 30 s, doubling to 5 minutes", async () => {
      await set({ concurrency: 4 });
      bench.destination.answer = wrongKeys;
      bench.destination.batchLimits = { records: 1, bytes: 1_000 };
      const start = Date.now();
      await bench.accept("a:1", "b:1", "c:1", "d:1", "e:1", "f:1");
      await bench.pass(10);
      const { paused, waiting } = bench.lane.state();
      assert.equal(waiting, 6);
      assert.deepEqual(paused, {
        reason: "Voucherify refused the keys.",
        since: start + 10,
        nextProbe: start + 30_010,
      });
      await bench.pass(48 * HOUR);
      const probes = bench.destination.calls.slice(4).map(({ at }) => at - start);
      assert.deepEqual(probes.slice(0, 6), [30_010, 90_020, 210_030, 450_040, 750_050, 1_050_060]);
      assert.equal(bench.news.length, 0);
      assert.equal(bench.lane.state().paused?.since, start + 10);
      bench.destination.answer = () => delivered;
      await bench.pass(310_000);
      assert.equal(bench.lane.state().delivered, 6);
      assert.equal(bench.lane.state().paused, undefined);
    });

    it("probes at once when it is woken, and goes on when the probe succeeds", async () => {
      await set();
      bench.destination.answer = wrongKeys;
      await bench.accept("a:1");
      await bench.pass(100);
      bench.lane.wake();
      await bench.pass(100);
      assert.equal(bench.destination.calls.length, 2);
      const corrected = new ScriptedDestination();
      bench.lane.setDestination(corrected);
      await bench.pass(100);
      assert.equal(corrected.calls.length, 1);
      assert.equal(bench.lane.state().paused, undefined);
      assert.equal(bench.lane.state().delivered, 1);
    });

    it("does not wait for a probe that began with the old settings", async () => {
      await set({ concurrency: 2 });
      bench.destination.answer = wrongKeys;
      bench.destination.latencyMs = 60_000;
      await bench.accept("a:1");
      await bench.pass(10);
      const corrected = new ScriptedDestination();
      bench.lane.setDestination(corrected);
      await bench.accept("b:1");
      await bench.pass(100);
      assert.equal(bench.lane.state().delivered, 1);
      await bench.pass(60_000);
      assert.equal(bench.lane.state().delivered, 2);
      assert.equal(bench.lane.state().paused, undefined);
    });

    it("may merge what was refused with what came later: it was not processed", async () => {
      await set();
      bench.destination.answer = wrongKeys;
      await bench.accept("a:1");
      await bench.pass(100);
      await bench.accept("a:2");
      bench.destination.answer = () => delivered;
      bench.lane.wake();
      await bench.pass(100);
      assert.deepEqual(bench.destination.sent, [["1"], ["1", "2"]]);
    });
  });

  describe("life", () => {
    it("keeps no timer when nothing waits", async () => {
      await set();
      await bench.accept("a:1");
      await bench.pass(1_000);
      assert.equal(bench.clock.countTimers(), 0);
      assert.equal(bench.states.length, 1);
    });

    it("tells a new state once for many changes", async () => {
      await set();
      for (let n = 0; n < 100; n++) await bench.accept(`k${n}:1`);
      await bench.pass(199);
      assert.equal(bench.states.length, 0);
      await bench.pass(1);
      assert.deepEqual(bench.states, [{ waiting: 0, inFlight: 0, delivered: 100, failed: 0 }]);
    });

    it("stops: what the destination gives up waits on untried, what comes is kept, and a start goes on", async () => {
      await set();
      bench.destination.latencyMs = 1e6;
      await bench.accept("a:1", "b:1");
      await bench.pass(10);
      await bench.lane.stop();
      assert.deepEqual([bench.queue.count(), bench.news.length], [2, 0]);
      await bench.accept("c:1");
      await bench.pass(HOUR);
      assert.equal(bench.destination.calls.length, 1);
      bench.destination.latencyMs = 10;
      bench.lane.start();
      await bench.pass(100);
      assert.deepEqual(bench.destination.sent.slice(1).flat(), ["1", "1", "1"]);
      assert.deepEqual(
        bench.news.flatMap((news) => news.delivered.map(({ key, attempts }) => `${key}${attempts}`)).sort(),
        ["a1", "b1", "c1"],
      );
    });

    it("stops when the calls in flight have ended, and keeps what became of them", async () => {
      await set({ concurrency: 2 });
      bench.destination.batchLimits = { records: 1, bytes: 1_000 };
      bench.destination.deliver = async function* ([record]): AsyncGenerator<Settlement[]> {
        await new Promise((resolve) => setTimeout(resolve, 2_000));
        yield [{ id: record!.id, outcome: delivered }];
      };
      await bench.accept("a:1", "b:1", "c:1");
      await bench.pass(10);
      let stopped = false;
      void bench.lane.stop().then(() => (stopped = true));
      await bench.pass(1_900);
      assert.equal(stopped, false);
      await bench.pass(200);
      assert.deepEqual([stopped, bench.queue.count(), bench.lane.state().delivered], [true, 1, 2]);
    });

    it("gives back what it was just taking when it stops", async () => {
      await set();
      const taking = bench.queue.lend.bind(bench.queue);
      let taken: () => void = () => undefined;
      bench.queue.lend = async (...limits) => {
        const records = await taking(...limits);
        await new Promise<void>((resolve) => (taken = resolve));
        return records;
      };
      await bench.accept("a:1");
      await bench.pass(10);
      const stopped = bench.lane.stop();
      taken();
      await stopped;
      await bench.pass(10);
      bench.queue.lend = taking;
      bench.lane.start();
      await bench.pass(100);
      assert.deepEqual([bench.lane.state().delivered, bench.destination.calls.length], [1, 1]);
    });

    it("accepts nothing more when it has ended", async () => {
      await set();
      await bench.lane.end();
      bench.lane.start();
      await assert.rejects(bench.accept("c:1"), /ended/);
    });

    it("tells only what the store has kept, however long the store fails", async () => {
      await set();
      await bench.accept("a:1");
      bench.disk.failWrites = Infinity;
      await bench.pass(60_000);
      assert.equal(bench.news.length, 0);
      bench.disk.failWrites = 0;
      await bench.pass(300_000);
      assert.equal(bench.news.length, 1);
      assert.equal(bench.destination.calls.length, 1);
    });
  });
});
