import assert from "node:assert/strict";
import type { JsonObject, JsonValue } from "../../src/json";
import type { EmptyValues } from "../../src/mapping/values/presence";
import { mapMetadata } from "../../src/mapping/customers/metadata";
import { Omissions } from "../../src/mapping/values/omissions";
import type { CustomerMetadataSchema, MetadataProperty } from "../../src/schemas/voucherify";

function property(type: MetadataProperty["type"], more: Partial<MetadataProperty> = {}): MetadataProperty {
  return { type, array: false, optional: true, objectType: null, ...more };
}

const payment = property("object", { objectType: "Payment" });
const nested: CustomerMetadataSchema["nested"] = {
  Payment: {
    iban: property("string"),
    limit: property("number"),
    gone: property("string", { deleted: true }),
    inner: payment,
  },
};

function map(values: JsonObject, properties: Record<string, MetadataProperty>, emptyValues: EmptyValues = "keep") {
  const omissions = new Omissions();
  const mapped = mapMetadata(values, { properties, nested }, emptyValues, omissions);
  return { ...mapped, omitted: omissions.list() };
}

/** Maps one value under the key `x`. */
function mapOne(value: JsonValue, defined: MetadataProperty, emptyValues: EmptyValues = "keep") {
  const { values, omitted, undefinedKeys } = map({ x: value }, { x: defined }, emptyValues);
  return { value: values.x, reasons: omitted.map(({ reason }) => reason), undefinedKeys };
}

function assertKept(cases: [JsonValue, JsonValue][], defined: MetadataProperty): void {
  for (const [value, expected] of cases) {
    assert.deepEqual(
      mapOne(value, defined),
      { value: expected, reasons: [], undefinedKeys: [] },
      JSON.stringify(value),
    );
  }
}

function assertDropped(values: JsonValue[], defined: MetadataProperty, reason: RegExp): void {
  for (const value of values) {
    const mapped = mapOne(value, defined);
    assert.equal(mapped.value, undefined, JSON.stringify(value));
    assert.equal(mapped.reasons.length, 1, JSON.stringify(value));
    assert.match(mapped.reasons[0] ?? "", reason);
  }
}

describe("mapping: metadata types", () => {
  it("string", () => {
    const string = property("string");
    assertKept(
      [
        ["vip", "vip"],
        [" vip ", " vip "],
        ["NULL", "NULL"],
        ["[a]", "[a]"],
        [500, "500"],
        [0.5, "0.5"],
        [true, "true"],
        [false, "false"],
      ],
      string,
    );
    assertDropped([["a"], [], { a: 1 }, {}, 2 ** 60], string, /^"metadata\.x" must be text; it came as/);
  });

  it("number", () => {
    const number = property("number");
    assertKept(
      [
        ["500", 500],
        [" 500 ", 500],
        ["-12.50", -12.5],
        ["0", 0],
        ["007", 7],
        [500, 500],
        [1e300, 1e300],
      ],
      number,
    );
    const wrong = ["500A", "500$", "1e3", "1,5", "1.000,50", ".5", "5.", "+5", "0x10", "five", "NaN", "9".repeat(400)];
    assertDropped(
      [...wrong, "12345678901234567890", true, [5], {}, NaN],
      number,
      /must be a number such as 500 or 12\.5/,
    );
  });

  it("boolean", () => {
    const boolean = property("boolean");
    for (const text of [true, "true", "True", "TRUE", " true ", "1", 1]) assertKept([[text, true]], boolean);
    for (const text of [false, "false", "False", "0", 0]) assertKept([[text, false]], boolean);
    assertDropped(["yes", "no", "on", "2", 2, -1, [true], {}], boolean, /must be true or false/);
  });

  it("date", () => {
    const date = property("date");
    assertKept(
      [
        ["2024-05-31", "2024-05-31"],
        ["2024-05-31T22:00:00Z", "2024-05-31"],
        ["-315619200", "1960-01-01"],
      ],
      date,
    );
    assertDropped(["31.5.2024", "2024-02-30", true, {}], date, /must be a date such as/);
  });

  it("datetime", () => {
    const datetime = property("datetime");
    assertKept(
      [
        ["2020-03-11T09:00:00.000Z", "2020-03-11T09:00:00.000Z"],
        ["2020-03-11T09:00:00+02:00", "2020-03-11T07:00:00.000Z"],
        ["2020-03-11", "2020-03-11T00:00:00.000Z"],
        [1709566376, "2024-03-04T15:32:56.000Z"],
        ["1709566376", "2024-03-04T15:32:56.000Z"],
      ],
      datetime,
    );
    assertDropped(["soon", "09:00", []], property("datetime"), /must be a time such as/);
  });

  it("geopoint", () => {
    const geopoint = property("geopoint");
    assertKept(
      [
        ["37.786971, -122.399677", "37.786971, -122.399677"],
        [" 37.786971,-122.399677", "37.786971, -122.399677"],
        ["-90, 180", "-90, 180"],
      ],
      geopoint,
    );
    assertDropped(
      ["90.1, 0", "0, -180.5", "37.7", "37.7; 12", "a, b", "1,2,3", [37, 12], { lat: 1, lon: 2 }, 5],
      geopoint,
      /must be a latitude and a longitude/,
    );
  });

  it("image_url", () => {
    const image = property("image_url");
    assertKept(
      [
        ["https://cdn.example.com/a.jpg", "https://cdn.example.com/a.jpg"],
        [" http://example.com/A.JPEG ", "http://example.com/A.JPEG"],
        ["https://example.com/a.png?size=2#top", "https://example.com/a.png?size=2#top"],
      ],
      image,
    );
    assertDropped(
      [
        "a.jpg",
        "ftp://x.io/a.jpg",
        "https://x.io/a.gif",
        "https://x.io/?f=a.jpg",
        "https://x.io/a b.jpg",
        "https://",
        "https://[x/a.png",
        5,
      ],
      image,
      /must be the http or https address/,
    );
  });

  it("lists: real ones, JSON text, one value", () => {
    const strings = property("string", { array: true });
    assertKept(
      [
        [
          ["a", "b"],
          ["a", "b"],
        ],
        [[], []],
        ['["a","b"]', ["a", "b"]],
        ["a", ["a"]],
        ["[a", ["[a"]],
        [5, ["5"]],
        [["a", "", null, "None"], ["a"]],
      ],
      strings,
    );
    assertKept(
      [
        [
          ["1", 2],
          [1, 2],
        ],
        ["[1, 2]", [1, 2]],
        ["7", [7]],
      ],
      property("number", { array: true }),
    );
    assertDropped([["a", ["b"]]], strings, /^Item 2 of "metadata\.x" must be text; it came as a list\.$/);
    assertDropped([["", "5A"]], property("number", { array: true }), /^Item 2 of "metadata\.x" must be a number/);
    assertKept([["['a', \"b's\", 'c']", ["a", "b's", "c"]]], strings);
    assertKept([["[True, False]", [true, false]]], property("boolean", { array: true }));
    assertDropped(["['a', b]"], strings, /^"metadata\.x" must be a list in JSON form/);
    assertDropped([{ a: 1 }], strings, /^"metadata\.x" must be text; it came as an object\.$/);
    assertDropped([["a"]], property("string"), /^"metadata\.x" must be text; it came as a list\.$/);
  });

  it("lists of nothing but empty items have no value", () => {
    const strings = property("string", { array: true });
    for (const value of [[""], ["None", null], '[""]']) {
      assert.deepEqual(mapOne(value, strings, "keep"), { value: undefined, reasons: [], undefinedKeys: [] });
      assert.deepEqual(mapOne(value, strings, "clear"), { value: null, reasons: [], undefinedKeys: [] });
    }
  });
});

describe("mapping: nested metadata", () => {
  it("maps the keys that the nested schema defines", () => {
    const { values, omitted, undefinedKeys } = map(
      { payment: { iban: 5, limit: "500", foo: 1, gone: "a" } },
      { payment },
    );
    assert.deepEqual(values, { payment: { iban: "5", limit: 500 } });
    assert.deepEqual(
      omitted.map(({ key }) => key),
      ["metadata.payment.foo", "metadata.payment.gone"],
    );
    assert.deepEqual(undefinedKeys, ["payment.foo", "payment.gone"]);
    assert.match(omitted[0]?.reason ?? "", /^"metadata\.payment\.foo" is not defined in Voucherify/);
  });

  it("reads JSON text, and lists of objects with each reason once", () => {
    assertKept([['{"limit":"5"}', { limit: 5 }]], payment);
    const payments = property("object", { objectType: "Payment", array: true });
    assertKept(
      [
        [{ limit: 5 }, [{ limit: 5 }]],
        ['{"limit":"5"}', [{ limit: 5 }]],
      ],
      payments,
    );
    const mapped = mapOne([{ limit: 1, foo: 1 }, { foo: 2 }, { limit: 3 }], payments);
    assert.deepEqual(mapped.value, [{ limit: 1 }, { limit: 3 }]);
    assert.equal(mapped.reasons.length, 1);
    assert.deepEqual(mapped.undefinedKeys, ["x.foo"]);
  });

  it("follows null and absent texts inside, and sends no empty object", () => {
    assert.deepEqual(mapOne({ iban: null, limit: "" }, payment, "keep").value, { iban: null });
    assert.deepEqual(mapOne({ iban: null, limit: "" }, payment, "clear").value, { iban: null, limit: null });
    for (const empty of [{}, { limit: "" }, { limit: "5A" }] as JsonObject[])
      assert.equal(mapOne(empty, payment).value, undefined);
    assert.equal(mapOne([{}], property("object", { objectType: "Payment", array: true })).value, undefined);
  });

  it("drops what is no object, what nobody defined and what is nested deeper", () => {
    assertDropped(["a", 5, ["a"], "{'a': 1"], payment, /^"metadata\.x" must be an object/);
    assert.deepEqual(mapOne("{'limit': 5, 'iban': None}", payment).value, { limit: 5, iban: null });
    for (const objectType of [null, "Other", "toString", "__proto__"]) {
      const mapped = mapOne({ a: 1 }, property("object", { objectType }));
      assert.equal(mapped.value, undefined);
      assert.deepEqual(mapped.undefinedKeys, ["x"]);
      assert.match(mapped.reasons[0] ?? "", /whose own schema is not defined in Voucherify/);
    }
    const deep = mapOne({ limit: 1, inner: { limit: 2 } }, payment);
    assert.deepEqual(deep.value, { limit: 1 });
    assert.match(deep.reasons[0] ?? "", /nested deeper than Voucherify allows/);
  });
});

describe("mapping: metadata limits", () => {
  const cases: [Partial<MetadataProperty>, MetadataProperty["type"], JsonValue[], JsonValue[], string][] = [
    [
      { eq: ["Facebook", "Twitter"] },
      "string",
      ["Facebook"],
      ["facebook", "x"],
      "one of the allowed values (Facebook, Twitter)",
    ],
    [{ eq: [] }, "string", ["a"], [], ""],
    [{ eq: [5, 10] }, "number", ["5"], ["6"], "one of the allowed values (5, 10)"],
    [{ ne: ["a"] }, "string", ["b"], ["a"], "other than the forbidden values (a)"],
    [{ lt: 5 }, "number", ["4.9"], ["5"], "less than 5"],
    [{ lte: 5 }, "number", ["5"], ["5.1"], "at most 5"],
    [{ gt: 5 }, "number", ["5.1"], ["5"], "greater than 5"],
    [{ gte: 5 }, "number", ["5"], ["4"], "at least 5"],
    [{ minLength: 2 }, "string", ["ab"], ["a"], "at least 2 characters long"],
    [{ maxLength: 2 }, "string", ["ab"], ["abc"], "at most 2 characters long"],
    [{ exactLength: 2 }, "string", ["ab", 12], ["a", "abc"], "exactly 2 characters long"],
  ];
  for (const [limit, type, fits, breaks, expected] of cases) {
    it(JSON.stringify(limit), () => {
      for (const value of fits) assert.deepEqual(mapOne(value, property(type, limit)).reasons, []);
      for (const value of breaks) {
        const mapped = mapOne(value, property(type, limit));
        assert.equal(mapped.value, undefined);
        assert.deepEqual(mapped.reasons, [`"metadata.x" must be ${expected}.`]);
      }
    });
  }

  it("holds for each item of a list", () => {
    const mapped = mapOne(["1", "9"], property("number", { array: true, lt: 5 }));
    assert.deepEqual(mapped.reasons, ['Item 2 of "metadata.x" must be less than 5.']);
  });

  it("tells ten allowed values at most", () => {
    const mapped = mapOne(99, property("number", { eq: [...Array(20).keys()] }));
    assert.match(mapped.reasons[0] ?? "", /\(0, 1, 2, 3, 4, 5, 6, 7, 8, 9, …\)\.$/);
  });
});

describe("mapping: metadata keys", () => {
  it("drops undefined and deleted keys and lists them", () => {
    const { values, omitted, undefinedKeys } = map(
      { points: "5", tier: "gold", old: "a", toString: "b" },
      { points: property("number"), old: property("string", { deleted: true }) },
    );
    assert.deepEqual(values, { points: 5 });
    assert.deepEqual(undefinedKeys, ["tier", "old", "toString"]);
    assert.deepEqual(omitted[0], {
      key: "metadata.tier",
      reason: '"metadata.tier" is not defined in Voucherify: add it to the metadata schema there.',
    });
  });

  it("follows the setting for absent texts, and always sends null", () => {
    const properties = { a: property("number"), b: property("number"), c: property("string", { optional: false }) };
    const values = { a: "None", b: null, undefinedOne: "" };
    assert.deepEqual(map(values, properties, "keep").values, { b: null });
    assert.deepEqual(map(values, properties, "clear").values, { a: null, b: null });
    assert.deepEqual(map(values, properties, "clear").omitted, [], "an undefined key without a value is no omission");
  });

  it("is not moved by keys of prototypes", () => {
    const values = JSON.parse('{"__proto__":"5","constructor":"a"}') as JsonObject;
    const properties = JSON.parse('{"__proto__":{"type":"number"}}') as Record<string, MetadataProperty>;
    const mapped = map(values, properties);
    assert.deepEqual(Object.entries(mapped.values), [["__proto__", 5]]);
    assert.equal(Object.getPrototypeOf(mapped.values), Object.prototype);
    assert.deepEqual(mapped.undefinedKeys, ["constructor"]);
  });
});
