import assert from "node:assert/strict";
import { Lane } from "../../src/delivery/outbox/lane";
import { LaneQueue } from "../../src/delivery/queue/lane-queue";
import type { Destination, LaneRecord, Settlement } from "../../src/delivery/destination";
import { ConfigurationError } from "../../src/delivery/outcome";
import type { Repeat } from "../../src/destinations/lost-answers";
import type { CustomEvent } from "../../src/destinations/custom-event";
import { GatewayCustomers } from "../../src/destinations/gateway/gateway-customers";
import { GatewayEvents } from "../../src/destinations/gateway/gateway-events";
import { type HttpAnswer, type HttpRequest, sendHttp, TransportError } from "../../src/http/http-client";
import type { JsonObject } from "../../src/json";
import type { EmptyValues } from "../../src/mapping/values/presence";
import { Simulator } from "../../src/simulator";
import { gatewayUrlOf, VoucherifyGateway } from "../../src/voucherify/gateway-api";
import { MemoryDurableStore } from "../support/memory-durable-store";
import { answer, apiError, laneRecord, names, tally } from "../support/scripted-voucherify";
import { waitFor } from "../support/wait-for";
import { TEST_KEYS } from "../support/flows";

const eventRecord = (sourceId: string, id: number, more: JsonObject = {}): LaneRecord<CustomEvent> => ({
  id,
  key: sourceId,
  body: {
    sourceId,
    event: "review_left",
    body: JSON.stringify({ event: "review_left", customer: { source_id: sourceId }, metadata: { n: id }, ...more }),
  },
});

describe("the gateway's address", () => {
  for (const [apiUrl, gatewayUrl] of [
    ["https://api.voucherify.io", "https://bloomreach.voucherify.io"],
    ["https://api.voucherify.io/", "https://bloomreach.voucherify.io"],
    [" https://us1.api.voucherify.io", "https://us1.bloomreach.voucherify.io"],
    ["https://as1.api.voucherify.io", "https://as1.bloomreach.voucherify.io"],
    ["https://acme.api.voucherify.io", undefined],
    ["https://api.voucherify.io.example.com", undefined],
    ["", undefined],
  ] as const)
    it(`of ${apiUrl || "nothing"} is ${gatewayUrl ?? "for the user to type"}`, () =>
      assert.equal(gatewayUrlOf(apiUrl), gatewayUrl));
});

describe("destinations: Voucherify's hosted integration", () => {
  let requests: HttpRequest[];
  let respond: (items: JsonObject[]) => HttpAnswer;
  beforeEach(() => {
    requests = [];
    respond = () => answer(200, { success: true });
  });
  const gateway = new VoucherifyGateway({
    gatewayUrl: "https://gateway.test/",
    keys: { applicationId: "id", secretKey: "secret" },
    send: (request) => {
      requests.push(request);
      return new Promise((resolve) => resolve(respond(JSON.parse(request.body!) as JsonObject[])));
    },
  });
  const sent = (): JsonObject[][] => requests.map(({ body }) => JSON.parse(body!) as JsonObject[]);
  const deliver = async <Body>(destination: Destination<Body>, batch: readonly LaneRecord<Body>[]) => {
    const settlements: Settlement[] = [];
    for await (const some of destination.deliver(batch, new AbortController().signal)) settlements.push(...some);
    return settlements.sort((a, b) => a.id - b.id);
  };
  const customers = (given: readonly (string | JsonObject)[], emptyValues: EmptyValues = "keep") =>
    deliver(new GatewayCustomers({ gateway, hardId: "email_id", emptyValues }), given.map(laneRecord));
  const events = (records: readonly LaneRecord<CustomEvent>[], repeat: Repeat = "at-least-once") =>
    deliver(new GatewayEvents({ gateway, hardId: "email_id", repeat }), records);

  it("gets its own headers and paths", async () => {
    await customers(["ann"]);
    await events([eventRecord("ann", 1)]);
    assert.deepEqual(
      requests.map(({ method, url }) => [method, url]),
      [
        ["POST", "https://gateway.test/bloomreach-engagement/upsert-customer-bulk"],
        ["POST", "https://gateway.test/bloomreach-engagement/create-event-bulk"],
      ],
    );
    assert.deepEqual(requests[0]!.headers, {
      "application-id": "id",
      "secret-key": "secret",
      "Content-Type": "application/json",
    });
  });

  describe("customers", () => {
    it("go with the name of the Main Hard ID, mapped as for the API, their metadata as it is", async () => {
      const ann: JsonObject = {
        registered: "ann",
        name: "Ann",
        phone: 48123,
        birthdate: "",
        nickname: "Annie",
        metadata: { points: "5", anything: [1], none: "" },
      };
      const [settlement] = await customers([ann]);
      assert.deepEqual(sent(), [
        [{ email_id: "ann", name: "Ann", phone: "48123", metadata: { points: "5", anything: [1] } }],
      ]);
      assert.deepEqual(settlement!.outcome, {
        status: "delivered",
        result: {
          source_id: "ann",
          status: "accepted",
          omitted: [
            { key: "nickname", reason: '"nickname" is not a field of a Voucherify customer: put it under metadata.' },
          ],
        },
      });
    });

    it("clear what has no value, where that is the setting", async () => {
      await customers([{ registered: "ann", email: "", metadata: { tier: "None", kept: null } }], "clear");
      assert.deepEqual(sent(), [[{ email_id: "ann", email: null, metadata: { tier: null, kept: null } }]]);
    });

    it("have no empty metadata, and report metadata that is none", async () => {
      const settlements = await customers([
        { registered: "ann", metadata: { tier: "" } },
        { registered: "bob", metadata: "x" },
      ]);
      assert.deepEqual(sent(), [[{ email_id: "ann" }, { email_id: "bob" }]]);
      assert.match(JSON.stringify(settlements[1]), /metadata.* must be an object/);
    });

    it("go 1,000 at once", async () => {
      assert.equal(new GatewayCustomers({ gateway, hardId: "x", emptyValues: "keep" }).batchLimits.records, 1_000);
      assert.equal(tally(await customers(names(1_000))), "delivered 1000");
      assert.equal(requests.length, 1);
    });

    it("that are refused are found by halves, and cost only themselves", async () => {
      respond = (items) =>
        items.some(({ email_id }) => email_id === "c77") ? apiError(400, "invalid_payload") : answer(200, {});
      const settlements = await customers(names(128));
      assert.equal(tally(settlements), "delivered 127, failed 1");
      assert.equal(settlements[77]!.outcome.status, "failed");
      assert.ok(requests.length <= 15, `${requests.length} requests`);
    });

    it("wait when the integration is in trouble, those that were not sent too", async () => {
      respond = (items) => (items.length > 2 ? answer(413) : answer(500));
      assert.equal(tally(await customers(names(4))), "retry 4");
      assert.equal(requests.length, 2);
    });

    it("are tried again after a page that is no answer", async () => {
      respond = () => ({ status: 200, headers: {}, text: " <html>", json: undefined });
      assert.equal(tally(await customers(["ann"])), "retry 1");
    });

    it("are accepted by an answer without a body: what it answers is not documented", async () => {
      respond = () => answer(202);
      assert.equal(tally(await customers(["ann"])), "delivered 1");
    });
  });

  describe("events", () => {
    it("go with the customer's Main Hard ID and everything else as it is", async () => {
      const settlements = await events([eventRecord("ann", 1, { referral: { code: "R" } }), eventRecord("bob", 2)]);
      assert.deepEqual(sent(), [
        [
          { event: "review_left", customer: { email_id: "ann" }, metadata: { n: 1 }, referral: { code: "R" } },
          { event: "review_left", customer: { email_id: "bob" }, metadata: { n: 2 } },
        ],
      ]);
      assert.deepEqual(settlements[0]!.outcome, {
        status: "delivered",
        result: { source_id: "ann", event: "review_left", status: "accepted" },
      });
    });

    it("whose answer was lost are repeated three times, or never", async () => {
      respond = () => {
        throw new TransportError("timeout", "gateway.test did not answer within 30 s.");
      };
      const records = [eventRecord("ann", 1), { ...eventRecord("bob", 2), lostAnswers: 3 }];
      const outcomes = (await events(records)).map(({ outcome }) => outcome);
      assert.equal(outcomes[0]!.status, "retry");
      assert.equal(outcomes[1]!.status === "failed" && outcomes[1]!.key, "unknown_outcome");
      const once = (await events(records, "at-most-once")).map(({ outcome }) => outcome);
      assert.ok(once.every((outcome) => outcome.status === "failed" && outcome.key === "unknown_outcome"));
      assert.deepEqual(
        sent().map((items) => items.length),
        [2, 1],
        "bob may have arrived before: at most once does not send him",
      );
    });

    it("that were not sent, because the first half was lost, keep their repetitions", async () => {
      respond = (items) => (items.length > 2 ? answer(413) : answer(500));
      const settlements = await events(
        names(4).map((name, id) => eventRecord(name, id)),
        "at-most-once",
      );
      assert.equal(tally(settlements), "failed 2, retry 2");
    });
  });

  for (const [name, refusal, remedy] of [
    ["wrong keys", answer(401), /Secret key of the integration/],
    ["a wrong address", answer(404), /gateway URL/],
    ["the calls of the day are used up", answer(429), /used up for today.*goes on by itself.*\d{4}-\d\d-\d\d \(UTC\)/],
    [
      "the same, with the name of the counter",
      answer(429, {}, { "x-rate-limit-type": "webhook_calls", "retry-after": "60" }),
      /used up for today/,
    ],
  ] as const)
    it(`pauses everything: ${name}`, async () => {
      respond = () => refusal;
      for (const delivery of [() => customers(names(3)), () => events([eventRecord("ann", 1)])])
        await assert.rejects(delivery(), (error) => error instanceof ConfigurationError && remedy.test(error.message));
    });

  it("waits as told by a 429 that names its end", async () => {
    respond = () => answer(429, {}, { "retry-after": "9" });
    const [settlement] = await customers(["ann"]);
    assert.ok(settlement!.outcome.status === "retry");
    assert.equal(Math.ceil((settlement!.outcome.retryAfterMs ?? 0) / 1_000), 9);
  });

  describe("with a lane and the simulator", () => {
    let simulator: Simulator;
    let lane: Lane<CustomEvent> | undefined;
    afterEach(async () => {
      await lane?.stop();
      await simulator.stop();
    });
    const real = () =>
      new VoucherifyGateway({ gatewayUrl: simulator.url, keys: TEST_KEYS, send: sendHttp, timeoutMs: 10_000 });
    const startLane = async (repeat: Repeat) =>
      (lane = new Lane<CustomEvent>({
        queue: await LaneQueue.open(new MemoryDurableStore(), { node: "n", name: "N", type: "t" }),
        destination: new GatewayEvents({ gateway: real(), hardId: "registered", repeat, repeatPausesMs: [5, 10, 15] }),
        retry: { firstMs: 5, capMs: 20, giveUpAfterMs: 60_000 },
      }));
    const thousand = (count = 1_000) => ({
      id: "m",
      envelope: {},
      records: names(count).map((name, id) => ({ key: name, body: eventRecord(name, id).body })),
    });

    it("1,000 customers and 1,000 events cost one request each", async () => {
      simulator = await Simulator.start({ keys: TEST_KEYS });
      const destination = new GatewayCustomers({ gateway: real(), hardId: "registered", emptyValues: "keep" });
      const given = names(1_000).map((registered) => ({ registered, metadata: { segment: "VIP", unknown: 1 } }));
      assert.equal(tally(await deliver(destination, given.map(laneRecord))), "delivered 1000");
      assert.equal(simulator.customers.size, 1_000);
      assert.deepEqual(simulator.customers.get("c7")!.metadata, { segment: "VIP" });
      const started = await startLane("at-least-once");
      await started.accept(thousand());
      await waitFor("the events", () => started.state().delivered === 1_000);
      assert.deepEqual([simulator.events.events.length, simulator.log.length], [1_000, 2]);
    });

    for (const repeat of ["at-least-once", "at-most-once"] as const)
      it(`a lost answer of a whole batch: ${repeat}`, async () => {
        simulator = await Simulator.start({ keys: TEST_KEYS, faults: { seed: 1, rateLost: 1, times: 1 } });
        const started = await startLane(repeat);
        await started.accept(thousand(100));
        await waitFor("the end", () => started.state().waiting === 0);
        const counted = [started.state().delivered, started.state().failed, simulator.events.events.length];
        assert.deepEqual(counted, repeat === "at-most-once" ? [0, 100, 100] : [100, 0, 200]);
      });

    it("over the calls of the day everything is kept and goes on the next day", async () => {
      simulator = await Simulator.start({ keys: TEST_KEYS, gateway: { dailyCalls: 1 } });
      const started = await startLane("at-most-once");
      await started.accept(thousand(1_500));
      const paused = await waitFor("the pause", () => started.state().paused);
      assert.match(paused.reason, /used up for today/);
      assert.deepEqual([started.state().delivered, started.state().waiting, started.state().failed], [1_000, 500, 0]);
      simulator.reset();
      started.wake();
      await waitFor("the rest", () => started.state().delivered === 1_500);
      assert.equal(simulator.events.events.length, 500);
    });
  });
});
