import assert from "node:assert/strict";
import { readdirSync, readFileSync } from "node:fs";
import { join } from "node:path";
import fc from "fast-check";
import { isJsonObject, type JsonObject } from "../../src/json";
import { DEFAULT_EVENT_NAMES } from "../../src/mapping/events/event-names";
import { idSyncCommand } from "../../src/mapping/customers/id-sync-commands";
import { majorUnits } from "../../src/mapping/values/money";
import { commandsFor, type EventMapping } from "../../src/mapping/events/event-commands";
import type { TrackingCommand } from "../../src/schemas/tracking";
import { EVENT_KINDS, type EventKind, type VoucherifyEvent } from "../../src/schemas/voucherify-event";
import { publicationEvent } from "../../src/mapping/events/event-message";
import { readWebhook } from "../../src/voucherify/webhooks/webhook-event";

const mapping: EventMapping = { send: "both", names: {}, hardId: "registered", currency: "EUR" };
const AT = "2024-03-04T15:32:56.409Z";

const event = (kind: EventKind, data: JsonObject = {}, more: Partial<VoucherifyEvent> = {}): VoucherifyEvent => ({
  kind,
  type: kind,
  id: "ev_1",
  createdAt: AT,
  customer: { id: "cust_1", sourceId: "jane" },
  data,
  ...more,
});
const commands = (one: VoucherifyEvent, more: Partial<EventMapping> = {}): TrackingCommand[] => {
  const mapped = commandsFor(one, { ...mapping, ...more });
  assert.ok(mapped.ok, JSON.stringify(mapped));
  return mapped.commands;
};
const properties = (one: VoucherifyEvent, more: Partial<EventMapping> = {}): JsonObject =>
  commands(one, { send: "event", ...more })[0]!.data.properties;

describe("mapping: Voucherify's events into Bloomreach", () => {
  it("has the names that Bloomreach can never rename", () => {
    assert.deepEqual(Object.keys(DEFAULT_EVENT_NAMES).sort(), [...EVENT_KINDS].sort());
    for (const name of Object.values(DEFAULT_EVENT_NAMES)) assert.match(name, /^voucherify_[a-z_]+$/);
  });

  it("gives an event its own time, its customer and its own name", () => {
    const [first] = commands(event("customer.redemption.succeeded"), {
      names: { "customer.redemption.succeeded": " bought " },
    });
    assert.deepEqual(first, {
      name: "customers/events",
      data: {
        customer_ids: { registered: "jane" },
        event_type: "bought",
        properties: { voucherify_event_id: "ev_1", source: "voucherify" },
        timestamp: 1709566376.409,
      },
    });
  });

  describe("properties", () => {
    for (const [name, kind, data, expected] of [
      [
        "a redemption with an order",
        "customer.redemption.succeeded",
        {
          redemption: { id: "r_1", status: "SUCCEEDED", metadata: { "größe.cm": 42, nested: { a: 1 } } },
          voucher: {
            id: "v_1",
            code: "0012345",
            type: "DISCOUNT_VOUCHER",
            discount: { type: "PERCENT", percent_off: 15 },
          },
          campaign: { id: "camp_1", name: "Spring" },
          order: { id: "ord_1", source_id: 77, total_amount: 1234, total_applied_discount_amount: 200 },
        },
        {
          status: "SUCCEEDED",
          voucher_code: "0012345",
          voucher_id: "v_1",
          voucher_type: "DISCOUNT_VOUCHER",
          voucher_percentage: 15,
          campaign_id: "camp_1",
          campaign_name: "Spring",
          redemption_id: "r_1",
          order_id: "ord_1",
          order_source_id: "77",
          total_price: 12.34,
          total_discount: 2,
          local_currency: "EUR",
          metadata_gro_e_cm: 42,
        },
      ],
      [
        "a failed redemption without anything else",
        "customer.redemption.failed",
        {
          order: null,
          voucher: null,
          campaign: null,
          redemption: {
            id: "rf_1",
            status: "FAILED",
            failure_code: "no_applicable_redeemables",
            failure_message: "None",
          },
        },
        {
          status: "FAILED",
          redemption_id: "rf_1",
          failure_code: "no_applicable_redeemables",
          failure_message: "None",
        },
      ],
      [
        "a rollback",
        "customer.redemption.rollback.succeeded",
        { redemption: { id: "r_1" }, redemption_rollback: { id: "rr_1", redemption: "r_1", reason: "returned" } },
        { redemption_id: "r_1", redemption_rollback_id: "rr_1", rollback_reason: "returned" },
      ],
      [
        "a publication of a project webhook",
        "customer.publication.succeeded",
        { publication: { id: "pub_1", result: "SUCCESS" }, vouchers: [{ code: "A", gift: { amount: 5000 } }] },
        { status: "SUCCESS", voucher_code: "A", voucher_value: 50, local_currency: "EUR", publication_id: "pub_1" },
      ],
      [
        "loyalty points",
        "customer.rewarded.loyalty_points",
        {
          balance: { points: 900, total: 1000, balance: 950 },
          voucher: { code: "L0y4L", loyalty_card: { points: 0 } },
          earning_rule: { id: "ern_1" },
          loyalty_tier: { name: "Gold" },
        },
        { voucher_code: "L0y4L", points: 900, points_balance: 950, earning_rule_id: "ern_1", loyalty_tier: "Gold" },
      ],
      [
        "a reward redemption",
        "customer.reward_redemptions.created",
        {
          reward_redemption: { id: "rewr_1", state: "CREATED" },
          reward: { id: "rew_1", name: "Mug", voucher: { code: "GIFT" } },
          reward_assignment: { parameters: { loyalty: { points: 200 } } },
          voucher: { code: "CARD" },
        },
        {
          status: "CREATED",
          voucher_code: "GIFT",
          reward_redemption_id: "rewr_1",
          points: 200,
          reward_id: "rew_1",
          reward_name: "Mug",
        },
      ],
      [
        "a validation",
        "customer.validation.failed",
        { validation: { id: "valid_1", status: "INVALID" } },
        { status: "INVALID", validation_id: "valid_1" },
      ],
      [
        "a validation of several codes and a promotion",
        "customer.validation.succeeded",
        {
          validation: {
            id: "valid_1",
            status: "VALID",
            redeemables: [
              {
                id: "promo_1",
                type: "promotion_tier",
                name: "10 % off",
                campaign_id: "camp_1",
                campaign_name: "Spring",
              },
              { id: "0042", type: "voucher" },
              { id: "B", object: "voucher" },
            ],
            skipped_redeemables: [{ id: "C", type: "voucher" }],
          },
        },
        {
          status: "VALID",
          voucher_code: "0042",
          voucher_codes: ["0042", "B"],
          voucher_count: 2,
          campaign_id: "camp_1",
          campaign_name: "Spring",
          promotion_tier_id: "promo_1",
          promotion_tier_name: "10 % off",
          validation_id: "valid_1",
        },
      ],
      [
        "a validation of a code that failed, as the activity documents it",
        "customer.validation.failed",
        {
          validation: { id: "valid_1", status: "INVALID", inapplicable_redeemables: [{ id: "A", type: "voucher" }] },
        },
        { status: "INVALID", voucher_code: "A", validation_id: "valid_1" },
      ],
      [
        "a validation that failed, with its reason",
        "customer.validation.failed",
        {
          validation: {
            id: "valid_1",
            status: "INVALID",
            redeemables: [{ id: "GOOD", type: "voucher" }],
            skipped_redeemables: [
              { id: "promo_2", type: "promotion_tier", result: { details: { key: "preceding_validation_failed" } } },
            ],
            inapplicable_redeemables: [
              { id: "BAD", type: "voucher", result: { error: { key: "quantity_exceeded", message: "Too often" } } },
            ],
          },
        },
        {
          status: "INVALID",
          voucher_code: "BAD",
          voucher_codes: ["BAD", "GOOD"],
          voucher_count: 2,
          promotion_tier_id: "promo_2",
          validation_id: "valid_1",
          failure_code: "quantity_exceeded",
          failure_message: "Too often",
        },
      ],
      [
        "a failed redemption that names its code inside",
        "customer.redemption.failed",
        {
          voucher: null,
          campaign: null,
          redemption: {
            id: "rf_1",
            result: "FAILURE",
            status: "FAILED",
            voucher: { id: "v_1", code: "A", campaign: "Spring", campaign_id: "camp_1" },
            failure_code: "quantity_exceeded",
          },
        },
        {
          status: "FAILED",
          voucher_code: "A",
          voucher_id: "v_1",
          campaign_id: "camp_1",
          campaign_name: "Spring",
          redemption_id: "rf_1",
          failure_code: "quantity_exceeded",
        },
      ],
      [
        "a failed redemption of a promotion",
        "customer.redemption.failed",
        {
          redemption: {
            id: "rf_1",
            promotion_tier: { id: "promo_1", name: "10 % off", campaign: { id: "camp_1", name: "Spring" } },
            failure_code: "order_rules_violated",
          },
        },
        {
          campaign_id: "camp_1",
          campaign_name: "Spring",
          promotion_tier_id: "promo_1",
          promotion_tier_name: "10 % off",
          redemption_id: "rf_1",
          failure_code: "order_rules_violated",
        },
      ],
      [
        "a publication with several codes by a webhook",
        "customer.publication.succeeded",
        {
          publication: { id: "pub_1", vouchers_id: ["v_1", "v_2"] },
          vouchers: [{ id: "v_1", code: "A" }, { code: "B" }],
        },
        { voucher_code: "A", voucher_codes: ["A", "B"], voucher_count: 2, voucher_id: "v_1", publication_id: "pub_1" },
      ],
      [
        "a publication with several codes of which the first is told",
        "customer.publication.succeeded",
        { publication: { id: "pub_1", vouchers_id: ["v_1", "v_2"] }, voucher: { id: "v_1", code: "A" } },
        { voucher_code: "A", voucher_count: 2, voucher_id: "v_1", publication_id: "pub_1" },
      ],
    ] as const)
      it(`of ${name}`, () => {
        const { voucherify_event_id, source, ...rest } = properties(event(kind, data as unknown as JsonObject));
        assert.deepEqual([voucherify_event_id, source], ["ev_1", "voucherify"]);
        assert.deepEqual(rest, expected);
      });

    it("of publications that a flow has made: every code, and the campaign of one that failed", () => {
      const made = { object: "publication", created_at: AT, tracking_id: "jane" };
      const several = publicationEvent({ ...made, id: "pub_1", result: "SUCCESS", vouchers: ["A", "B", "A"] })!;
      const { voucher_code, voucher_codes, voucher_count } = properties(several);
      assert.deepEqual([voucher_code, voucher_codes, voucher_count], ["A", ["A", "B"], 2]);
      const failed = publicationEvent({ ...made, source_id: "key", result: "FAILURE", campaign: { name: "Spring" } })!;
      assert.deepEqual([failed.kind, properties(failed).campaign_name], ["customer.publication.failed", "Spring"]);
    });

    it("says what it leaves out, and keeps the rest", () => {
      const metadata = { large: "x".repeat(17_000), "a.b": 1, a_b: 2, many: [1, "2"], objects: [{}] };
      const mapped = commandsFor(
        event("customer.redemption.succeeded", { redemption: { id: "r", metadata } }),
        mapping,
      );
      assert.ok(mapped.ok);
      assert.deepEqual(
        mapped.omitted.map(({ key }) => key),
        ["metadata_large", "metadata_a_b", "metadata_objects"],
      );
      const sent = mapped.commands[0]!.data.properties;
      assert.deepEqual([sent.metadata_a_b, sent.metadata_many], [1, [1, "2"]]);
    });

    it("has at most 255 attributes", () => {
      const metadata = Object.fromEntries(Array.from({ length: 300 }, (_, index) => [`key${index}`, index]));
      const sent = properties(event("customer.redemption.succeeded", { redemption: { id: "r", metadata } }));
      assert.equal(Object.keys(sent).length, 255);
    });
  });

  describe("customer properties", () => {
    const told = (kind: EventKind, data: JsonObject): unknown =>
      commands(event(kind, data), { send: "properties" }).map(({ data: { properties: sent, ...rest } }) => [
        sent,
        (rest as { update_timestamp?: number }).update_timestamp,
      ]);

    it("are the points, the last code and the last redemption, with the event's own time", () => {
      const at = 1709566376.409;
      assert.deepEqual(told("customer.rewarded.loyalty_points", { balance: { points: 9, balance: 95 } }), [
        [{ voucherify_points_balance: 95 }, at],
      ]);
      assert.deepEqual(told("customer.publication.succeeded", { voucher: { code: "123" } }), [
        [{ voucherify_last_code: "123" }, at],
      ]);
      assert.deepEqual(told("customer.redemption.succeeded", {}), [[{ voucherify_last_redemption: at }, at]]);
      assert.deepEqual(told("customer.validation.failed", {}), []);
    });

    it("come with the event, or not", () => {
      const one = event("customer.publication.succeeded", { voucher: { code: "123" } });
      assert.deepEqual(
        commands(one).map(({ name }) => name),
        ["customers/events", "customers"],
      );
      assert.deepEqual(
        commands(one, { send: "event" }).map(({ name }) => name),
        ["customers/events"],
      );
    });
  });

  describe("Voucherify's customer ID", () => {
    const one = event("customer.validation.failed");
    it("as a hard or soft ID stands among the IDs of every command", () => {
      for (const as of ["hard", "soft"] as const) {
        const [first] = commands(one, { idSync: { as, name: "voucherify_id" } });
        assert.deepEqual(first!.data.customer_ids, { registered: "jane", voucherify_id: "cust_1" });
      }
    });

    it("as a property is written also with events alone", () => {
      const [, second] = commands(one, { send: "event", idSync: { as: "property", name: "vf_id" } });
      assert.deepEqual(second!.data, {
        customer_ids: { registered: "jane" },
        properties: { vf_id: "cust_1" },
        update_timestamp: 1709566376.409,
      });
    });

    it("is written for a customer alone", () => {
      const ids = { sourceId: "jane", voucherifyId: "cust_1" };
      assert.deepEqual(idSyncCommand(ids, "registered", { as: "soft", name: "vf" }).data, {
        customer_ids: { registered: "jane", vf: "cust_1" },
        properties: { voucherify_customer_id: "cust_1" },
      });
    });
  });

  it("refuses what it cannot place, in a sentence", () => {
    for (const more of [
      { kind: undefined },
      { customer: undefined },
      { customer: { sourceId: " " } },
      { customer: { sourceId: "null" } },
      { customer: { sourceId: "---" } },
      { createdAt: "yesterday" },
    ]) {
      const mapped = commandsFor({ ...event("customer.rewarded"), ...more }, mapping);
      assert.ok(!mapped.ok);
      assert.match(mapped.reason, /^.{20,}\.$/);
    }
  });

  describe("Voucherify's documented payloads", () => {
    const folder = join(__dirname, "../fixtures/voucherify-webhooks");
    for (const file of readdirSync(folder).filter((name) => name.endsWith(".json")))
      it(`${file}: flat, its own time, its own code`, () => {
        const reading = readWebhook(readFileSync(join(folder, file)), Date.parse(AT));
        if (!reading.ok || reading.event.kind === undefined || reading.event.customer?.sourceId === undefined) return;
        const [first] = commands(reading.event);
        assert.equal((first!.data as { timestamp?: number }).timestamp, Date.parse(reading.event.createdAt) / 1_000);
        for (const [name, value] of Object.entries(first!.data.properties)) {
          assert.match(name, /^[A-Za-z0-9_]+$/);
          assert.equal(isJsonObject(value), false);
        }
      });
  });

  it("never throws, keeps the limits, and gives the same bytes for the same event", () => {
    fc.assert(
      fc.property(fc.constantFrom(...EVENT_KINDS), fc.jsonValue(), fc.jsonValue(), (kind, first, second) => {
        const data = { redemption: { metadata: first }, voucher: first, order: second, balance: second } as JsonObject;
        const one = event(kind, data);
        const mapped = commandsFor(one, mapping);
        assert.equal(JSON.stringify(commandsFor(structuredClone(one), mapping)), JSON.stringify(mapped));
        if (!mapped.ok) return;
        for (const { data: sent } of mapped.commands) {
          assert.ok(Object.keys(sent.properties).length <= 255);
          for (const [name, value] of Object.entries(sent.properties)) {
            assert.match(name, /^[A-Za-z0-9_]{1,200}$/);
            assert.ok(Buffer.byteLength(JSON.stringify(value)) < 16_384);
          }
        }
      }),
    );
  });
});

describe("mapping: money", () => {
  for (const [minor, currency, expected] of [
    [1_234, "PLN", 12.34],
    [1_234, "JPY", 1_234],
    [1_234, "KWD", 1.234],
    [1, "EUR", 0.01],
    [0, "EUR", 0],
    [-250, "EUR", -2.5],
    [110, "usd", 1.1],
    [33_333_333_333, "EUR", 333_333_333.33],
  ] as const)
    it(`${minor} ${currency} is ${expected}`, () => assert.equal(majorUnits(minor, currency), expected));
});
