import assert from "node:assert/strict";
import { Simulator } from "../../src/simulator";
import { TEST_KEYS } from "../support/flows";

const KEYS = { "application-id": TEST_KEYS.applicationId, "secret-key": TEST_KEYS.secretKey };

describe("Simulator, Voucherify's hosted integration", () => {
  let simulator: Simulator;

  before(async () => {
    simulator = await Simulator.start({ keys: TEST_KEYS, gateway: { hardId: "email_id", dailyCalls: 3 } });
  });
  beforeEach(() => simulator.reset());
  after(() => simulator.stop());

  const post = async (endpoint: string, body: unknown, headers: Record<string, string> = KEYS) => {
    const response = await fetch(`${simulator.url}/bloomreach-engagement/${endpoint}`, {
      method: "POST",
      headers: { ...headers, "content-type": "application/json" },
      body: JSON.stringify(body),
    });
    return { status: response.status, headers: response.headers, body: await response.json() };
  };

  it("wants the keys of the integration in its own headers", async () => {
    assert.equal((await post("upsert-customer-bulk", [], {})).status, 401);
    const api = { "x-app-id": TEST_KEYS.applicationId, "x-app-token": TEST_KEYS.secretKey };
    assert.equal((await post("upsert-customer-bulk", [], api)).status, 401);
    assert.equal((await post("upsert-customer-bulk", { email_id: "a" })).status, 200);
    assert.ok(!JSON.stringify(simulator.log).includes(TEST_KEYS.secretKey));
  });

  it("creates customers, one or many, and leaves out metadata that does not fit", async () => {
    await post("upsert-customer-bulk", {
      email_id: "ann",
      name: "Ann",
      metadata: { segment: "VIP", loyalty_points: "5", x: 1 },
    });
    await post("upsert-customer-bulk", [{ email_id: "bob" }, { email_id: "ann", email: "ann@example.com" }]);
    assert.deepEqual([...simulator.customers.keys()], ["ann", "bob"]);
    const ann = simulator.customers.get("ann")!;
    assert.deepEqual([ann.name, ann.email, ann.metadata], ["Ann", "ann@example.com", { segment: "VIP" }]);
  });

  it("creates events, which earn what they earn by the API", async () => {
    const item = { event: "review_left", customer: { email_id: "ann" }, metadata: { stars: 5 } };
    assert.equal((await post("create-event-bulk", [item, item])).status, 200);
    assert.deepEqual(
      simulator.events.events.map(({ type, customer, metadata }) => ({ type, customer, metadata })),
      Array.from({ length: 2 }, () => ({ type: "review_left", customer: "ann", metadata: { stars: 5 } })),
    );
    assert.equal(simulator.wallet.loyaltyOf(simulator.customers.get("ann")!).points, 100);
  });

  it("takes nothing of a request with something wrong in it", async () => {
    const wrong = await post("create-event-bulk", [
      { event: "a", customer: { email_id: "ann" } },
      { event: "a", customer: { registered: "bob" } },
    ]);
    assert.deepEqual([wrong.status, wrong.body.details], [400, "Property .customer.email_id should be string"]);
    assert.equal((await post("upsert-customer-bulk", [{ email_id: "ann", phone: 5 }])).status, 400);
    assert.deepEqual([simulator.events.events.length, simulator.customers.size], [0, 0]);
  });

  it("takes 1,000 items, no more, and so many calls a day", async () => {
    const customers = Array.from({ length: 1_001 }, (_, n) => ({ email_id: `c${n}` }));
    assert.equal((await post("upsert-customer-bulk", customers)).status, 413);
    assert.equal((await post("upsert-customer-bulk", customers.slice(1))).status, 200);
    assert.equal((await post("upsert-customer-bulk", customers[0])).status, 200);
    const over = await post("upsert-customer-bulk", customers[0]);
    assert.deepEqual([over.status, over.headers.get("x-rate-limit-type")], [429, "webhook_calls"]);
    assert.equal(simulator.customers.size, 1_001);
  });

  it("answers 404 to any other address", async () => {
    assert.equal((await post("delete-everything", [])).status, 404);
  });
});
