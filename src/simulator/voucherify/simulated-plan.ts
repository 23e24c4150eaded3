import type { SimulatedRateLimit } from "./rate-counter";

/**
 * A request header that only the simulator knows: whose request it is, and which limit that account has. Several accounts
 * share the built-in simulator, each with a counter of its own, so that a plan can be rehearsed.
 */
export const PLAN_HEADER = "x-simulated-plan";

/** The value of the header. @param owner whose requests are counted together; no semicolon in it */
export function writePlan(owner: string, { limit, periodMs }: SimulatedRateLimit): string {
  return `${owner};${limit};${periodMs}`;
}

/** The limit in a header's value; undefined when it is none. */
export function readPlan(value: string): SimulatedRateLimit | undefined {
  const [, limit, periodMs] = value.split(";").map(Number);
  return limit !== undefined && periodMs !== undefined && limit >= 1 && periodMs >= 1 ? { limit, periodMs } : undefined;
}
