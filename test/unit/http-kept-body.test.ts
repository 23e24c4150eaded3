import assert from "node:assert/strict";
import fc from "fast-check";
import { isLoopback, isSafeAddress } from "../../src/http/address";
import { keptBody, LARGEST_KEPT } from "../../src/http/kept-body";
import type { JsonObject, JsonValue } from "../../src/json";

const sizeOf = (value: JsonValue): number => Buffer.byteLength(JSON.stringify(value));

describe("what is kept of an answer", () => {
  it("is all of it up to 16 KB", () => {
    for (const body of [
      null,
      7,
      "text",
      "x".repeat(LARGEST_KEPT - 2),
      { key: "k", list: [1, { a: "b" }] },
    ] as JsonValue[])
      assert.equal(keptBody(body), body);
  });

  it("of a large object: its short fields, and a mark", () => {
    const body = {
      code: 400,
      key: "invalid",
      message: "Invalid",
      details: "d".repeat(5_000),
      all: ["x".repeat(10_000_000)],
    };
    const kept = keptBody(body) as JsonObject;
    assert.deepEqual([kept.code, kept.key, kept.message, kept.all], [400, "invalid", "Invalid", undefined]);
    assert.match(kept.details as string, /^d{1000}…$/);
    assert.match(kept.cut as string, /cut: the answer had 100\d+ bytes/);
  });

  it("of a large text or list: the beginning, and a mark", () => {
    assert.match(keptBody("a".repeat(1_000_000)) as string, /^aaa.*… \(cut: the answer had 1000002 bytes\)$/);
    assert.match(keptBody(Array(10_000).fill('"')) as string, /^\["\\"",.*\(cut: /);
  });

  it("is never larger, whatever it is, and never too deep to be copied", () => {
    fc.assert(
      fc.property(fc.jsonValue({ maxDepth: 3 }), fc.integer({ min: 1, max: 3_000 }), (value, times) => {
        for (const body of [Array(times).fill(value), { [`k${times}`]: JSON.stringify(value).repeat(times), value }])
          assert.ok(sizeOf(keptBody(body as JsonValue)) <= LARGEST_KEPT);
      }),
      { numRuns: 50 },
    );
    const deep = JSON.parse("[".repeat(4_000) + "]".repeat(4_000)) as JsonValue;
    assert.equal(keptBody({ errors: deep }), "(not kept: the answer is nested too deeply)");
  });
});

describe("addresses that keys may go to", () => {
  for (const [url, safe, loopback] of [
    ["https://api.voucherify.io", true, false],
    ["http://api.voucherify.io", false, false],
    ["http://localhost:1880", true, true],
    ["http://LOCALHOST", true, true],
    ["http://simulator.localhost", true, true],
    ["http://127.0.0.1:1", true, true],
    ["http://127.9.9.9", true, true],
    ["http://2130706433/", true, true],
    ["http://[::1]:80", true, true],
    ["https://127.0.0.1", true, true],
    ["http://127.0.0.1.evil.example", false, false],
    ["http://localhost.evil.example", false, false],
    ["http://127.0.0.1@evil.example", false, false],
    ["http://10.0.0.1", false, false],
    ["ftp://127.0.0.1", false, true],
    ["not an address", false, false],
  ] as const)
    it(url, () => assert.deepEqual([isSafeAddress(url), isLoopback(url)], [safe, loopback]));
});
