import assert from "node:assert/strict";
import { serialisable } from "../../nodes/lib/delivery/live-messages";
import type { Message } from "../../nodes/lib/runtime/message-handler";
import type { JsonObject } from "../../src/json";

function nested(levels: number): JsonObject {
  let value: JsonObject = {};
  for (let level = 1; level < levels; level++) value = { inner: value };
  return value;
}

describe("what of a message is written down", () => {
  const kept = (message: object): JsonObject => serialisable(message as Message);

  it("is every property that JSON can hold, but the payload and the open request", () => {
    assert.deepEqual(kept({ topic: "a", list: [1, null], payload: 1, req: {}, res: {}, run: () => 1 }), {
      topic: "a",
      list: [1, null],
    });
  });

  it("is nothing that could not be copied later: deeper than 100 levels, or holding itself", () => {
    const circular: { self?: object } = {};
    circular.self = circular;
    const fits = nested(100);
    assert.deepEqual(kept({ fits, deep: nested(101), deeper: nested(3_000), deepest: nested(20_000), circular }), {
      fits,
    });
  });
});
