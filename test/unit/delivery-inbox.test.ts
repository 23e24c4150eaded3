import assert from "node:assert/strict";
import FakeTimers, { type Clock } from "@sinonjs/fake-timers";
import { type DurableStore, StoreUnavailableError } from "../../src/store/durable-store";
import { Inbox, type InboxOptions } from "../../src/delivery/inbox/inbox";
import type { InboxEntry } from "../../src/store/inbox-store";
import type { IncomingRecord } from "../../src/store/take-mark";
import { operationsOf } from "../../src/store/key-value/changes";
import { MemoryDurableStore, put } from "../support/memory-durable-store";

const RECORDS = ["a", "b", "c"];

/** Records of a list, as they reach a delivery node. */
const incoming = (texts: readonly string[]): IncomingRecord[] =>
  texts.map((text, index) => ({ text, place: String(index), isPart: false }));

/** One take and its write, as a delivery node makes them; returns the places of the fresh records. */
async function take(
  inbox: Inbox,
  store: DurableStore,
  receipts: string | string[],
  { node = "upsert", records = RECORDS }: { node?: string; records?: readonly string[] } = {},
): Promise<readonly number[]> {
  const taking = await inbox.take([receipts].flat(), node, incoming(records));
  try {
    if (taking.changes.length > 0) await store.write(taking.changes);
  } catch (error) {
    taking.release();
    throw error;
  }
  taking.done();
  return taking.fresh;
}

const webhook = (requestId = "request-1"): Omit<InboxEntry, "receipt"> => ({
  node: "in",
  receivedAt: Date.now(),
  requestId,
  message: { records: RECORDS },
});

describe("inbox", () => {
  let clock: Clock;
  let store: MemoryDurableStore;
  let inbox: Inbox;

  beforeEach(async () => {
    clock = FakeTimers.install({ now: 1_700_000_000_000 });
    store = new MemoryDurableStore();
    inbox = await open(store);
    inbox.running(true);
  });
  afterEach(() => {
    inbox.close();
    clock.uninstall();
  });

  async function open(on: DurableStore, options?: InboxOptions): Promise<Inbox> {
    const opened = new Inbox(on, options);
    await opened.open();
    return opened;
  }

  /** The process dies, and another one starts and runs its flows; nothing is emitted yet. */
  async function restart(options?: InboxOptions): Promise<void> {
    inbox.close();
    store = store.crashedCopy();
    inbox = await open(store, options);
    inbox.running(true);
  }

  /** Replays to the end; returns what was emitted. */
  async function replayAll(): Promise<InboxEntry[]> {
    const emitted: InboxEntry[] = [];
    await inbox.replay((entry) => emitted.push(entry) > 0);
    return emitted;
  }

  describe("receiving", () => {
    it("keeps an entry in one write, and the next life has it", async () => {
      const receipt = await inbox.receive(webhook());
      assert.equal(store.writes, 1);
      assert.equal(inbox.size, 1);
      await restart();
      assert.equal(inbox.size, 1);
      assert.deepEqual(await replayAll(), [{ receipt, ...webhook() }]);
    });

    it("writes in the same moment what must be remembered with it, or nothing", async () => {
      store.failWrites = 1;
      const also = [put("seen/x", 1)];
      await assert.rejects(inbox.receive(webhook(), also), StoreUnavailableError);
      assert.deepEqual(store.keys(), []);
      await inbox.receive(webhook(), also);
      assert.equal(store.writes, 2);
      assert.equal(store.crashedCopy().keys().includes("seen/x"), true);
    });

    it("keeps nothing when the store does not work", async () => {
      store.failWrites = 1;
      await assert.rejects(inbox.receive(webhook()), StoreUnavailableError);
      assert.equal(inbox.size, 0);
      assert.deepEqual(store.keys(), []);
    });

    it("gives receipts that sort by arrival, also when the clock steps back and after a restart", async () => {
      const receipts: string[] = [];
      for (let count = 0; count < 20; count++) receipts.push(await inbox.receive(webhook()));
      clock.setSystemTime(1_600_000_000_000);
      for (let count = 0; count < 20; count++) receipts.push(await inbox.receive(webhook()));
      await restart();
      for (let count = 0; count < 20; count++) receipts.push(await inbox.receive(webhook()));
      assert.deepEqual(receipts, [...receipts].sort());
      assert.equal(new Set(receipts).size, 60);
    });

    it("gives other receipts in another life, also when nothing was left and the clock stands", async () => {
      const first = await open(new MemoryDurableStore());
      const second = await open(new MemoryDurableStore());
      assert.notEqual(await first.receive(webhook()), await second.receive(webhook()));
    });

    it("keeps an output in somebody else's write, from the moment when that has resolved", async () => {
      const { receipt, changes, kept } = inbox.prepare({ node: "upsert", receivedAt: 5, message: { payload: [] } });
      assert.equal(inbox.size, 0);
      await store.write([put("lane/x", 1), ...changes]);
      assert.equal(inbox.size, 0);
      kept();
      assert.equal(inbox.size, 1);
      assert.deepEqual(await replayAll(), [{ receipt, node: "upsert", receivedAt: 5, message: { payload: [] } }]);
    });
  });

  describe("taking", () => {
    it("gives each record of a receipt once to each node", async () => {
      const receipt = await inbox.receive(webhook());
      assert.deepEqual(await take(inbox, store, receipt), [0, 1, 2]);
      assert.deepEqual(await take(inbox, store, receipt), []);
      assert.deepEqual(await take(inbox, store, receipt, { node: "other" }), [0, 1, 2]);
      assert.deepEqual(await take(inbox, store, receipt, { records: ["d", "a", "e"] }), [0, 2]);
      assert.deepEqual(await take(inbox, store, receipt, { records: ["e", "d", "f"] }), [2]);
    });

    it("knows after a crash what was taken, also in parts and by strangely named nodes", async () => {
      const receipt = await inbox.receive(webhook());
      for (const node of ["upsert", "a/b %ü"])
        for (const record of ["a", "b"]) await take(inbox, store, receipt, { node, records: [record] });
      for (const life of [1, 2]) {
        await restart();
        for (const node of ["upsert", "a/b %ü"])
          assert.deepEqual(await take(inbox, store, receipt, { node, records: ["a", "b", `new ${life}`] }), [2]);
      }
      await restart();
      assert.deepEqual(await take(inbox, store, receipt, { records: ["new 1", "new 2", "a", "b"] }), []);
    });

    it("takes equal records of one message together, and equal ones of a later message not again", async () => {
      const receipt = await inbox.receive(webhook());
      assert.deepEqual(await take(inbox, store, receipt, { records: ["a", "a"] }), [0, 1]);
      assert.deepEqual(await take(inbox, store, receipt, { records: ["a", "a"] }), []);
    });

    it("counts nothing when the write failed", async () => {
      const receipt = await inbox.receive(webhook());
      store.failWrites = 1;
      await assert.rejects(take(inbox, store, receipt));
      assert.deepEqual(await take(inbox, store, receipt), [0, 1, 2]);
    });

    it("does not give a record to two takes at once, and gives it back when the first one fails", async () => {
      const receipt = await inbox.receive(webhook());
      const first = await inbox.take([receipt], "upsert", incoming(["a", "b"]));
      const second = await inbox.take([receipt], "upsert", incoming(["b", "c"]));
      assert.deepEqual([first.fresh, second.fresh], [[0, 1], [1]]);
      const keys = operationsOf([...first.changes, ...second.changes]).map(({ key }) => key);
      assert.equal(new Set(keys).size, 2);
      first.release();
      assert.deepEqual((await inbox.take([receipt], "upsert", incoming(["a", "b", "c"]))).fresh, [0, 1]);
    });

    it("finds everything fresh of what it has forgotten, and marks nothing", async () => {
      const taking = await inbox.take(["unknown"], "upsert", incoming(RECORDS));
      assert.deepEqual(taking.fresh, [0, 1, 2]);
      assert.deepEqual(taking.changes, []);
      taking.done();
      assert.equal(inbox.size, 0);
    });

    it("after a join, marks under every receipt, and takes what has no mark under any", async () => {
      const [one, two] = [await inbox.receive(webhook()), await inbox.receive(webhook())];
      await take(inbox, store, one, { records: ["a"] });
      assert.deepEqual(await take(inbox, store, [one, two, "unknown", one], { records: ["a", "b", "c"] }), [1, 2]);
      await restart();
      assert.deepEqual(await take(inbox, store, one, { records: ["a", "b"] }), []);
      assert.deepEqual(await take(inbox, store, two, { records: ["b", "c", "d"] }), [2]);
    });
  });

  describe("forgetting", () => {
    it("forgets an entry 10 s after its last take, whichever node made it, with all its marks", async () => {
      const receipt = await inbox.receive(webhook());
      await take(inbox, store, receipt);
      await clock.tickAsync(9_000);
      await take(inbox, store, receipt, { node: "other" });
      await clock.tickAsync(9_999);
      assert.equal(inbox.size, 1);
      assert.equal(store.keys().length, 4);
      await clock.tickAsync(1);
      assert.equal(inbox.size, 0);
      assert.deepEqual(store.keys(), []);
    });

    it("gives an entry up after 10 minutes without a take", async () => {
      await inbox.receive(webhook());
      await clock.tickAsync(599_999);
      assert.equal(inbox.size, 1);
      await clock.tickAsync(1);
      assert.deepEqual([inbox.size, store.keys().length], [0, 0]);
    });

    it("lets its clocks stand while flows do not run", async () => {
      const receipt = await inbox.receive(webhook());
      await clock.tickAsync(590_000);
      inbox.running(false);
      await clock.tickAsync(3_600_000);
      inbox.running(true);
      await clock.tickAsync(9_999);
      assert.equal(inbox.size, 1);
      await take(inbox, store, receipt);
      inbox.running(false);
      await clock.tickAsync(3_600_000);
      assert.equal(inbox.size, 1);
      inbox.running(true);
      await clock.tickAsync(10_000);
      assert.equal(inbox.size, 0);
    });

    it("does not listen to a machine whose time is set", async () => {
      await inbox.receive(webhook());
      clock.setSystemTime(clock.now + 86_400_000);
      await clock.tickAsync(599_999);
      assert.equal(inbox.size, 1);
    });

    it("counts a message of which everything was taken before as a take", async () => {
      const receipt = await inbox.receive(webhook());
      await take(inbox, store, receipt);
      await restart();
      await replayAll();
      await clock.tickAsync(30_000);
      assert.equal(inbox.size, 1, "what was emitted again must still be known when it arrives");
      assert.deepEqual(await take(inbox, store, receipt), []);
      await clock.tickAsync(10_000);
      assert.equal(inbox.size, 0);
    });

    it("keeps an entry while a take is being written", async () => {
      const receipt = await inbox.receive(webhook());
      await take(inbox, store, receipt, { records: ["a"] });
      const taking = await inbox.take([receipt], "upsert", incoming(["b"]));
      await clock.tickAsync(30_000);
      assert.equal(inbox.size, 1);
      await store.write(taking.changes);
      taking.done();
      await clock.tickAsync(10_000);
      assert.deepEqual(store.keys(), []);
    });

    it("deletes the marks of a take that came while the entry was being forgotten", async () => {
      const receipt = await inbox.receive(webhook());
      await take(inbox, store, receipt, { records: ["a"] });
      let late: Promise<readonly number[]> | undefined;
      const { engine } = store;
      const write = engine.write.bind(engine);
      engine.write = (operations) => {
        const written = write(operations);
        engine.write = write;
        late = take(inbox, store, receipt, { records: ["a", "b"] });
        return written;
      };
      await clock.tickAsync(10_000);
      assert.deepEqual(await late, [1]);
      assert.equal(inbox.size, 0);
      assert.equal(store.keys().length, 1);
      await clock.tickAsync(10_000);
      assert.deepEqual(store.keys(), []);
      assert.equal(clock.countTimers(), 0);
    });

    it("deletes many entries in one write", async () => {
      for (let count = 0; count < 100; count++) await inbox.receive(webhook());
      const { writes } = store;
      await clock.tickAsync(600_000);
      assert.equal(inbox.size, 0);
      assert.equal(store.writes, writes + 1);
    });

    it("tries again when it could not forget", async () => {
      const receipt = await inbox.receive(webhook());
      await take(inbox, store, receipt);
      store.failWrites = 2;
      await clock.tickAsync(10_000);
      assert.equal(inbox.size, 1);
      assert.deepEqual(await take(inbox, store, receipt), []);
      await clock.tickAsync(10_000);
      assert.equal(inbox.size, 1);
      await clock.tickAsync(1_000);
      assert.deepEqual([inbox.size, store.keys().length], [0, 0]);
    });

    it("keeps no timer when it is idle or stopped, and never one per entry", async () => {
      assert.equal(clock.countTimers(), 0);
      for (let count = 0; count < 10; count++) await take(inbox, store, await inbox.receive(webhook()));
      assert.equal(clock.countTimers(), 1);
      await clock.tickAsync(10_000);
      assert.equal(clock.countTimers(), 0);
      await inbox.receive(webhook());
      inbox.close();
      assert.equal(clock.countTimers(), 0);
    });

    it("deletes marks whose entry is gone when it opens", async () => {
      const receipt = await inbox.receive(webhook());
      await take(inbox, store, receipt);
      const taken = store.keys().filter((key) => key.startsWith("taken/"));
      assert.equal(taken.length, 1);
      const others = store.keys().filter((key) => !key.startsWith("taken/"));
      await store.lose(others);
      await restart();
      assert.deepEqual(store.keys(), []);
    });
  });

  describe("replaying", () => {
    it("emits in order of receipt what was there, taken or not, and no later entry", async () => {
      const receipts = [await inbox.receive(webhook("1")), await inbox.receive(webhook("2"))];
      await take(inbox, store, receipts[0]!);
      await restart();
      const emitted: string[] = [];
      let added: Promise<string> | undefined;
      await inbox.replay(({ receipt }) => {
        added ??= inbox.receive(webhook("3"));
        return emitted.push(receipt) > 0;
      });
      await added;
      assert.deepEqual(emitted, receipts);
      assert.equal(inbox.size, 3);
    });

    it("has at most so many under way: the next follows a take", async () => {
      for (let count = 0; count < 120; count++) await inbox.receive(webhook(String(count)));
      await restart();
      const emitted: string[] = [];
      const replayed = inbox.replay(({ receipt }) => emitted.push(receipt) > 0);
      await clock.tickAsync(99);
      assert.equal(emitted.length, 50);
      for (const receipt of emitted.slice(0, 7)) await take(inbox, store, receipt);
      await clock.tickAsync(0);
      assert.equal(emitted.length, 57);
      for (let at = 7; at < 120; at++) {
        await take(inbox, store, emitted[at]!);
        await clock.tickAsync(0);
      }
      await replayed;
      assert.equal(new Set(emitted).size, 120);
    });

    it("does not wait for ever for what the flow drops", async () => {
      for (let count = 0; count < 5; count++) await inbox.receive(webhook());
      await restart({ replayAtOnce: 2 });
      const emitted: string[] = [];
      const replayed = inbox.replay(({ receipt }) => emitted.push(receipt) > 0);
      await clock.tickAsync(99);
      assert.equal(emitted.length, 2);
      await clock.tickAsync(1);
      assert.equal(emitted.length, 4);
      await clock.tickAsync(100);
      await replayed;
      assert.equal(emitted.length, 5);
    });

    it("forgets nothing that it has still to emit", async () => {
      const receipts: string[] = [];
      for (let count = 0; count < 5; count++) receipts.push(await inbox.receive(webhook()));
      for (const receipt of receipts) await take(inbox, store, receipt);
      await restart({ replayAtOnce: 1, forgetUntakenAfterMs: 15_000 });
      const emitted: string[] = [];
      const replayed = inbox.replay(({ receipt }) => emitted.push(receipt) > 0);
      await clock.tickAsync(60_000);
      await replayed;
      assert.deepEqual(emitted, receipts);
      await clock.tickAsync(15_000);
      assert.equal(inbox.size, 0);
    });

    it("keeps what no node emits, for as long as its clock runs", async () => {
      await inbox.receive(webhook());
      await restart({ replayAtOnce: 1 });
      await inbox.receive(webhook());
      await inbox.replay(() => false);
      await clock.tickAsync(599_000);
      assert.equal(inbox.size, 2);
      await clock.tickAsync(1_000);
      assert.equal(inbox.size, 0);
    });

    for (const [name, end] of Object.entries({
      "at the next call": (): void => void inbox.replay(() => false),
      "when flows stop": (): void => inbox.running(false),
    }))
      it(`ends ${name}`, async () => {
        for (let count = 0; count < 3; count++) await inbox.receive(webhook());
        await restart({ replayAtOnce: 1 });
        const emitted: string[] = [];
        const replayed = inbox.replay(({ receipt }) => emitted.push(receipt) > 0);
        await clock.tickAsync(1);
        end();
        await replayed;
        assert.equal(emitted.length, 1);
      });

    it("lets nothing that comes meanwhile overtake what it still has to emit", async () => {
      const old: string[] = [];
      for (let count = 0; count < 3; count++) old.push(await inbox.receive(webhook()));
      await restart({ replayAtOnce: 1 });
      const early = await inbox.receive(webhook());
      assert.equal(inbox.mayEmit(early), false, "the replay has not begun");
      const emitted: [string, boolean][] = [];
      const replayed = inbox.replay(({ receipt }, isReplayed) => emitted.push([receipt, isReplayed]) > 0);
      await clock.tickAsync(1);
      const late = await inbox.receive(webhook());
      assert.equal(inbox.mayEmit(late), false);
      await clock.tickAsync(400);
      await replayed;
      const again = old.map((receipt): [string, boolean] => [receipt, true]);
      assert.deepEqual(emitted, [...again, [early, false], [late, false]]);
      const next = await inbox.receive(webhook());
      assert.equal(inbox.mayEmit(next), true);
      inbox.running(false);
      assert.equal(inbox.mayEmit(await inbox.receive(webhook())), false, "flows are stopped");
      inbox.running(true);
      const last: boolean[] = [];
      const repeated = inbox.replay((_entry, isReplayed) => last.push(isReplayed) > 0);
      await clock.tickAsync(1_000);
      await repeated;
      assert.deepEqual(last, [true, true, true, true, true, true, false]);
    });

    it("does not count what was emitted before the last deploy", async () => {
      await restart({ replayAtOnce: 1 });
      await inbox.receive(webhook());
      await replayAll();
      inbox.running(false);
      inbox.running(true);
      assert.equal((await replayAll()).length, 1);
    });

    it("waits for a store that does not work", async () => {
      await inbox.receive(webhook());
      const get = store.engine.get.bind(store.engine);
      store.engine.get = () => Promise.reject(new StoreUnavailableError("Not now."));
      const emitted: InboxEntry[] = [];
      const replayed = inbox.replay((entry) => emitted.push(entry) > 0);
      await clock.tickAsync(10_000);
      assert.equal(emitted.length, 0);
      store.engine.get = get;
      await clock.tickAsync(500);
      await replayed;
      assert.equal(emitted.length, 1);
    });
  });

  it("reads in pages what the last life left", async () => {
    for (let count = 0; count < 1_100; count++) {
      const receipt = await inbox.receive(webhook(String(count)));
      if (count < 600) await take(inbox, store, receipt);
    }
    let most = 0;
    store = store.crashedCopy();
    const read = store.engine.read.bind(store.engine);
    store.engine.read = async (range) => {
      const page = await read(range);
      most = Math.max(most, page.length);
      return page;
    };
    inbox = await open(store);
    assert.equal(inbox.size, 1_100);
    assert.ok(most <= 500);
    assert.deepEqual((await inbox.find("599"))?.takenBy, ["upsert"]);
    assert.deepEqual((await inbox.find("600"))?.takenBy, []);
  });

  it("finds a webhook by its id, and who took from it", async () => {
    const receipt = await inbox.receive(webhook("request-7"));
    const taking = await inbox.take([receipt], "upsert", incoming(RECORDS));
    const found = { receipt, node: "in", receivedAt: Date.now(), requestId: "request-7" };
    assert.deepEqual(await inbox.find("request-7"), { ...found, takenBy: [] });
    await store.write(taking.changes);
    taking.done();
    assert.deepEqual(await inbox.find("request-7"), { ...found, takenBy: ["upsert"] });
    assert.equal(await inbox.find("request-8"), undefined);
  });

  it("rewrites and forgets messages, and knows what was taken all the same", async () => {
    const receipts: string[] = [];
    for (let count = 0; count < 45; count++) receipts.push(await inbox.receive(webhook(String(count))));
    await inbox.receive({ ...webhook(), message: { records: ["c"] } });
    const gone = await inbox.receive({ ...webhook(), message: { records: ["gone"] } });
    await take(inbox, store, receipts[0]!);
    await take(inbox, store, gone);
    const changed = await inbox.rewrite((message) => {
      const records = message.records as string[];
      if (records.includes("gone")) return undefined;
      return records.includes("b") ? { records: records.filter((record) => record !== "b") } : message;
    });
    assert.deepEqual([changed, inbox.size], [46, 46]);
    assert.ok(!store.keys().some((key) => key.includes(gone)));
    await restart();
    const texts = (await replayAll()).map(({ message }) => JSON.stringify(message));
    assert.deepEqual(texts, [...Array<string>(45).fill('{"records":["a","c"]}'), '{"records":["c"]}']);
    assert.deepEqual(await take(inbox, store, receipts[0]!), []);
  });

  it("does not bring a message back that is forgotten while messages are rewritten", async () => {
    await inbox.receive(webhook());
    await clock.tickAsync(599_999);
    const read = store.engine.read.bind(store.engine);
    store.engine.read = async (range) => {
      const page = await read(range);
      await clock.tickAsync(1);
      return page;
    };
    await inbox.rewrite(() => ({ records: [] }));
    await clock.tickAsync(1_000);
    assert.deepEqual([inbox.size, store.keys()], [0, []]);
  });
});
