import assert from "node:assert/strict";
import fc from "fast-check";
import { Inbox } from "../../src/delivery/inbox/inbox";
import type { Take } from "../../src/store/inbox-store";
import { operationsOf } from "../../src/store/key-value/changes";
import type { IncomingRecord } from "../../src/store/take-mark";
import type { JsonObject } from "../../src/json";
import { MemoryDurableStore, put } from "../support/memory-durable-store";

/** How a flow hands the records of a message to a delivery node. */
type Form = "list" | "parts" | "single" | "changed list" | "changed parts" | "nested parts";
type Part = "records" | "events" | "payload";

/** Records as they reach the node. */
function incoming(records: readonly JsonObject[], form: Form): IncomingRecord[] {
  return records.map((record, index) => ({
    text: JSON.stringify(form.startsWith("changed") ? { by: "function", ...record } : record),
    place: form === "single" ? "0" : form === "nested parts" ? `${index}/0` : String(index),
    isPart: form.endsWith("parts"),
  }));
}

/** Takes out person P, and what the others say of P. */
function erase(message: JsonObject): JsonObject {
  const result: JsonObject = {};
  let isSame = true;
  for (const [part, value] of Object.entries(message)) {
    const list = value as JsonObject[];
    const rest = list
      .filter(({ id }) => id !== "P")
      .map((record) => {
        if (record.friend !== "P") return record;
        return Object.fromEntries(Object.entries(record).filter(([name]) => name !== "friend"));
      });
    isSame &&= rest.length === list.length && rest.every((one, index) => one === list[index]);
    result[part] = rest;
  }
  return isSame ? message : result;
}

async function open(store: MemoryDurableStore): Promise<Inbox> {
  const inbox = new Inbox(store);
  await inbox.open();
  return inbox;
}

async function write(store: MemoryDurableStore, taking: Take): Promise<void> {
  await store.write(taking.changes);
  taking.done();
}

const of = (id: string, more: JsonObject = {}): JsonObject => ({ id, ...more });
const P = of("P", { secret: "of P" });
const OF_FRIEND = of("F", { friend: "P" });

describe("what is emitted again after an erase", () => {
  for (const [title, records, form, taken, freshAfter] of [
    ["a list without the erased one", [P, of("A"), of("B")], "list", [0, 1, 2], []],
    ["a list with a record that named the erased one", [of("A"), OF_FRIEND, of("B")], "list", [0, 1, 2], []],
    ["both", [P, OF_FRIEND, of("A")], "list", [0, 1, 2], []],
    ["half of it taken", [P, of("A"), OF_FRIEND, of("B")], "list", [0, 2], ["A", "B"]],
    ["parts whose places have moved", [P, of("A"), of("B")], "parts", [0, 1, 2], []],
    ["parts of which one named the erased one", [of("A"), P, OF_FRIEND], "parts", [0, 1, 2], []],
    ["some parts taken", [P, of("A"), OF_FRIEND, of("B")], "parts", [2, 3], ["A"]],
    ["none but the erased one taken", [P, of("A"), OF_FRIEND], "parts", [0], ["A", "F"]],
    ["equal records", [of("A"), P, of("A"), of("A")], "parts", [0, 3], ["A"]],
    ["equal records in a list", [of("A"), P, of("A"), of("A")], "list", [0, 3], ["A"]],
    ["a record that has become like another", [OF_FRIEND, P, of("F"), of("F")], "parts", [0, 3], ["F"]],
    ["one message for each", [P, of("A"), OF_FRIEND], "single", [0, 1, 2], []],
    ["one message for each, one taken", [of("B"), P, of("A"), OF_FRIEND], "single", [3], ["B", "A"]],
    ["lists split twice", [P, of("A"), OF_FRIEND], "nested parts", [0, 2], ["A"]],
    ["a list that a function has changed", [P, of("A"), of("B")], "changed list", [0, 1], ["B"]],
    ["parts that a function has changed", [P, of("A"), of("B")], "changed parts", [0, 1], ["B"]],
  ] as const)
    for (const part of ["records", "events", "payload"] as Part[])
      it(`${title} (${part}): what was taken is known, and nothing else`, async () => {
        let store = new MemoryDurableStore();
        let inbox = await open(store);
        const receipt = await inbox.receive({ node: "in", receivedAt: 1, message: { [part]: [...records] } });
        // Equal parts, and parts of which nobody knows the JSON, have nothing but their place.
        const isAmbiguous = form === "changed parts" || (form === "parts" && /equal|like another/.test(title));
        const before = incoming(records, form);
        const chosen = taken.map((place) => before[place]!);
        await write(store, await inbox.take([receipt], "upsert", chosen));
        assert.equal(await inbox.rewrite(erase), 1);
        const left = erase({ [part]: [...records] })[part] as JsonObject[];
        const ids = (taking: Take): unknown[] => taking.fresh.map((place) => left[place]!.id);

        // In this life, by what the flow was handed before and by what it is handed now; and in the next one.
        const stale = await inbox.take([receipt], "upsert", chosen);
        if (!isAmbiguous)
          assert.deepEqual(
            stale.fresh.filter((place) => records[taken[place]!]!.id !== "P"),
            [],
          );
        stale.release();
        const again = await inbox.take([receipt], "upsert", incoming(left, form));
        assert.deepEqual(ids(again), freshAfter);
        again.release();
        store = store.crashedCopy();
        inbox = await open(store);
        assert.deepEqual(ids(await inbox.take([receipt], "upsert", incoming(left, form))), freshAfter);
        // Another branch has taken nothing.
        assert.equal((await inbox.take([receipt], "other", incoming(left, form))).fresh.length, left.length);
        assert.ok(!JSON.stringify(await store.engine.read({ gte: "!", lt: "~" })).includes("of P"));
      });

  it("knows what is taken of a message that the flow was handed before the erase", async () => {
    const store = new MemoryDurableStore();
    const inbox = await open(store);
    const records = [P, of("A"), OF_FRIEND];
    const receipt = await inbox.receive({ node: "in", receivedAt: 1, message: { records } });
    await inbox.rewrite(erase);
    await write(store, await inbox.take([receipt], "upsert", incoming(records, "parts").slice(1)));
    const next = await open(store.crashedCopy());
    const left = incoming([of("A"), of("F")], "parts");
    assert.deepEqual((await next.take([receipt], "upsert", left)).fresh, []);
  });

  it("waits for a take that is being written, and keeps it also when it fails itself", async () => {
    const store = new MemoryDurableStore();
    const inbox = await open(store);
    const records = [P, of("A"), OF_FRIEND];
    const receipt = await inbox.receive({ node: "in", receivedAt: 1, message: { records } });
    const taking = await inbox.take([receipt], "upsert", incoming(records, "parts"));
    const written = store.write(taking.changes);
    let isDone = false;
    const rewriting = inbox.rewrite(erase).finally(() => (isDone = true));
    await written;
    await new Promise(setImmediate);
    assert.equal(isDone, false);
    store.failWrites = 1;
    taking.done();
    await assert.rejects(rewriting, /refuses this write/);
    const again = await inbox.take([receipt], "upsert", incoming(records, "parts"));
    assert.deepEqual(again.fresh, []);
    again.release();
    assert.equal(await inbox.rewrite(erase), 1);
    const next = await open(store.crashedCopy());
    assert.deepEqual((await next.take([receipt], "upsert", incoming([of("A"), of("F")], "parts"))).fresh, []);
  });

  it("knows records by the marks of release 0.1.0", async () => {
    const store = new MemoryDurableStore();
    const first = await open(store);
    const records = [P, of("A"), OF_FRIEND];
    const receipt = await first.receive({ node: "in", receivedAt: 1, message: { records } });
    const taking = await first.take([receipt], "upsert", incoming(records, "list"));
    const marked = operationsOf(taking.changes)[0]!;
    assert.ok(marked.type === "put");
    // Hashes without places.
    const { marks } = marked.value as { marks: string };
    const hashes = marks.match(/.{16}/g)!.map((mark) => mark.slice(0, 12));
    await store.write([put(marked.key, hashes.join(""))]);
    const inbox = await open(store.crashedCopy());
    await inbox.rewrite(erase);
    assert.deepEqual((await inbox.take([receipt], "upsert", incoming([of("A"), of("F")], "list"))).fresh, []);
  });

  it("loses none and doubles none, whatever was taken in whatever form", async () => {
    const record = fc.constantFrom(P, of("A"), of("B"), of("F"), OF_FRIEND, of("G", { friend: "P" }));
    await fc.assert(
      fc.asyncProperty(
        fc.array(fc.tuple(record, fc.boolean()), { minLength: 1, maxLength: 8 }),
        fc.constantFrom<Form>("list", "parts", "nested parts"),
        async (pairs, form) => {
          const store = new MemoryDurableStore();
          const inbox = await open(store);
          const records = pairs.map(([one]) => one);
          const receipt = await inbox.receive({ node: "in", receivedAt: 1, message: { records } });
          const all = incoming(records, form);
          const chosen = all.filter((_, place) => pairs[place]![1]);
          await write(store, await inbox.take([receipt], "upsert", chosen));
          await inbox.rewrite(erase);
          const left = (erase({ records }).records as JsonObject[]).map(({ id }) => id);
          const next = await open(store.crashedCopy());
          const again = await next.take(
            [receipt],
            "upsert",
            incoming(erase({ records }).records as JsonObject[], form),
          );
          const fresh = again.fresh.map((place) => left[place]);
          const expected = pairs.filter(([{ id }, isTaken]) => id !== "P" && !isTaken).map(([{ id }]) => id);
          assert.deepEqual(fresh.sort(), expected.sort());
        },
      ),
      { numRuns: 300 },
    );
  });
});
