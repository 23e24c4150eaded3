import assert from "node:assert/strict";
import { RequestCounter } from "../../src/throttle/request-counter";

const PERIOD = 60_000;

/** Starts and answers `count` requests at one moment. */
function use(counter: RequestCounter, urgency: "queued" | "urgent", count: number, now: number): void {
  for (let i = 0; i < count; i++) {
    counter.take(urgency);
    counter.giveBack(urgency, now);
  }
}

describe("RequestCounter", () => {
  it("gives a place back one period after the answer, not after the start", () => {
    const counter = new RequestCounter(1, PERIOD, 1);
    counter.take("queued");
    assert.equal(counter.free("queued", 10 * PERIOD), 0, "no answer yet");
    counter.giveBack("queued", 10 * PERIOD);
    assert.equal(counter.free("queued", 11 * PERIOD - 1), 0);
    assert.equal(counter.nextChange(11 * PERIOD - 1), 11 * PERIOD);
    assert.equal(counter.free("queued", 11 * PERIOD), 1);
  });

  it("lets queued work use its share and urgent work everything", () => {
    const counter = new RequestCounter(100, PERIOD, 0.7);
    use(counter, "queued", 70, 0);
    assert.equal(counter.free("queued", 1), 0);
    assert.equal(counter.free("urgent", 1), 30);
    use(counter, "urgent", 30, 1);
    assert.equal(counter.free("urgent", 2), 0);
  });

  it("never lets a share round down to nothing, nor a rounding error cost a place", () => {
    assert.equal(new RequestCounter(1, PERIOD, 0.7).free("queued", 0), 1);
    assert.equal(new RequestCounter(100, PERIOD, 0.57).free("queued", 0), 57);
  });

  it("holds back what others use for one period, and leaves urgent work its part of the rest", () => {
    const counter = new RequestCounter(100, PERIOD, 0.7);
    use(counter, "queued", 10, 0);
    counter.holdBack(40, 10_000);
    assert.equal(counter.free("urgent", 10_000), 40);
    assert.equal(counter.free("queued", 10_000), 25, "70 % of the 50 that others leave, minus our 10");
    counter.holdBack(90, 10_000);
    assert.equal(counter.free("urgent", 10_000), 40, "a higher number takes nothing back");
    assert.equal(counter.free("urgent", 10_000 + PERIOD), 100);
  });

  it("does not take its own places for others' when an answer counted them just before they came back", () => {
    const counter = new RequestCounter(100, PERIOD, 0.7);
    use(counter, "queued", 70, 0);
    counter.holdBack(30, PERIOD + 500);
    assert.equal(counter.free("urgent", PERIOD + 500), 100);
    counter.holdBack(30, 2 * PERIOD);
    assert.equal(counter.free("urgent", 2 * PERIOD), 30);
  });

  it("keeps used places over a change of limit and period", () => {
    const counter = new RequestCounter(100, PERIOD, 1);
    use(counter, "queued", 80, 0);
    counter.configure(50, 2 * PERIOD, 1);
    assert.equal(counter.free("urgent", PERIOD), 0);
    assert.equal(counter.free("urgent", 2 * PERIOD), 50);
  });

  it("estimates starts from the places that come back, period after period", () => {
    const counter = new RequestCounter(10, PERIOD, 0.5);
    assert.equal(counter.estimateStart(5, 7), 7);
    assert.equal(counter.estimateStart(6, 7), 7 + PERIOD);
    use(counter, "queued", 5, 100);
    assert.equal(counter.estimateStart(1, 200), 100 + PERIOD);
    assert.equal(counter.estimateStart(6, 200), 100 + 2 * PERIOD);
    counter.pausedUntil = 3 * PERIOD;
    assert.equal(counter.estimateStart(1, 200), 3 * PERIOD);
  });

  it("has no limit as long as none is known, but counts", () => {
    const counter = new RequestCounter(Infinity, PERIOD, 0.7);
    use(counter, "queued", 500, 0);
    assert.equal(counter.free("queued", 1), Infinity);
    counter.holdBack(0, 1);
    counter.configure(600, PERIOD, 1);
    assert.equal(counter.free("queued", 1), 100);
  });
});
