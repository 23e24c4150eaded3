import assert from "node:assert/strict";
import { PersonalData, type WhoseValue } from "../../src/delivery/desk/personal-data";
import type { JsonValue } from "../../src/json";

const MAIL = "jane.doe@example.com";
const customer = (registered: string, more: object = {}): JsonValue => ({ registered, name: "N", ...more });

describe("taking one person out of JSON", () => {
  it("searches what nests thousands of levels deep, also as a text, and keeps the others in it", () => {
    let deep: JsonValue = "jane";
    for (let level = 0; level < 5_000; level++) deep = [deep];
    const text = `${"[".repeat(5_000)}"jane"${"]".repeat(5_000)}`;
    const left = new PersonalData("jane").without({ records: [customer("joe"), customer("jane")], deep, text });
    assert.ok(!JSON.stringify(left).includes("jane"));
    assert.deepEqual((left as { records: JsonValue }).records, [customer("joe")]);
  });

  const cases: [string, string, JsonValue, JsonValue | undefined, WhoseValue?][] = [
    ["a customer goes whole", "jane", customer("jane"), undefined],
    ["spaces around the ID", "jane", customer(" jane "), undefined],
    ["a number is the same ID", "42", { registered: 42, name: "N" }, undefined],
    [
      "an ID within a longer one",
      "42",
      [customer("142"), customer("42"), { registered: 421 }],
      [customer("142"), { registered: 421 }],
    ],
    ["own name of the Main Hard ID", "jane", { crm: "jane", a: 1 }, undefined, { hardIds: ["crm"] }],
    [
      "an ordinary word elsewhere",
      "true",
      customer("joe", { vip: "true", is: true }),
      customer("joe", { vip: "true", is: true }),
    ],
    [
      "an ordinary number elsewhere",
      "1",
      customer("joe", { points: "1", n: 1 }),
      customer("joe", { points: "1", n: 1 }),
    ],
    [
      "an event of the person",
      "jane",
      { type: "t", customer: { source_id: "jane" }, data: { order: { id: "o" } } },
      undefined,
    ],
    [
      "an event without an owner at its head",
      "jane",
      { type: "t", data: { redemption: { customer: { source_id: "jane" } } } },
      undefined,
    ],
    [
      "an event of another that names the person",
      "jane",
      { customer: { source_id: "joe" }, data: { a: 1, other: { source_id: "jane", name: "N" } } },
      { customer: { source_id: "joe" }, data: { a: 1 } },
    ],
    [
      "an order has a source_id too",
      "7",
      { customer: { source_id: "joe" }, order: { source_id: "7", amount: 1 } },
      { customer: { source_id: "joe" }, order: { source_id: "7", amount: 1 } },
    ],
    [
      "a command kept as a text",
      "jane",
      [
        { command: '{"data":{"customer_ids":{"registered":"jane"}}}' },
        { command: '{"data": {"customer_ids": {"registered": "joe"}}}' },
      ],
      [{}, { command: '{"data": {"customer_ids": {"registered": "joe"}}}' }],
    ],
    ["who referred another", "jane", customer("joe", { referrer_id: "jane" }), customer("joe")],
    ["a list of IDs", "jane", { customers: ["jane", "joe"], tags: ["jane"] }, { customers: ["joe"], tags: ["jane"] }],
    [
      "a telling ID under any key",
      MAIL,
      [{ email: MAIL, name: "N" }, { email: `x.${MAIL}` }],
      [{ email: `x.${MAIL}` }],
    ],
    [
      "a telling ID in another's data",
      MAIL,
      customer("joe", { meta: { friend: MAIL, a: 1 } }),
      customer("joe", { meta: { a: 1 } }),
    ],
    ["a telling ID in a sentence", MAIL, { note: `To ${MAIL}, twice.` }, { note: "To [erased], twice." }],
    ["a telling ID in a URL", MAIL, { url: "/a?who=jane.doe%40example.com&x=1" }, { url: "/a?who=[erased]&x=1" }],
    ["a telling ID as a key", MAIL, { [MAIL]: { a: 1 }, b: 2 }, { b: 2 }],
    [
      "what is kept of another stays, with all its IDs but one",
      "jane",
      { customer_ids: { registered: "joe", soft: "jane" } },
      { customer_ids: { registered: "joe" } },
      { keeper: "joe" },
    ],
  ];
  for (const [what, id, value, expected, surroundings] of cases)
    it(what, () => {
      const rest = new PersonalData(id).without(value, surroundings);
      assert.deepEqual(rest, expected);
      if (JSON.stringify(expected) === JSON.stringify(value))
        assert.equal(rest, value, "the same when nothing was found");
    });

  it("finds an ID in a text that was to be JSON", () => {
    const cut = '{"data":{"customer":{"source_id":"o\\"brien 7","email":"a';
    assert.ok(new PersonalData('o"brien 7').isIn(cut));
    assert.ok(new PersonalData("1").isIn('{"source_id": 1, "x'));
    assert.ok(!new PersonalData("1").isIn('{"source_id": 12, "points": 1, "x'));
    assert.ok(!new PersonalData("7").isIn(cut));
  });
});
