import assert from "node:assert/strict";
import { createHash } from "node:crypto";
import { type Clock, install } from "@sinonjs/fake-timers";
import { Delivery } from "../../src/delivery/delivery";
import { StoreUnavailableError } from "../../src/store/durable-store";
import type { WhyUnfit } from "../../src/delivery/fitting-destination";
import type { InboxEntry } from "../../src/store/inbox-store";
import { ConfigurationError } from "../../src/delivery/outcome";
import type { Outbox } from "../../src/delivery/outbox/outbox";
import type { OutboxNews, OutgoingMessage } from "../../src/delivery/outbox/outgoing-message";
import { type Body, delivered, down, refused, retry, ScriptedDestination } from "../support/lane-bench";
import { MemoryDurableStore, put } from "../support/memory-durable-store";

const MINUTE = 60_000;
const HOUR = 60 * MINUTE;
const NOTHING = { waiting: 0, failed: 0, received: 0, mentions: 0, setAside: [] };

describe("delivery: a node's outbox, the inbox and the dead letters together", () => {
  let clock: Clock;
  let disk: MemoryDurableStore;
  let delivery: Delivery;
  let destination: ScriptedDestination;
  let news: OutboxNews<Body>[];
  let emitted: InboxEntry[];
  let lives: Delivery[];
  const reports: string[] = [];
  let messages = 0;

  beforeEach(async () => {
    clock = install({
      now: 1_700_000_000_000,
      toFake: ["setTimeout", "clearTimeout", "setInterval", "clearInterval", "Date", "performance"],
    });
    lives = [];
    disk = new MemoryDurableStore();
    await start();
  });
  afterEach(async () => {
    for (const life of lives) {
      const stopped = life.end();
      await clock.tickAsync(0);
      await stopped;
    }
    clock.uninstall();
  });

  /** A process starts with what is on disk. */
  async function start(): Promise<void> {
    delivery = new Delivery(disk, { report: (sentence) => reports.push(sentence) });
    lives.push(delivery);
    destination = new ScriptedDestination();
    [news, emitted] = [[], []];
    await delivery.ready;
  }
  /** The process dies: only what is on disk is left. */
  async function crash(): Promise<void> {
    disk = disk.crashedCopy();
    await start();
  }
  /** Deploys a node; `follower` when another delivery node stands behind it. */
  async function deploy(
    node = "node",
    { follower = false, whyUnfit }: { follower?: boolean; whyUnfit?: WhyUnfit } = {},
  ): Promise<Outbox<Body>> {
    const outbox = await delivery.outbox<Body>({ node, name: "Node", type: "test" });
    outbox.configure({
      destination,
      concurrency: 4,
      output: ({ properties, delivered: done }) => ({ ...properties, payload: done.map(({ key }) => key) }),
      isFollowed: () => follower,
      ...(whyUnfit && { whyUnfit }),
    });
    outbox.attach({ settled: (one) => news.push(one), state: () => undefined });
    delivery.onReplay(
      node,
      (entry) => emitted.push(entry),
      () => undefined,
    );
    return outbox;
  }
  const accept = (
    outbox: Outbox<Body>,
    texts: readonly string[],
    more: Partial<Pick<OutgoingMessage<Body>, "receipts" | "requestId" | "kind">> & {
      readonly repeatable?: boolean;
      /** The message is a part of a list that was split, from this place. */
      readonly part?: number;
    } = {},
  ): ReturnType<Outbox<Body>["accept"]> =>
    outbox.accept({
      id: `message ${++messages}`,
      properties: { topic: "customers" },
      receipts: [],
      items: texts.map((text, index) => ({
        text,
        place: String(more.part ?? index),
        isPart: more.part !== undefined,
        records: [{ key: text.split(":")[0]!, body: { values: [text] } }],
        formerTexts: () => [JSON.stringify({ key: text.split(":")[0]!, body: { values: [text] } })],
        ...(more.repeatable && { repetition: { key: text, forMs: 3 * HOUR } }),
      })),
      ...more,
    });
  const receive = (requestId = "request"): Promise<string> =>
    delivery.inbox.receive({ node: "in", receivedAt: Date.now(), requestId, message: { records: [] } });
  const pass = (ms: number): Promise<number> => clock.tickAsync(ms);

  it("takes each record of a receipt once, whatever comes again, also after a crash", async () => {
    const receipt = await receive();
    const first = await deploy();
    assert.equal((await accept(first, ["a", "b"], { receipts: [receipt] })).waiting, 2);
    assert.equal((await accept(first, ["b", "c"], { receipts: [receipt] })).waiting, 1);
    await crash();
    const second = await deploy();
    assert.equal((await accept(second, ["a", "b", "c"], { receipts: [receipt] })).waiting, 0);
    await pass(100);
    assert.deepEqual(destination.sent.flat().sort(), ["a", "b", "c"]);
    const other = await deploy("other");
    assert.equal((await accept(other, ["a"], { receipts: [receipt] })).waiting, 1, "another node has its own marks");
  });

  it("takes equal records of one webhook each once, in a list and as parts of it, in any order and after a crash", async () => {
    const receipt = await receive();
    const receipts = [receipt];
    let outbox = await deploy();
    assert.equal((await accept(outbox, ["a"], { receipts, part: 0 })).waiting, 1);
    assert.equal((await accept(outbox, ["a"], { receipts, part: 2 })).waiting, 1);
    assert.equal((await accept(outbox, ["a"], { receipts, part: 0 })).waiting, 0);
    await crash();
    outbox = await deploy();
    assert.equal((await accept(outbox, ["a", "b", "a", "a"], { receipts })).waiting, 2, "b and the third a");
    for (const part of [0, 2, 3]) assert.equal((await accept(outbox, ["a"], { receipts, part })).waiting, 0);
    // A filter or a join has let other records through this time.
    assert.equal((await accept(outbox, ["c", "a", "a", "a", "b"], { receipts })).waiting, 1);
  });

  it("knows what release 0.1.0 took, whose marks have no places", async () => {
    const receipt = await receive();
    const hash = (text: string): string => createHash("sha256").update(text).digest("base64").slice(0, 12);
    const marks = [JSON.stringify({ key: "a", body: { values: ["a"] } }), "held"].map(hash).join("");
    await disk.write([put(`taken/${receipt}/node/${"0".padStart(16, "0")}`, marks)]);
    await crash();
    const taken = await accept(await deploy(), ["a", "b", "held"], { receipts: [receipt] });
    assert.deepEqual(taken, { waiting: 1, fresh: [1], repeated: 0 });
    await crash();
    assert.equal((await accept(await deploy(), ["a", "b", "held"], { receipts: [receipt] })).waiting, 0);
  });

  it("leaves a repetition out, also after a crash; what was not kept may come again", async () => {
    let outbox = await deploy();
    disk.failWrites = 1;
    await assert.rejects(accept(outbox, ["a"], { repeatable: true }), StoreUnavailableError);
    assert.deepEqual(await accept(outbox, ["a", "a"], { repeatable: true }), { waiting: 1, fresh: [0], repeated: 1 });
    await crash();
    outbox = await deploy();
    assert.equal((await accept(outbox, ["a", "b"], { repeatable: true })).repeated, 1);
    await pass(100);
    assert.deepEqual(destination.sent.flat().sort(), ["a", "b"]);
    await crash();
    outbox = await deploy();
    assert.equal((await accept(outbox, ["a", "b"], { repeatable: true })).repeated, 2, "delivered ones are known too");
    await pass(3 * HOUR);
    assert.equal((await accept(outbox, ["a"], { repeatable: true })).waiting, 1);
  });

  it("lets a failed request come again from the very write in which it failed, and counts one that is tried again", async () => {
    destination.answer = () => refused;
    await accept(await deploy(), ["a"], { repeatable: true });
    await pass(100);
    await crash();
    let outbox = await deploy();
    const [letter] = (await delivery.failed.list({ limit: 1 })).letters;
    destination.answer = () => retry;
    await delivery.replay([letter!.id]);
    assert.equal((await accept(outbox, ["a"], { repeatable: true })).repeated, 1);
    destination.answer = () => refused;
    await pass(HOUR);
    await crash();
    outbox = await deploy();
    assert.equal((await accept(outbox, ["a"], { repeatable: true })).waiting, 1);
  });

  it("takes a message with a receipt once whose records can be repeated: a replay is no repetition of itself", async () => {
    const receipts = [await receive()];
    const outbox = await deploy();
    assert.equal((await accept(outbox, ["a"], { receipts, repeatable: true })).waiting, 1);
    const again = await accept(outbox, ["a"], { receipts, repeatable: true });
    assert.deepEqual(again, { waiting: 0, fresh: [], repeated: 0 });
  });

  it("makes one record only of records of one kind, and keeps their order", async () => {
    destination.answer = () => retry;
    const outbox = await deploy();
    const kinds = [undefined, { kind: "update", version: 1 }, { kind: "update", version: 2 }];
    await accept(outbox, ["blocked"]);
    for (const kind of kinds) await accept(outbox, ["a:1", "a:2"], { ...(kind && { kind }) });
    destination.answer = () => delivered;
    await crash();
    await deploy();
    await pass(HOUR);
    const calls = destination.calls.flatMap(({ records }) => records.filter(({ key }) => key === "a"));
    assert.deepEqual(
      calls.map(({ values }) => values),
      [
        ["a:1", "a:2"],
        ["a:1", "a:2"],
        ["a:1", "a:2"],
      ],
    );
  });

  it("keeps what its node cannot send any more, sends the others of the call, and delivers it when it fits again", async () => {
    const deployFor = (sent: number): Promise<Outbox<Body>> =>
      deploy("node", { whyUnfit: ({ version }) => (version === sent ? undefined : "It does not fit.") });
    const outbox = await deployFor(1);
    outbox.configure(undefined);
    await accept(outbox, ["old", "old too"], { kind: { kind: "update", version: 1 } });
    await accept(outbox, ["new"], { kind: { kind: "update", version: 2 } });
    await crash();
    await deployFor(2);
    await pass(100);
    assert.deepEqual(destination.sent, [["new"]]);
    const { letters } = await delivery.failed.list({ limit: 10 });
    assert.deepEqual(
      letters.map(({ customer, kind, version, reasonKey, reason }) => [customer, kind, version, reasonKey, reason]),
      ["old", "old too"].map((customer) => [customer, "update", 1, "does_not_fit", "It does not fit."]),
    );
    const ids = letters.map(({ id }) => id);
    assert.deepEqual(await delivery.replay(ids), {
      replayed: 0,
      refused: ids.map((id) => ({ id, reason: "It does not fit." })),
    });
    await deployFor(1);
    assert.equal((await delivery.replay(ids)).replayed, 2);
    await pass(100);
    assert.deepEqual(destination.sent.flat().sort(), ["new", "old", "old too"]);
  });

  it("waits with a receipt for a store that fails, and refuses without one", async () => {
    const outbox = await deploy();
    disk.failWrites = 1;
    await assert.rejects(accept(outbox, ["a"]), StoreUnavailableError);
    const receipt = await receive();
    disk.failWrites = 3;
    let taken = false;
    void accept(outbox, ["b"], { receipts: [receipt] }).then(() => (taken = true));
    await pass(400);
    assert.equal(taken, false);
    await pass(10_000);
    assert.equal(taken, true);
    assert.deepEqual(destination.sent.flat(), ["b"]);
  });

  it("keeps a failed record in the same write in which it leaves the queue, and delivers it when replayed", async () => {
    destination.answer = () => refused;
    await accept(await deploy(), ["bad"], { requestId: "request-7" });
    await pass(100);
    const { letters } = await delivery.failed.list({ limit: 10 });
    assert.deepEqual(
      letters.map(({ customer, reason, attempts, requestId }) => [customer, reason, attempts, requestId]),
      [["bad", "Bad value.", 1, "request-7"]],
    );
    await crash();
    await deploy();
    assert.deepEqual(await delivery.replay([letters[0]!.id]), { replayed: 1, refused: [] });
    await pass(100);
    assert.deepEqual(destination.sent.flat(), ["bad"]);
    assert.equal((await delivery.failed.list({ limit: 10 })).letters.length, 0);
    assert.equal(news[0]?.delivered.length, 1);
  });

  it("keeps each of several failed records of a call, with the API's answer", async () => {
    const answer = { statusCode: 400, body: { key: "invalid_payload" } };
    destination.answer = () => ({ ...refused, answer });
    await accept(await deploy(), ["a", "b", "c"]);
    await pass(100);
    const { letters } = await delivery.failed.list({ limit: 10 });
    assert.deepEqual(
      letters.map((letter) => [letter.customer, letter.index, letter.answer]),
      ["a", "b", "c"].map((customer, index) => [customer, index, answer]),
    );
  });

  it("gives up after 24 hours of failure with the last reason; a replay delivers it", async () => {
    destination.answer = () => retry;
    await accept(await deploy(), ["a"]);
    await pass(25 * HOUR);
    const [letter] = (await delivery.failed.list({ limit: 1 })).letters;
    assert.match(letter?.reason ?? "", /Busy\./);
    assert.ok((letter?.attempts ?? 0) > 250);
    destination.answer = () => delivered;
    await delivery.replay([letter!.id]);
    await pass(100);
    assert.deepEqual([news.at(-1)?.delivered.length, (await delivery.report())[0]?.failed], [1, 0]);
  });

  it("pauses for ten minutes of wrong keys, fails nothing, and goes on with a corrected key", async () => {
    const outbox = await deploy();
    const deliver = destination.deliver.bind(destination);
    let calls = 0;
    destination.deliver = () => {
      calls++;
      throw new ConfigurationError("Check the keys.");
    };
    await accept(outbox, ["a", "b"]);
    await pass(10 * MINUTE);
    assert.ok(calls >= 3 && calls <= 6, `${calls} probes`);
    const [report] = await delivery.report();
    assert.deepEqual([report?.paused?.reason, report?.waiting, report?.failed], ["Check the keys.", 2, 0]);
    destination.deliver = deliver;
    await deploy();
    await pass(100);
    assert.deepEqual(destination.sent, [["a", "b"]]);
  });

  it("makes what was delivered an entry of the inbox in the same write, when another node follows", async () => {
    await accept(await deploy("node", { follower: true }), ["a"]);
    await pass(100);
    const [told] = news;
    assert.ok(told?.receipt);
    // The process dies between "delivered" and the take of the next node: the message comes again.
    await crash();
    await deploy("node", { follower: true });
    await delivery.flowsStarted();
    await pass(1_000);
    assert.deepEqual(
      emitted.map(({ receipt, message }) => [receipt, message.payload]),
      [[told.receipt, ["a"]]],
    );
    assert.deepEqual(destination.sent, [], "it is not delivered once more");
    const next = await deploy("next");
    assert.equal((await accept(next, ["a"], { receipts: [told.receipt] })).waiting, 1);
    assert.equal((await accept(next, ["a"], { receipts: [told.receipt] })).waiting, 0);
  });

  it("holds what waits for a removed node, delivers it when the node comes back, or discards it", async () => {
    destination.answer = () => retry;
    await accept(await deploy(), ["a"]);
    await pass(100);
    await crash();
    await delivery.flowsStarted();
    await pass(HOUR);
    const [report] = await delivery.report();
    assert.deepEqual([report?.node, report?.exists, report?.waiting], ["node", false, 1]);
    await deploy();
    assert.deepEqual(await delivery.discardQueue("node"), {
      refused: "The node is deployed and delivers: remove it from the flow first.",
    });
    await pass(HOUR);
    assert.deepEqual(destination.sent, [["a"]]);

    destination.answer = () => retry;
    await accept(await delivery.outbox<Body>({ node: "gone", name: "", type: "test" }), ["b"]);
    assert.deepEqual(await delivery.discardQueue("gone"), { discarded: 1 });
    assert.deepEqual(
      disk.keys().filter((key) => key.includes("gone")),
      [],
    );
  });

  it("sends nothing more for a node that is gone when flows have started without it", async () => {
    const outbox = await deploy();
    const end = delivery.onReplay(
      "node",
      () => undefined,
      () => undefined,
    );
    await accept(outbox, ["a"]);
    await pass(100);
    end();
    await delivery.flowsStarted();
    await accept(outbox, ["b"]);
    await pass(HOUR);
    assert.deepEqual(destination.sent, [["a"]]);
    await deploy();
    await pass(100);
    assert.deepEqual(destination.sent, [["a"], ["b"]]);
  });

  it("starts no call between a stop and the next start of the flows, whenever a queue opens", async () => {
    const outbox = await deploy();
    await delivery.stop();
    const late = await deploy("late");
    await accept(outbox, ["a"]);
    await accept(late, ["b"]);
    await pass(HOUR);
    assert.deepEqual(destination.sent, []);
    await delivery.flowsStarted();
    await pass(100);
    assert.deepEqual(destination.sent.flat().sort(), ["a", "b"]);
  });

  it("stops all queues at once: their calls end side by side", async () => {
    for (const node of ["one", "two", "three"]) {
      const outbox = await deploy(node);
      destination.deliver = async function* ([record]) {
        await new Promise((resolve) => setTimeout(resolve, 2_000));
        yield [{ id: record!.id, outcome: delivered }];
      };
      await accept(outbox, [node]);
    }
    await pass(10);
    let stopped = false;
    void delivery.stop().then(() => (stopped = true));
    await pass(2_100);
    assert.equal(stopped, true);
    assert.equal(news.length, 3);
  });

  it("replays a letter once when two people press Replay, and not when one of them erases", async () => {
    destination.answer = () => refused;
    await accept(await deploy(), ["a", "b"]);
    await pass(100);
    destination.answer = () => delivered;
    const ids = (await delivery.failed.list({ limit: 10 })).letters.map(({ id }) => id);
    const results = await Promise.all([
      delivery.erase("a"),
      delivery.replay(ids),
      delivery.replay(ids),
      delivery.discard(ids),
    ]);
    assert.deepEqual(results, [
      { ...NOTHING, failed: 1 },
      { replayed: 1, refused: [] },
      { replayed: 0, refused: [] },
      0,
    ]);
    await pass(100);
    assert.deepEqual(destination.sent.slice(1), [["b"]]);
  });

  it("keeps a record whose output cannot be made among the failed, and goes on with the others", async () => {
    const outbox = await deploy("node", { follower: true });
    outbox.configure({
      destination,
      concurrency: 4,
      output: ({ delivered: done }) => {
        if (done.some(({ key }) => key === "bad")) throw new TypeError("publication is undefined");
        return { payload: done.map(({ key }) => key) };
      },
      isFollowed: () => true,
    });
    destination.answer = ({ key }) => (key === "no" ? refused : delivered);
    for (const texts of [["one"], ["bad", "no"], ["two"]]) await accept(outbox, texts);
    await pass(1_000);
    const { letters } = await delivery.failed.list({ limit: 10 });
    assert.deepEqual(letters.map(({ customer, reasonKey }) => `${customer} ${reasonKey}`).sort(), [
      "bad unexpected_error",
      "no invalid_payload",
    ]);
    assert.equal(await delivery.failed.count(), 2);
    assert.equal((await delivery.report())[0]?.waiting, 0);
    assert.deepEqual(news.flatMap((one) => one.delivered.map(({ key }) => key)).sort(), ["one", "two"]);
    assert.ok(reports.some((sentence) => sentence.includes("publication is undefined")));
  });

  it("tells the next life of a node what nobody heard", async () => {
    const outbox = await deploy();
    const end = outbox.attach({ settled: () => assert.fail("not this one"), state: () => undefined });
    end();
    await accept(outbox, ["a"]);
    await pass(100);
    assert.deepEqual(news, []);
    outbox.attach({ settled: (one) => news.push(one), state: () => undefined });
    assert.equal(news.length, 1);
  });

  it("finds a webhook by the id of its answer, and erases a person everywhere", async () => {
    destination.answer = ({ key }) => (key === "bad" ? refused : retry);
    const receipt = await delivery.inbox.receive({
      node: "in",
      receivedAt: 7,
      requestId: "r1",
      message: { records: [{ registered: "jane" }, { registered: "joe" }] },
    });
    await accept(await deploy(), ["jane", "joe", "bad"], { receipts: [receipt], requestId: "r1" });
    await pass(100);
    assert.deepEqual(await delivery.find("r1"), { receivedAt: 7, waiting: { node: 2 }, failed: { node: 1 } });
    assert.deepEqual(await delivery.erase("jane"), { ...NOTHING, waiting: 1, received: 1 });
    assert.deepEqual(await delivery.erase("bad"), { ...NOTHING, failed: 1 });
    assert.doesNotMatch(JSON.stringify(await disk.engine.read({ gte: "", lt: "~" })), /jane|bad/);
    assert.equal((await delivery.report())[0]?.waiting, 1);
  });

  for (const [what, outcome] of [
    ["refused", refused],
    ["delivered", delivered],
    ["tried again", retry],
  ] as const)
    it(`a customer who is erased while a call is open leaves nothing, though ${what}; the other of the call is told`, async () => {
      destination.latencyMs = 5_000;
      destination.answer = ({ key }) => (key === "jane" ? outcome : refused);
      const outbox = await deploy("node", { follower: true });
      await accept(outbox, ["jane", "joe"]);
      await pass(100);
      assert.equal(destination.calls.length, 1);
      assert.deepEqual(await delivery.erase("jane"), { ...NOTHING, waiting: 1 });
      assert.deepEqual(await delivery.erase("jane"), NOTHING);
      assert.doesNotMatch(JSON.stringify(await disk.engine.read({ gte: "", lt: "~" })), /jane/);
      await accept(outbox, ["jane:later"]);
      await pass(5_000);
      assert.doesNotMatch(JSON.stringify(await disk.engine.read({ gte: "dead", lt: "inbox~" })), /jane/);
      assert.deepEqual(
        news.map((one) => [one.delivered.length, one.failed.map(({ key }) => key), one.settled, one.total]),
        [[0, ["joe"], 2, 2]],
      );
      destination.answer = () => delivered;
      await pass(60_000);
      assert.deepEqual(destination.sent.at(-1), ["jane:later"]);
      assert.deepEqual(
        [outbox.lane.state().waiting, outbox.lane.state().inFlight, await delivery.failed.count()],
        [0, 0, 1],
      );
    });

  it("a customer who is erased while a call is open is not missed after a crash", async () => {
    destination.latencyMs = 5_000;
    await accept(await deploy(), ["jane", "joe"]);
    await pass(100);
    assert.equal((await delivery.erase("jane")).waiting, 1);
    assert.equal((await delivery.report())[0]?.waiting, 2, "on its way until the call ends");
    await accept(await deploy(), ["ann"]);
    await pass(100);
    assert.deepEqual(destination.sent, [["jane", "joe"], ["ann"]]);
    await crash();
    assert.equal((await delivery.report())[0]?.waiting, 2);
    assert.deepEqual(disk.losses, []);
  });

  it("erasing leaves name and type of a removed node's queue, and what another customer waits with", async () => {
    destination.answer = () => retry;
    await accept(await deploy(), ["jane", "joe"]);
    await crash();
    const before = (await delivery.report())[0]!;
    assert.deepEqual([before.name, before.type, before.waiting], ["Node", "test", 2]);
    assert.equal((await delivery.erase("jane")).waiting, 1);
    assert.deepEqual((await delivery.report())[0], { ...before, waiting: 1 });
    const outbox = await deploy();
    await pass(10_000);
    assert.deepEqual(destination.sent.flat(), ["joe"]);
    assert.equal(outbox.lane.state().waiting, 0);
  });

  it("stops asking a destination that is down, goes on by itself, and disturbs no other node", async () => {
    const outbox = await deploy();
    const other = new ScriptedDestination();
    const second = await delivery.outbox<Body>({ node: "other", name: "", type: "test" });
    second.configure({ destination: other, concurrency: 1, output: () => ({}), isFollowed: () => false });
    destination.answer = () => down;
    destination.batchLimits = { records: 1, bytes: 1_000 };
    await accept(
      outbox,
      Array.from({ length: 50 }, (_, index) => `k${index}`),
    );
    await pass(5_000);
    const asked = destination.calls.length;
    assert.ok(asked < 15, `${asked} calls`);
    await accept(second, ["x"]);
    await pass(100);
    assert.deepEqual(other.sent, [["x"]]);
    destination.answer = () => delivered;
    await pass(10 * MINUTE);
    assert.equal((await delivery.report()).find(({ node }) => node === "node")?.waiting, 0);
  });

  it("keeps the order of one customer with four calls at one time and random failures", async () => {
    let seed = 1;
    const chance = (): number => (seed = (seed * 16_807) % 2_147_483_647) / 2_147_483_647;
    destination.batchLimits = { records: 2, bytes: 1_000 };
    destination.merge = undefined as never;
    destination.answer = () => (chance() < 0.3 ? retry : delivered);
    const outbox = await deploy();
    const done: string[] = [];
    outbox.attach({
      settled: (one) => void done.push(...one.delivered.flatMap(({ body }) => body.values)),
      state: () => undefined,
    });
    for (let round = 0; round < 10; round++) {
      await accept(
        outbox,
        ["a", "b", "c", "d", "e"].map((key) => `${key}:${round}`),
      );
      await pass(300);
    }
    await pass(24 * HOUR);
    assert.equal(done.length, 50);
    for (const key of ["a", "b", "c", "d", "e"])
      assert.deepEqual(
        done.filter((value) => value.startsWith(key)),
        Array.from({ length: 10 }, (_, round) => `${key}:${round}`),
      );
  });
});
