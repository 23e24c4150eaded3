import assert from "node:assert/strict";
import eventForward from "../../nodes/event-forward";
import voucherifyPublish from "../../nodes/voucherify-publish";
import { codeTemplate } from "../../src/bloomreach/paste-requests";
import { customerTemplate, eventTemplate, rootTemplate } from "../../src/bloomreach/paste-templates";
import type { JsonObject } from "../../src/json";
import { type BloomreachProfile, type Scenario, sendScenario, Simulator } from "../../src/simulator";
import { FlowUnderTest } from "../support/flow-under-test";
import { CUSTOMERS_PATH, type FlowNode, TEST_KEYS, WEBHOOK_KEYS } from "../support/flows";
import { waitFor } from "../support/wait-for";

const EVENTS_PATH = "/bloomreach-engagement/create-event-bulk";
const CODES_PATH = "/bloomreach-engagement/publications";

/** The three payloads of support.voucherify.io/article/613-bloomreach-engagement-integration, to the letter. */
const VENDOR = {
  customer: `{
    "registered": "{{ customer_ids.main_hard_id }}",
    "name": "{{ customer.firstName }}",
    "description": "{{ customer.description }}",
    "email": "{{ customer.email }}",
    "phone": "{{ customer.phone }}",
    "birthdate": "{{ customer.birthDate }}",
    "address": {
        "city": "{{ customer.city }}",
        "state": "{{ customer.state }}",
        "line_1": "{{ customer.address1 }}",
        "line_2": "{{ customer.address2 }}",
        "country": "{{ customer.country }}",
        "postal_code": "{{ customer.postalCode }}"
    },
    "metadata": {
        "segment": "{{ customer.segment }}"
    }
}`,
  event: `{
	"event": "Event Name",
	"customer": {
		"main_hard_id": "{{ customer_ids.main_hard_id }}"	
	},
	"metadata": {
		"example_metadata_key" : "Example metadata value",
		"example_customer_consent":"{{ customer.consent_status }}"
	}
}`,
  publication: `{
	"customer": {
		"source_id": "{{ customer_ids.main_hard_id }}"
	},
	"campaign":{
		"name":"Discount code campaign name"

	}
}`,
} as const;

describe("templates pasted into Bloomreach, all the way to Voucherify", () => {
  const flow = new FlowUnderTest([eventForward, voucherifyPublish]);
  let simulator: Simulator;
  let unique = 0;
  const id = (name: string): string => `pasted-${name}${unique}`;

  before(async () => {
    simulator = await Simulator.start({ keys: TEST_KEYS });
  });
  after(() => simulator.stop());
  beforeEach(async () => {
    unique++;
    simulator.reset();
    simulator.campaigns.add({ name: "Discount code campaign name", pool: 10 });
    const incoming = { type: "bv-bloomreach-in", z: "tab", account: id("bloomreach"), maxBytes: 10 };
    const voucherify = { z: "tab", account: id("voucherify") };
    await flow.load(
      [
        { id: "tab", type: "tab" },
        { id: id("bloomreach"), type: "bv-bloomreach-account", apiUrl: simulator.url, hardId: "registered" },
        {
          ...{ id: id("voucherify"), type: "bv-voucherify-account", apiUrl: simulator.url, hardId: "registered" },
          ...{ plan: "own", requests: 2000, period: "minute" },
        },
        { ...incoming, id: id("in1"), kind: "customers", path: CUSTOMERS_PATH, wires: [[id("upsert")]] },
        { ...voucherify, id: id("upsert"), type: "bv-customer-upsert", emptyValues: "keep", wires: [[id("upserted")]] },
        {
          ...incoming,
          id: id("in2"),
          kind: "events",
          path: EVENTS_PATH,
          eventKey: "event_key",
          wires: [[id("event")]],
        },
        {
          ...{ id: id("event"), type: "bv-event-forward", z: "tab", sendTo: "voucherify", fillMs: 0, wires: [[]] },
          ...{ account: id("bloomreach"), voucherifyAccount: id("voucherify") },
        },
        { ...incoming, id: id("in3"), kind: "requests", path: CODES_PATH, wires: [[id("publish")]] },
        {
          ...{ ...voucherify, id: id("publish"), type: "bv-voucherify-publish", answer: "now", campaign: "" },
          ...{ frequency: "send", currency: "EUR", channel: "Bloomreach", wires: [[]] },
        },
        { id: id("upserted"), type: "helper", z: "tab" },
        { id: id("catch"), type: "catch", z: "tab", scope: null, wires: [[id("failure")]] },
        { id: id("failure"), type: "helper", z: "tab" },
      ] as FlowNode[],
      {
        [id("bloomreach")]: {
          webhookApplicationId: WEBHOOK_KEYS["application-id"],
          webhookSecretKey: WEBHOOK_KEYS["secret-key"],
        },
        [id("voucherify")]: TEST_KEYS,
      },
    );
  });

  /** Sends a scenario whose webhooks must all be accepted, and returns the answers. */
  const send = async (
    path: string,
    customers: readonly BloomreachProfile[],
    template: string,
    more: Partial<Scenario> = {},
  ): Promise<JsonObject[]> => {
    const { requests, stopped } = await sendScenario({
      url: flow.url + path,
      headers: { "X-App-Id": WEBHOOK_KEYS["application-id"], "X-App-Token": WEBHOOK_KEYS["secret-key"] },
      customers,
      customerTemplate: template,
      rootTemplate: rootTemplate(),
      context: { scenario: { id: "s" }, action: { id: "a" }, event: { timestamp: unique, stars: 'five "*"' } },
      mode: "batch",
      ...more,
    });
    assert.equal(stopped, undefined);
    return requests.map(({ status, body }) => {
      assert.equal(status, 200);
      return body as JsonObject;
    });
  };
  const stored = (sourceId: string): JsonObject => {
    const customer = simulator.customers.get(sourceId);
    assert.ok(customer, `${sourceId} in ${[...simulator.customers.keys()].join()}`);
    return customer;
  };

  it("customers arrive whole, with lists, quotation marks and line breaks, and one who has nothing", async () => {
    const bob = {
      customer_ids: { registered: 'bob "the builder"\\' },
      properties: {
        ...{ firstName: 'Bob "the builder"', description: "line\nbreak\t\\n 'x'", email: "bob@example.com" },
        ...{ phone: 48123456789, city: "Łódź 😀", postalCode: 12345, address1: '{"registered": "victim"}' },
        ...{ segment: 'a, "b"', loyalty_points: 0, newsletter: false, favorite_brands: ["it's", 'say "x"', "a\\b"] },
        household: { size: 2, has_children: true, pets: 'a "dog"' },
      },
    };
    const ann = { customer_ids: { registered: "ann" }, properties: { segment: null } };
    const template = customerTemplate("registered", [
      ...["segment", "loyalty_points", "newsletter", "member_since"].map((key) => ({ key, structured: false })),
      ...["favorite_brands", "household"].map((key) => ({ key, structured: true })),
    ]);
    const [answer] = await send(CUSTOMERS_PATH, [bob, ann], template);
    assert.deepEqual([answer?.accepted, answer?.rejected], [2, 0]);
    await waitFor("Voucherify has it", () => simulator.customers.size === 2);
    const { name, description, phone, address, metadata } = stored(bob.customer_ids.registered);
    assert.deepEqual(
      { name, description, phone, address, metadata },
      {
        ...{ name: 'Bob "the builder"', description: "line\nbreak\t\\n 'x'", phone: "48123456789" },
        address: { city: "Łódź 😀", line_1: '{"registered": "victim"}', postal_code: "12345" },
        metadata: {
          ...{ segment: 'a, "b"', loyalty_points: 0, newsletter: false },
          favorite_brands: ["it's", 'say "x"', "a\\b"],
          household: { size: 2, has_children: true, pets: 'a "dog"' },
        },
      },
    );
    assert.deepEqual(stored("ann").metadata, {});
    assert.deepEqual(flow.of(id("failure")), []);
  });

  it("a list in a template of the first release, which printed it as Python writes it, arrives as a list", async () => {
    const template =
      '{"registered": "{{ customer_ids.registered }}", "metadata": {"favorite_brands": "{{ customer.brands }}"}}';
    await send(
      CUSTOMERS_PATH,
      [{ customer_ids: { registered: "old" }, properties: { brands: ["a", "b c"] } }],
      template,
    );
    await waitFor("Voucherify has it", () => simulator.customers.size === 1);
    assert.deepEqual(stored("old").metadata, { favorite_brands: ["a", "b c"] });
  });

  it("an event and a request arrive whole", async () => {
    const jane = [{ customer_ids: { registered: "jane" }, properties: {} }];
    await send(EVENTS_PATH, jane, eventTemplate("registered", "event_key", "review_left"));
    await waitFor("Voucherify has it", () => simulator.events.events.length === 1);
    assert.deepEqual(simulator.events.events[0]?.metadata, { stars: 'five "*"' });
    const template = codeTemplate("registered", "Discount code campaign name", "event");
    const [first] = await send(CODES_PATH, jane, template, { mode: "single" });
    const [again] = await send(CODES_PATH, jane, template, { mode: "single" });
    assert.equal(typeof first?.voucher_code, "string");
    assert.equal(again?.voucher_code, first?.voucher_code);
  });

  for (const mode of ["batch", "single"] as const)
    it(`the vendor's customer update works to the letter (${mode})`, async () => {
      const customers = ["ann", "bob"].map((name) => ({
        customer_ids: { main_hard_id: name },
        properties: { firstName: name, description: "two\nlines", city: "Kraków", segment: "vip" },
      }));
      await send(CUSTOMERS_PATH, customers, VENDOR.customer, { mode });
      await waitFor("Voucherify has it", () => simulator.customers.size === 2);
      const { name, description, address, metadata } = stored("bob");
      assert.deepEqual(
        { name, description, address, metadata },
        { name: "bob", description: "two\nlines", address: { city: "Kraków" }, metadata: { segment: "vip" } },
      );
    });

  it("the vendor's event works to the letter", async () => {
    const customers = [{ customer_ids: { main_hard_id: "jane" }, properties: { consent_status: "accepted" } }];
    const [answer] = await send(EVENTS_PATH, customers, VENDOR.event);
    assert.equal(answer?.accepted, 1);
    await waitFor("Voucherify has it", () => simulator.events.events.length === 1);
    const [event] = simulator.events.events;
    assert.equal(event?.type, "Event Name");
    assert.deepEqual(event?.metadata, {
      example_metadata_key: "Example metadata value",
      example_customer_consent: "accepted",
    });
    assert.ok(simulator.customers.has("jane"));
  });

  it("the vendor's publication works to the letter", async () => {
    const customers = [{ customer_ids: { main_hard_id: "jane" }, properties: {} }];
    const [answer] = await send(CODES_PATH, customers, VENDOR.publication, { mode: "single" });
    const code = (answer?.voucher as JsonObject).code;
    assert.deepEqual([...simulator.campaigns.vouchers.keys()], [code]);
  });
});
