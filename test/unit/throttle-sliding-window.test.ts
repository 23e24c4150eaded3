import assert from "node:assert/strict";
import fc from "fast-check";
import { mostInAnyWindow } from "../support/sliding-window";

describe("mostInAnyWindow", () => {
  it("finds the fullest window wherever it begins", () => {
    assert.equal(mostInAnyWindow([], 10), 0);
    assert.equal(mostInAnyWindow([0, 9, 10, 11, 30], 10), 3);
    assert.equal(mostInAnyWindow([10, 0], 10), 1, "one window apart");
    assert.equal(mostInAnyWindow([5, 5, 5], 1), 3);
  });

  it("agrees with counting from every event", () => {
    fc.assert(
      fc.property(fc.array(fc.integer({ min: 0, max: 100 })), fc.integer({ min: 1, max: 50 }), (times, length) => {
        const counts = times.map((from) => times.filter((time) => time >= from && time < from + length).length);
        assert.equal(mostInAnyWindow(times, length), Math.max(0, ...counts));
      }),
    );
  });
});
