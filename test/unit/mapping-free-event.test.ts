import assert from "node:assert/strict";
import type { JsonObject } from "../../src/json";
import { customEvent } from "../../src/mapping/custom-event";
import { freeCommand } from "../../src/mapping/free-event";

const RECEIVED = 1_700_000_000_500;
const command = (payload: JsonObject): unknown => {
  const free = freeCommand(payload, "registered", RECEIVED);
  return free.ok ? free.command : free.reason;
};

describe("mapping: any event into Bloomreach", () => {
  for (const [name, payload, expected] of [
    [
      "an event by the Main Hard ID",
      { registered: " jane ", event: " seen ", properties: { a: 1 }, time: 1_709_566_376 },
      {
        name: "customers/events",
        data: {
          customer_ids: { registered: "jane" },
          event_type: "seen",
          properties: { a: 1 },
          timestamp: 1_709_566_376,
        },
      },
    ],
    [
      "several IDs, without the blank ones",
      {
        customer_ids: { registered: "jane", cookie: "c1", x: "", y: "null", z: "---" },
        event_type: "seen",
        timestamp: "1709566376.5",
      },
      {
        name: "customers/events",
        data: {
          customer_ids: { registered: "jane", cookie: "c1" },
          event_type: "seen",
          properties: {},
          timestamp: 1_709_566_376.5,
        },
      },
    ],
    [
      "a time in milliseconds",
      { customer: { source_id: "jane" }, event: "seen", time: 1_709_566_376_409 },
      {
        name: "customers/events",
        data: {
          customer_ids: { registered: "jane" },
          event_type: "seen",
          properties: {},
          timestamp: 1_709_566_376.409,
        },
      },
    ],
    [
      "a date as a text",
      { registered: 7, event: "seen", time: "2024-03-04T15:32:56.409Z" },
      {
        name: "customers/events",
        data: { customer_ids: { registered: "7" }, event_type: "seen", properties: {}, timestamp: 1_709_566_376.409 },
      },
    ],
    [
      "no time: when the message came",
      { registered: "jane", event: "seen", time: "" },
      {
        name: "customers/events",
        data: { customer_ids: { registered: "jane" }, event_type: "seen", properties: {}, timestamp: RECEIVED / 1_000 },
      },
    ],
    [
      "properties of a customer",
      { registered: "jane", properties: { tier: "Gold" }, time: 1_709_566_376 },
      {
        name: "customers",
        data: { customer_ids: { registered: "jane" }, properties: { tier: "Gold" }, update_timestamp: 1_709_566_376 },
      },
    ],
    [
      "properties without a time",
      { registered: "jane", properties: { tier: "Gold" } },
      { name: "customers", data: { customer_ids: { registered: "jane" }, properties: { tier: "Gold" } } },
    ],
  ] as const)
    it(name, () => assert.deepEqual(command(payload as unknown as JsonObject), expected));

  for (const [name, payload, reason] of [
    ["no customer", { event: "seen" }, /has no customer/],
    ["an ID without a letter", { registered: "--", event: "seen" }, /has no customer/],
    ["nothing to send", { registered: "jane" }, /neither "event" nor "properties"/],
    ["an event that is no text", { registered: "jane", event: 7 }, /name of the event/],
    ["properties that are none", { registered: "jane", event: "e", properties: [] }, /must be an object/],
    ["a time that is none", { registered: "jane", event: "e", time: "soon" }, /Unix time or a date/],
  ] as const)
    it(`explains ${name}`, () => assert.match(String(command(payload as unknown as JsonObject)), reason));
});

describe("mapping: Bloomreach's events into Voucherify", () => {
  it("reads the reference document's payload", () => {
    const record = {
      event: "review_left",
      customer: { registered: "jane" },
      metadata: { stars: "5", empty: "", none: "None", nothing: null },
    };
    assert.deepEqual(customEvent(record, "registered"), {
      ok: true,
      sourceId: "jane",
      event: "review_left",
      body: { event: "review_left", customer: { source_id: "jane" }, metadata: { stars: "5" } },
    });
  });

  it("passes referral and loyalty through, and nothing else", () => {
    const record = {
      event: "e",
      customer: { source_id: "jane" },
      referral: { code: "REF", referrer_id: "joe", x: 1 },
      loyalty: { code: "CARD", y: 2 },
      event_key: "k",
      metadata: {},
    };
    const read = customEvent(record, "registered");
    assert.deepEqual(read.ok && read.body, {
      event: "e",
      customer: { source_id: "jane" },
      referral: { code: "REF", referrer_id: "joe" },
      loyalty: { code: "CARD" },
    });
  });

  for (const [name, record, reason] of [
    ["no name", { customer: { registered: "jane" } }, /has no name/],
    ["a blank name", { event: "None", customer: { registered: "jane" } }, /has no name/],
    ["a name that is too long", { event: "e".repeat(301), registered: "jane" }, /300 characters/],
    ["no customer", { event: "e", customer: {} }, /no Main Hard ID/],
  ] as const)
    it(`explains ${name}`, () => {
      const read = customEvent(record, "registered");
      assert.match(read.ok ? "" : read.reason, reason);
    });
});
