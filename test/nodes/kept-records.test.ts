import assert from "node:assert/strict";
import { createHmac } from "node:crypto";
import eventForward from "../../nodes/event-forward";
import voucherifyIn from "../../nodes/voucherify-in";
import type { JsonObject } from "../../src/json";
import { Simulator } from "../../src/simulator";
import { sampleWebhook } from "../../src/simulator/scenario/voucherify-webhooks";
import { FlowUnderTest, type Received } from "../support/flow-under-test";
import { BLOOMREACH_KEYS, type FlowNode, TEST_KEYS, WEBHOOK_KEYS } from "../support/flows";
import { put } from "../support/memory-durable-store";
import { waitFor } from "../support/wait-for";

// eslint-disable-next-line @typescript-eslint/no-require-imports -- core nodes have no types
const splitNode = require("@node-red/nodes/core/sequence/17-split.js");
const PATH = "/kept-records";
const SECRET = "test-signing-secret-44b1";

const OLD_COMMAND: JsonObject = {
  command:
    '{"name":"customers/events","command_id":"1","data":{"customer_ids":{"registered":"jane"},"event_type":"old","timestamp":1700000000,"properties":{}}}',
  omitted: [],
};

/** What one deploy differs in from the next. */
interface Settings {
  readonly account?: object;
  readonly in?: object;
  readonly deliver: Omit<FlowNode, "id">;
  /** Between both. */
  readonly between?: FlowNode;
}

describe("what waits in a queue, and deploys with other settings", () => {
  const flow = new FlowUnderTest([voucherifyIn, eventForward, splitNode]);
  let simulator: Simulator;
  let unique = 0;
  before(async () => {
    simulator = await Simulator.start({ keys: { ...TEST_KEYS, ...BLOOMREACH_KEYS }, asyncActionMs: 20 });
  });
  after(() => simulator.stop());
  beforeEach(() => {
    unique++;
    simulator.reset();
    simulator.setFaults(undefined);
  });

  const id = (name: string): string => `${name}-${unique}`;
  /** Deploys "in -> deliver -> result" with Catch, in place of what ran before. */
  async function deploy({ account, in: receiving, deliver, between }: Settings): Promise<void> {
    await flow.unload();
    await flow.load(
      [
        { id: "tab", type: "tab" },
        {
          id: id("kept-bloomreach"),
          type: "bv-bloomreach-account",
          apiUrl: simulator.url,
          projectToken: BLOOMREACH_KEYS.projectToken,
          hardId: "registered",
        },
        {
          id: id("kept-voucherify"),
          type: "bv-voucherify-account",
          apiUrl: simulator.url,
          hardId: "registered",
          plan: "own",
          requests: 2000,
          period: "minute",
          ...account,
        },
        {
          id: id("in"),
          type: "bv-bloomreach-in",
          z: "tab",
          account: id("kept-bloomreach"),
          path: PATH,
          kind: "events",
          eventKey: "",
          output: "webhook",
          wires: [[between ? between.id : id("deliver")]],
          ...receiving,
        },
        ...(between ? [{ ...between, z: "tab", wires: [[id("deliver")]] }] : []),
        {
          z: "tab",
          account: id("kept-bloomreach"),
          voucherifyAccount: id("kept-voucherify"),
          send: "event",
          fillMs: 20,
          wires: [[id("result")]],
          ...deliver,
          id: id("deliver"),
        },
        { id: id("result"), type: "helper", z: "tab" },
        { id: id("catch"), type: "catch", z: "tab", scope: null, wires: [[id("failure")]] },
        { id: id("failure"), type: "helper", z: "tab" },
      ] as FlowNode[],
      {
        [id("kept-bloomreach")]: {
          webhookApplicationId: WEBHOOK_KEYS["application-id"],
          webhookSecretKey: WEBHOOK_KEYS["secret-key"],
          apiKeyId: BLOOMREACH_KEYS.apiKeyId,
          apiSecret: BLOOMREACH_KEYS.apiSecret,
        },
        [id("kept-voucherify")]: TEST_KEYS,
        [id("in")]: { secret: SECRET },
      },
    );
  }
  const post = async (body: object): Promise<void> => {
    assert.equal((await flow.post(PATH, body, WEBHOOK_KEYS)).status, 200);
  };
  const results = (): Received[] => flow.of(id("result"));
  const failures = (): Received[] => flow.of(id("failure"));
  const bodiesTo = (path: string): Received[] =>
    simulator.log.filter((one) => one.path === path).map(({ bodyText }) => JSON.parse(bodyText!) as Received);
  const tracked = (): string[] => bodiesTo("/v1/events").map(({ event }) => event as string);
  const toBloomreach = { type: "bv-event-forward", sendTo: "bloomreach" };
  const toVoucherify = { type: "bv-event-forward", sendTo: "voucherify" };
  const review = (event: string, more: object = {}): object => ({ event, customer: { registered: "jane" }, ...more });
  const letters = async (): Promise<Received[]> =>
    (await flow.delivery.failed.list({ node: id("deliver"), limit: 50 })).letters;
  const profileEvents = (): Received[] =>
    [...simulator.bloomreach.book.profiles].flatMap(({ events }) => events as unknown as Received[]);

  describe("a deploy soon after a take", () => {
    it("sends redemptions once, whatever their currency is called now", async () => {
      const receiving = { type: "bv-voucherify-in", account: id("kept-voucherify"), kinds: [] };
      const redeem = async (sourceId: string): Promise<void> => {
        const customer = { id: `cust_${sourceId}`, source_id: sourceId };
        const text = JSON.stringify(sampleWebhook("customer.redemption.succeeded", "project", { customer }));
        const signature = createHmac("sha256", SECRET).update(text).digest("hex");
        assert.equal((await flow.post(PATH, text, { "x-voucherify-signature": signature })).status, 200);
      };
      await deploy({ in: receiving, deliver: { ...toBloomreach, send: "both", currency: "EUR" } });
      for (let count = 0; count < 10; count++) await redeem("jane");
      await waitFor("ten events", () => profileEvents().length === 10);
      await deploy({ in: receiving, deliver: { ...toBloomreach, send: "both", currency: "USD" } });
      // What is emitted again goes before what comes now.
      await redeem("joe");
      await waitFor("the new event", () => JSON.stringify(results()).includes('"joe"'));
      assert.equal(profileEvents().length, 11);
    });

    it("never sends what test mode has held back", async () => {
      const customers = Array.from({ length: 20 }, (_none, n) => ({ registered: `c${n}` }));
      const receiving = { kind: "customers" };
      const deliver = { type: "bv-customer-upsert", account: id("kept-voucherify") };
      await deploy({ in: receiving, deliver, account: { testCustomers: "nobody" } });
      await post(customers);
      await waitFor("all held", () => results()[0]?.payload.length === 20);
      await deploy({ in: receiving, deliver });
      await post({ registered: "new" });
      await waitFor("the new customer", () => results().length > 0);
      assert.deepEqual(
        [results().flatMap(({ payload }) => payload as object[]).length, simulator.customers.get("c0")],
        [1, undefined],
      );
    });

    it("tells what can never be sent once", async () => {
      await deploy({ deliver: toVoucherify });
      await post([review("good"), { customer: { registered: "jane" } }]);
      await waitFor("the failure", () => failures().length === 1 && results().length === 1);
      await deploy({ deliver: { ...toVoucherify, repeat: "at-most-once" } });
      await post(review("next"));
      await waitFor("the next event", () => results().length > 0);
      assert.deepEqual([failures(), tracked()], [[], ["good", "next"]]);
    });

    it("delivers two equal events of one webhook, whole and split, and each once", async () => {
      const twins = [review("same"), review("same"), review("other")];
      const split = {
        id: id("split"),
        type: "split",
        splt: "\\n",
        spltType: "str",
        arraySplt: 1,
        arraySpltType: "len",
      };
      const count = (): number => tracked().filter((event) => event !== "last").length;
      await deploy({ deliver: toVoucherify });
      await post(twins);
      await waitFor("three events", () => tracked().length === 3);
      // The same webhook comes again, split this time: by a node, then by the setting.
      await deploy({ deliver: toVoucherify, between: split });
      await post(twins);
      await waitFor("three more", () => count() === 6);
      await deploy({ deliver: toVoucherify, in: { output: "customer" } });
      await post(twins);
      await waitFor("three more", () => count() === 9);
      await deploy({ deliver: toVoucherify });
      await post(review("last"));
      await waitFor("the last", () => tracked().includes("last"));
      assert.equal(count(), 9);
    });
  });

  describe("a record that the node cannot send any more", () => {
    it("accepted for Bloomreach, now Voucherify: kept and told, and delivered when the setting is back", async () => {
      simulator.setFaults({ seed: 1, rate500: 1, only: { path: "/track/*" } });
      await deploy({ deliver: toBloomreach });
      await post([review("a", { registered: "jane", time: 1_700_000_000 })]);
      await waitFor("a try", () => simulator.log.some(({ path }) => path.startsWith("/track/")));
      simulator.setFaults(undefined);
      await deploy({ deliver: toVoucherify });
      await post(review("good"));
      const failure = await waitFor("the failure", () => failures()[0]);
      assert.match(
        failure.error.message,
        /accepted for Bloomreach, but this node now sends to Voucherify\. Set "Send to" back/,
      );
      assert.deepEqual([failure.failed[0].key, failure.failed[0].event], ["does_not_fit", "a"]);
      await waitFor("the good one", () => tracked().length === 1);
      assert.deepEqual(
        bodiesTo("/v1/events").map(({ event }) => event as string),
        ["good"],
      );

      const [letter] = await letters();
      assert.deepEqual([letter!.kind, letter!.version, letter!.reasonKey], ["tracking-command", 1, "does_not_fit"]);
      const refused = await flow.delivery.replay([letter!.id as string]);
      assert.equal(refused.replayed, 0);
      assert.match(refused.refused[0]!.reason, /Set "Send to" back/);
      assert.equal((await letters()).length, 1);
      await deploy({ deliver: toBloomreach });
      assert.equal((await flow.delivery.replay([letter!.id as string])).replayed, 1);
      await waitFor("the event in Bloomreach", () => profileEvents().length === 1);
      assert.deepEqual(await letters(), []);
    });

    it("accepted for Voucherify, now Bloomreach: the others of its batch are delivered", async () => {
      simulator.setFaults({ seed: 1, rate500: 1, only: { path: "/v1/events" } });
      await deploy({ deliver: toVoucherify });
      await post([review("a"), review("b")]);
      await waitFor("a try", () => tracked().length > 0);
      simulator.setFaults(undefined);
      await deploy({ deliver: toBloomreach });
      await post(
        Array.from({ length: 3 }, (_none, n) => ({ registered: "joe", event: "seen", time: 1_700_000_000 + n })),
      );
      await waitFor("the good ones", () => profileEvents().length === 3);
      await waitFor("both letters", async () => (await letters()).length === 2);
      assert.match(
        (await letters())[0]!.reason as string,
        /accepted for Voucherify, but this node now sends to Bloomreach/,
      );
      assert.doesNotMatch(simulator.log.map(({ bodyText }) => bodyText).join(), /undefined/);
    });

    it("of a newer release: kept, told, named by its customer", async () => {
      await keepAsOldRelease({ kind: "custom-event", version: 99, body: { anything: 1 }, key: "jane" });
      await deploy({ deliver: toVoucherify });
      await post(review("good"));
      const failure = await waitFor("the failure", () => failures()[0]);
      assert.deepEqual([failure.failed[0].source_id, failure.failed[0].key], ["jane", "does_not_fit"]);
      assert.match(failure.error.message, /another release of this package/);
      await waitFor("the good one", () => tracked().length === 1);
    });
  });

  describe("records of release 0.1.0, which wrote no kind", () => {
    for (const [name, deliver, body, isThere] of [
      [
        "an event for Voucherify",
        toVoucherify,
        { sourceId: "jane", event: "old", body: '{"event":"old","customer":{"source_id":"jane"}}' },
        () => tracked().includes("old"),
      ],
      ["a command for Bloomreach", toBloomreach, OLD_COMMAND, () => profileEvents().length === 1],
    ] as const)
      it(`are delivered: ${name}`, async () => {
        await keepAsOldRelease({ key: "jane", body });
        await deploy({ deliver });
        await waitFor("it", isThere);
        assert.deepEqual([await letters(), failures()], [[], []]);
      });

    it("are delivered: a customer, merged with nothing that came later", async () => {
      await keepAsOldRelease({
        key: "jane",
        body: { sourceId: "jane", hardId: "registered", record: { registered: "jane", name: "Jane" } },
      });
      await deploy({
        in: { kind: "customers" },
        deliver: { type: "bv-customer-upsert", account: id("kept-voucherify") },
      });
      await waitFor("her", () => simulator.customers.get("jane")?.name === "Jane");
    });

    it("that fit no more are kept and told", async () => {
      await keepAsOldRelease({ key: "jane", body: OLD_COMMAND });
      await deploy({ deliver: toVoucherify });
      await waitFor("the letter", async () => (await letters()).length === 1);
      assert.match((await letters())[0]!.reason as string, /accepted for Bloomreach/);
      assert.equal(tracked().length, 0);
    });
  });

  /** A queue of one record, as another release has left it. */
  async function keepAsOldRelease(record: JsonObject): Promise<void> {
    await deploy({ deliver: { type: "helper" } });
    const node = id("deliver");
    const kept = { message: "m", index: 0, bytes: 10, acceptedAt: Date.now(), ...record };
    await flow.delivery.usable(5_000);
    await flow.delivery.write([
      put(`lane/${node}/record/${"1".padStart(16, "0")}`, kept),
      put(`lane/${node}/message/m`, {
        envelope: { properties: { topic: "old" }, settledAtOnce: 0 },
        total: 1,
        settled: 0,
      }),
      put(`lanes/${node}`, { count: 1, lastId: 1, name: "", type: "bv-event-forward" }),
    ]);
  }

  it("keeps each of several failed records of a call, with the API's answer", async () => {
    await deploy({ deliver: toBloomreach });
    simulator.bloomreach.deniedEvents.add("seen");
    await post(
      Array.from({ length: 3 }, (_none, n) => ({ registered: `c${n}`, event: "seen", time: 1_700_000_000 + n })),
    );
    await waitFor("the failure", () => failures()[0]);
    const kept = await letters();
    assert.deepEqual(kept.map(({ customer }) => customer as string).sort(), ["c0", "c1", "c2"]);
    for (const { answer } of kept) assert.deepEqual([answer.statusCode, answer.body.success], [200, false]);
  });

  for (const [what, event] of [
    ["delivered", (n: number): object => ({ registered: `c${n}`, event: "seen" })],
    ["refused", (n: number): object => ({ registered: `c${n}`, event: "denied" })],
    ["never sent", (): object => ({ event: "nobody's" })],
  ] as const)
    it(`forgets messages whose records are ${what}: later ones still come back as they were`, async () => {
      await deploy({ deliver: toBloomreach });
      simulator.bloomreach.deniedEvents.add("denied");
      // So many are remembered at one time.
      for (let n = 0; n < 500; n++) flow.node(id("deliver")).receive({ payload: event(n) });
      await waitFor("all", () => results().length + failures().length === 500);
      const live = (): string => "cannot be written down";
      flow.node(id("deliver")).receive({ payload: { registered: "last", event: "seen" }, live });
      const isLast = ({ payload }: Received): boolean => payload[0].customer_ids.registered === "last";
      assert.equal((await waitFor("the last", () => results().find(isLast))).live, live);
    });
});
