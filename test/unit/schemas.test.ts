import assert from "node:assert/strict";
import { existsSync, readFileSync } from "node:fs";
import path from "node:path";
import fc from "fast-check";
import { isAbsentText } from "../../src/schemas/absent";
import { isCalendarDate } from "../../src/schemas/calendar";
import { exactNumberText } from "../../src/schemas/number-text";
import { type Checked, compile } from "../../src/schemas/registry";
import {
  ADDRESS_FIELDS,
  checkAsyncAction,
  checkMetadataSchema,
  CUSTOMER_TEXT_FIELDS,
} from "../../src/schemas/voucherify";
import { checkVoucherifyCustomer } from "../support/customer-schema";

function sentenceOf(checked: Checked<unknown>): string {
  assert.equal(checked.ok, false);
  return checked.ok ? "" : checked.sentence;
}

describe("schemas: errors as sentences", () => {
  const cases: [string, object, unknown, string][] = [
    ["wrong type at the top", { type: "object" }, [], "The value must be an object."],
    [
      "a union of types",
      { type: "object", properties: { a: { type: ["string", "array", "null"] } } },
      { a: 1 },
      "`a` must be text or a list.",
    ],
    ["null alone", { type: "null" }, 1, "The value must be null."],
    ["missing field", { type: "object", required: ["a"], properties: { a: {} } }, {}, "`a` is missing."],
    ["unknown field", { type: "object", additionalProperties: false }, { a: 1 }, "`a` is not a known field."],
    ["choice", { type: "string", enum: ["x", "y"] }, "secret", "The value must be one of x, y."],
    ["empty text", { type: "string", minLength: 1 }, "", "The value must not be empty."],
    ["too short a text", { type: "string", minLength: 3 }, "a", "The value must NOT have fewer than 3 characters."],
    ["number limit", { type: "number", maximum: 5 }, 6, "The value must be <= 5."],
    ["date", { type: "string", format: "date" }, "31.5.2024", "The value must be a date such as 2024-05-31."],
    [
      "names of keys with / and ~",
      { type: "object", additionalProperties: { type: "boolean" } },
      { "a/b~c": 1 },
      "`a/b~c` must be true or false.",
    ],
    ["places in lists", { type: "array", items: { type: "integer" } }, [1, 2.5], "`1` must be a whole number."],
  ];
  for (const [name, schema, value, sentence] of cases) {
    it(name, () => assert.equal(sentenceOf(compile(schema)(value)), sentence));
  }

  it("tells three mistakes and counts the others", () => {
    const check = compile({ type: "object", additionalProperties: { type: "number" } });
    const sentence = sentenceOf(check({ a: "", b: "", c: "", d: "", e: "" }));
    assert.equal(sentence, "`a` must be a number. `b` must be a number. `c` must be a number. And 2 more.");
  });

  it("returns the same value when it fits", () => {
    const value = { a: 1 };
    assert.deepEqual(compile({ type: "object" })(value), { ok: true, value });
  });
});

describe("schemas: payloads", () => {
  const definition = { type: "number", array: false, optional: true, objectType: null };

  it("reads a metadata schema as documented, with fields it does not know", () => {
    const body = {
      id: "ms_1",
      related_object: "customer",
      properties: { age: { ...definition, gte: 18, label: "Age" } },
      allow_defined_only: false,
      created_at: "2024-01-01T00:00:00.000Z",
      object: "metadata_schema",
    };
    const checked = checkMetadataSchema(body);
    assert.ok(checked.ok);
    assert.deepEqual(checked.value.properties.age, { ...definition, gte: 18, label: "Age" });
  });

  it("gives null and missing fields of a definition their defaults", () => {
    const checked = checkMetadataSchema({
      related_object: "customer",
      properties: { age: { type: "number", array: null, eq: null, lt: null, deleted: null } },
      allow_defined_only: null,
    });
    assert.ok(checked.ok);
    assert.deepEqual(checked.value.properties, { age: definition });
  });

  it("takes a definition of a type from the future as not there, and a key __proto__ as a key", () => {
    const properties = JSON.parse('{"__proto__":{"type":"number"},"a":{"type":"colour"}}') as object;
    const checked = checkMetadataSchema({ related_object: "customer", properties });
    assert.ok(checked.ok);
    assert.deepEqual(Object.entries(checked.value.properties), [["__proto__", definition]]);
  });

  it("refuses what is no metadata schema", () => {
    assert.equal(sentenceOf(checkMetadataSchema({ related_object: "customer" })), "`properties` is missing.");
    assert.equal(
      sentenceOf(checkMetadataSchema({ related_object: "customer", properties: { a: { type: "number", lt: "5" } } })),
      "`properties.a.lt` must be a number.",
    );
  });

  it("reads an async action with its errors, and with nulls", () => {
    const errors = [{ message: "m", details: "d", key: "k", source_id: "s" }];
    const action = { id: "aa_1", status: "DONE", operation_status: "SUCCESS", result: { done_count: 1, errors } };
    assert.deepEqual(checkAsyncAction(action), { ok: true, value: action });
    assert.ok(checkAsyncAction({ status: "ENQUEUED", result: null, progress: null }).ok);
    assert.equal(
      sentenceOf(checkAsyncAction({ status: "GONE" })),
      "`status` must be one of ENQUEUED, IN_PROGRESS, DONE, FAILED.",
    );
    assert.equal(
      sentenceOf(checkAsyncAction({ status: "DONE", result: { errors: "none" } })),
      "`result.errors` must be a list.",
    );
  });

  it("lets only a valid customer leave", () => {
    const customer = {
      source_id: "a",
      name: null,
      email: "a@x.io",
      birthdate: "1990-05-31",
      address: { city: "Wien", state: null },
      metadata: { points: 5, tags: ["a"], none: null, payment: { iban: "x" }, list: [] },
    };
    assert.deepEqual(checkVoucherifyCustomer(customer), { ok: true, value: customer });
    const wrong: [object, string][] = [
      [{}, "`source_id` is missing."],
      [{ source_id: "" }, "`source_id` must not be empty."],
      [{ source_id: "a", nickname: "b" }, "`nickname` is not a known field."],
      [{ source_id: "a", name: 5 }, "`name` must be text."],
      [{ source_id: "a", phone: "" }, "`phone` must not be empty."],
      [{ source_id: "a", birthdate: "2023-02-30" }, "`birthdate` must be a date such as 2024-05-31."],
      [{ source_id: "a", address: { city: 5 } }, "`address.city` must be text."],
      [{ source_id: "a", address: {} }, "`address` must not be empty."],
      [{ source_id: "a", metadata: {} }, "`metadata` must not be empty."],
      [{ source_id: "a", metadata: null }, "`metadata` must be an object."],
      [
        { source_id: "a", metadata: { list: [null] } },
        "`metadata.list.0` must be text or a number or true or false or an object.",
      ],
    ];
    for (const [value, sentence] of wrong) assert.equal(sentenceOf(checkVoucherifyCustomer(value)), sentence);
  });

  it("knows the customer fields of Voucherify's own API description", function () {
    const file = path.resolve(__dirname, "../../../shared/voucherify-openapi.json");
    if (!existsSync(file)) return this.skip();
    const { components } = JSON.parse(readFileSync(file, "utf8"));
    const { properties } = components.schemas.CustomerBase;
    // `birthday` is deprecated and a distinct field, so we do not write it.
    const ours = [...CUSTOMER_TEXT_FIELDS, "birthdate", "birthday", "address", "metadata"];
    assert.deepEqual(Object.keys(properties).sort(), ours.sort());
    assert.deepEqual(Object.keys(properties.address.properties).sort(), [...ADDRESS_FIELDS].sort());
  });
});

describe("schemas: values", () => {
  it("tells absent texts from values", () => {
    for (const absent of [undefined, "", "  ", "None", "null", "undefined", " None\n"]) assert.ok(isAbsentText(absent));
    for (const value of [null, 0, false, "none", "NULL", "Null", "0", "no", [], {}]) assert.ok(!isAbsentText(value));
  });

  it("knows the calendar", () => {
    for (const date of ["2024-02-29", "0001-01-01", "0050-12-31", "9999-12-31"]) assert.ok(isCalendarDate(date), date);
    for (const none of ["2023-02-29", "2024-13-01", "2024-00-10", "2024-01-32", "0000-01-01", "2024-1-1", "x", ""]) {
      assert.ok(!isCalendarDate(none), none);
    }
  });

  it("agrees with the calendar of JavaScript for any day", () => {
    fc.assert(
      fc.property(fc.date({ min: new Date("0001-01-01"), max: new Date("9999-12-31"), noInvalidDate: true }), (day) =>
        isCalendarDate(day.toISOString().slice(0, 10)),
      ),
    );
  });

  it("writes numbers as text only when they are exact", () => {
    assert.equal(exactNumberText(48123456789), "48123456789");
    assert.equal(exactNumberText(0.5), "0.5");
    for (const lost of [NaN, Infinity, 2 ** 53, -(2 ** 60)]) assert.equal(exactNumberText(lost), undefined);
  });
});
