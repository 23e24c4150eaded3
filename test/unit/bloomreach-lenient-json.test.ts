import assert from "node:assert/strict";
import fc from "fast-check";
import { parseLenient } from "../../src/bloomreach/bodies/lenient-json";

const NOTHING = /\s*$/y;

describe("parseLenient", () => {
  for (const [text, expected] of [
    ['{"a": None, "b": True, "c": False}', { a: null, b: true, c: false }],
    ['{"a": undefined, "b": NaN, "c": nan}', { a: null, b: null, c: null }],
    ['{"a": , "b": }', { a: null, b: null }],
    ['{"a": 1, }', { a: 1 }],
    ["[1, 2 ,\n]", [1, 2]],
    ['[{"a": None,},]', [{ a: null }]],
    ['{"a": "None, True, }", "b": "x\\",]"}', { a: "None, True, }", b: 'x",]' }],
    [" -1.5e+3 ", -1500],
    ['"\\u00e9\\n"', "é\n"],
    ['{"a":"x\ny\tz\u0000"}', { a: "x\ny\tz\u0000" }],
    ['[{"a": 1},\\n  {"a": 2},\\r\\n{\\t"a"\\n: 3}\\n]', [{ a: 1 }, { a: 2 }, { a: 3 }]],
    ["[]", []],
    ["{}", {}],
  ] as const)
    it(`reads ${text}`, () => assert.deepEqual(parseLenient(text, NOTHING), { ok: true, value: expected }));

  for (const [text, position] of [
    ["", 0],
    ["hello", 0],
    ['{"a":"x"y"}', 8],
    ['{"a":"\\x"}', 6],
    ['{"a" 1}', 5],
    ["{,}", 1],
    ["[,]", 1],
    ["[1 2]", 3],
    ["[1}", 2],
    ["007", 1],
    ["Nonesuch", 0],
    ["1 x", 2],
    ['{"a":1', 6],
    ["[None5]", 5],
    ["[1,\\x2]", 3],
  ] as const)
    it(`finds where ${JSON.stringify(text)} breaks`, () =>
      assert.deepEqual(parseLenient(text, NOTHING), { ok: false, position }));

  it("reads whatever JSON.parse reads, to the same value", () => {
    fc.assert(
      fc.property(fc.json(), (text) => {
        assert.deepEqual(parseLenient(text, NOTHING), { ok: true, value: JSON.parse(text) });
      }),
    );
  });

  it("never throws on text that looks like JSON", () => {
    const tokens = fc.constantFrom(...'{}[],:"\\ \n01-.eE', "None", "true", "NaN", '"a"', '"a":', "\\u00", "é");
    fc.assert(
      fc.property(fc.array(tokens, { maxLength: 30 }), (parts) => {
        parseLenient(parts.join(""), NOTHING);
      }),
      { numRuns: 2000 },
    );
  });
});
