import assert from "node:assert/strict";
import { isJsonObject, isNestedTooDeep } from "../../src/json";

describe("isJsonObject", () => {
  for (const [value, expected] of [
    [{}, true],
    [[], false],
    [null, false],
    ["", false],
    [undefined, false],
  ] as const)
    it(`${JSON.stringify(value) ?? "undefined"} is ${expected ? "an" : "no"} object`, () =>
      assert.equal(isJsonObject(value), expected));
});

describe("isNestedTooDeep", () => {
  const nested = (levels: number, innermost: unknown = 1): unknown => {
    let value = innermost;
    for (let level = 0; level < levels; level++) value = level % 2 ? [value] : { inner: value };
    return value;
  };
  const self: { self?: unknown[] } = {};
  self.self = [self];
  let diamonds: unknown = {};
  for (let level = 0; level < 99; level++) diamonds = [diamonds, diamonds];
  for (const [what, value, expected] of [
    ["100 levels", nested(100), false],
    ["101 levels", nested(101), true],
    ["20,000 levels", nested(20_000), true],
    ["a value that holds itself", self, true],
    ["the same value in many places", diamonds, false],
    ["bytes and dates below 100 levels", nested(100, Buffer.alloc(10)), false],
    ["a date below 100 levels", nested(100, new Date(0)), false],
    ["a text", "x", false],
    ["null", null, false],
    ["nothing", undefined, false],
  ] as const)
    it(`is ${expected} for ${what}`, () => assert.equal(isNestedTooDeep(value), expected));
});
