import assert from "node:assert/strict";
import FakeTimers, { type Clock } from "@sinonjs/fake-timers";
import type { DeadLetter } from "../../src/store/dead-letters";
import { Delivery } from "../../src/delivery/delivery";
import { CircuitBreaker } from "../../src/delivery/outbox/circuit-breaker";
import { LaneQueue } from "../../src/delivery/queue/lane-queue";
import { DEFAULT_RETRY } from "../../src/delivery/retry-policy";
import { delivered, down, LaneBench, retry } from "../support/lane-bench";
import { MemoryDurableStore } from "../support/memory-durable-store";

const MINUTE = 60_000;
const DAY = 86_400_000;
const NOW = 1_700_000_000_000;

describe("delivery: what is forgotten, and when", () => {
  let clock: Clock;
  let disk: MemoryDurableStore;
  let delivery: Delivery;
  beforeEach(() => {
    clock = FakeTimers.install({ now: NOW });
    disk = new MemoryDurableStore();
  });
  afterEach(async () => {
    await delivery.stop();
    clock.uninstall();
  });

  async function start(): Promise<void> {
    delivery = new Delivery(disk);
    await delivery.ready;
    await clock.tickAsync(0);
  }
  const bury = (customer: string): Promise<void> =>
    delivery.bury({
      node: "node",
      customer,
      body: {},
      reason: "Refused.",
      reasonKey: "refused",
      attempts: 1,
      acceptedAt: Date.now(),
      failedAt: Date.now(),
      messageId: "m",
      index: 0,
      envelope: {},
    });
  const buried = async (): Promise<string[]> =>
    (await delivery.deadLetters.list({ limit: 10 })).letters.map(({ customer }: DeadLetter) => customer);
  const see = async (key: string): Promise<void> => {
    const first = await delivery.seen.firstOf([key], 2 * DAY, Date.now());
    await delivery.write(first.changes);
    first.done();
  };

  it("failed records after 30 days and seen events after their time, at a start", async () => {
    await start();
    await bury("old");
    await see("old");
    await clock.tickAsync(DAY);
    await see("young");
    await bury("young");
    await delivery.stop();
    await clock.tickAsync(2 * DAY - DAY / 2);
    await start();
    assert.deepEqual([await buried(), await delivery.seen.count()], [["old", "young"], 1]);
    await delivery.stop();
    await clock.tickAsync(28 * DAY);
    await start();
    assert.deepEqual([await buried(), await delivery.seen.count()], [["young"], 0]);
  });

  it("the same while it runs, within the hour", async () => {
    await start();
    await bury("old");
    await see("old");
    await clock.tickAsync(2 * DAY - 1);
    assert.deepEqual([await buried(), await delivery.seen.count()], [["old"], 1]);
    await clock.tickAsync(61 * MINUTE);
    assert.deepEqual([await buried(), await delivery.seen.count()], [["old"], 0]);
    await clock.tickAsync(28 * DAY);
    assert.deepEqual(await buried(), []);
  });

  it("received messages after 10 minutes in which flows ran, and not while they are stopped", async () => {
    await start();
    await delivery.flowsStarted();
    await delivery.inbox.receive({ node: "in", receivedAt: Date.now(), message: {} });
    await clock.tickAsync(9 * MINUTE);
    delivery.flowsStopping();
    await clock.tickAsync(60 * MINUTE);
    assert.equal(delivery.inbox.size, 1);
    await delivery.flowsStarted();
    await clock.tickAsync(MINUTE / 2);
    assert.equal(delivery.inbox.size, 1);
    await clock.tickAsync(MINUTE);
    assert.equal(delivery.inbox.size, 0);
  });
});

describe("delivery: a clock that steps back", () => {
  const owner = { node: "node", name: "Node", type: "test" };

  it("lets no record wait longer than its pause, at the next start or at once", async () => {
    const bench = await LaneBench.start({ random: () => 1 }, undefined, NOW + 3 * DAY);
    bench.destination.answer = () => retry;
    await bench.accept("a:1");
    await bench.pass(100);
    const crashed = bench.disk.crashedCopy();
    bench.clock.setSystemTime(NOW);
    bench.destination.answer = () => delivered;
    await bench.pass(3_000);
    assert.equal(bench.lane.state().delivered, 1, "while it runs");
    await bench.end();

    const next = await LaneBench.start({}, crashed, NOW);
    await next.pass(3_000);
    assert.equal(next.lane.state().delivered, 1, "after a restart");
    await next.end();
  });

  it("keeps a longer pause that the destination asked for, and no longer one", async () => {
    const bench = await LaneBench.start({ random: () => 0 }, undefined, NOW + 3 * DAY);
    bench.destination.answer = () => ({ ...retry, retryAfterMs: 50 * MINUTE });
    await bench.accept("a:1");
    await bench.pass(100);
    const crashed = bench.disk.crashedCopy();
    await bench.end();
    const next = await LaneBench.start({}, crashed, NOW);
    await next.pass(49 * MINUTE);
    assert.equal(next.destination.calls.length, 0);
    await next.pass(2 * MINUTE);
    assert.equal(next.lane.state().delivered, 1);
    await next.end();
  });

  it("of a queue from release 0.1.0, which wrote no pause: 5 minutes", async () => {
    const disk = new MemoryDurableStore();
    const store = await LaneQueue.open(disk, owner);
    await store.append({ id: "m", envelope: {} }, [{ key: "a", body: { values: ["1"] } }], NOW);
    const records = await store.lend({ records: 1, bytes: 100, together: true }, NOW);
    await store.conclude({ settled: [], postponed: [{ records, triedAt: NOW, dueAt: NOW + 3 * DAY }], unsent: [] });
    const next = await LaneBench.start({}, disk.crashedCopy(), NOW);
    await next.pass(5 * MINUTE + 1_000);
    assert.equal(next.lane.state().delivered, 1);
    await next.end();
  });

  it("lets no batch wait any longer that fills", async () => {
    const bench = await LaneBench.start({}, undefined, NOW + 3 * DAY);
    Object.assign(bench.destination, { fillMs: 1_000 });
    await bench.accept("a:1");
    bench.clock.setSystemTime(NOW);
    await bench.pass(2_500);
    assert.equal(bench.lane.state().delivered, 1);
    await bench.end();
  });

  it("lets no probe of a destination wait that was down", async () => {
    const bench = await LaneBench.start({ random: () => 1 }, undefined, NOW + 3 * DAY);
    bench.destination.batchLimits = { records: 1, bytes: 1_000 };
    bench.destination.answer = () => down;
    await bench.accept("a:1", "b:1", "c:1");
    await bench.pass(100);
    bench.clock.setSystemTime(NOW);
    bench.destination.answer = () => delivered;
    await bench.pass(MINUTE);
    assert.equal(bench.lane.state().delivered, 3);
    await bench.end();
    const gate = new CircuitBreaker(DEFAULT_RETRY, () => 1);
    gate.refused(gate.enter(), "Wrong keys.", NOW);
    assert.deepEqual(
      [gate.allowsCall(NOW + 1), gate.allowsCall(NOW + 30_000), gate.allowsCall(NOW - DAY)],
      [false, true, true],
    );
  });
});
