import assert from "node:assert/strict";
import fc from "fast-check";
import type { JsonObject, JsonValue } from "../../src/json";
import { mapCustomer } from "../../src/mapping/customers/customer";
import { mergeCustomers } from "../../src/mapping/customers/merge";
import { ADDRESS_FIELDS, type CustomerMetadataSchema } from "../../src/schemas/voucherify";

const NO_ADDRESS = Object.fromEntries(ADDRESS_FIELDS.map((field) => [field, null]));

describe("mapping: merging updates of one customer", () => {
  const cases: [string, JsonObject, JsonObject, JsonObject, JsonObject][] = [
    // [name, earlier, later, kept, cleared]
    [
      "the later value wins",
      { name: "A", email: "e" },
      { name: "B" },
      { name: "B", email: "e" },
      { name: "B", email: "e" },
    ],
    ["null wins", { name: "A" }, { name: null }, { name: null }, { name: null }],
    ["an absent text wins only when it clears", { name: "A" }, { name: "None" }, { name: "A" }, { name: "None" }],
    ["null is not overwritten by an absent text", { name: null }, { name: "" }, { name: null }, { name: "" }],
    [
      "address and metadata by key",
      { address: { city: "A", state: "S" }, metadata: { a: "1", b: "2" } },
      { address: { city: "B", line_1: "" }, metadata: { b: null, c: "3" } },
      { address: { city: "B", state: "S", line_1: "" }, metadata: { a: "1", b: null, c: "3" } },
      { address: { city: "B", state: "S", line_1: "" }, metadata: { a: "1", b: null, c: "3" } },
    ],
    [
      "an absent text inside them",
      { address: { city: "A" }, metadata: { a: "1" } },
      { address: { city: "None" }, metadata: { a: "" } },
      { address: { city: "A" }, metadata: { a: "1" } },
      { address: { city: "None" }, metadata: { a: "" } },
    ],
    [
      "nested metadata as one value",
      { metadata: { payment: { a: 1, b: 2 } } },
      { metadata: { payment: { a: 3 } } },
      { metadata: { payment: { a: 3 } } },
      { metadata: { payment: { a: 3 } } },
    ],
    [
      "what is no object leaves address and metadata alone",
      { address: { city: "A" }, metadata: { a: "1" } },
      { address: "x", metadata: null },
      { address: { city: "A" }, metadata: { a: "1" } },
      { address: { city: "A" }, metadata: { a: "1" } },
    ],
    [
      "an address cleared, then filled",
      { address: null },
      { address: { city: "B" } },
      { address: { ...NO_ADDRESS, city: "B" } },
      { address: { ...NO_ADDRESS, city: "B" } },
    ],
    [
      "an address filled, then cleared",
      { address: { city: "A" } },
      { address: null },
      { address: NO_ADDRESS },
      { address: NO_ADDRESS },
    ],
    [
      "an absent text for the whole address",
      { address: { city: "A" } },
      { address: "" },
      { address: { city: "A" } },
      { address: NO_ADDRESS },
    ],
  ];
  for (const [name, earlier, later, kept, cleared] of cases) {
    it(name, () => {
      const before = structuredClone([earlier, later]);
      assert.deepEqual(mergeCustomers(earlier, later, "keep"), kept);
      assert.deepEqual(mergeCustomers(earlier, later, "clear"), cleared);
      assert.deepEqual([earlier, later], before);
    });
  }

  it("is not moved by a key __proto__", () => {
    const record = JSON.parse('{"__proto__":{"name":"Eve"},"metadata":{"__proto__":{"a":1}}}') as JsonObject;
    const merged = mergeCustomers(record, record, "keep");
    assert.equal(Object.getPrototypeOf(merged), Object.prototype);
    assert.deepEqual(Object.keys(merged), ["__proto__", "metadata"]);
    assert.deepEqual(Object.keys(merged.metadata as JsonObject), ["__proto__"]);
  });

  const value = fc.constantFrom<JsonValue>("", "None", null, "A", "B", 5, ["x"], { b: 1 });
  const part = fc.dictionary(fc.constantFrom("city", "state", "zip", "a", "b"), value, {
    maxKeys: 4,
    noNullPrototype: true,
  });
  const record = fc.record(
    { name: value, email: value, other: value, address: fc.oneof(part, value), metadata: fc.oneof(part, value) },
    { requiredKeys: [] },
  ) as fc.Arbitrary<JsonObject>;

  for (const emptyValues of ["keep", "clear"] as const) {
    it(`is associative (${emptyValues})`, () => {
      fc.assert(
        fc.property(record, record, record, (a, b, c) => {
          const merge = (x: JsonObject, y: JsonObject) => mergeCustomers(x, y, emptyValues);
          assert.deepEqual(merge(merge(a, b), c), merge(a, merge(b, c)));
        }),
        { numRuns: 2000 },
      );
    });

    it(`leaves Voucherify as both updates in turn would, when all values fit (${emptyValues})`, () => {
      const text = fc.constantFrom<JsonValue>("", "None", null, "A", "B", "C");
      const address = fc.dictionary(fc.constantFrom("city", "state"), text, { noNullPrototype: true });
      const metadata = fc.dictionary(fc.constantFrom("a", "b"), text, { noNullPrototype: true });
      const update = fc.record(
        {
          name: text,
          email: text,
          address: fc.oneof(address, fc.constantFrom<JsonValue>(null, "")),
          metadata: fc.oneof(metadata, fc.constantFrom<JsonValue>(null, "")),
        },
        { requiredKeys: [] },
      ) as fc.Arbitrary<JsonObject>;
      fc.assert(
        fc.property(update, update, (a, b) => {
          const inTurn = deliver(deliver({}, a), b);
          assert.deepEqual(deliver({}, mergeCustomers(a, b, emptyValues)), inTurn);
        }),
        { numRuns: 2000 },
      );

      /** What Voucherify holds after an update: field by field, null and missing alike. */
      function deliver(held: JsonObject, update: JsonObject): JsonObject {
        const string = { type: "string", array: false, optional: true, objectType: null } as const;
        const schema: CustomerMetadataSchema = { properties: { a: string, b: string }, nested: {} };
        const { customer } = mapCustomer(update, "a", "registered", { emptyValues, schema });
        const { address, metadata, ...fields } = customer;
        const flat = {
          ...fields,
          ...prefixed("address", address === null ? NO_ADDRESS : address),
          ...prefixed("metadata", metadata),
        };
        const after = { ...held, ...flat };
        return Object.fromEntries(Object.entries(after).filter(([, kept]) => kept !== null));
      }
    });
  }

  function prefixed(name: string, object: object = {}): JsonObject {
    return Object.fromEntries(Object.entries(object).map(([key, inner]) => [`${name}.${key}`, inner as JsonValue]));
  }
});
