import assert from "node:assert/strict";
import fc from "fast-check";
import type { JsonObject, JsonValue } from "../../src/json";
import type { EmptyValues } from "../../src/mapping/values/presence";
import { mapCustomer } from "../../src/mapping/customers/customer";
import { readDate, readDateTime } from "../../src/mapping/values/date";
import {
  ADDRESS_FIELDS,
  CUSTOMER_TEXT_FIELDS,
  type CustomerMetadataSchema,
  METADATA_TYPES,
  type MetadataProperty,
  type VoucherifyCustomer,
} from "../../src/schemas/voucherify";
import { checkVoucherifyCustomer } from "../support/customer-schema";

const NOTHING_DEFINED: CustomerMetadataSchema = { properties: {}, nested: {} };

function property(type: MetadataProperty["type"], more: Partial<MetadataProperty> = {}): MetadataProperty {
  return { type, array: false, optional: true, objectType: null, ...more };
}

function map(record: JsonObject, emptyValues: EmptyValues = "keep", schema = NOTHING_DEFINED) {
  const mapped = mapCustomer(record, "a", "registered", { emptyValues, schema });
  const checked = checkVoucherifyCustomer(mapped.customer);
  assert.ok(checked.ok, checked.ok ? "" : checked.sentence);
  return mapped;
}

describe("mapping: the customer of the integration's documentation", () => {
  // The payload's template, rendered for one customer.
  const record: JsonObject = {
    registered: "jane@example.com",
    name: "Jane",
    description: "A frequent customer",
    email: "jane@example.com",
    phone: "+48 123 456 789",
    birthdate: "1990-05-31",
    address: {
      city: "Katowice",
      state: "Śląskie",
      line_1: "ul. Porcelanowa 23",
      line_2: "2nd floor",
      country: "Poland",
      postal_code: "40-246",
    },
    metadata: { segment: "vip" },
  };
  const schema = { properties: { segment: property("string") }, nested: {} };

  it("is mapped exactly", () => {
    const { registered, ...fields } = record;
    for (const emptyValues of ["keep", "clear"] as const) {
      assert.deepEqual(mapCustomer(record, "jane@example.com", "registered", { emptyValues, schema }), {
        customer: { source_id: registered, ...fields },
        omitted: [],
        undefinedKeys: [],
      });
    }
  });

  it("is mapped with nothing but its ID when Bloomreach has no values", () => {
    const blank = (value: JsonValue): JsonValue =>
      typeof value === "string"
        ? ""
        : Object.fromEntries(Object.entries(value as JsonObject).map(([key, inner]) => [key, blank(inner)]));
    const empty = blank(record) as JsonObject;
    assert.deepEqual(map(empty, "keep", schema), { customer: { source_id: "a" }, omitted: [], undefinedKeys: [] });
    const nulls = (names: readonly string[]) => Object.fromEntries(names.map((name) => [name, null]));
    assert.deepEqual(map(empty, "clear", schema), {
      customer: {
        source_id: "a",
        ...nulls([...CUSTOMER_TEXT_FIELDS, "birthdate"]),
        address: nulls(ADDRESS_FIELDS),
        metadata: { segment: null },
      },
      omitted: [],
      undefinedKeys: [],
    });
  });

  it("loses metadata that Voucherify has not defined, with the reason", () => {
    const { customer, omitted, undefinedKeys } = map(record);
    assert.ok(!("metadata" in customer));
    assert.deepEqual(omitted, [
      {
        key: "metadata.segment",
        reason: '"metadata.segment" is not defined in Voucherify: add it to the metadata schema there.',
      },
    ]);
    assert.deepEqual(undefinedKeys, ["segment"]);
  });
});

describe("mapping: core fields", () => {
  const texts: [JsonValue, string | undefined][] = [
    ["Ann", "Ann"],
    [" Ann ", " Ann "],
    ["Null", "Null"],
    [48123456789, "48123456789"],
    [0, "0"],
    [2 ** 60, undefined],
    [true, undefined],
    [["Ann"], undefined],
    [{ first: "Ann" }, undefined],
  ];
  for (const field of CUSTOMER_TEXT_FIELDS) {
    it(field, () => {
      for (const [value, expected] of texts) {
        const { customer, omitted } = map({ [field]: value });
        assert.equal(customer[field], expected);
        if (expected !== undefined) assert.deepEqual(omitted, []);
        else assert.match(omitted[0]?.reason ?? "", new RegExp(`^"${field}" must be text; it came as `));
      }
    });
  }

  it("birthdate", () => {
    for (const value of ["1960-01-01", "1960-01-01T10:00:00Z", -315619200, "-315619200"]) {
      assert.deepEqual(map({ birthdate: value }), {
        customer: { source_id: "a", birthdate: "1960-01-01" },
        omitted: [],
        undefinedKeys: [],
      });
    }
    for (const [value, kind] of [
      ["1960-02-30", "text"],
      ["31.5.1990", "text"],
      [true, "true or false"],
      [1e15, "a number"],
    ] as const) {
      assert.deepEqual(map({ birthdate: value }), {
        customer: { source_id: "a" },
        omitted: [
          {
            key: "birthdate",
            reason: `"birthdate" must be a date such as 1990-05-31 or Unix time in seconds; it came as ${kind}.`,
          },
        ],
        undefinedKeys: [],
      });
    }
  });

  it("address", () => {
    const { customer, omitted } = map({ address: { city: "Wien", postal_code: 1010, state: ["x"], zip: "1010" } });
    assert.deepEqual(customer.address, { city: "Wien", postal_code: "1010" });
    assert.deepEqual(omitted, [
      {
        key: "address.zip",
        reason: '"address.zip" is not known: an address has city, state, line_1, line_2, country, postal_code.',
      },
      { key: "address.state", reason: '"address.state" must be text; it came as a list.' },
    ]);
    for (const address of [{}, { city: "" }, { zip: "1" }] as JsonObject[]) {
      assert.ok(!("address" in map({ address }).customer));
    }
    for (const address of ["Main St.", 5, ["Main St."]]) {
      const mapped = map({ address });
      assert.ok(!("address" in mapped.customer));
      assert.match(mapped.omitted[0]?.reason ?? "", /^"address" must be an object; it came as/);
    }
  });

  it("null clears, an absent text follows the setting, a missing key is never sent", () => {
    const record = { name: null, email: " None ", birthdate: "undefined", address: { city: null, state: "null" } };
    assert.deepEqual(map(record, "keep").customer, { source_id: "a", name: null, address: { city: null } });
    assert.deepEqual(map(record, "clear").customer, {
      source_id: "a",
      name: null,
      email: null,
      birthdate: null,
      address: { city: null, state: null },
    });
    assert.deepEqual(map({ address: null }, "keep").customer, { source_id: "a", address: null });
    assert.deepEqual(map({ address: "" }, "keep").customer, { source_id: "a" });
    assert.deepEqual(map({ address: "" }, "clear").customer, { source_id: "a", address: null });
    assert.deepEqual(map({}, "clear").customer, { source_id: "a" });
  });

  it("metadata that is no object is reported, null too; an absent text is not", () => {
    for (const metadata of [null, "vip", 5, ["vip"], '{"a":1}']) {
      const { customer, omitted } = map({ metadata }, "clear");
      assert.deepEqual(customer, { source_id: "a" });
      assert.match(omitted[0]?.reason ?? "", /^"metadata" must be an object; it came as/);
    }
    for (const metadata of ["", "None", {}]) {
      for (const emptyValues of ["keep", "clear"] as const) {
        assert.deepEqual(map({ metadata }, emptyValues), {
          customer: { source_id: "a" },
          omitted: [],
          undefinedKeys: [],
        });
      }
    }
  });

  it("reports unknown keys, but never the Main Hard ID or source_id", () => {
    const record = { registered: "a", source_id: "a", id: "cust_1", nickname: "" };
    assert.deepEqual(map(record).omitted, [
      { key: "id", reason: '"id" is not a field of a Voucherify customer: put it under metadata.' },
      { key: "nickname", reason: '"nickname" is not a field of a Voucherify customer: put it under metadata.' },
    ]);
  });

  it("sends a core field that is the Main Hard ID at the same time", () => {
    const options = { emptyValues: "keep", schema: NOTHING_DEFINED } as const;
    const { customer, omitted } = mapCustomer({ email: "ann@x.io" }, "ann@x.io", "email", options);
    assert.deepEqual(customer, { source_id: "ann@x.io", email: "ann@x.io" });
    assert.deepEqual(omitted, []);
  });

  it("is not moved by keys of prototypes", () => {
    const record = JSON.parse(
      '{"__proto__":{"name":"Eve"},"constructor":1,"address":{"__proto__":{"city":"x"},"city":"Wien"}}',
    ) as JsonObject;
    const { customer, omitted } = map(record);
    assert.deepEqual(customer, { source_id: "a", address: { city: "Wien" } });
    assert.deepEqual(omitted.map(({ key }) => key).sort(), ["__proto__", "address.__proto__", "constructor"]);
    assert.deepEqual(map(Object.create({ name: "Eve" }) as JsonObject).customer, { source_id: "a" });
  });
});

describe("mapping: any customer", () => {
  const scalar = fc.oneof(
    fc.string(),
    fc.constantFrom(
      "",
      "None",
      "true",
      "0",
      "500",
      "500A",
      "1990-05-31",
      "1e5",
      "-86400",
      "37.7, -122.4",
      "[1]",
      '["a"]',
    ),
    fc.constantFrom("https://x.io/a.png", "{}", "[", '{"b":"5"}', "1709566376"),
    fc.double(),
    fc.integer(),
    fc.boolean(),
    fc.constant(null),
  );
  const value = fc.oneof(scalar, fc.array(scalar, { maxLength: 4 }), fc.jsonValue()) as fc.Arbitrary<JsonValue>;
  const key = fc.oneof(fc.constantFrom(..."abcdefghij"), fc.string(), fc.constant("__proto__"));
  const dictionary = (inner: fc.Arbitrary<JsonValue>, keys = key) =>
    fc.array(fc.tuple(keys, inner), { maxLength: 12 }).map((entries): JsonObject => Object.fromEntries(entries));
  const metadata = dictionary(fc.oneof(value, dictionary(value), fc.array(dictionary(value), { maxLength: 3 })));
  const record = fc
    .tuple(
      fc.record(
        {
          ...Object.fromEntries([...CUSTOMER_TEXT_FIELDS, "birthdate", "registered"].map((field) => [field, value])),
          address: fc.oneof(value, dictionary(value, fc.constantFrom(...ADDRESS_FIELDS, "zip"))),
          metadata: fc.oneof({ weight: 4, arbitrary: metadata }, { weight: 1, arbitrary: value }),
        },
        { requiredKeys: [] },
      ),
      dictionary(value),
    )
    .map(([known, unknown]) => ({ ...unknown, ...known }));
  const definition = fc.record({
    type: fc.constantFrom(...METADATA_TYPES),
    array: fc.boolean(),
    optional: fc.boolean(),
    objectType: fc.constantFrom(null, "Payment", "Other"),
    deleted: fc.boolean(),
  });
  const properties = fc.dictionary(key, definition, { maxKeys: 12, noNullPrototype: true });
  const schema: fc.Arbitrary<CustomerMetadataSchema> = fc.record({
    properties,
    nested: fc.record({ Payment: properties }),
  });
  const emptyValues = fc.constantFrom<EmptyValues>("keep", "clear");

  const hasType: Record<MetadataProperty["type"], (value: unknown) => boolean> = {
    string: (v) => typeof v === "string",
    number: (v) => typeof v === "number" && Number.isFinite(v),
    boolean: (v) => typeof v === "boolean",
    date: (v) => typeof v === "string" && /^\d{4}-\d\d-\d\d$/.test(v) && readDate(v) === v,
    datetime: (v) => typeof v === "string" && readDateTime(v) === v,
    geopoint: (v) => typeof v === "string" && /^-?[\d.]+, -?[\d.]+$/.test(v),
    image_url: (v) => typeof v === "string" && /^https?:/.test(v),
    object: (v) => typeof v === "object" && v !== null && !Array.isArray(v) && Object.keys(v).length > 0,
  };

  function assertDefined(values: JsonObject, defined: Record<string, MetadataProperty>, nested: typeof defined): void {
    for (const [name, kept] of Object.entries(values)) {
      const property = Object.hasOwn(defined, name) ? defined[name] : undefined;
      assert.ok(property && !property.deleted);
      if (kept === null) continue;
      assert.equal(Array.isArray(kept), property.array);
      for (const item of Array.isArray(kept) ? kept : [kept]) {
        assert.ok(hasType[property.type](item), `${property.type} ${JSON.stringify(item)}`);
        if (property.type === "object") assertDefined(item as JsonObject, nested, {});
      }
    }
  }

  it("becomes a valid request with only defined metadata, each value of its type", () => {
    fc.assert(
      fc.property(record, schema, emptyValues, (wild, defined, empty) => {
        const { customer, omitted } = mapCustomer(wild, "a", "registered", { emptyValues: empty, schema: defined });
        const sent = JSON.parse(JSON.stringify(customer)) as VoucherifyCustomer;
        const checked = checkVoucherifyCustomer(sent);
        assert.ok(checked.ok, checked.ok ? "" : checked.sentence);
        assertDefined(sent.metadata ?? {}, defined.properties, defined.nested.Payment ?? {});
        for (const { reason } of omitted) assert.match(reason, /\.$/);
      }),
      { numRuns: 1000 },
    );
  });

  it("is never told with its values", () => {
    const personal = "Jane-4711";
    const wrong = fc.constantFrom<JsonValue>(personal, [personal], { [`k`]: personal }, [[personal]], `[${personal}]`);
    const spoiled = fc.record({
      ...Object.fromEntries(["name", "birthdate", "address", "other"].map((field) => [field, wrong])),
      metadata: fc.oneof(wrong, fc.dictionary(fc.constantFrom(..."abcdef"), wrong)),
    });
    fc.assert(
      fc.property(spoiled, schema, emptyValues, (wild, defined, empty) => {
        const { omitted } = mapCustomer(wild, "a", "registered", { emptyValues: empty, schema: defined });
        assert.ok(!JSON.stringify(omitted).includes(personal));
      }),
    );
  });

  it("is not changed by being mapped", () => {
    fc.assert(
      fc.property(record, schema, (wild, defined) => {
        const before = structuredClone(wild);
        mapCustomer(wild, "a", "registered", { emptyValues: "clear", schema: defined });
        assert.deepEqual(wild, before);
      }),
    );
  });
});
