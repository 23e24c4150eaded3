import assert from "node:assert/strict";
import { createHmac } from "node:crypto";
import voucherifyActivity from "../../nodes/voucherify-activity";
import voucherifyIn from "../../nodes/voucherify-in";
import { StoreUnavailableError } from "../../src/store/durable-store";
import type { JsonObject } from "../../src/json";
import { sampleEventData, Simulator } from "../../src/simulator";
import { sampleWebhook } from "../../src/simulator/scenario/voucherify-webhooks";
import { FlowUnderTest, type Received } from "../support/flow-under-test";
import { type FlowNode, TEST_KEYS } from "../support/flows";
import { waitFor } from "../support/wait-for";

const PATH = "/voucherify/webhooks";
const SECRET = "test-signing-secret-81d0";

function nested(levels: number): JsonObject {
  let value: JsonObject = {};
  for (let level = 1; level < levels; level++) value = { inner: value };
  return value;
}

describe("voucherify in and voucherify activity", () => {
  const flow = new FlowUnderTest([voucherifyIn, voucherifyActivity]);
  let simulator: Simulator;
  let unique = 0;

  before(async () => {
    simulator = await Simulator.start({ keys: TEST_KEYS });
  });
  after(() => simulator.stop());
  beforeEach(() => {
    unique++;
    simulator.reset();
  });

  const id = (name: string): string => `${name}${unique}`;
  /** Both nodes on one account; every test has an account of its own, because what was seen is known for two days. */
  const load = (options: object = {}, credentials: object = { secret: SECRET }): Promise<void> =>
    flow.load(
      [
        { id: "tab", type: "tab" },
        {
          id: id("in-account"),
          type: "bv-voucherify-account",
          apiUrl: simulator.url,
          hardId: "registered",
          plan: "own",
          requests: 2000,
          period: "minute",
        },
        {
          id: id("in"),
          type: "bv-voucherify-in",
          z: "tab",
          account: id("in-account"),
          path: PATH,
          dropEchoes: true,
          kinds: [],
          wires: [[id("events")], [id("others")]],
          ...options,
        },
        {
          id: id("activity"),
          type: "bv-voucherify-activity",
          z: "tab",
          account: id("in-account"),
          days: 1,
          dropEchoes: true,
          kinds: [],
          wires: [[id("events")]],
        },
        { id: id("events"), type: "helper", z: "tab" },
        { id: id("others"), type: "helper", z: "tab" },
        { id: id("catch"), type: "catch", z: "tab", scope: null, wires: [[id("failure")]] },
        { id: id("failure"), type: "helper", z: "tab" },
      ] as FlowNode[],
      { [id("in-account")]: TEST_KEYS, [id("in")]: credentials },
    );
  const send = (body: string | JsonObject, secret = SECRET): ReturnType<FlowUnderTest["post"]> => {
    const text = typeof body === "string" ? body : JSON.stringify(body);
    const signature = createHmac("sha256", secret).update(text).digest("hex");
    return flow.post(PATH, text, { "x-voucherify-signature": signature });
  };
  const redemption = (overrides: JsonObject = {}): JsonObject => ({
    ...sampleWebhook("customer.redemption.succeeded", "project"),
    ...overrides,
  });
  const events = (): Received[] => flow.of(id("events"));
  const others = (): Received[] => flow.of(id("others"));

  it("sends a signed event on, in one shape, and answers 200", async () => {
    await load();
    const webhook = redemption();
    const { status, body } = await send(webhook);
    assert.deepEqual([status, body.success], [200, true]);
    const message = await waitFor("the event", () => events()[0]);
    assert.equal(message.topic, "customer.redemption.succeeded");
    assert.equal(message.payload.kind, "customer.redemption.succeeded");
    assert.equal(message.payload.type, "redemption.succeeded");
    assert.ok(message.payload.customer.source_id);
    assert.deepEqual(message.payload.data, webhook.data);
    assert.equal(message.webhook.request_id, body.request_id);
    assert.match(flow.status(id("in")), /accepted$/);
  });

  it("checks the signature over the exact bytes, with either of two secrets", async () => {
    await load({}, { secret: SECRET, secondSecret: "the-new-one" });
    const pretty = JSON.stringify(redemption(), null, 2).replace("}", ', "number": 1.0, "big": 12345678901234567890 }');
    assert.equal((await send(pretty, "the-new-one")).status, 200);
    assert.equal((await send(redemption(), "another")).status, 401);
    assert.equal((await flow.post(PATH, redemption())).status, 401);
    assert.equal((await flow.post(PATH, "")).status, 401);
    await waitFor("the event", () => events()[0]);
    assert.equal(events().length, 1);
  });

  it("takes one redemption once: project webhook, distribution, activity", async () => {
    await load();
    const customer = { source_id: "jane", id: "cust_jane" };
    const data = sampleEventData("customer.redemption.succeeded", { customer });
    await send({ ...redemption(), data });
    await waitFor("the event", () => events()[0]);
    const distribution = sampleWebhook("customer.redemption.succeeded", "distribution");
    const again = await send({ ...distribution, data });
    assert.equal(again.body.ignored, "repeated");
    assert.equal((await send({ ...redemption(), data })).body.ignored, "repeated");

    await fetch(`${simulator.url}/v1/customers`, {
      method: "POST",
      headers: {
        "content-type": "application/json",
        "x-app-id": TEST_KEYS.applicationId,
        "x-app-token": TEST_KEYS.secretKey,
      },
      body: JSON.stringify({ source_id: "jane" }),
    });
    const known = simulator.customers.get("jane")!.id;
    const source = { channel: "USER_PORTAL" };
    simulator.activity.record(known, { type: "customer.redemption.succeeded", data, source });
    const failed = sampleEventData("customer.validation.failed", { customer });
    simulator.activity.record(known, { type: "customer.validation.failed", data: failed, source });
    const ours = sampleEventData("customer.validation.succeeded", { customer });
    simulator.activity.record(known, { type: "customer.validation.succeeded", data: ours });
    flow.node(id("activity")).receive({ payload: { registered: "jane" } });
    await waitFor("the other event", () => events()[1]);
    assert.deepEqual(
      events().map(({ topic }) => topic as string),
      ["customer.redemption.succeeded", "customer.validation.failed"],
    );
    flow.node(id("activity")).receive({ payload: "jane" });
    await waitFor(
      "the second reading",
      () => simulator.log.filter(({ path }) => path.includes("activity")).length >= 2,
    );
    assert.equal(events().length, 2);
  });

  it("leaves out what our own keys have caused", async () => {
    await load();
    const webhook = redemption();
    (webhook.event as JsonObject).event_source = { channel: "API", api_key: { app_id: TEST_KEYS.applicationId } };
    assert.equal((await send(webhook)).body.ignored, "own_event");
    assert.match(flow.status(id("in")), /echo$/);
    assert.deepEqual(events(), []);
  });

  it("sends them on where that is wanted", async () => {
    await load({ dropEchoes: false });
    const webhook = redemption();
    (webhook.event as JsonObject).event_source = { channel: "API", api_key: { app_id: TEST_KEYS.applicationId } };
    await send(webhook);
    await waitFor("the event", () => events()[0]);
  });

  it("sends only the chosen kinds", async () => {
    await load({ kinds: ["customer.publication.succeeded"] });
    assert.equal((await send(redemption())).body.ignored, "not_chosen");
    await send(sampleWebhook("customer.publication.succeeded", "project"));
    assert.equal((await waitFor("the event", () => events()[0])).topic, "customer.publication.succeeded");
    assert.equal(events().length, 1);
  });

  it("sends the unknown and the anonymous by the second output", async () => {
    await load();
    const unknown = redemption({ type: "voucher.created" });
    (unknown.event as JsonObject).type = "voucher.created";
    await send(unknown);
    await send({ ...redemption(), data: { customer: null, redemption: { id: "r_anonymous", status: "SUCCEEDED" } } });
    await waitFor("both", () => others().length === 2);
    assert.equal(others()[0]!.topic, "voucher.created");
    assert.deepEqual(events(), []);
  });

  for (const [name, body, key] of [
    ["no JSON", "<xml/>", "not_json"],
    ["a webhook of the old version", { object: "event", id: "ev_1", type: "redemption.succeeded", data: {} }, "legacy"],
    ["an empty object", "{}", "no_event"],
  ] as const)
    it(`answers ${name} 200 and keeps it among the failed`, async () => {
      await load();
      const { status, body: answer } = await send(body);
      assert.deepEqual([status, answer.ignored], [200, key]);
      const failure = await waitFor("the failure", () => flow.of(id("failure"))[0]);
      assert.match(failure.error.message, /\.$/);
      assert.equal(typeof failure.payload, "string");
    });

  it("keeps one that it cannot read also when it comes while the store is being opened", async () => {
    await load();
    const { delivery } = flow;
    const usable = delivery.usable.bind(delivery);
    const bury = delivery.bury.bind(delivery);
    let isOpen = false;
    delivery.usable = (patienceMs) => usable(patienceMs).then(() => void (isOpen = true));
    delivery.bury = (letter) =>
      isOpen ? bury(letter) : Promise.reject(new StoreUnavailableError("The store is being opened."));
    try {
      const { status, body } = await send("no JSON");
      assert.deepEqual([status, body.ignored], [200, "not_json"]);
    } finally {
      Object.assign(delivery, { usable, bury });
    }
  });

  for (const [what, more] of [
    ["levels", { deep: nested(101) }],
    ["values", { many: Array.from({ length: 100_001 }, () => 0) }],
    ["names of properties", Object.fromEntries(Array.from({ length: 20_001 }, (_, number) => [`n${number}`, 0]))],
  ] as const)
    it(`keeps one with too many ${what} among the failed, and sends no message`, async () => {
      await load();
      const { status, body } = await send(redemption(more));
      assert.deepEqual([status, body.ignored], [200, "too_much"]);
      const failure = await waitFor("the failure", () => flow.of(id("failure"))[0]);
      assert.match(failure.error.message, /holds more than an event can: 100 levels, 100,000 values or 20,000 names/);
      const { letters } = await flow.delivery.failed.list({ node: id("in"), limit: 10 });
      assert.deepEqual(
        letters.map(({ reasonKey }) => reasonKey),
        ["too_much"],
      );
      assert.deepEqual([events().length, others().length], [0, 0]);
    });

  it("refuses a body before it is read when its signature cannot be one, whatever its size", async () => {
    await load();
    const large = "x".repeat(10 * 2 ** 20 + 1);
    for (const signature of ["", "x", "0".repeat(63), "g".repeat(64)])
      assert.equal((await flow.post(PATH, large, { "x-voucherify-signature": signature })).status, 401, signature);
    const { status, body } = await flow.post(PATH, large, { "x-voucherify-signature": "0".repeat(64) });
    assert.deepEqual([status, body.ignored], [200, "too_large"]);
  });

  it("refuses everything without a secret, and the simulator's secret on a live account", async () => {
    await load({}, {});
    assert.equal((await send(redemption())).status, 401);
    assert.match(flow.status(id("in")), /no-secret$/);
  });

  it("reads activity also when it is asked for while the store is being opened", async () => {
    await load();
    const { id: customer } = simulator.customerOf("jane");
    const data = sampleEventData("customer.redemption.succeeded", { customer: { id: customer, source_id: "jane" } });
    const source = { channel: "USER_PORTAL" };
    simulator.activity.record(customer, { type: "customer.redemption.succeeded", data, source });
    const { delivery } = flow;
    const usable = delivery.usable.bind(delivery);
    const read = delivery.cursors.read.bind(delivery.cursors);
    const patience: number[] = [];
    let isOpen = false;
    let open = (): void => undefined;
    const opened = new Promise<void>((resolve) => (open = resolve));
    delivery.usable = async (patienceMs) => {
      patience.push(patienceMs);
      await opened;
      isOpen = true;
      return usable(patienceMs);
    };
    delivery.cursors.read = (node, who) =>
      isOpen ? read(node, who) : Promise.reject(new StoreUnavailableError("The store is being opened."));
    try {
      flow.node(id("activity")).receive({ payload: "jane" });
      await waitFor("it to wait, or to fail", () => patience.length + flow.of(id("failure")).length > 0);
      assert.deepEqual([patience, flow.of(id("failure"))], [[5_000], []]);
      open();
      await waitFor("the event", () => events()[0]);
    } finally {
      Object.assign(delivery, { usable });
      Object.assign(delivery.cursors, { read });
    }
  });

  it("tells Catch when a customer's activity cannot be read", async () => {
    await load();
    flow.node(id("activity")).receive({ payload: "nobody" });
    const failure = await waitFor("the failure", () => flow.of(id("failure"))[0]);
    assert.equal(failure.statusCode, 404);
    flow.node(id("activity")).receive({ payload: 7 });
    assert.match((await waitFor("the second", () => flow.of(id("failure"))[1])).error.message, /must name a customer/);
  });
});
