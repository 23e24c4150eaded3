import assert from "node:assert/strict";
import type { LaneRecord } from "../../src/delivery/destination";
import { ConfigurationError, type Outcome } from "../../src/delivery/outcome";
import { type Body, delivered, LaneBench, retry } from "../support/lane-bench";
import type { MemoryDurableStore } from "../support/memory-durable-store";

const lost: Outcome = { status: "retry", reason: "No answer came.", lost: true };
const lostForGood: Outcome = { status: "failed", key: "unknown_outcome", reason: "Nobody knows.", unreachable: true };

describe("delivery: lost answers", () => {
  const benches: LaneBench[] = [];
  /** What each try was told about the answers that were lost before. */
  let told: (number | undefined)[];

  const live = async (answer: (record: LaneRecord<Body>) => Outcome, disk?: MemoryDurableStore) => {
    const bench = await LaneBench.start({}, disk);
    benches.push(bench);
    bench.destination.answer = (record) => {
      told.push(record.lostAnswers);
      return answer(record);
    };
    return bench;
  };
  beforeEach(() => (told = []));
  afterEach(async () => {
    for (const bench of benches.splice(0).reverse()) await bench.end();
  });
  /** The process dies here; what is on disk goes on in the next life. */
  const crash = async (answer: (record: LaneRecord<Body>) => Outcome) => {
    const bench = benches.pop()!;
    const disk = bench.disk.crashedCopy();
    await bench.end();
    return live(answer, disk);
  };
  const noting = (bench: LaneBench): LaneBench => {
    Object.assign(bench.destination, { notesSending: true, latencyMs: 1_000 });
    return bench;
  };

  it("are counted, apart from other tries, and the count survives a restart", async () => {
    let bench = await live(() => [retry, lost][told.length - 1] ?? { ...retry, retryAfterMs: 60_000 });
    await bench.accept("a:1");
    await bench.pass(10_000);
    bench = await crash(() => delivered);
    await bench.pass(120_000);
    assert.deepEqual(told, [undefined, undefined, 1, 1]);
    assert.equal(bench.lane.state().delivered, 1);
    assert.deepEqual(
      bench.disk.keys().filter((key) => key.includes("tried")),
      [],
    );
  });

  it("that failed for good close the gate as others do: a dead destination does not use up the queue", async () => {
    const bench = await live(() => lostForGood);
    bench.destination.batchLimits = { records: 1, bytes: 1_000 };
    await bench.accept(...Array.from({ length: 100 }, (_, n) => `k${n}:1`));
    await bench.pass(3_600_000);
    assert.ok(bench.destination.calls.length < 30, `${bench.destination.calls.length} calls in an hour`);
    bench.destination.answer = () => delivered;
    await bench.pass(400_000);
    assert.equal(bench.lane.state().waiting, 0);
  });

  describe("where a repetition does harm", () => {
    it("a crash in the middle of a call counts as one", async () => {
      let bench = noting(await live(() => delivered));
      await bench.accept("a:1", "b:1");
      await bench.pass(500);
      bench = await crash(() => delivered);
      await bench.pass(100);
      assert.deepEqual(told, [1, 1]);
    });

    it("nothing is left to read of a call that ended", async () => {
      let bench = noting(await live(({ key }) => (key === "b" ? { ...retry, retryAfterMs: 5_000 } : delivered)));
      await bench.accept("a:1", "b:1");
      await bench.pass(1_100);
      bench = await crash(() => delivered);
      await bench.pass(60_000);
      assert.deepEqual(told, [undefined, undefined, undefined]);
    });

    it("a call that never began counts nothing, whether it was the first try or a later one", async () => {
      let wrong = false;
      const answer = (): Outcome => {
        if (wrong) throw new ConfigurationError("Wrong keys.");
        return told.length === 1 ? lost : delivered;
      };
      let bench = noting(await live(answer));
      await bench.accept("a:1");
      await bench.pass(1_100);
      wrong = true;
      await bench.accept("b:1");
      await bench.pass(10_000);
      bench = await crash(() => delivered);
      told = [];
      await bench.pass(20_000);
      assert.deepEqual(told.sort(), [1, undefined]);
    });

    it("stopping in the middle takes back what was noted of records that were not sent", async () => {
      let bench = noting(await live(() => delivered));
      await bench.accept("a:1");
      await bench.pass(500);
      const stopped = bench.lane.stop();
      await bench.pass(0);
      await stopped;
      bench = await crash(() => delivered);
      await bench.pass(100);
      assert.deepEqual(told, [undefined]);
    });

    it("a customer that is erased meanwhile leaves nothing behind", async () => {
      const bench = noting(await live(() => retry));
      await bench.accept("a:1");
      await bench.pass(500);
      await bench.queue.erase("a");
      await bench.pass(1_000);
      assert.deepEqual(
        bench.disk.keys().filter((key) => !key.includes("lanes")),
        [],
      );
    });
  });
});
