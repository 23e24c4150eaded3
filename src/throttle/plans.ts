import type { BudgetSettings } from "./account-limits";

/** A Voucherify plan with a known limit. Enterprise limits differ from customer to customer. */
export type Plan = "business" | "organization" | "sandbox";

const PERIOD_MS = { minute: 60_000, hour: 3_600_000 } as const;
/** Leaves room for requests that somebody waits for, and for other programs that use the account. */
const DEFAULT_SHARE = 70;
const DEFAULT_CONCURRENCY = 5;

/** A budget as a user writes it. */
export interface BudgetForm {
  readonly requests: number;
  readonly period: "minute" | "hour";
  /** Percent of the requests that queued work may use. */
  readonly share: number;
  readonly concurrency: number;
}

/**
 * Turns a budget as a user writes it into settings.
 * @throws RangeError with a sentence for the user when a number cannot be meant
 */
export function budgetSettings({ requests, period, share, concurrency }: BudgetForm): BudgetSettings {
  if (!isWhole(requests)) {
    throw new RangeError("Requests must be a whole number, 1 or more: what your Voucherify plan allows in one period.");
  }
  if (!Object.hasOwn(PERIOD_MS, period)) {
    throw new RangeError('Period must be "minute" or "hour", as in the limits of your Voucherify plan.');
  }
  if (!(share >= 1 && share <= 100)) {
    throw new RangeError(
      "Share must be a percentage from 1 to 100: the part of the requests that queued work may use.",
    );
  }
  if (!isWhole(concurrency)) {
    throw new RangeError("Concurrency must be a whole number, 1 or more: how many requests may run at one time.");
  }
  return { requests, periodMs: PERIOD_MS[period], share: share / 100, concurrency, raisable: false };
}

const planBudget = (requests: number, period: BudgetForm["period"]): BudgetSettings => ({
  ...budgetSettings({ requests, period, share: DEFAULT_SHARE, concurrency: DEFAULT_CONCURRENCY }),
  raisable: true,
});

/** Budgets of the plans (docs.voucherify.io/guides/limits). A sandbox project has 100 requests an hour on every plan. */
export const PLAN_BUDGETS: Readonly<Record<Plan, BudgetSettings>> = {
  business: planBudget(100, "minute"),
  organization: planBudget(2_000, "minute"),
  sandbox: planBudget(100, "hour"),
};

function isWhole(value: number): boolean {
  return Number.isSafeInteger(value) && value >= 1;
}
