import assert from "node:assert/strict";
import { budgetSettings, PLAN_BUDGETS } from "../../src/throttle/plans";

describe("budgets of the plans", () => {
  it("are the documented ones", () => {
    assert.deepEqual(PLAN_BUDGETS, {
      business: { requests: 100, periodMs: 60_000, share: 0.7, concurrency: 5, raisable: true },
      organization: { requests: 2_000, periodMs: 60_000, share: 0.7, concurrency: 5, raisable: true },
      sandbox: { requests: 100, periodMs: 3_600_000, share: 0.7, concurrency: 5, raisable: true },
    });
  });
});

describe("budgetSettings", () => {
  const good = { requests: 10, period: "hour", share: 100, concurrency: 1 } as const;

  it("turns a user's numbers into settings", () => {
    assert.deepEqual(budgetSettings(good), {
      requests: 10,
      periodMs: 3_600_000,
      share: 1,
      concurrency: 1,
      raisable: false,
    });
  });

  for (const [field, values] of Object.entries({
    requests: [0, -1, 1.5, NaN, Infinity],
    period: ["day", "toString", undefined],
    share: [0, 0.5, 101, NaN],
    concurrency: [0, 2.5, NaN],
  })) {
    it(`refuses a wrong ${field} with a sentence`, () => {
      for (const value of values) {
        const wrong = { ...good, [field]: value } as typeof good;
        assert.throws(() => budgetSettings(wrong), { name: "RangeError", message: new RegExp(`^${field} must`, "i") });
      }
    });
  }
});
