import assert from "node:assert/strict";
import { readdirSync, readFileSync } from "node:fs";
import { join } from "node:path";
import fc from "fast-check";
import { documentedCommands, EVENTS_PAGE, eventsPage } from "../../scripts/events-page";
import type { JsonObject, JsonValue } from "../../src/json";
import { EVENT_PROPERTIES } from "../../src/mapping/events/event-properties";
import { eventProperties } from "../../src/mapping/events/flat-properties";
import { EVENT_KINDS, type EventKind } from "../../src/schemas/voucherify-event";
import { readWebhook } from "../../src/voucherify/webhooks/webhook-event";

const TYPES: Readonly<Record<string, (value: JsonValue | undefined) => boolean>> = {
  text: (value) => typeof value === "string",
  number: (value) => typeof value === "number",
  "list of texts": (value) => Array.isArray(value) && value.every((item) => typeof item === "string"),
  "as in Voucherify": () => true,
};
const rowOf = (kind: EventKind, name: string): (typeof EVENT_PROPERTIES)[number] | undefined =>
  EVENT_PROPERTIES.find((row) => {
    const isNamed = row.name.endsWith("<key>") ? name.startsWith(row.name.slice(0, -5)) : name === row.name;
    return isNamed && row.kinds.includes(kind);
  });
const assertDocumented = (kind: EventKind, properties: JsonObject): void => {
  for (const [name, value] of Object.entries(properties)) {
    const row = rowOf(kind, name);
    assert.ok(row, `${name} of ${kind} is not documented`);
    assert.ok(TYPES[row.type]!(value), `${name} of ${kind} is no ${row.type}`);
  }
};

describe("docs/events.md", () => {
  it("is what `npm run docs` makes", async () => {
    assert.equal(readFileSync(EVENTS_PAGE, "utf8"), await eventsPage());
  });

  for (const kind of EVENT_KINDS)
    it(`has a sample of ${kind} with everything that is always there, of the types it says`, () => {
      const properties = documentedCommands(kind)[0]!.data.properties;
      assertDocumented(kind, properties);
      for (const { name, when, kinds } of EVENT_PROPERTIES)
        if (when === "always" && kinds.includes(kind)) assert.ok(Object.hasOwn(properties, name), name);
    });

  it("has samples of the types it says", () => {
    for (const { name, type, sample } of EVENT_PROPERTIES) assert.ok(TYPES[type]!(sample), name);
  });

  const folder = join(__dirname, "../fixtures/voucherify-webhooks");
  for (const file of readdirSync(folder).filter((name) => name.endsWith(".json")))
    it(`covers Voucherify's own ${file}`, () => {
      const reading = readWebhook(readFileSync(join(folder, file)), 0);
      if (!reading.ok || reading.event.kind === undefined) return;
      const { kind } = reading.event;
      assertDocumented(kind, eventProperties({ ...reading.event, kind }, "EUR").toJson());
    });

  it("names whatever any data could bring", () => {
    const names = ["id", "code", "name", "status", "metadata", "points", "voucher", "vouchers", "key", "reason"];
    const thing = fc.dictionary(fc.constantFrom(...names), fc.jsonValue({ maxDepth: 2 }));
    const parts = ["redemption", "publication", "validation", "voucher", "order", "balance", "reward", "loyalty_tier"];
    fc.assert(
      fc.property(fc.constantFrom(...EVENT_KINDS), fc.dictionary(fc.constantFrom(...parts), thing), (kind, data) => {
        const event = { kind, type: kind, id: "ev", createdAt: "", data: data as JsonObject };
        for (const name of Object.keys(eventProperties(event, "EUR").toJson())) assert.ok(rowOf(kind, name), name);
      }),
    );
  });
});
