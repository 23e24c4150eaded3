import type { Node } from "node-red";
import { budgetSettings, type Plan, PLAN_BUDGETS } from "../../../src/throttle/plans";
import type { BudgetSettings } from "../../../src/throttle/account-limits";
import { type BudgetState, RequestBudget } from "../../../src/throttle/request-budget";
import { processOwned } from "../runtime/process-owned";

/** The budget fields of a throttle or voucherify account, as Node-RED stores them (numbers may be text). */
export interface BudgetDef {
  plan?: Plan | "own";
  requests?: number | string;
  period?: "minute" | "hour";
  /** Percent of the budget that queued work may use. */
  share?: number | string;
  concurrency?: number | string;
}

/** A throttle config node as accounts use it. */
export interface ThrottleNode extends Node {
  readonly budget: RequestBudget;
}

const DEFAULTS = { requests: 100, period: "minute", share: 70, concurrency: 5 } as const;

/** The budget of a config node for Voucherify. */
export function sharedBudget(node: Node, def: BudgetDef): RequestBudget {
  return lastingBudget(node, usableSettings(node, def));
}

/**
 * The budget of a bloomreach account: its address may send 100 requests a second
 * (documentation.bloomreach.com/engagement/reference/tracking-api-overview-2), of which half is left to others.
 * @param requestsPerSecond as the user typed it; 50 when it is no number
 */
export function bloomreachBudget(node: Node, requestsPerSecond: unknown): RequestBudget {
  const requests = Math.min(100, Math.max(1, Math.floor(Number(requestsPerSecond) || 50)));
  return lastingBudget(node, { requests, periodMs: 1_000, share: 1, concurrency: 5, raisable: false });
}

/** It outlives deploys, because the API still counts the requests before them. */
function lastingBudget(node: Node, settings: BudgetSettings): RequestBudget {
  const budgets = processOwned<RequestBudget>("budgets");
  const existing = budgets.get(node.id);
  if (existing) {
    existing.configure(settings);
    return existing;
  }
  const budget = new RequestBudget(settings);
  budgets.set(node.id, budget);
  return budget;
}

/**
 * A budget for a handful of requests that a human asked for ("Test connection"): never waits behind queued work.
 * @param like settings whose limit the built-in simulator plays
 */
export function throwAwayBudget(like: Pick<BudgetSettings, "requests" | "periodMs">): RequestBudget {
  return new RequestBudget({ ...settingsOf({}), requests: like.requests, periodMs: like.periodMs, share: 1 });
}

/**
 * The sentence that a dialog shows beside the plan: which limit is in force for an account as it is deployed.
 * @param byThrottle the limit is that of a throttle, not of the account's plan
 */
export function limitInForce({ state }: { readonly state: BudgetState }, byThrottle: boolean): string {
  const { configured, inForce, learnedLimit, periodMs, perPeriod, cycleExhausted } = state;
  const period = PERIOD_NAMES.get(periodMs) ?? "period";
  const count = (requests: number): string => requests.toLocaleString("en-US");
  const source = byThrottle ? "by the throttle under Advanced" : "by the plan";
  const told =
    learnedLimit === undefined
      ? ""
      : ` ${byThrottle ? "The throttle" : "The plan"} says ${count(configured)}, Voucherify told ${count(learnedLimit)}.`;
  const limit = `In force: ${count(inForce)} requests a ${period}${told === "" ? `, ${source}` : ""}, ${count(perPeriod)} of them for queued work.${told}`;
  return cycleExhausted
    ? `${limit} The API calls of your Voucherify billing cycle are used up: raise the limit in Voucherify.`
    : limit;
}

const PERIOD_NAMES: ReadonlyMap<number, string> = new Map([
  [60_000, "minute"],
  [3_600_000, "hour"],
]);

/** The settings of `def`; when a number cannot be meant, the node says so and the smallest plan counts. */
function usableSettings(node: Node, def: BudgetDef): BudgetSettings {
  try {
    return settingsOf(def);
  } catch (error) {
    node.error((error as Error).message);
    return PLAN_BUDGETS.business;
  }
}

function planBudget(plan: string): BudgetSettings {
  if (Object.hasOwn(PLAN_BUDGETS, plan)) return PLAN_BUDGETS[plan as Plan];
  throw new RangeError(
    `There is no plan "${plan}": open this node and choose your Voucherify plan. Until then the limit of the smallest plan counts, 100 requests a minute.`,
  );
}

export function settingsOf(def: BudgetDef): BudgetSettings {
  if (def.plan && def.plan !== "own") return planBudget(def.plan);
  return budgetSettings({
    requests: Number(def.requests || DEFAULTS.requests),
    period: def.period ?? DEFAULTS.period,
    share: Number(def.share || DEFAULTS.share),
    concurrency: Number(def.concurrency || DEFAULTS.concurrency),
  });
}
