import assert from "node:assert/strict";
import { setTimeout as sleep } from "node:timers/promises";
import { Simulator } from "../../src/simulator";
import { TEST_KEYS } from "../support/flows";

const KEYS = { "x-app-id": TEST_KEYS.applicationId, "x-app-token": TEST_KEYS.secretKey };

describe("Simulator, custom events and lists of customers", () => {
  let simulator: Simulator;

  before(async () => {
    simulator = await Simulator.start({ keys: TEST_KEYS });
  });
  beforeEach(() => simulator.reset());
  after(() => simulator.stop());

  async function call(method: string, path: string, body?: unknown) {
    const response = await fetch(simulator.url + path, {
      method,
      headers: { ...KEYS, "content-type": "application/json" },
      ...(body !== undefined && { body: JSON.stringify(body) }),
    });
    return { status: response.status, body: await response.json() };
  }
  const track = (body: unknown) => call("POST", "/v1/events", body);
  const activity = async (id: string) => (await call("GET", `/v1/customers/${id}/activity?order=created_at`)).body.data;

  it("tracks an event, makes its customer, and answers as documented", async () => {
    const { status, body } = await track({
      event: "cart_abandoned",
      customer: { source_id: "ann", name: "Ann" },
      metadata: { items: 2 },
    });
    assert.equal(status, 200);
    const { id } = body.customer;
    assert.match(id, /^cust_/);
    assert.deepEqual(body, {
      object: "event",
      type: "cart_abandoned",
      customer: { id, name: "Ann", email: null, source_id: "ann", metadata: {}, object: "customer" },
      referral: null,
      loyalty: null,
      metadata: { items: 2 },
    });
    assert.deepEqual(
      simulator.events.events.map(({ type, customer, metadata }) => ({ type, customer, metadata })),
      [{ type: "cart_abandoned", customer: "ann", metadata: { items: 2 } }],
    );
  });

  it("counts a repeated request twice: nothing tells it from a second event", async () => {
    for (let n = 0; n < 2; n++) await track({ event: "visit", customer: { source_id: "ann" } });
    assert.equal(simulator.events.events.length, 2);
  });

  it("shows it in the customer's activity, with whose keys it came", async () => {
    await track({ event: "visit", customer: { source_id: "ann" }, metadata: { page: "/" } });
    const [entry, ...others] = await activity("ann");
    assert.equal(others.length, 0);
    assert.equal(entry.type, "customer.custom_event");
    assert.equal(entry.data.data.event.type, "visit");
    assert.deepEqual(entry.data.data.event.metadata, { page: "/" });
    assert.equal(entry.data.event_source.api_key.app_id, TEST_KEYS.applicationId);
  });

  it("gives points for an event with an earning rule, and shows that in the activity", async () => {
    await track({ event: "review_left", customer: { source_id: "ann" } });
    await track({ event: "review_left", customer: { source_id: "ann" } });
    assert.equal((await call("GET", "/v1/customers/ann")).body.loyalty.points, 100);
    const entries = await activity("ann");
    assert.deepEqual(
      entries.map(({ type }: { type: string }) => type),
      [1, 2].flatMap(() => ["customer.custom_event", "customer.rewarded.loyalty_points"]),
    );
    const { data, event_source } = entries[3].data;
    assert.deepEqual([data.balance.points, data.balance.balance, data.earning_rule.event], [50, 100, "review_left"]);
    assert.equal(data.event.id, entries[2].id);
    assert.deepEqual(event_source, { channel: "INTERNAL" });
  });

  it("gives the points to the card that the event names", async () => {
    await track({ event: "review_left", customer: { source_id: "ann" } });
    const card = [...simulator.campaigns.vouchers.values()][0]!;
    await track({ event: "review_left", customer: { source_id: "bob" }, loyalty: { code: card.code } });
    assert.equal(card.points, 100);
  });

  for (const [name, body, details] of [
    ["a list", [], "Payload should be object"],
    ["no event", { customer: { source_id: "a" } }, "Payload should have required property 'event'"],
    ["a number as event", { event: 5, customer: { source_id: "a" } }, "Property .event should be string"],
    ["an empty name", { event: "", customer: { source_id: "a" } }, /shorter than 1/],
    ["a name of 301 characters", { event: "x".repeat(301), customer: { source_id: "a" } }, /longer than 300/],
    ["no customer", { event: "a" }, "Payload should have required property 'customer'"],
    ["a customer without id", { event: "a", customer: {} }, /required property 'source_id'/],
    [
      "a wrong field",
      { event: "a", customer: { source_id: "a", phone: 5 } },
      "Property .customer.phone should be string,null",
    ],
    [
      "metadata as text",
      { event: "a", customer: { source_id: "a" }, metadata: "x" },
      "Property .metadata should be object",
    ],
    ["a referral without code", { event: "a", customer: { source_id: "a" }, referral: {} }, /\.referral/],
  ] as [string, unknown, string | RegExp][])
    it(`refuses ${name}`, async () => {
      const answer = await track(body);
      assert.deepEqual([answer.status, answer.body.key], [400, "invalid_payload"]);
      if (typeof details === "string") assert.equal(answer.body.details, details);
      else assert.match(answer.body.details, details);
      assert.deepEqual([simulator.events.events.length, simulator.customers.size], [0, 0]);
    });

  it("takes a name of 300 characters", async () => {
    assert.equal((await track({ event: "x".repeat(300), customer: { source_id: "a" } })).status, 200);
  });

  it("answers 404 to an unknown id of a customer and to an unknown card", async () => {
    const { status, body } = await track({ event: "a", customer: { id: "cust_unknown" } });
    assert.equal(status, 404);
    assert.deepEqual(
      [body.key, body.details, body.resource_type],
      ["not_found", "Cannot find customer with id cust_unknown", "customer"],
    );
    assert.equal((await track({ event: "a", customer: { source_id: "a" }, loyalty: { code: "NONE" } })).status, 404);
    assert.equal(simulator.events.events.length, 0);
  });

  it("checks metadata with the event's own schema", async () => {
    simulator.events.schemas.set("visit", {
      related_object: "visit",
      properties: { count: { type: "number", array: false, optional: true, objectType: null } },
    });
    const wrong = await track({ event: "visit", customer: { source_id: "a" }, metadata: { count: "5" } });
    assert.equal(wrong.body.key, "metadata_validation_failed");
    assert.equal((await track({ event: "other", customer: { source_id: "a" }, metadata: { count: "5" } })).status, 200);
  });

  it("can be disturbed for one customer", async () => {
    simulator.setFaults({ seed: 1, rate500: 1, only: { customer: "ann" } });
    assert.equal((await track({ event: "a", customer: { source_id: "ann" } })).status, 500);
    assert.equal((await track({ event: "a", customer: { source_id: "bob" } })).status, 200);
  });

  describe("lists of customers", () => {
    const ids = async (query: string) =>
      (await call("GET", `/v1/customers?${query}`)).body.customers.map(
        ({ source_id }: { source_id: string }) => source_id,
      );

    it("gives those updated after a time, page by page", async () => {
      for (const source_id of ["a", "b"]) await call("POST", "/v1/customers", { source_id });
      await sleep(5);
      const since = new Date().toISOString();
      await sleep(5);
      for (const source_id of ["c", "d", "a"]) {
        await call("POST", "/v1/customers", { source_id, name: "New" });
        await sleep(2);
      }
      const query = `updated_at%5Bafter%5D=${since}&order=updated_at`;
      assert.deepEqual(await ids(`${query}&limit=2`), ["c", "d"]);
      assert.deepEqual(await ids(`${query}&limit=2&page=2`), ["a"]);
      assert.deepEqual(await ids(`${query}&limit=2&page=3`), []);
      assert.deepEqual(await ids(`created_at%5Bbefore%5D=${since}`), ["b", "a"]);
      assert.deepEqual(await ids("order=-source_id&limit=2"), ["d", "c"]);
    });

    for (const query of ["page=0", "page=100", "order=name", "updated_at%5Bafter%5D=yesterday"])
      it(`refuses ${query}`, async () => assert.equal((await call("GET", `/v1/customers?${query}`)).status, 400));
  });
});
