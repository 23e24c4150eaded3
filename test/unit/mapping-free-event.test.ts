import assert from "node:assert/strict";
import { trackingRecord } from "../../src/destinations/bloomreach/tracking-record";
import type { JsonObject, JsonValue } from "../../src/json";
import { customEvent } from "../../src/mapping/events/custom-event";
import { freeCommand } from "../../src/mapping/events/free-event";

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

describe("mapping: any event into Bloomreach, within its sizes", () => {
  const free = (properties: JsonObject, event?: string): ReturnType<typeof freeCommand> =>
    freeCommand({ registered: "jane", properties, ...(event !== undefined && { event }) }, "registered", RECEIVED);
  const many = (count: number, value: JsonValue = 1): JsonObject =>
    Object.fromEntries(Array.from({ length: count }, (_none, n) => [`key ${n}`, value]));

  for (const event of ["seen", undefined])
    it(`${event === undefined ? "an update" : "an event"} leaves out what is too large or too much, and says so`, () => {
      const large = free({ a: 1, "große Liste": ["x".repeat(17_000)], nested: { b: 2 } }, event);
      assert.ok(large.ok);
      assert.deepEqual(large.command.data.properties, { a: 1, nested: { b: 2 } });
      assert.deepEqual(
        large.omitted.map(({ key }) => key),
        ["properties.große Liste"],
      );
      assert.match(large.omitted[0]!.reason, /16 KB/);

      const long = free(many(300), event);
      assert.ok(long.ok);
      assert.deepEqual(long.command.data.properties, many(255));
      assert.equal(long.omitted.length, 45);
      assert.match(long.omitted[0]!.reason, /at most 255 attributes/);

      const heavy = free(many(255, "é".repeat(7_000)), event);
      assert.ok(heavy.ok);
      assert.ok(Buffer.byteLength(trackingRecord(heavy.command, "x".repeat(24)).command) < 799_000);
      assert.equal(Object.keys(heavy.command.data.properties).length, 56);
      assert.match(heavy.omitted[0]!.reason, /at most 800 KB/);
    });

  it("takes a value of just under 16 KB, and changes nothing that fits", () => {
    const properties = { z: "x".repeat(16 * 1024 - 3), a: null, "b c": [{ d: true }] };
    const one = free(properties, "seen");
    assert.ok(one.ok);
    assert.equal(JSON.stringify(one.command.data.properties), JSON.stringify(properties));
    assert.deepEqual(one.omitted, []);
  });

  it("refuses an update of which nothing can be sent", () => {
    const one = free({ a: "x".repeat(17_000) });
    assert.match(one.ok ? "" : one.reason, /None of the properties can be sent\. .*16 KB/);
  });
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
      omitted: [],
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
    assert.deepEqual(read.ok && read.omitted.map(({ key }) => key), ["referral.x", "loyalty.y"]);
  });

  it("reports what an event has no place for, and nothing that has no value", () => {
    const record = {
      event: "e",
      registered: "not the customer's place",
      customer: { registered: "jane", email: "jane@example.com", name: "Jane", phone: "None", city: null },
      stars: 5,
      time: "",
      metadata: ["a"],
      referral: { referrer_id: "joe" },
      event_key: "k",
    };
    const read = customEvent(record, "registered");
    assert.ok(read.ok);
    assert.deepEqual(read.body, { event: "e", customer: { source_id: "jane" } });
    assert.deepEqual(
      read.omitted.map(({ key }) => key),
      ["registered", "stars", "customer.email", "customer.name", "metadata", "referral"],
    );
    for (const { reason } of read.omitted) assert.match(reason, /^.{20,}\.$/);
    assert.doesNotMatch(JSON.stringify(read.omitted), /jane@|joe|the customer's place/);
  });

  it("reports nothing where the customer's ID stands beside the event", () => {
    for (const key of ["registered", "source_id", "main_hard_id"]) {
      const read = customEvent({ event: "e", [key]: "jane", metadata: {} }, "registered");
      assert.deepEqual(read.ok && read.omitted, []);
    }
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
