import assert from "node:assert/strict";
import { readFileSync } from "node:fs";
import { join } from "node:path";
import fc from "fast-check";
import type { JsonObject, JsonValue } from "../../src/json";
import type { EventKind, VoucherifyEvent } from "../../src/schemas/voucherify-event";
import { readWebhook } from "../../src/voucherify/webhooks/webhook-event";

const RECEIVED_AT = Date.parse("2026-03-01T10:00:00.000Z");
const HAPPENED_AT = "2026-03-01T09:59:58.123Z";

function example(name: string): JsonObject {
  const file = join(__dirname, "../fixtures/voucherify-webhooks", `${name}.json`);
  return JSON.parse(readFileSync(file, "utf8")) as JsonObject;
}

/** A whole webhook around the data of an example. */
function wrap(type: string, data: JsonValue, { by = "webhook", eventType = type, entity = "x", id = "evred_1" } = {}) {
  return {
    id: "whs_0e16e42bc6e0c65b57",
    project_id: "proj_5T4Rpl4T1nuM",
    created_at: "2026-03-01T09:59:59.000Z",
    type,
    data,
    source: { id: by === "webhook" ? "wh_1" : "distr_1", object: by, target_url: "https://example.com" },
    event: {
      id,
      type: eventType,
      created_at: HAPPENED_AT,
      entity_id: entity,
      group_id: "v-1f36113948e50fc4ge",
      event_source: { channel: "API", api_key: { name: "Bridge", app_id: "app-1" } },
    },
  };
}

function read(body: JsonValue): VoucherifyEvent {
  const reading = readWebhook(Buffer.from(JSON.stringify(body)), RECEIVED_AT);
  assert.ok(reading.ok);
  return reading.event;
}

interface Case {
  readonly fixture: string;
  readonly kind: EventKind;
  readonly sameAs: string;
  readonly sourceId: string;
  /** Whether the data alone tell the kind. */
  readonly raw: boolean;
}

const CASES: readonly Case[] = [
  {
    fixture: "redemption.succeeded",
    kind: "customer.redemption.succeeded",
    sameAs: "r_0e2500291ae016adea",
    sourceId: "test_customer_id_2",
    raw: true,
  },
  {
    fixture: "redemption.failed",
    kind: "customer.redemption.failed",
    sameAs: "rf_0e3ac5685ba431c104",
    sourceId: "test_customer_id_2",
    raw: true,
  },
  {
    fixture: "redemption.rollback.succeeded",
    kind: "customer.redemption.rollback.succeeded",
    sameAs: "rr_0e3ac8762299fef1e3",
    sourceId: "jck-wbhk",
    raw: true,
  },
  {
    fixture: "redemption.rollback.failed",
    kind: "customer.redemption.rollback.failed",
    sameAs: "rrf_0e3ac8beeea431c302",
    sourceId: "jck-wbhk",
    raw: true,
  },
  {
    fixture: "publication.succeeded",
    kind: "customer.publication.succeeded",
    sameAs: "pub_r0413bLwExpB6LE0v286eNVmEpx6NxmP",
    sourceId: "jck-wbhk",
    raw: true,
  },
  {
    fixture: "customer.redemption.succeeded",
    kind: "customer.redemption.succeeded",
    sameAs: "r_0e6ff48b91cfa02e97",
    sourceId: "jck-wbhk",
    raw: true,
  },
  {
    fixture: "customer.redemption.rollback.succeeded",
    kind: "customer.redemption.rollback.succeeded",
    sameAs: "rr_0e70cac29fee95aa7b",
    sourceId: "jck-wbhk",
    raw: true,
  },
  {
    fixture: "customer.publication.succeeded",
    kind: "customer.publication.succeeded",
    sameAs: "pub_DpHmhx5uTanbM0mnndFrODi1U3MEX6rF",
    sourceId: "jck-wbhk",
    raw: true,
  },
  {
    fixture: "customer.rewarded",
    kind: "customer.rewarded",
    sameAs:
      "r_0e2907cc52498573ee+rewa_XiIei2UpOYkLQxZ4J3U2pYlK+cust_IdgAFZxYwwHctOk9pPuMu308+v_hjQhSsitD6lAATASbRV1Ef7dUCjpy0iw",
    sourceId: "jck-wbhk",
    raw: true,
  },
  {
    fixture: "customer.rewarded.loyalty_points",
    kind: "customer.rewarded.loyalty_points",
    sameAs:
      "evcus_0e2905d4db185a04ad+ern_FQxftbKUq9E93k00Z3qkC0sX+cust_IdgAFZxYwwHctOk9pPuMu308+v_hjQhSsitD6lAATASbRV1Ef7dUCjpy0iw",
    sourceId: "jck-wbhk",
    raw: true,
  },
  {
    fixture: "customer.reward_redemptions.created",
    kind: "customer.reward_redemptions.created",
    sameAs: "rewr_23IX6dCFJe03AX4M56KcI95D",
    sourceId: "130524-01",
    raw: false,
  },
  {
    fixture: "customer.reward_redemptions.completed",
    kind: "customer.reward_redemptions.completed",
    sameAs: "rewr_N5xhKgV5tJBmJxrtb5YB7V3q",
    sourceId: "130524-01",
    raw: true,
  },
];

describe("webhooks of Voucherify", () => {
  for (const { fixture, kind, sameAs, sourceId, raw } of CASES) {
    const data = example(fixture);
    const id = (data.customer as { id: string }).id;

    it(`${fixture}: of a project`, () => {
      assert.deepEqual(read(wrap(fixture, data)), {
        kind,
        type: fixture,
        id: "evred_1",
        sameAs: `${kind} ${sameAs}`,
        createdAt: HAPPENED_AT,
        customer: { id, sourceId },
        causedBy: "app-1",
        data,
      });
    });

    it(`${fixture}: of a distribution, whatever it is called`, () => {
      const event = read(
        wrap("redemption.failed, or so", data, { by: "distribution", eventType: kind, id: "evcus_2" }),
      );
      assert.deepEqual(
        [event.kind, event.type, event.id, event.sameAs, event.customer],
        [kind, kind, "evcus_2", `${kind} ${sameAs}`, { id, sourceId }],
      );
    });

    it(`${fixture}: the data alone${raw ? "" : ", which do not tell the kind"}`, () => {
      const event = read(data);
      assert.equal(event.kind, raw ? kind : undefined);
      assert.equal(event.sameAs, raw ? `${kind} ${sameAs}` : undefined);
      assert.deepEqual(event.customer, { id, sourceId });
      assert.match(event.id, /^body_[0-9a-f]{32}$/);
      assert.equal(read(data).id, event.id);
    });
  }

  it("reads Voucherify's example of a whole distribution webhook", () => {
    const event = read(example("distribution-webhook"));
    assert.deepEqual(
      [event.kind, event.id, event.createdAt, event.customer?.sourceId, event.causedBy],
      ["customer.redemption.succeeded", "evcus_115d38459e5318ae94", "2025-10-16T16:54:11.816Z", "4lx-d03", undefined],
    );
  });

  it("reads Voucherify's example of a whole project webhook, which is none of the twelve kinds", () => {
    const reading = readWebhook(Buffer.from(JSON.stringify(example("project-webhook"))));
    assert.ok(reading.ok);
    const { event, projectId } = reading;
    assert.deepEqual(
      [event.kind, event.type, event.id, event.sameAs, event.customer?.sourceId, projectId],
      [undefined, "voucher.published", "evvou_ID", undefined, "4lx-d03", "proj_ID"],
    );
  });

  for (const name of ["customer.custom_event", "customer.order.paid", "manual_distribution_schedule"])
    it(`${name}: no kind, in any form`, () => {
      const data = example(name);
      assert.equal(read(wrap(name, data)).kind, undefined);
      assert.equal(read(data).kind, undefined);
      assert.equal(read(data).type, "raw");
    });

  it("does not take an order or a referral for the redemption in it", () => {
    const { redemption, customer } = example("redemption.succeeded");
    for (const others of [{ order: null, referrer: null }, { referrer: customer! }] as JsonObject[])
      assert.equal(read({ customer: customer!, redemption: redemption!, ...others }).kind, undefined);
  });

  it("keeps data that a user has made, and takes the object's id from the envelope", () => {
    const own = { To: "john.smith@example.com", Subject: "Thank you" };
    const options = { by: "distribution", eventType: "customer.redemption.succeeded" };
    const event = read(wrap("Mail", own, { ...options, entity: "r_1f36113948e50fc4" }));
    assert.deepEqual(
      [event.kind, event.sameAs, event.customer, event.data],
      ["customer.redemption.succeeded", "customer.redemption.succeeded r_1f36113948e50fc4", undefined, own],
    );
    const ofCustomer = read(wrap("Mail", own, { ...options, entity: "cust_1" }));
    assert.deepEqual([ofCustomer.sameAs, ofCustomer.customer], [undefined, { id: "cust_1" }]);
    const alone = read(own);
    assert.deepEqual([alone.kind, alone.customer, alone.data], [undefined, undefined, own]);
  });

  it("leaves out blank ids of customers, and finds a customer inside of the redemption", () => {
    const customer = { id: "cust_1", source_id: " ", object: "customer" };
    assert.deepEqual(read(wrap("redemption.failed", { customer })).customer, { id: "cust_1" });
    const within = { customer: null, redemption: { id: "r_1", customer: { id: "cust_2", source_id: "jane" } } };
    assert.deepEqual(read(wrap("redemption.succeeded", within)).customer, { id: "cust_2", sourceId: "jane" });
    assert.equal(read(wrap("redemption.succeeded", { customer: null })).customer, undefined);
  });

  it("takes the best time there is", () => {
    const webhook = wrap("redemption.succeeded", { redemption: { id: "r_1", date: "2026-02-01T00:00:00Z" } });
    assert.equal(read(webhook).createdAt, HAPPENED_AT);
    const untimed = { ...webhook, event: { ...webhook.event, created_at: "soon" } };
    assert.equal(read(untimed).createdAt, "2026-03-01T09:59:59.000Z");
    assert.equal(read(webhook.data).createdAt, "2026-02-01T00:00:00Z");
    assert.equal(read({ publication: { id: "pub_1" } }).createdAt, "2026-03-01T10:00:00.000Z");
  });

  it("does not count two rewards for one thing as the same", () => {
    const points = example("customer.rewarded.loyalty_points");
    const other = { ...points, earning_rule: { id: "ern_2" } };
    assert.notEqual(read(points).sameAs, read(other).sameAs);
    const rewarded = example("customer.rewarded");
    const ofReferrer = { ...rewarded, customer: { id: "cust_2", source_id: "joe" } };
    assert.notEqual(read(rewarded).sameAs, read(ofReferrer).sameAs);
    const withoutCause = wrap("customer.rewarded", { ...rewarded, redemption: null });
    assert.equal(read(withoutCause).sameAs, undefined);
  });

  it("explains webhooks of the old version", () => {
    const legacy = {
      id: "ev_1",
      object: "event",
      webhook_id: "wh_1",
      project_id: "proj_1",
      created_at: HAPPENED_AT,
      type: "redemption.succeeded",
      data: example("redemption.succeeded"),
      metadata: {},
    };
    const reading = readWebhook(Buffer.from(JSON.stringify(legacy)));
    assert.ok(!reading.ok);
    assert.equal(reading.code, "legacy");
    assert.match(reading.reason, /v2024-01-01/);
  });

  for (const [body, code] of [
    ["", "not_json"],
    ["{", "not_json"],
    ["\xff", "not_json"],
    ["[]", "no_event"],
    ["{}", "no_event"],
    ["null", "no_event"],
    ['"redemption.succeeded"', "no_event"],
  ] as const)
    it(`refuses ${JSON.stringify(body)} with a sentence`, () => {
      const reading = readWebhook(Buffer.from(body));
      assert.ok(!reading.ok);
      assert.equal(reading.code, code);
      assert.match(reading.reason, /\.$/);
    });

  it("reads a body that begins with a byte order mark", () => {
    assert.ok(readWebhook(Buffer.from(`\uFEFF${JSON.stringify(example("distribution-webhook"))}`)).ok);
  });

  it("never throws, whatever JSON comes", () => {
    fc.assert(
      fc.property(fc.jsonValue(), fc.jsonValue(), fc.jsonValue(), (data, event, whole) => {
        for (const body of [
          whole,
          { data, event, source: {} },
          { data, event: { type: "customer.rewarded" }, source: {} },
        ])
          readWebhook(Buffer.from(JSON.stringify(body)));
        readWebhook(Buffer.from(JSON.stringify({ redemption: data, customer: event, reward: whole })));
      }),
    );
  });
});
