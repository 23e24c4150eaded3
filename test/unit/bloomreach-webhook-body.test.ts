import assert from "node:assert/strict";
import fc from "fast-check";
import { codeTemplate } from "../../src/bloomreach/paste-requests";
import { customerTemplate, eventTemplate, rootTemplate } from "../../src/bloomreach/paste-templates";
import {
  CUSTOMER_RECORD,
  EVENT_RECORD,
  explainMissingIds,
  REQUEST_RECORD,
} from "../../src/bloomreach/bodies/record-shapes";
import { parseWebhookBody, type WebhookRecords } from "../../src/bloomreach/bodies/webhook-body";
import type { JsonValue } from "../../src/json";
import { renderRoot, renderTemplate } from "../../src/simulator/scenario/template";

const parse = (text: string, hardId = "registered"): WebhookRecords => parseWebhookBody(Buffer.from(text), hardId);
const recordsOf = (result: WebhookRecords): unknown[] => result.records.map(({ record }) => record);
const codesOf = (result: WebhookRecords): unknown[] => result.rejected.map(({ index, code }) => [index, code]);

const ANN = { registered: "ann@example.com", name: "Ann", metadata: { segment: "vip" } };
const BOB = { registered: "bob@example.com", name: "Bob", metadata: { segment: "" } };

describe("parseWebhookBody: shapes", () => {
  for (const [name, body, expected] of [
    ["an array", [ANN, BOB], [ANN, BOB]],
    ["one object", ANN, [ANN]],
    ["an object that wraps an array", { campaign: "x", customers: [ANN, BOB] }, [ANN, BOB]],
    ["a record that has a list of objects itself", { ...ANN, orders: [{ id: 1 }] }, [{ ...ANN, orders: [{ id: 1 }] }]],
    ["source_id in place of the hard ID", [{ source_id: "s-1" }], [{ source_id: "s-1" }]],
    ["an empty array", [], []],
  ] as const)
    it(`takes ${name}`, () => {
      const result = parse(JSON.stringify(body));
      assert.deepEqual(recordsOf(result), expected);
      assert.deepEqual([result.rejected, result.test], [[], false]);
    });

  it("tolerates a byte order mark and white space", () =>
    assert.deepEqual(recordsOf(parse(`\ufeff \n${JSON.stringify([ANN])}\n`)), [ANN]));

  it("has no records for an empty body", () =>
    assert.deepEqual(parse(" \n"), {
      records: [],
      rejected: [],
      rejectedCount: 0,
      test: false,
      withoutId: false,
      batch: false,
    }));

  it("rejects what is not an object, with its place", () => {
    const result = parse(JSON.stringify([ANN, 5, null, "x", [ANN], BOB]));
    assert.deepEqual(recordsOf(result), [ANN, BOB]);
    assert.deepEqual(
      result.records.map(({ index }) => index),
      [0, 5],
    );
    assert.deepEqual(
      codesOf(result),
      [1, 2, 3, 4].map((index) => [index, "not_an_object"]),
    );
    assert.deepEqual(
      result.rejected.map(({ raw }) => raw),
      [5, null, "x", [ANN]],
    );
  });

  it("rejects a body that is a bare value", () => assert.deepEqual(codesOf(parse("5")), [[0, "not_an_object"]]));

  it("rejects records without hard ID: names keys, never values", () => {
    const result = parse(JSON.stringify([ANN, { customer_id: "secret-77", name: "Carl" }, { registered: "" }]));
    assert.deepEqual(recordsOf(result), [ANN]);
    assert.deepEqual(codesOf(result), [
      [1, "missing_hard_id"],
      [2, "missing_hard_id"],
    ]);
    assert.match(result.rejected[0]?.description ?? "", /"registered".*"customer_id"/);
    assert.doesNotMatch(result.rejected[0]?.description ?? "", /secret-77|Carl/);
    assert.deepEqual(result.rejected[1]?.raw, { registered: "" });
  });

  it("knows the hard ID by the name it has on the account", () => {
    const body = JSON.stringify([{ email_id: "a@example.com" }]);
    assert.equal(parse(body, "email_id").records.length, 1);
    assert.equal(parse(body, "registered").rejected.length, 1);
  });
});

describe("parseWebhookBody: Bloomreach's batch test", () => {
  for (const [name, text, rejected] of [
    ["blank IDs", '[{"registered": "", "name": ""}, {"registered": "None"}]', 0],
    ["a null ID", '{"registered": null}', 0],
    ["templates as IDs", '[{"registered": "{{ customer_ids.registered }}"}]', 0],
    ["blanks at every depth", '{"registered": "", "address": {"city": null}, "metadata": {"x": ["", "undefined"]}}', 0],
    ["another name for the ID, and nothing in it", '{"email_id": ""}', 0],
    ["bare templates, which is no JSON", '[{"registered": "{{ a }}", "points": {{ b }} }]', 0],
  ] as const)
    it(`is recognised by ${name}`, () => {
      const result = parse(text);
      assert.deepEqual([result.test, result.records.length, result.rejected.length], [true, 0, rejected]);
    });

  it("tells of records that have an ID and an unfilled template", () => {
    const result = parse('[{"registered": "a", "metadata": {"x": ["{{ y }}"]}}]');
    assert.deepEqual([result.test, codesOf(result)], [false, [[0, "template_not_filled"]]]);
  });

  for (const [name, text] of [
    ["one record has data", '[{"registered": ""}, {"registered": "a"}]'],
    ["the ID has another name", '[{"customer_id": "a"}]'],
    ["an ID stands under source_id", '[{"registered": "", "source_id": "a"}]'],
    ["there are no records", "[]"],
    ["a record is empty", "[{}]"],
    ["a blank ID stands beside a name", '{"registered": "", "name": "Ann"}'],
    ["a blank ID stands beside a number", '{"registered": null, "metadata": {"points": 0}}'],
    ["a blank ID stands beside a text that ends with a dash", '{"registered": "", "name": "Ann -"}'],
    ["one record of many has data", '[{"registered": "", "name": ""}, {"registered": "", "name": "Ann"}]'],
    ["an ID stands beside a bare template", '[{"registered": "joe", "points": {{ b }} }]'],
    ["one record of two holds a template", '[{"registered": "a", "name": "{{ x }}"}, {"registered": "b"}]'],
    ["the JSON is just broken", '[{"registered": "a"b"}]'],
  ] as const)
    it(`is not seen where ${name}`, () => assert.equal(parse(text).test, false));
});

describe("parseWebhookBody: broken JSON", () => {
  const good = JSON.stringify(ANN);
  const other = JSON.stringify(BOB);
  const quote = '{"registered": "carl@example.com", "name": "Carl "Cal" Carlson"}';

  for (const [name, text] of [
    ["a trailing comma", `[${good}, ${other},]`],
    ["Python words", `[${good.replace('"vip"', '"vip","a":None,"b":True')}, ${other}]`],
    ["a value that is missing", `[${good.replace('"vip"', '"vip","points": ')}, ${other}]`],
    ["a separator that is missing", `[${good}\n${other}]`],
    ["an empty record", `[${good},\n,\n${other},\n,]`],
    ["an empty first record", `[,${good}, ${other}]`],
    ["an end that is missing", `[${good}, ${other}`],
    ["line breaks of the separator that stayed letters", `[${good},\\n${other}]`],
    ["such line breaks and no bracket at the end", `[\\n${good}\\r\\n,${other}\\n`],
  ] as const)
    it(`loses nothing to ${name}`, () => {
      const result = parse(text);
      assert.deepEqual([result.records.length, result.rejected], [2, []]);
      assert.deepEqual(result.records[1]?.record, BOB);
    });

  for (const [name, text, places] of [
    ["first", `[${quote}, ${good}, ${other}]`, [1, 2]],
    ["in the middle", `[\n${good},\n  ${quote},\n  ${other}\n]`, [0, 2]],
    ["last", `[${good}, ${other}, ${quote}]`, [0, 1]],
    ["wrapped", `{"campaign": "x", "customers": [${good}, ${quote}, ${other}], "more": {"a": 1}}`, [0, 2]],
  ] as const)
    it(`a broken record that is ${name} costs only itself`, () => {
      const result = parse(text);
      assert.deepEqual(recordsOf(result), [ANN, BOB]);
      assert.deepEqual(
        result.records.map(({ index }) => index),
        places,
      );
      const [rejection] = result.rejected;
      assert.equal(result.rejected.length, 1);
      assert.equal(rejection?.code, "invalid_json");
      assert.match(rejection?.description ?? "", /from character 51 on.*quotation mark inside a value/);
      assert.doesNotMatch(rejection?.description ?? "", /Carl|Cal/);
      assert.ok(typeof rejection?.raw === "string" && rejection.raw.startsWith(quote));
    });

  it("repairs the other records of a batch with a broken one", () => {
    const result = parse(`[${quote}, {"registered": "a", "points": None, "vip": True,}]`);
    assert.deepEqual(recordsOf(result), [{ registered: "a", points: null, vip: true }]);
  });

  it("reads line breaks and tabs inside a value", () =>
    assert.deepEqual(recordsOf(parse(`[${good}, {"registered": "b", "name": "B\r\n\tb"}, ${quote}]`)), [
      ANN,
      { registered: "b", name: "B\r\n\tb" },
    ]));

  it("an unreadable stretch between two records costs the one before it", () => {
    const result = parse(`[${good}, ${good} "oops" , ${other} \\n ${good}]`);
    assert.deepEqual([recordsOf(result), codesOf(result)], [[ANN, BOB, ANN], [[1, "invalid_json"]]]);
  });

  it("takes no object inside a text for a customer", () => {
    const text = `{"registered": "c", "name": "{"registered": "victim"}", "x": {"registered": "victim"}}`;
    assert.deepEqual(recordsOf(parse(`[${text}, ${good}]`)), [ANN]);
  });

  it("a cut-off body keeps its whole records", () => {
    const result = parse(`[${good}, ${other}, {"registered": "c", "na`);
    assert.deepEqual([recordsOf(result), codesOf(result)], [[ANN, BOB], [[2, "invalid_json"]]]);
  });

  it("never takes an object inside a broken record for a customer", () => {
    const result = parse('[{"registered": "a"b", "friends": [{"registered": "c"}]}, {"registered": "d"}]');
    assert.deepEqual(recordsOf(result), [{ registered: "d" }]);
  });

  it("a broken single record is one rejection, also with a list in it", () => {
    assert.deepEqual(codesOf(parse(quote)), [[0, "invalid_json"]]);
    assert.deepEqual(codesOf(parse('{"registered": "a"b", "orders": [{"id": 1}, {"id": 2}]}')), [[0, "invalid_json"]]);
  });

  it("text that is no JSON at all is one rejection", () => {
    for (const text of ["hello", "<xml/>", "[", "{", '"', "registered=a&name=b"])
      assert.deepEqual(codesOf(parse(text)), [[0, "invalid_json"]]);
  });

  it("finds first keys that hold characters of regular expressions", () => {
    const result = parse('[{"a.b(*": "x"y"}, {"a.b(*": "z"}]', "a.b(*");
    assert.deepEqual(recordsOf(result), [{ "a.b(*": "z" }]);
  });
});

describe("parseWebhookBody: size", () => {
  const fill = (part: string, between = ","): string =>
    `[${Array(Math.ceil(10e6 / part.length))
      .fill(part)
      .join(between)}]`;

  it("finishes 10 MB of broken quotes", () => {
    const record = '{"registered": "a", "name": "An"n", "note": "x"}';
    const body = fill(record);
    const result = parse(body);
    assert.equal(result.rejectedCount, Math.ceil(10e6 / record.length));
    assert.equal(result.rejected.length, 1000);
  });

  for (const [name, text] of [
    ["quotation marks", '"'.repeat(10e6)],
    ["an open string", `[{"registered": "${"a".repeat(10e6)}`],
    ["brackets", "[".repeat(10e6)],
    ["deeply nested objects with one key", '[{"a":'.repeat(15e5)],
    ["commas", `[${",".repeat(10e6)}x`],
    ["white space", `[{"a": ""${" ".repeat(10e6)}x`],
    ["backslashes", `["${"\\".repeat(10e6)}`],
  ] as const)
    it(`finishes 10 MB of ${name}`, () => assert.equal(parse(text).records.length, 0)).timeout(60_000);
});

describe("parseWebhookBody: records that are too much", () => {
  const good = JSON.stringify(ANN);
  const deep = (levels: number): string =>
    `{"registered": "d", "x": ${"[".repeat(levels - 1)}${"]".repeat(levels - 1)}}`;
  const wide = (values: number): string => `{"registered": "w", "x": [${Array(values).fill(1).join(",")}]}`;
  const named = (record: number): string =>
    JSON.stringify({
      registered: "n",
      x: Object.fromEntries(Array.from({ length: 500 }, (_, at) => [`${record}-${at}`, 1])),
    });

  for (const [name, body, accepted, rejected] of [
    ["100 levels", `[${deep(100)}, ${good}]`, 2, []],
    ["101 levels", `[${good}, ${deep(101)}, ${good}]`, 2, [[1, "nested_too_deep"]]],
    ["101 levels in a wrapped batch", `{"customers": [${deep(101)}, ${good}]}`, 1, [[0, "nested_too_deep"]]],
    ["101 levels as the only one", deep(101), 0, [[0, "nested_too_deep"]]],
    ["100 levels as the only one", deep(100), 1, []],
    ["a million levels", `[${good}, ${deep(1e6)}]`, 1, [[1, "nested_too_deep"]]],
    [
      "101 levels beside one that is broken",
      `[${good}, {"registered": "a"b"}, ${deep(101)}, ${good}]`,
      2,
      [
        [1, "invalid_json"],
        [2, "nested_too_deep"],
      ],
    ],
    ["levels that do not end", `[${good}, {"registered": "a", "x": ${"[".repeat(5000)}`, 1, [[1, "nested_too_deep"]]],
    ["brackets inside of a text", `[{"registered": "a", "x": "${"[".repeat(5000)}"}]`, 1, []],
    ["9,000 values", `[${wide(9000)}]`, 1, []],
    ["11,000 values", `[${wide(11_000)}, ${good}]`, 1, [[0, "too_many_values"]]],
    [
      "11,000 values in a wrapped batch",
      `{"customers": [${wide(11_000)}, ${good}], "a": 1}`,
      1,
      [[0, "too_many_values"]],
    ],
    [
      "9,000 values in the 34th of such",
      `[${Array(34).fill(wide(9000)).join(",")}, ${good}]`,
      34,
      [[33, "too_many_values"]],
    ],
    [
      "names that differ",
      `[${Array.from({ length: 41 }, (_, at) => named(at)).join(",")}, ${good}]`,
      39,
      [
        [39, "too_many_names"],
        [40, "too_many_names"],
        [41, "too_many_names"],
      ],
    ],
  ] as const)
    it(`rejects only what is too much: ${name}`, () => {
      const result = parse(body);
      assert.deepEqual([result.records.length, codesOf(result)], [accepted, rejected]);
      for (const { description, raw } of result.rejected) {
        assert.match(description, /\.$/);
        assert.ok(typeof raw === "string" && raw.length <= 1001);
      }
    });

  it("takes 5,000 records, and rejects each of the others", () => {
    for (const body of [
      `[${Array(7000).fill(good).join(",")}]`,
      `{"customers": [${Array(7000).fill(good).join(",")}]}`,
      `[${Array(7000).fill(good).join("\n")}]`,
    ]) {
      const result = parse(body);
      assert.deepEqual([result.records.length, result.rejectedCount, result.rejected.length], [5000, 2000, 1000]);
      assert.deepEqual(codesOf(result)[0], [5000, "too_many_records"]);
      assert.match(result.rejected[0]?.description ?? "", /5,000 customers/);
    }
  });

  it("takes what Bloomreach sends at most: 1,000 customers with 255 attributes each", () => {
    const attributes = Object.fromEntries(Array.from({ length: 255 }, (_, at) => [`attribute_${at}`, "x"]));
    const customers = Array.from({ length: 1000 }, (_, at) => ({ registered: `c${at}`, metadata: attributes }));
    for (const body of [customers, { customers }]) {
      const result = parse(JSON.stringify(body));
      assert.deepEqual([result.records.length, result.rejectedCount], [1000, 0]);
    }
  });
});

describe("parseWebhookBody: properties", () => {
  it("never throws on any bytes", () => {
    fc.assert(
      fc.property(fc.uint8Array({ maxLength: 200 }), (bytes) => {
        parseWebhookBody(Buffer.from(bytes), "registered");
      }),
      { numRuns: 500 },
    );
  });

  it("never throws and accounts for every record, whatever pieces a body is made of", () => {
    const tokens = fc.constantFrom(
      '[{"registered":',
      '"a"',
      ',{"registered":',
      "}",
      "]",
      ",",
      '"',
      "{{",
      "None",
      "\n",
      ":",
    );
    fc.assert(
      fc.property(fc.array(tokens, { maxLength: 25 }), (parts) => {
        const { records, rejected, test } = parse(parts.join(""));
        const places = [...records, ...rejected].map(({ index }) => index).sort((a, b) => a - b);
        if (!test)
          assert.deepEqual(
            places,
            places.map((_, index) => index),
          );
      }),
      { numRuns: 2000 },
    );
  });

  it("for a valid array of objects it equals JSON.parse", () => {
    const record = fc.dictionary(fc.string(), fc.jsonValue()).map((rest) => ({ ...rest, registered: "a1" }));
    fc.assert(
      fc.property(fc.array(record), fc.nat(3), (records, indent) => {
        const text = JSON.stringify(records, undefined, indent);
        fc.pre(!text.includes("{{"));
        const result = parse(text);
        assert.deepEqual(recordsOf(result), JSON.parse(text));
        assert.deepEqual(result.rejected, []);
      }),
    );
  });

  it("an unescaped quote in one record of many loses only that record", () => {
    const value = fc.string({ maxLength: 12 }).map((text) => text.replace(/["\\{]|[^\P{C}]/gu, ""));
    const profile = fc.record({ firstName: value, description: value, city: value, segment: value });
    // As the vendor's own page writes it, and we did in the first release.
    const template = customerTemplate("registered", [{ key: "segment", structured: false }]).replace(
      /\{\{ (\S+) \| string \| json \}\}/g,
      '"{{ $1 }}"',
    );
    fc.assert(
      fc.property(
        fc.array(profile, { minLength: 1, maxLength: 8 }),
        fc.nat(),
        fc.constantFrom("firstName", "description", "city", "segment"),
        fc.nat(),
        (profiles, unluckySeed, attribute, placeSeed) => {
          const unlucky = unluckySeed % profiles.length;
          const customers = profiles.map((customer, index) => {
            const text = customer[attribute];
            const place = placeSeed % (text.length + 1);
            const broken = { ...customer, [attribute]: `${text.slice(0, place)}"${text.slice(place)}` };
            return renderTemplate(template, {
              customer_ids: { registered: `id-${index}` },
              customer: index === unlucky ? broken : customer,
            });
          });
          const result = parse(renderRoot(rootTemplate(), customers));
          assert.deepEqual(codesOf(result), [[unlucky, "invalid_json"]]);
          assert.deepEqual(
            result.records.map(({ index, record }) => [index, record.registered, record.name]),
            profiles.flatMap(({ firstName }, index) => (index === unlucky ? [] : [[index, `id-${index}`, firstName]])),
          );
        },
      ),
    );
  });
});

describe("parseWebhookBody: events", () => {
  const read = (body: string): ReturnType<typeof parseWebhookBody> =>
    parseWebhookBody(Buffer.from(body), "registered", EVENT_RECORD);
  const event = (id: string, name: JsonValue = "review_left"): string =>
    JSON.stringify({ event: name, customer: { registered: id }, metadata: { stars: 5, items: [{ sku: "a" }] } });
  const codes = (body: string): string[] => read(body).rejected.map(({ code }) => code);

  it("reads one, a batch, and a wrapped batch", () => {
    for (const body of [event("jane"), `[${event("jane")}]`, `{"events": [${event("jane")}]}`]) {
      const { records, rejected, test } = read(body);
      assert.deepEqual([records.length, rejected.length, test], [1, 0, false], body);
      assert.deepEqual(records[0]?.record, JSON.parse(event("jane")));
    }
  });

  it("takes the ID from the customer, or beside the event where there is no customer", () => {
    assert.equal(read('{"event":"e","registered":"jane"}').records.length, 1);
    assert.deepEqual(codes('{"event":"e","customer":{"cookie":"1"},"registered":"jane"}'), ["missing_hard_id"]);
  });

  it("rejects what has no name or is no object, and says so in words for events", () => {
    assert.deepEqual(codes(`[${event("a", "")},${event("b", "None")},${event("c", 7)},3]`), [
      "missing_event",
      "missing_event",
      "missing_event",
      "not_an_object",
    ]);
    assert.match(read("[3]").rejected[0]?.description ?? "", /^Each event must be a JSON object/);
  });

  it("loses only the event with the unescaped quote", () => {
    const broken = event("b").replace("review_left", 'review "left');
    const { records, rejected } = read(`[${event("a")},${broken},${event("c")}]`);
    assert.deepEqual([records.length, rejected.length], [2, 1]);
  });

  for (const [name, body, test] of [
    ["a name", '[{"event":"e","customer":{"registered":""},"metadata":{"stars":""}}]', true],
    ["a name and a template", '[{"event":"e","customer":{"registered":"{{ customer_ids.registered }}"}}]', true],
    ["a name and a key without time", '[{"event":"e","customer":{"registered":""},"event_key":"-17-"}]', true],
    [
      "a key with the time of an event",
      '[{"event":"e","customer":{"registered":""},"event_key":"-17-1732470000.5"}]',
      false,
    ],
    ["metadata", `[${event("")}]`, false],
    ["a name, twice", '[{"event":"e","customer":{"registered":""}},{"event":"e","customer":{"registered":""}}]', false],
  ] as const)
    it(`${test ? "knows" : "sees no"} batch test in blank values beside ${name}`, () => {
      const result = read(body);
      assert.deepEqual([result.test, result.withoutId], [test, !test]);
    });
});

describe("parseWebhookBody: requests", () => {
  const read = (body: string): ReturnType<typeof parseWebhookBody> =>
    parseWebhookBody(Buffer.from(body), "registered", REQUEST_RECORD);
  const request = (send: string): string =>
    JSON.stringify({ customer: { registered: "" }, campaign: { name: "Mailing" }, send });

  for (const [name, body, test] of [
    ["one in a batch, of a scenario that begins with an event", `[${request("s-17-")}]`, true],
    ["one in a batch, of a scheduled scenario", `[${request("s-17-20416")}]`, true],
    ["one in a batch, with the time of an event", `[${request("s-17-1732470000")}]`, false],
    ["two in a batch", `[${request("s-17-20416")},${request("s-17-20416")}]`, false],
    ["one by itself", request("s-17-20416"), false],
    ["one by itself, and nothing at all in it", '{"customer": {"registered": ""}}', true],
  ] as const)
    it(`${test ? "a test" : "no test, and nobody is lost silently"}: ${name}, without ID`, () => {
      const result = read(body);
      assert.deepEqual([result.test, result.withoutId], [test, !test]);
    });
});

describe("parseWebhookBody: the batch test of the templates that we hand out", () => {
  /** As Bloomreach renders them without a customer. */
  const rendered = (template: string): string =>
    renderRoot(rootTemplate(), [
      renderTemplate(template, {
        customer_ids: {},
        customer: {},
        scenario: { id: "s" },
        action: { id: 17 },
        event: {},
      }),
    ]);

  for (const [name, template, shape] of [
    [
      "customers",
      customerTemplate("registered", [
        { key: "points", structured: false },
        { key: "list", structured: true },
      ]),
      CUSTOMER_RECORD,
    ],
    ["events", eventTemplate("registered", "event_key"), EVENT_RECORD],
    ["events without a key", eventTemplate("registered", ""), EVENT_RECORD],
    ["codes of an event", codeTemplate("registered", "Mailing", "event"), REQUEST_RECORD],
    ["codes of a schedule", codeTemplate("registered", "Mailing", "scheduled"), REQUEST_RECORD],
    ["codes of the node's campaign", codeTemplate("registered", undefined), REQUEST_RECORD],
  ] as const)
    it(`is known: ${name}`, () =>
      assert.equal(
        parseWebhookBody(Buffer.from(rendered(template)), "registered", shape).test,
        true,
        rendered(template),
      ));
});

describe("parseWebhookBody: a batch without IDs", () => {
  const batch = (blank: number, filled: number): ReturnType<typeof parse> =>
    parse(
      JSON.stringify(
        Array.from({ length: blank + filled }, (_none, place) => ({
          registered: place < blank ? "" : `id-${place}`,
          name: `Customer ${place}`,
        })),
      ),
    );

  it("is most likely a wrong name where all lack it", () => {
    const { records, rejectedCount, test, withoutId } = batch(1_000, 0);
    assert.deepEqual([records.length, rejectedCount, test, withoutId], [0, 1_000, false, true]);
  });

  it("is none where some lack it", () => {
    const { records, rejectedCount, test, withoutId } = batch(3, 997);
    assert.deepEqual([records.length, rejectedCount, test, withoutId], [997, 3, false, false]);
  });

  it("says what to do, and where", () => {
    const sentence = explainMissingIds(1_000, "registered", CUSTOMER_RECORD);
    assert.match(sentence, /^1,000 customers without ID: is "registered" the right name\? Correct it here/);
    assert.match(sentence, /there, in the Customer template in Bloomreach\. Then run the scenario again\.$/);
    assert.match(explainMissingIds(1, "registered", EVENT_RECORD), /^1 event without ID/);
  });
});
