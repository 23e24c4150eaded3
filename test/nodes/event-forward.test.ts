import assert from "node:assert/strict";
import { once } from "node:events";
import { createServer, type Server } from "node:http";
import type { AddressInfo } from "node:net";
import eventForward from "../../nodes/event-forward";
import { builtInKeys, simulatorUrl } from "../../nodes/lib/accounts/built-in-simulator";
import { Simulator } from "../../src/simulator";
import { sampleWebhook } from "../../src/simulator/scenario/voucherify-webhooks";
import type { EventKind } from "../../src/schemas/voucherify-event";
import { eventPayload } from "../../src/mapping/events/event-message";
import { readWebhook } from "../../src/voucherify/webhooks/webhook-event";
import { FlowUnderTest, type Received } from "../support/flow-under-test";
import { BLOOMREACH_KEYS, type FlowNode, TEST_KEYS } from "../support/flows";
import { waitFor } from "../support/wait-for";

const LIVE_BLOOMREACH = { projectToken: "live-project-token" };
const LIVE_BLOOMREACH_KEYS = { apiKeyId: "live-key-id", apiSecret: "live/secret+key" };

describe("event forward", () => {
  const flow = new FlowUnderTest([eventForward]);
  let simulator: Simulator;
  let unique = 0;
  before(async () => {
    simulator = await Simulator.start({ keys: { ...TEST_KEYS, ...BLOOMREACH_KEYS } });
  });
  after(() => simulator.stop());
  beforeEach(() => {
    unique++;
    simulator.reset();
    simulator.setFaults(undefined);
  });
  const id = (name: string): string => `${name}${unique}`;

  const load = (
    forward: object = {},
    accounts: { bloomreach?: object; voucherify?: object; keys?: object } = {},
  ): Promise<void> =>
    flow.load(
      [
        { id: "tab", type: "tab" },
        {
          id: id("forward-bloomreach"),
          type: "bv-bloomreach-account",
          apiUrl: simulator.url,
          projectToken: BLOOMREACH_KEYS.projectToken,
          hardId: "registered",
          ...accounts.bloomreach,
        },
        {
          id: id("forward-voucherify"),
          type: "bv-voucherify-account",
          apiUrl: simulator.url,
          hardId: "registered",
          plan: "own",
          requests: 2000,
          period: "minute",
          ...accounts.voucherify,
        },
        {
          id: id("forward"),
          type: "bv-event-forward",
          z: "tab",
          sendTo: "bloomreach",
          account: id("forward-bloomreach"),
          voucherifyAccount: id("forward-voucherify"),
          send: "both",
          names: {},
          currency: "EUR",
          fillMs: 50,
          repeat: "at-least-once",
          wires: [[id("result")]],
          ...forward,
        },
        { id: id("result"), type: "helper", z: "tab" },
        { id: id("catch"), type: "catch", z: "tab", scope: null, wires: [[id("failure")]] },
        { id: id("failure"), type: "helper", z: "tab" },
      ] as FlowNode[],
      {
        [id("forward-bloomreach")]: {
          apiKeyId: BLOOMREACH_KEYS.apiKeyId,
          apiSecret: BLOOMREACH_KEYS.apiSecret,
          ...accounts.keys,
        },
        [id("forward-voucherify")]: TEST_KEYS,
      },
    );
  const receive = (payload: unknown, more: object = {}): void => flow.node(id("forward")).receive({ payload, ...more });
  const results = (): Received[] => flow.of(id("result"));
  const failures = (): Received[] => flow.of(id("failure"));
  /** A live account refuses the simulator's keys, so these tests use the built-in one. */
  const builtIn = { bloomreach: { apiUrl: "simulator" } };
  const ask = async (path: string): Promise<Received[]> =>
    (await (await fetch(`${await simulatorUrl()}/_simulator/${path}`)).json()) as Received[];
  const profile = async (name: string): Promise<Received | undefined> =>
    (await ask("profiles")).find(({ ids }) => ids.registered === name);
  const batches = async (): Promise<number> => (await ask("log")).filter(({ path }) => path.endsWith("/batch")).length;
  const sample = (kind: EventKind): Received => {
    const customer = { id: "cust_jane", source_id: "jane" };
    const reading = readWebhook(Buffer.from(JSON.stringify(sampleWebhook(kind, "project", { customer }))));
    assert.ok(reading.ok);
    return eventPayload(reading.event);
  };

  describe("to Bloomreach", () => {
    beforeEach(async () => void (await fetch(`${await simulatorUrl()}/_simulator/reset`, { method: "POST" })));

    it("writes an event and what it says of the customer, and reports both", async () => {
      await load({}, builtIn);
      const payload = sample("customer.publication.succeeded");
      receive(payload, { topic: "mine" });
      const message = await waitFor("the result", () => results()[0]);
      assert.equal(message.topic, "mine");
      assert.deepEqual(message.payload, [
        { status: "delivered", event: "voucherify_publication_succeeded", customer_ids: { registered: "jane" } },
        { status: "delivered", customer_ids: { registered: "jane" } },
      ]);
      const jane = await profile("jane");
      assert.deepEqual(
        jane?.events.map(({ type }: Received) => type as string),
        ["voucherify_publication_succeeded"],
      );
      assert.equal(jane.events[0].properties.voucher_code, jane.properties.voucherify_last_code);
      assert.equal(jane.events[0].timestamp, Date.parse(payload.created_at) / 1_000);
    });

    it("fills batches of 50, also with events of one customer", async () => {
      await load({ send: "event" }, builtIn);
      receive(
        Array.from({ length: 120 }, (_, n) => ({
          registered: "jane",
          event: "seen",
          properties: { n },
          time: 1_700_000_000 + n,
        })),
      );
      await waitFor("all", () => results().reduce((sum, { payload }) => sum + (payload.length as number), 0) === 120);
      assert.equal(await batches(), 3);
      assert.equal((await profile("jane"))?.events.length, 120);
    });

    it("sends an event or update of its own without what is too large, and names it", async () => {
      await load({}, builtIn);
      const properties = { stars: 5, text: "x".repeat(17_000) };
      receive([
        { registered: "jane", event: "review", properties },
        { registered: "jane", properties },
      ]);
      const message = await waitFor("the result", () => results()[0]);
      const jane = await profile("jane");
      assert.deepEqual([jane?.events[0].properties, jane?.properties.stars], [{ stars: 5 }, 5]);
      const named = { customer_ids: { registered: "jane" }, key: "properties.text" };
      assert.deepEqual(
        message.omitted.map(({ reason: _reason, ...omission }: Received) => omission as unknown),
        [{ event: "review", ...named }, named],
      );
    });

    it("uses the names that the user chose, and sends properties alone", async () => {
      await load({ send: "event", names: { "customer.redemption.succeeded": "code_used" } }, builtIn);
      receive(sample("customer.redemption.succeeded"));
      await waitFor("the event", () => results()[0]);
      assert.equal((await profile("jane"))?.events[0].type, "code_used");
      unique++;
      await flow.unload();
      await load({ send: "properties" }, builtIn);
      receive(sample("customer.redemption.succeeded"));
      await waitFor("the properties", () => results()[0]);
      const jane = await profile("jane");
      assert.equal(jane?.events.length, 1);
      assert.equal(typeof jane.properties.voucherify_last_redemption, "number");
    });

    it("stores Voucherify's customer ID, from events and from results of customer upsert", async () => {
      const sync = { apiUrl: "simulator", idSync: "soft", idSyncName: "voucherify_id" };
      await load({}, { bloomreach: sync });
      receive([
        { source_id: "joe", status: "delivered", id: "cust_joe" },
        { source_id: "ann", status: "delivered" },
        { source_id: "bob", status: "accepted" },
        { source_id: "eve", status: "held" },
        { source_id: "zoe", event: "review_left", status: "delivered" },
      ]);
      await waitFor("both", () => results().length === 2);
      assert.deepEqual((await profile("joe"))?.ids, { registered: "joe", voucherify_id: "cust_joe" });
      const failed = (await waitFor("Catch", () => failures()[0])).failed;
      assert.deepEqual(
        failed.map(({ source_id, key }: Received) => [source_id, key]),
        [
          ["ann", "voucherify_id_unknown"],
          ["bob", "voucherify_id_unknown"],
        ],
      );
      assert.match(failed[0].reason, /customer ann .* Send this customer from Bloomreach once more/);
      assert.match(failed[1].reason, /customer bob .* the hosted gateway tells no IDs/);
      assert.deepEqual(
        results()
          .flatMap(({ payload }) => payload as Received[])
          .filter(({ status }) => status === "held")
          .map(({ source_id }) => source_id as string),
        ["eve", "zoe"],
      );
      receive(sample("customer.rewarded"));
      await waitFor("the event", () => results().length === 3);
      assert.equal((await profile("jane"))?.ids.voucherify_id, "cust_jane");
    });

    it("makes an event of a publication that a flow has made itself", async () => {
      await load({}, builtIn);
      receive({
        object: "publication",
        id: "pub_1",
        created_at: "2026-11-23T10:42:00.000Z",
        customer_id: "cust_jane",
        tracking_id: "jane",
        result: "SUCCESS",
        voucher: { code: "0042", campaign: "Cart", campaign_id: "camp_1" },
      });
      await waitFor("the result", () => results()[0]);
      const jane = await profile("jane");
      assert.deepEqual(
        [jane?.events[0].type, jane?.events[0].properties.voucher_code, jane?.properties.voucherify_last_code],
        ["voucherify_publication_succeeded", "0042", "0042"],
      );
    });

    it("tells Catch what cannot be placed", async () => {
      await load({}, builtIn);
      receive({ ...sample("customer.rewarded"), customer: { source_id: "--" } });
      assert.match((await waitFor("the failure", () => failures()[0])).error.message, /no customer with a source ID/);
    });

    it("refuses the simulator's keys on a live account with a sentence, and keeps the event", async () => {
      const { apiKeyId, apiSecret } = builtInKeys();
      await load({}, { keys: { apiKeyId, apiSecret } });
      receive(sample("customer.publication.succeeded"));
      await waitFor("the pause", () => flow.status(id("forward")).endsWith("paused"));
      assert.deepEqual(results(), []);
    });
  });

  describe("to Voucherify", () => {
    const event = (name = "review_left"): object => ({
      event: name,
      customer: { registered: "jane" },
      metadata: { stars: "5" },
    });

    it("tracks an event, and tells Voucherify's ID of the customer", async () => {
      await load({ sendTo: "voucherify" });
      receive(event(), { hardId: "registered", topic: "events" });
      const message = await waitFor("the result", () => results()[0]);
      assert.equal(message.topic, "events");
      assert.deepEqual(message.payload, [
        { status: "delivered", source_id: "jane", event: "review_left", id: simulator.customers.get("jane")!.id },
      ]);
      assert.deepEqual(message.delivery, { settled: 1, waiting: 0, total: 1 });
    });

    it("gives metadata the types of the event's schema, and tells what was left out", async () => {
      const stars = { type: "number", array: false, optional: true, objectType: null } as const;
      simulator.events.schemas.set("review_left", {
        related_object: "review_left",
        properties: { stars },
        allow_defined_only: true,
      });
      await load({ sendTo: "voucherify" });
      receive({ ...event(), metadata: { stars: "5", mood: "good" } });
      const message = await waitFor("the result", () => results()[0]);
      assert.deepEqual(simulator.events.events.at(-1)!.metadata, { stars: 5 });
      const [{ reason, ...omission }] = message.omitted;
      assert.deepEqual(omission, { source_id: "jane", event: "review_left", key: "metadata.mood" });
      assert.match(reason as string, /is not defined in Voucherify/);
    });

    it("tells what an event has no place for, whichever way it goes", async () => {
      const withMail = { ...event(), customer: { registered: "jane", email: "jane@example.com" } };
      for (const transport of ["api", "gateway"]) {
        await load({ sendTo: "voucherify" }, { voucherify: { transport, gatewayUrl: simulator.url } });
        receive(withMail);
        const [{ reason, ...omission }] = (await waitFor("the result", () => results()[0])).omitted;
        assert.deepEqual(omission, { source_id: "jane", event: "review_left", key: "customer.email" });
        assert.match(reason as string, /customer update/);
        await flow.unload();
        unique++;
      }
    });

    it("sends each of a list, and tells Catch of those that are none", async () => {
      await load({ sendTo: "voucherify" });
      receive([event("a"), { customer: { registered: "jane" } }, event("b"), 7]);
      await waitFor("all", () => simulator.log.filter(({ path }) => path === "/v1/events").length === 2);
      const failure = await waitFor("the failure", () => failures()[0]);
      assert.deepEqual(
        failure.failed.map(({ index, key }: Received) => [index, key]),
        [
          [1, "not_an_event"],
          [3, "not_an_object"],
        ],
      );
    });

    it("repeats a lost answer once, or never, as the user chose", async () => {
      await load({ sendTo: "voucherify", repeat: "at-most-once" });
      simulator.setFaults({ seed: 1, rateLost: 1, times: 1, only: { path: "/v1/events" } });
      receive(event());
      const failure = await waitFor("the failure", () => failures()[0]);
      assert.equal(failure.failed[0].key, "unknown_outcome");
      assert.equal(simulator.log.filter(({ path }) => path === "/v1/events").length, 1);
    });

    it("goes by the hosted gateway where the account says so", async () => {
      await load({ sendTo: "voucherify" }, { voucherify: { transport: "gateway", gatewayUrl: simulator.url } });
      receive([event("a"), event("a")].map((one, index) => ({ ...one, customer: { registered: `c${index}` } })));
      const message = await waitFor("the result", () => results()[0]);
      assert.deepEqual(
        message.payload.map(({ status }: Received) => status as string),
        ["accepted", "accepted"],
      );
      assert.equal(simulator.log.filter(({ path }) => path === "/bloomreach-engagement/create-event-bulk").length, 1);
    });
  });

  describe("an API that gives back what it got, and a lot of it", () => {
    let api: Server;
    let status: number;
    const large = "x".repeat(10_000_000);
    beforeEach(async () => {
      api = createServer((request, response) => {
        request.resume().on("end", () => {
          const echo = { headers: request.headers, url: request.url };
          const error = { code: status, key: "invalid_payload", message: JSON.stringify(echo), details: large, echo };
          const results = [{ success: false, error: JSON.stringify(echo), echo, large }];
          response.writeHead(status, { "content-type": "application/json" });
          response.end(JSON.stringify(status === 200 ? { success: true, results } : error));
        });
      });
      api.listen(0, "127.0.0.1");
      await once(api, "listening");
    });
    afterEach(() => {
      api.closeAllConnections();
      api.close();
    });

    for (const [sendTo, answered] of [
      ["voucherify", 400],
      ["bloomreach", 400],
      ["bloomreach", 200],
    ] as const)
      it(`leaves 16 KB and none of our keys on the message: ${sendTo}, ${answered}`, async () => {
        status = answered;
        const apiUrl = `http://127.0.0.1:${(api.address() as AddressInfo).port}`;
        const bloomreach = { ...LIVE_BLOOMREACH, apiUrl };
        await load({ sendTo }, { bloomreach, voucherify: { apiUrl }, keys: LIVE_BLOOMREACH_KEYS });
        receive({ registered: "jane", event: "seen", customer: { registered: "jane" } });
        const { response, error } = await waitFor("the failure", () => failures()[0]);
        const told = JSON.stringify(response) + JSON.stringify(error);
        assert.ok(JSON.stringify(response).length <= 16 * 1024, `${JSON.stringify(response).length} bytes`);
        assert.match(told, /\[removed\]/);
        const { apiKeyId, apiSecret } = LIVE_BLOOMREACH_KEYS;
        const pair = Buffer.from(`${apiKeyId}:${apiSecret}`).toString("base64");
        const keys = [...Object.values(TEST_KEYS), apiKeyId, apiSecret, pair, LIVE_BLOOMREACH.projectToken];
        for (const key of keys) assert.ok(!told.includes(key), `${key} is told`);
      });
  });

  it("explains what it cannot send, and what is missing", async () => {
    await load({ sendTo: "voucherify" });
    receive("text");
    assert.match((await waitFor("the failure", () => failures()[0])).error.message, /must be an event/);
  });
});
