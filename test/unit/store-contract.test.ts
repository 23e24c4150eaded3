import assert from "node:assert/strict";
import fc from "fast-check";
import type { NewLetter } from "../../src/store/dead-letters";
import { type DurableStore, StoreUnavailableError } from "../../src/store/durable-store";
import type { InboxEntry } from "../../src/store/inbox-store";
import type { KeptRecord } from "../../src/store/kept-record";
import type { LaneWork } from "../../src/store/lane-work";
import type { OpenedLane } from "../../src/store/lanes";
import { KeyValueStore } from "../../src/store/key-value/key-value-store";
import { hashOfSeen } from "../../src/store/seen-events";
import { type IncomingRecord, markOf } from "../../src/store/take-mark";
import { ScheduledEngine } from "../support/scheduled-engine";
import { ENGINES, type StoreLives } from "../support/store-engines";

const OWNER = { node: "node/1", name: "Node", type: "test" };
const entry = (receipt: string, more: Partial<InboxEntry> = {}): InboxEntry => ({
  receipt,
  node: "in",
  receivedAt: 1,
  message: { of: receipt },
  ...more,
});
const incoming = (...texts: string[]): IncomingRecord[] =>
  texts.map((text, index) => ({ text, place: String(index), isPart: false }));
const letter = (index: number, more: Partial<NewLetter> = {}): NewLetter => ({
  ...{ node: "node", customer: `c${index}`, body: { index }, reason: "Refused.", reasonKey: "refused" },
  ...{ attempts: 1, acceptedAt: 1, failedAt: 1_000 + index, messageId: "m", index, envelope: {} },
  ...more,
});
const records = (count: number): { key: string; body: { n: number } }[] =>
  Array.from({ length: count }, (_, n) => ({ key: `c${n}`, body: { n } }));

async function all<Item>(items: AsyncIterable<Item>): Promise<Item[]> {
  const found: Item[] = [];
  for await (const item of items) found.push(item);
  return found;
}
const numbersOf = async (work: LaneWork, behind = 0, pageSize = 7): Promise<(number | undefined)[]> =>
  (await all(work.onwards(behind, pageSize)))
    .flat()
    .map(([, record]) => (record?.body as { n: number } | undefined)?.n);

/** What every engine of the durable store keeps, part by part: src/store says it in words. */
for (const [name, begin] of Object.entries(ENGINES))
  describe(`the store's contract, ${name}`, () => {
    let lives: StoreLives;
    let store: DurableStore;
    beforeEach(async () => {
      lives = await begin();
      store = lives.store;
    });
    afterEach(() => lives.end());
    const refused = (work: Promise<unknown>): Promise<void> => assert.rejects(work, StoreUnavailableError);

    it("writes changes of several parts whole or not at all, in the order of the calls", async () => {
      await store.deadLetters.open();
      const write = (cursor: string): Promise<void> =>
        store.write([store.cursors.moveTo("node", "jane", cursor), ...store.inbox.adding(entry("1"))]);
      lives.refuseNextWrite();
      await refused(write("lost"));
      assert.deepEqual(
        [await store.cursors.read("node", "jane"), await store.inbox.message("1")],
        [undefined, undefined],
      );
      await Promise.all(["a", "b", "c"].map(write));
      store = await lives.reopen();
      assert.deepEqual([await store.cursors.read("node", "jane"), await store.inbox.message("1")], ["c", { of: "1" }]);
      await store.probe();
      assert.deepEqual(lives.told, []);
    });

    describe("cursors", () => {
      it("are of a node and a customer, and forgotten with the customer", async () => {
        const { cursors } = store;
        await store.write([
          cursors.moveTo("n", "jane", "1"),
          cursors.moveTo("m", "jane", "2"),
          cursors.moveTo("n", "joe", "3"),
        ]);
        assert.deepEqual(await Promise.all([cursors.read("n", "jane"), cursors.read("m", "jane")]), ["1", "2"]);
        await cursors.forget("jane");
        const { cursors: next } = await lives.reopen();
        const read = ["n jane", "m jane", "n joe"].map((each) => next.read(...(each.split(" ") as [string, string])));
        assert.deepEqual(await Promise.all(read), [undefined, undefined, "3"]);
      });
    });

    describe("seen events", () => {
      it("are known until their time, also in the next life, and forgotten behind it", async () => {
        const first = await store.seen.firstOf(["a", undefined, "b", "a"], [10, 0, 20, 10], 100);
        assert.deepEqual(first.fresh, [0, 1, 2]);
        await store.write(first.changes);
        first.done();
        store = await lives.reopen();
        const again = async (now: number): Promise<readonly number[]> => {
          const sight = await store.seen.firstOf(["a", "b"], 10, now);
          sight.release();
          return sight.fresh;
        };
        assert.deepEqual([await again(109), await again(110), await again(120)], [[], [0], [0, 1]]);
        assert.deepEqual([await store.seen.expire(115), await store.seen.count()], [1, 1]);
      });

      it("are as new as before when nothing was written, or when they are forgotten", async () => {
        const first = await store.seen.firstOf(["a"], 10, 0);
        const second = store.seen.firstOf(["a"], 10, 0);
        first.release();
        const sight = await second;
        assert.deepEqual(sight.fresh, [0]);
        await store.write(sight.changes);
        sight.done();
        const hash = hashOfSeen("a");
        await store.write(store.seen.forgetting(hash));
        const third = await store.seen.firstOf(["a"], 10, 0);
        assert.deepEqual(third.fresh, [0]);
        await store.write(store.seen.remembering(hash, 50));
        third.release();
        assert.deepEqual((await store.seen.firstOf(["a"], 10, 40)).fresh, []);
      });
    });

    describe("dead letters", () => {
      const keep = async (letters: readonly NewLetter[]): Promise<void> => {
        const change = store.deadLetters.prepare(letters);
        await store.write(change.changes).catch((error: unknown) => {
          change.failed();
          throw error;
        });
      };
      const indexes = async (node?: string): Promise<number[]> =>
        (await all(store.deadLetters.all(node))).map(({ index }) => index);
      beforeEach(() => store.deadLetters.open());

      it("come oldest first, page by page, and are counted by node", async () => {
        await keep(Array.from({ length: 230 }, (_, n) => letter(n, { node: n % 2 === 0 ? "even" : "odd" })));
        lives.refuseNextWrite();
        await refused(keep([letter(999)]));
        store = await lives.reopen();
        await store.deadLetters.open();
        const pages: number[][] = [];
        for (let after: string | undefined, more = true; more; more = after !== undefined) {
          const page = await store.deadLetters.list({ node: "odd", limit: 50, ...(after && { after }) });
          pages.push(page.letters.map(({ index }) => index));
          after = page.next;
        }
        assert.deepEqual(
          pages.map(({ length }) => length),
          [50, 50, 15],
        );
        assert.deepEqual(
          pages.flat(),
          Array.from({ length: 115 }, (_, n) => 2 * n + 1),
        );
        assert.deepEqual([await store.deadLetters.count(), await store.deadLetters.count("odd")], [230, 115]);
      });

      it("go by id, by node and by age, and with the write of others", async () => {
        await keep([0, 1, 2, 3, 4].map((n) => letter(n, { node: n === 4 ? "other" : "node" })));
        const [first, second] = await all(store.deadLetters.all());
        assert.equal(await store.deadLetters.discard([first!.id, first!.id, "gone"]), 1);
        await store.write(store.deadLetters.removal([second!]).changes);
        assert.deepEqual(await store.deadLetters.read([first!.id, second!.id]), []);
        assert.equal(await store.deadLetters.expire(1_003), 1);
        assert.deepEqual([await indexes(), await indexes("other")], [[3, 4], [4]]);
        assert.equal(await store.deadLetters.discardAll("node"), 1);
        assert.deepEqual([await indexes(), await store.deadLetters.count()], [[4], 1]);
      });

      it("are told when they are missing; damaged ones hide none, and expire", async () => {
        await keep(Array.from({ length: 130 }, (_, n) => letter(n)));
        const ids = (await all(store.deadLetters.all())).map(({ id }) => `dead/${id}`);
        store = await lives.reopen({ damaged: ids.slice(0, 110), lost: ids.slice(-2) });
        await store.deadLetters.open();
        assert.match(lives.told.join("\n"), /2 of the records that had failed/);
        assert.deepEqual([(await indexes()).length, await store.deadLetters.count()], [18, 18]);
        await store.deadLetters.expire(Date.now());
        assert.deepEqual([await indexes(), await store.deadLetters.count()], [[], 0]);
      });
    });

    describe("the inbox", () => {
      const take = async (receipts: string[], node: string, ...texts: string[]): Promise<readonly number[]> => {
        const taking = await store.inbox.take(receipts, node, incoming(...texts));
        await store.write(taking.changes).catch((error: unknown) => {
          taking.release();
          throw error;
        });
        taking.done();
        return taking.fresh;
      };

      it("keeps entries in the order of receipts, and what each node has taken of them", async () => {
        for (const receipt of ["2", "1", "3"])
          await store.write(store.inbox.adding(entry(receipt, { requestId: receipt })));
        assert.deepEqual(await take(["1"], "one", "a", "b"), [0, 1]);
        lives.refuseNextWrite();
        await refused(take(["1", "2"], "one", "a", "b", "c"));
        assert.deepEqual(await take(["1", "2"], "one", "a", "b", "c"), [2]);
        assert.deepEqual((await store.inbox.find("1"))?.takenBy, ["one"]);
        store = await lives.reopen();
        const found = await store.inbox.open();
        assert.deepEqual(
          found.map(({ entry: { receipt }, isTaken }) => [receipt, isTaken]),
          [
            ["1", true],
            ["2", true],
            ["3", false],
          ],
        );
        assert.deepEqual([await take(["2"], "one", "a", "b", "c"), await take(["1"], "two", "a")], [[0, 1], [0]]);
        await store.inbox.forget(["1", "2"]);
        assert.deepEqual([await store.inbox.message("1"), await store.inbox.find("2")], [undefined, undefined]);
        assert.equal((await (await lives.reopen()).inbox.open()).length, 1);
      });

      it("gives a record to the first of two takes, also of equal ones at one time", async () => {
        await store.write(store.inbox.adding(entry("1")));
        const [first, second] = await Promise.all(
          ["x", "y"].map((last) => store.inbox.take(["1"], "one", incoming("a", last))),
        );
        assert.deepEqual([first!.fresh, second!.fresh], [[0, 1], [1]]);
        first!.release();
        second!.release();
        assert.deepEqual(await take(["1"], "one", "a", "x"), [0, 1]);
      });

      it("writes a message anew with its marks, or neither", async () => {
        await store.write(store.inbox.adding(entry("1")));
        await take(["1"], "one", "old");
        const [was, is] = [markOf(incoming("old")[0]!), markOf(incoming("new")[0]!)];
        const rename = (mark: string): string => (mark === was ? is : mark);
        const rewrite = (): Promise<void> => store.inbox.rewrite("1", { of: "new" }, { kept: rename, coming: rename });
        lives.refuseNextWrite();
        await refused(rewrite());
        assert.deepEqual([await store.inbox.message("1"), await take(["1"], "one", "old")], [{ of: "1" }, []]);
        await rewrite();
        assert.deepEqual(await take(["1"], "one", "old"), [], "the flow was handed it before");
        store = await lives.reopen();
        await store.inbox.open();
        assert.deepEqual([await store.inbox.message("1"), await take(["1"], "one", "new")], [{ of: "new" }, []]);
      });

      it("tells of halves that are lost, and passes over damaged messages", async () => {
        for (let n = 10; n < 60; n++) await store.write(store.inbox.adding(entry(String(n))));
        store = await lives.reopen({ damaged: ["inbox-message/12"], lost: ["inbox/10", "inbox-message/11"] });
        assert.equal((await store.inbox.open()).length, 49);
        assert.match(lives.told.join("\n"), /1 of the webhooks .* are empty.*\n?.*1 of the webhooks .* which node/s);
        assert.equal(await store.inbox.message("12"), undefined);
        assert.equal((await all(store.inbox.messages())).flat().length, 48);
      });
    });

    describe("a queue", () => {
      const LOST = (id: number): string => `lane/node%2F1/record/${String(id).padStart(16, "0")}`;
      let lane: OpenedLane;
      const open = async (on: DurableStore = store): Promise<OpenedLane> => (lane = await on.lanes.open(OWNER));
      const append = (count: number, id = "m"): Promise<void> =>
        lane.intake.append({ id, envelope: { id } }, records(count), 5);
      beforeEach(() => open());

      it("keeps blocks of records in the order of the calls, with what is written beside them, or nothing", async () => {
        await Promise.all([append(20, "m"), append(3, "n")]);
        lives.refuseNextWrite();
        const also = [store.cursors.moveTo("node", "jane", "1")];
        await refused(lane.intake.append({ id: "o", envelope: {} }, records(1), 5, also));
        assert.deepEqual([lane.work.kept, await store.cursors.read("node", "jane")], [23, undefined]);
        await open(await lives.reopen());
        await append(1, "p");
        assert.deepEqual(await numbersOf(lane.work), [...Array(20).keys(), 0, 1, 2, 0]);
        const pages = await all(lane.work.onwards(0, 7));
        const ids = pages.flat().map(([id]) => id);
        assert.deepEqual(
          ids,
          [...new Set(ids)].sort((a, b) => a - b),
          "no id twice, and rising",
        );
        assert.deepEqual([lane.work.kept, await lane.work.oldest()], [24, 5]);
      });

      it("concludes all or nothing, and tells how far messages are", async () => {
        await append(3);
        const [a, b, c] = (await all(lane.work.onwards(0, 9))).flat().map(([id]) => ({ id, messageId: "m" }));
        const group = { key: "c1", ids: [b!.id], attempts: 1, firstTriedAt: 1, dueAt: 9 };
        const conclusion = { settled: [a!], noted: [group], unnoted: [] };
        const also = (): ReturnType<typeof store.inbox.adding> => store.inbox.adding(entry("next"));
        lives.refuseNextWrite();
        await refused(lane.work.conclude(conclusion, also));
        assert.deepEqual([lane.work.kept, await store.inbox.message("next")], [3, undefined]);
        const told = await lane.work.conclude(conclusion, also);
        assert.deepEqual(told, [{ id: "m", envelope: { id: "m" }, total: 3, settled: 1 }]);
        store = await lives.reopen();
        await open(store);
        assert.deepEqual([lane.work.kept, lane.work.tried], [2, [group]]);
        assert.deepEqual(await store.inbox.message("next"), { of: "next" });
        assert.deepEqual(await all(lane.work.messages()), [{ envelope: { id: "m" }, waiting: 2 }]);
        const last = await lane.work.conclude({ settled: [b!, c!], noted: [], unnoted: [b!.id] });
        assert.deepEqual([last[0]?.settled, await all(lane.work.messages()), lane.work.kept], [3, [], 0]);
        assert.deepEqual((await open(await lives.reopen())).work.tried, []);
      });

      it("erases records for good, rewrites others, and is discarded whole", async () => {
        await append(4);
        const ids = (await all(lane.work.onwards(0, 9))).flat().map(([id]) => id);
        await lane.work.note([{ key: "c0", ids: [ids[0]!], attempts: 1, firstTriedAt: 1, dueAt: 9 }]);
        assert.equal(await lane.work.erase(ids.slice(0, 2), [ids[0]!]), 2);
        const body = (one: unknown, customer: string): never => (customer === "c2" ? { n: 22 } : one) as never;
        assert.equal(await lane.work.rewrite({ envelope: (one) => one, body }), 1);
        await open(await lives.reopen());
        assert.deepEqual([await numbersOf(lane.work), lane.work.tried, lane.work.kept], [[22, 3], [], 2]);
        const read: ReadonlyMap<number, KeptRecord> = await lane.work.read(ids.slice(2));
        assert.deepEqual(
          [...read.values()].map(({ key }) => key),
          ["c2", "c3"],
        );
        assert.equal(await lane.work.discard(), 2);
        assert.deepEqual([await lives.store.lanes.owners(), lane.work.kept], [[], 0]);
      });

      it("tells what is missing with its number; damaged records hide none and stop counting when they are found", async () => {
        await append(30);
        store = await lives.reopen({ damaged: [3, 4, 5, 6, 7, 8, 9, 10, 11, 12].map(LOST), lost: [29, 30].map(LOST) });
        await open(store);
        assert.match(lives.told.join("\n"), /^2 of the records that waited in the queue of "Node"/m);
        assert.equal(lane.work.kept, 28);
        const found = await numbersOf(lane.work, 0, 5);
        assert.deepEqual(
          found.filter((n) => n !== undefined),
          [0, 1, ...Array.from({ length: 16 }, (_, n) => n + 12)],
        );
        assert.equal(lane.work.kept, 18);
        assert.equal((await lane.work.read([1, 3])).size, 1);
        await append(1, "n");
        assert.equal((await all(lane.work.onwards(28, 5))).flat()[0]?.[0], 31, "no id is given twice");
        assert.deepEqual(await store.lanes.owners(), [OWNER]);
      });
    });
  });

/** Whatever order the engine answers its callers in, and whichever writes it refuses. */
describe("the store's contract, with many callers at one time", () => {
  const choices = fc.array(fc.nat(9), { minLength: 1, maxLength: 80 });
  async function play(engine: ScheduledEngine, told: readonly number[], work: Promise<unknown>[]): Promise<void> {
    let open = work.length;
    for (const one of work) void one.catch(() => undefined).finally(() => open--);
    for (let step = 0; open > 0; step++) {
      assert.ok(step < 5_000, "somebody waits for ever");
      const choice = told[step % told.length]!;
      if (choice === 9) engine.refuseWrites();
      if (engine.pending > 0) await engine.step(choice);
      else await new Promise((resolve) => setImmediate(resolve));
    }
  }

  it("one of them sees a key first, and another when its write is refused", async () => {
    await fc.assert(
      fc.asyncProperty(choices, fc.integer({ min: 2, max: 5 }), async (told, callers) => {
        const engine = new ScheduledEngine();
        const store = new KeyValueStore(engine);
        let kept = 0;
        const see = async (): Promise<void> => {
          const sight = await store.seen.firstOf(["a"], 10, 0);
          if (sight.fresh.length === 0) return sight.done();
          try {
            await store.write(sight.changes);
            kept++;
            sight.done();
          } catch {
            sight.release();
          }
        };
        await play(engine, told, Array.from({ length: callers }, see));
        assert.ok(kept <= 1);
        assert.equal(engine.disk.keys().filter((key) => key.startsWith("seen/")).length, kept);
      }),
      { numRuns: 300 },
    );
  });

  it("letters are counted as they are there, and each is discarded once", async () => {
    await fc.assert(
      fc.asyncProperty(choices, async (told) => {
        const engine = new ScheduledEngine();
        const store = new KeyValueStore(engine);
        const { deadLetters } = store;
        const keep = async (n: number): Promise<void> => {
          const change = deadLetters.prepare([letter(n)]);
          await store.write(change.changes).catch(() => change.failed());
        };
        let discarded = 0;
        const discard = async (): Promise<void> => void (discarded += await deadLetters.discardAll());
        await play(engine, told, [keep(1), keep(2), discard(), keep(3), discard(), discard()]);
        const there = engine.disk.keys().filter((key) => key.startsWith("dead/")).length;
        assert.equal(await deadLetters.count(), there);
        assert.ok(discarded + there <= 3);
      }),
      { numRuns: 300 },
    );
  });

  it("no two takes have one record", async () => {
    await fc.assert(
      fc.asyncProperty(choices, async (told) => {
        const engine = new ScheduledEngine();
        const store = new KeyValueStore(engine);
        const written: string[] = [];
        const take = async (...texts: string[]): Promise<void> => {
          const taking = await store.inbox.take(["1"], "one", incoming(...texts));
          try {
            await store.write(taking.changes);
            written.push(...taking.fresh.map((place) => `${texts[place]}${place}`));
            taking.done();
          } catch {
            taking.release();
          }
        };
        await play(engine, told, [take("a", "b"), take("a", "b"), take("a", "c"), take("a", "b", "d")]);
        assert.equal(new Set(written).size, written.length);
      }),
      { numRuns: 300 },
    );
  });
});
