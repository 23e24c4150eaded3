import assert from "node:assert/strict";
import { requestsPer1000 } from "../../src/throttle/request-estimate";

describe("requests for 1,000 records", () => {
  for (const [transport, kind, requests] of [
    ["api", "customers", 3],
    ["api", "events", 1_000],
    ["gateway", "customers", 1],
    ["gateway", "events", 1],
  ] as const)
    it(`${kind} by ${transport}: ${requests}`, () => assert.equal(requestsPer1000({ transport, kind }), requests));
});
