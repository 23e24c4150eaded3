import assert from "node:assert/strict";
import type { JsonObject } from "../../src/json";
import { Simulator } from "../../src/simulator";
import { TEST_KEYS } from "../support/flows";

const HEADERS = {
  "x-app-id": TEST_KEYS.applicationId,
  "x-app-token": TEST_KEYS.secretKey,
  "content-type": "application/json",
};

describe("Simulator, promotions", () => {
  let simulator: Simulator;
  before(async () => {
    simulator = await Simulator.start({ keys: TEST_KEYS });
  });
  beforeEach(() => simulator.reset());
  after(() => simulator.stop());

  const call = async (method: string, path: string, body?: unknown) => {
    const response = await fetch(simulator.url + path, {
      method,
      headers: HEADERS,
      ...(body !== undefined && { body: JSON.stringify(body) }),
    });
    return { status: response.status, body: JSON.parse(await response.text()) };
  };
  const publish = (body: JsonObject, query = ""): ReturnType<typeof call> =>
    call("POST", `/v1/publications${query}`, body);
  const jane = { source_id: "jane" };
  const cart = { campaign: { name: "Abandoned cart" } };

  describe("publications", () => {
    it("gives a customer a code, and creates the customer", async () => {
      const { status, body } = await publish({ customer: jane, ...cart, channel: "Node-RED", metadata: { a: 1 } });
      assert.equal(status, 200);
      assert.match(body.id, /^pub_/);
      assert.match(body.voucher.code, /^\w+$/);
      assert.deepEqual(
        [body.object, body.result, body.tracking_id, body.channel, body.metadata, body.vouchers_id],
        ["publication", "SUCCESS", "jane", "Node-RED", { a: 1 }, [body.voucher.id]],
      );
      assert.equal(body.voucher.holder_id, simulator.customers.get("jane")?.id);
      assert.equal("vouchers" in body, false);
    });

    it("gives several codes without a voucher object", async () => {
      const { body } = await publish({ customer: "jane", campaign: { name: "Abandoned cart", count: 3 } });
      assert.equal(body.vouchers.length, 3);
      assert.equal("voucher" in body, false);
    });

    it("gives the same code to the same source_id, unless it is strict or asked for something else", async () => {
      const wish = { customer: jane, ...cart, source_id: "send-1" };
      const first = await publish(wish);
      assert.equal((await publish(wish)).body.voucher.code, first.body.voucher.code);
      assert.equal((await publish({ ...wish, customer: { source_id: "joe" } })).body.key, "duplicate_source_id");
      simulator.publications.isStrict = true;
      const { status, body } = await publish(wish);
      assert.deepEqual([status, body.key], [400, "duplicate_source_id"]);
      assert.match(body.details, /'send-1' already exists/);
      const read = await call("GET", "/v1/publications?source_id=send-1");
      assert.equal(read.body.publications[0].voucher.code, first.body.voucher.code);
      simulator.publications.isStrict = false;
    });

    it("gives the same code with join_once, and refuses it where the campaign wants it once", async () => {
      const first = await publish({ customer: jane, ...cart }, "?join_once=true");
      const again = await publish({ customer: jane, ...cart }, "?join_once=true");
      assert.equal(again.body.voucher.code, first.body.voucher.code);
      const club = { customer: jane, campaign: "Join once club" };
      assert.equal((await publish(club)).status, 200);
      const { status, body } = await publish(club);
      assert.deepEqual([status, body.key], [400, "voucher_cannot_be_published"]);
      assert.match(body.details, /Customer already joined program/);
    });

    for (const [name, body, status, key] of [
      ["no customer", { ...cart }, 400, "missing_customer"],
      ["neither campaign nor voucher", { customer: jane }, 400, "missing_vouchers"],
      ["an unknown campaign", { customer: jane, campaign: { name: "Nothing" } }, 404, "not_found"],
      ["an unknown voucher", { customer: jane, voucher: "NOTHING" }, 404, "not_found"],
      ["an unknown customer id", { customer: { id: "cust_x" }, ...cart }, 404, "not_found"],
      ["an empty campaign", { customer: jane, campaign: "Sold out" }, 400, "no_voucher_suitable_for_publication"],
      ["an expired campaign", { customer: jane, campaign: "Last summer" }, 400, "voucher_expired"],
      ["a disabled campaign", { customer: jane, campaign: "Switched off" }, 400, "voucher_disabled"],
      [
        "a source_id for several codes",
        { customer: jane, campaign: { name: "Abandoned cart", count: 2 }, source_id: "s" },
        400,
        "too_many_vouchers_requested",
      ],
    ] as const)
      it(`refuses ${name}: ${key}`, async () => {
        const answer = await publish(body);
        assert.deepEqual([answer.status, answer.body.key], [status, key]);
      });

    it("publishes a given code once", async () => {
      const { body } = await publish({ customer: jane, ...cart });
      const again = await publish({ customer: { source_id: "joe" }, voucher: body.voucher.code });
      assert.equal(again.body.key, "voucher_already_published");
    });

    it("counts a pool down and keeps failed attempts in the list", async () => {
      simulator.campaigns.add({ name: "Two", pool: 2 });
      const statuses = [];
      for (const source_id of ["a", "b", "c"])
        statuses.push((await publish({ customer: { source_id }, campaign: "Two" })).status);
      assert.deepEqual(statuses, [200, 200, 400]);
      const { body } = await call("GET", "/v1/publications?result=FAILURE");
      assert.deepEqual([body.total, body.publications[0].failure_code], [1, "no_voucher_suitable_for_publication"]);
    });
  });

  it("lists campaigns page by page", async () => {
    const { body } = await call("GET", "/v1/campaigns?limit=2&page=2");
    assert.deepEqual([body.campaigns.length, body.total], [2, simulator.campaigns.campaigns.size]);
    assert.equal((await call("GET", "/v1/loyalties?limit=10")).body.campaigns[0].campaign_type, "LOYALTY_PROGRAM");
  });

  describe("what a customer has", () => {
    it("qualifies for own codes, open promotions or both, newest first", async () => {
      const { body: published } = await publish({ customer: jane, ...cart });
      const ids = async (scenario: string, limit = 5): Promise<string[]> => {
        const { body } = await call("POST", "/v1/qualifications", { customer: jane, scenario, options: { limit } });
        return body.redeemables.data.map(({ object }: { object: string }) => object);
      };
      assert.deepEqual(await ids("CUSTOMER_WALLET"), ["voucher"]);
      assert.deepEqual(await ids("AUDIENCE_ONLY"), ["promotion_tier"]);
      assert.deepEqual(await ids("ALL"), ["voucher", "promotion_tier"]);
      assert.equal((await ids("ALL", 1)).length, 1);
      const { body } = await call("GET", "/v1/customers/jane/redeemables?limit=1&order=-id");
      assert.equal(body.data[0].redeemable.voucher.code, published.voucher.code);
      assert.equal((await call("GET", `/v1/vouchers/${published.voucher.code}`)).body.id, published.voucher.id);
      assert.equal((await call("GET", "/v1/customers/nobody/redeemables")).status, 404);
      assert.equal((await call("POST", "/v1/qualifications", { customer: jane, options: { limit: 51 } })).status, 400);
    });

    it("has points on a card: version 1 and version 2", async () => {
      await call("POST", "/v1/customers", jane);
      const customer = simulator.customers.get("jane")!;
      simulator.wallet.addPoints(customer, 100);
      simulator.wallet.addPoints(customer, 20);
      assert.equal((await call("GET", "/v1/customers/jane")).body.loyalty.points, 120);
      const program = simulator.campaigns.find("Loyalty programme")!;
      const { body } = await call("GET", `/v1/loyalties/${program.id}/members?customer=${customer.id}`);
      assert.deepEqual([body.total, body.vouchers[0].loyalty_card.balance], [1, 120]);
      const [v2] = (await call("GET", "/v2/loyalties/programs")).body.data;
      const membership = (id: string): ReturnType<typeof call> =>
        call("GET", `/v2/loyalties/programs/${v2.id}/memberships/${id}?identification_type=customer_source_id`);
      assert.equal((await membership("jane")).body.cards[0].card.balance.points, 120);
      assert.equal((await membership("nobody")).body.resource_type, "member");
    });
  });
});
