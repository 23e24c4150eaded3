import assert from "node:assert/strict";
import fc from "fast-check";
import type { JsonValue } from "../../src/json";
import { readPython } from "../../src/mapping/values/python-text";
import { renderTemplate } from "../../src/simulator/scenario/template";

describe("mapping: what Jinja prints of a list", () => {
  for (const [text, expected] of [
    ["['a', 'b']", ["a", "b"]],
    ["[\"it's\", 'say \"x\"', '\\'\"']", ["it's", 'say "x"', "'\""]],
    ["[None, True, False, -1.5, 1e-07]", [null, true, false, -1.5, 1e-7]],
    ["{'a': [1], 'b': {}}", { a: [1], b: {} }],
    ["['\\n\\\\\\xe9\\u2028\\U0001f600']", ["\n\\é\u2028😀"]],
    [" [ ] ", []],
  ] as const)
    it(`reads ${text}`, () => assert.deepEqual(readPython(text), expected));

  for (const text of [
    "",
    "['a'",
    "['a' 'b']",
    "[a]",
    "['a'] x",
    "{'a'}",
    "{1: 2}",
    "['a\"]",
    "[Nonesuch]",
    "[".repeat(100_000),
  ])
    it(`does not read ${text.slice(0, 20)}`, () => assert.equal(readPython(text), undefined));

  it("reads back whatever it prints", () => {
    const { value } = fc.letrec<{ value: JsonValue }>((tie) => ({
      value: fc.oneof(
        { maxDepth: 3 },
        fc.oneof(
          fc.string({ unit: "binary" }),
          fc.constantFrom("'", '"', "\\", "\n"),
          fc.integer(),
          fc.boolean(),
          fc.constant(null),
        ),
        fc.array(tie("value"), { maxLength: 4 }),
        fc.dictionary(fc.string(), tie("value"), { maxKeys: 3, noNullPrototype: true }),
      ),
    }));
    fc.assert(
      fc.property(fc.array(value), (list) => {
        assert.deepEqual(readPython(renderTemplate("{{ list }}", { list })), list);
      }),
    );
  });
});
