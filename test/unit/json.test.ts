import assert from "node:assert/strict";
import { isJsonObject } from "../../src/json";

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
