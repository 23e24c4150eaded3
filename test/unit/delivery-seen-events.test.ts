import assert from "node:assert/strict";
import FakeTimers from "@sinonjs/fake-timers";
import { StoreUnavailableError } from "../../src/store/durable-store";
import { Inbox } from "../../src/delivery/inbox/inbox";
import type { SeenEvents } from "../../src/store/seen-events";
import { MemoryDurableStore } from "../support/memory-durable-store";

const HOUR = 3_600_000;
const NOW = 1_700_000_000_000;

describe("delivery: what was seen before", () => {
  let disk: MemoryDurableStore;
  let seen: SeenEvents;
  beforeEach(() => {
    disk = new MemoryDurableStore();
    seen = disk.seen;
  });

  /** Looks and writes; returns the places that were new. */
  const take = async (keys: readonly (string | undefined)[], now = NOW): Promise<readonly number[]> => {
    const first = await seen.firstOf(keys, 48 * HOUR, now);
    await disk.write(first.changes);
    first.done();
    return first.fresh;
  };

  it("knows a key again, also after a restart, for as long as was asked", async () => {
    assert.deepEqual(await take(["r_1", "r_2"]), [0, 1]);
    assert.deepEqual(await take(["r_2", "r_3"]), [1]);
    seen = disk.crashedCopy().seen;
    assert.deepEqual(await take(["r_1"], NOW + 48 * HOUR - 1), []);
    assert.deepEqual(await take(["r_1"], NOW + 48 * HOUR), [0]);
  });

  it("takes the first of equal keys, and all that have none", async () => {
    assert.deepEqual(await take(["a", undefined, "a", undefined]), [0, 1, 3]);
    assert.deepEqual(await take([undefined]), [0]);
  });

  it("lets the second of two at one moment wait for the first", async () => {
    const first = await seen.firstOf(["a"], HOUR, NOW);
    let second: readonly number[] | undefined;
    const waiting = take(["a"]).then((fresh) => (second = fresh));
    const third = take(["a"]);
    await new Promise((resolve) => setImmediate(resolve));
    assert.equal(second, undefined);
    await disk.write(first.changes);
    first.done();
    await waiting;
    assert.deepEqual([second, await third], [[], []]);
  });

  it("gives a key to one of many when the first could not write", async () => {
    const first = await seen.firstOf(["a"], HOUR, NOW);
    const others = Promise.all([take(["a"]), take(["a"]), take(["a"])]);
    first.release();
    assert.deepEqual((await others).flat(), [0]);
  });

  it("forgets what is too old, and keeps what was seen again", async () => {
    await take(["old", "again"]);
    await take(["again"], NOW + 49 * HOUR);
    assert.equal(await seen.count(), 3);
    assert.equal(await seen.expire(NOW + 50 * HOUR), 2);
    assert.deepEqual([await seen.count(), disk.keys().length], [1, 2]);
    assert.deepEqual(await take(["again"], NOW + 51 * HOUR), []);
  });

  it("knows for 48 hours by the clock, and forgets then", async () => {
    const clock = FakeTimers.install({ now: NOW });
    try {
      await take(["a"], Date.now());
      clock.tick(48 * HOUR - 1);
      assert.equal(await seen.expire(Date.now()), 0);
      assert.deepEqual(await take(["a"], Date.now()), []);
      clock.tick(2);
      assert.equal(await seen.expire(Date.now()), 1);
      assert.deepEqual(disk.keys(), []);
    } finally {
      clock.uninstall();
    }
  });

  it("forgets nothing that is received again while it forgets", async () => {
    await take(["a"]);
    const later = NOW + 49 * HOUR;
    let again: Promise<readonly number[]> | undefined;
    const get = disk.engine.get.bind(disk.engine);
    disk.engine.get = async (keys) => {
      disk.engine.get = get;
      const values = await get(keys);
      again = take(["a"], later);
      // Time enough to be written, if nobody kept it waiting.
      for (let turn = 0; turn < 5; turn++) await new Promise((resolve) => setImmediate(resolve));
      return values;
    };
    await seen.expire(later);
    assert.deepEqual(await again, [0]);
    assert.deepEqual(await take(["a"], later + HOUR), []);
  });

  it("forgets more than one page", async () => {
    await take(Array.from({ length: 1_200 }, (_none, index) => String(index)));
    await take(["other"], NOW + HOUR);
    assert.equal(await seen.expire(NOW + 48 * HOUR + 1), 1_200);
    assert.equal(disk.keys().length, 2);
  });

  it("takes a large webhook at once", async () => {
    const keys = Array.from({ length: 30_000 }, (_none, index) => String(index % 20_000));
    assert.equal((await take(keys)).length, 20_000);
  });

  it("keeps keys of other nodes and blank ones apart", async () => {
    assert.deepEqual(await take(["node-1 7", "node-2 7", ""]), [0, 1, 2]);
    assert.deepEqual(await take(["", "node-2 7"]), []);
  });

  it("counts nothing as seen when the write of its message failed, and all when it resolved", async () => {
    const inbox = new Inbox(disk);
    const receive = async (): Promise<readonly number[]> => {
      const first = await seen.firstOf(["r_1"], 48 * HOUR, NOW);
      try {
        if (first.fresh.length > 0)
          await inbox.receive({ node: "in", receivedAt: NOW, message: { events: ["r_1"] } }, first.changes);
        first.done();
      } catch (error) {
        first.release();
        throw error;
      }
      return first.fresh;
    };
    disk.failWrites = 1;
    // The second one waits for the first, and takes its place.
    const [first, second] = await Promise.allSettled([receive(), receive()]);
    assert.equal(first.status, "rejected");
    assert.deepEqual(second, { status: "fulfilled", value: [0] });
    assert.equal(inbox.size, 1);
    assert.deepEqual(await Promise.all([receive(), receive()]), [[], []]);
    assert.equal(inbox.size, 1);

    // A process that dies has message and mark, or neither.
    const crashed = disk.crashedCopy();
    const next = new Inbox(crashed);
    await next.open();
    assert.equal(next.size, 1);
    assert.deepEqual((await crashed.seen.firstOf(["r_1"], HOUR, NOW)).fresh, []);
  });

  it("keeps no ID of a customer in clear text", async () => {
    await take(["jane@example.com-1"]);
    await disk.write([disk.cursors.moveTo("node", "jane@example.com", "evcus_1")]);
    assert.doesNotMatch(disk.keys().join(), /jane/);
  });

  it("says so when the store does not work, and holds nothing then", async () => {
    const get = disk.engine.get.bind(disk.engine);
    disk.engine.get = () => Promise.reject(new StoreUnavailableError("The test refuses this read."));
    await assert.rejects(seen.firstOf(["a"], HOUR, NOW), StoreUnavailableError);
    disk.engine.get = get;
    assert.deepEqual(await take(["a"]), [0]);
  });

  it("remembers how far a node has read, for each customer", async () => {
    const { cursors } = disk;
    assert.equal(await cursors.read("node", "jane"), undefined);
    await disk.write([cursors.moveTo("node", "jane", "evcus_7")]);
    assert.equal(await disk.crashedCopy().cursors.read("node", "jane"), "evcus_7");
    assert.equal(await cursors.read("node", "joe"), undefined);
    assert.equal(await cursors.read("other", "jane"), undefined);
  });
});
