import assert from "node:assert/strict";
import { Cursors } from "../../src/delivery/cursors";
import { StoreUnavailableError } from "../../src/delivery/durable-store";
import { SeenEvents } from "../../src/delivery/seen-events";
import { MemoryDurableStore } from "../support/memory-durable-store";

const HOUR = 3_600_000;
const NOW = 1_700_000_000_000;

describe("delivery: what was seen before", () => {
  let disk: MemoryDurableStore;
  let seen: SeenEvents;
  beforeEach(() => {
    disk = new MemoryDurableStore();
    seen = new SeenEvents(disk);
  });

  /** Claims and writes; returns the places that were new. */
  const take = async (keys: readonly (string | undefined)[], now = NOW): Promise<readonly number[]> => {
    const claim = await seen.claim(keys, 48 * HOUR, now);
    await disk.write(claim.operations);
    claim.done();
    return claim.fresh;
  };

  it("knows a key again, also after a restart, for as long as was asked", async () => {
    assert.deepEqual(await take(["r_1", "r_2"]), [0, 1]);
    assert.deepEqual(await take(["r_2", "r_3"]), [1]);
    seen = new SeenEvents(disk.crashedCopy());
    assert.deepEqual(await take(["r_1"], NOW + 48 * HOUR - 1), []);
    assert.deepEqual(await take(["r_1"], NOW + 48 * HOUR), [0]);
  });

  it("takes the first of equal keys, and all that have none", async () => {
    assert.deepEqual(await take(["a", undefined, "a", undefined]), [0, 1, 3]);
    assert.deepEqual(await take([undefined]), [0]);
  });

  it("lets the second of two at one moment wait for the first", async () => {
    const first = await seen.claim(["a"], HOUR, NOW);
    let second: readonly number[] | undefined;
    const waiting = take(["a"]).then((fresh) => (second = fresh));
    const third = take(["a"]);
    await new Promise((resolve) => setImmediate(resolve));
    assert.equal(second, undefined);
    await disk.write(first.operations);
    first.done();
    await waiting;
    assert.deepEqual([second, await third], [[], []]);
  });

  it("gives a key to one of many when the first could not write", async () => {
    const first = await seen.claim(["a"], HOUR, NOW);
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

  it("keeps no ID of a customer in clear text", async () => {
    await take(["jane@example.com-1"]);
    await disk.write([new Cursors(disk).moveTo("node", "jane@example.com", "evcus_1")]);
    assert.doesNotMatch(disk.keys().join(), /jane/);
  });

  it("says so when the store does not work, and holds no claim then", async () => {
    const { get } = disk;
    disk.get = () => Promise.reject(new StoreUnavailableError("The test refuses this read."));
    await assert.rejects(seen.claim(["a"], HOUR, NOW), StoreUnavailableError);
    disk.get = get;
    assert.deepEqual(await take(["a"]), [0]);
  });

  it("remembers how far a node has read, for each customer", async () => {
    const cursors = new Cursors(disk);
    assert.equal(await cursors.read("node", "jane"), undefined);
    await disk.write([cursors.moveTo("node", "jane", "evcus_7")]);
    assert.equal(await new Cursors(disk.crashedCopy()).read("node", "jane"), "evcus_7");
    assert.equal(await cursors.read("node", "joe"), undefined);
    assert.equal(await cursors.read("other", "jane"), undefined);
  });
});
