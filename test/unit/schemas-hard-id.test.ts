import assert from "node:assert/strict";
import fc from "fast-check";
import type { JsonObject } from "../../src/json";
import { readHardId } from "../../src/schemas/hard-id";

const NONE = 'This customer has no Main Hard ID: neither "registered" nor "source_id" has a value.';

describe("schemas: Main Hard ID", () => {
  const found: [string, JsonObject, string, string][] = [
    ["the configured key", { registered: "ann@x.io" }, "ann@x.io", "registered"],
    ["the configured key before source_id", { source_id: "b", registered: "a" }, "a", "registered"],
    ["source_id alone", { source_id: "b" }, "b", "source_id"],
    ["source_id where the configured key is empty", { registered: "", source_id: "b" }, "b", "source_id"],
    ["source_id where the template was not filled in", { registered: "{{ x }}", source_id: "b" }, "b", "source_id"],
    ["the placeholder of the vendor's own page", { main_hard_id: "c" }, "c", "main_hard_id"],
    ["source_id before that placeholder", { main_hard_id: "c", source_id: "b" }, "b", "source_id"],
    ["without the spaces around it", { registered: " a b\n" }, "a b", "registered"],
    ["a number", { registered: 42 }, "42", "registered"],
    ["zero", { registered: 0 }, "0", "registered"],
    ["letters of any script", { registered: "Å" }, "Å", "registered"],
  ];
  for (const [name, record, sourceId, key] of found) {
    it(`reads ${name}`, () => assert.deepEqual(readHardId(record, "registered"), { ok: true, sourceId, key }));
  }

  const refused: [string, JsonObject, string][] = [
    ["nothing there", {}, NONE],
    ["empty", { registered: "", source_id: " " }, NONE],
    ["absent texts", { registered: "None", source_id: "undefined" }, NONE],
    ["null", { registered: null }, NONE],
    [
      "an empty placeholder",
      { registered: "", main_hard_id: "" },
      NONE.replace('"source_id"', '"source_id" nor "main_hard_id"'),
    ],
    ["inherited", Object.create({ registered: "a" }) as JsonObject, NONE],
    [
      "an unfilled template",
      { registered: "{{ customer_ids.registered }}" },
      'This customer has no Main Hard ID: "registered" holds a template that Bloomreach did not fill in, and "source_id" has no value.',
    ],
    [
      "no letter or digit",
      { registered: "---" },
      'This customer has no Main Hard ID: "registered" holds no letter or digit, and "source_id" has no value.',
    ],
    [
      "an object",
      { registered: { id: "a" } },
      'This customer has no Main Hard ID: "registered" is neither text nor a number, and "source_id" has no value.',
    ],
    [
      "a number that lost its last digits",
      { registered: 2 ** 60 },
      'This customer has no Main Hard ID: "registered" is a number too long to be exact (put quotes around it), and "source_id" has no value.',
    ],
    [
      "another ID in the payload",
      { email_id: "ann@x.io", name: "Ann" },
      `${NONE} It has "email_id": use one name in the payload and as Main Hard ID of the account.`,
    ],
    ["another ID that is empty too", { customer_id: "" }, NONE],
    ["a key that only ends like an ID", { paid: "yes", covid: "no" }, NONE],
  ];
  for (const [name, record, reason] of refused) {
    it(`refuses: ${name}`, () => assert.deepEqual(readHardId(record, "registered"), { ok: false, reason }));
  }

  it("names source_id once when it is the Main Hard ID", () => {
    assert.deepEqual(readHardId({ registered: "a" }, "source_id"), {
      ok: false,
      reason:
        'This customer has no Main Hard ID: "source_id" has no value. It has "registered": use one name in the payload and as Main Hard ID of the account.',
    });
  });

  it("reads a key named __proto__", () => {
    const record = JSON.parse('{"__proto__":"a"}') as JsonObject;
    assert.deepEqual(readHardId(record, "__proto__"), { ok: true, sourceId: "a", key: "__proto__" });
  });

  it("never throws, never names a value, and reads only usable IDs", () => {
    const record = fc.dictionary(fc.constantFrom("registered", "source_id", "email_id", "name"), fc.jsonValue());
    fc.assert(
      fc.property(record, (value) => {
        const reading = readHardId(value as JsonObject, "registered");
        if (reading.ok) assert.match(reading.sourceId, /[\p{L}\p{N}]/u);
        else assert.match(reading.reason, /^This customer has no Main Hard ID: [^{}]*"registered"[^{}]*"source_id"/);
      }),
    );
    const reading = readHardId({ registered: "{{ secret }}", source_id: "-" }, "registered");
    assert.ok(!reading.ok && !reading.reason.includes("secret"));
  });
});
