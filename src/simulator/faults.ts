import { isJsonObject, type JsonObject, type JsonValue } from "../json";

/** Which requests may be disturbed; what is absent does not restrict. */
export interface FaultFilter {
  readonly method?: string;
  /** A pattern for the path without query; in a string, `*` stands for anything. */
  readonly path?: RegExp | string;
  /** Source id of a customer that the request is about. */
  readonly customer?: string;
}

/**
 * Disturbances of the API side. Rates are shares from 0 to 1 of the requests that `only` lets through; their sum is at
 * most 1. A disturbed request changes nothing in the simulator, unless only its answer is lost.
 */
export interface Faults {
  /** The same seed and the same order of requests give the same faults. */
  readonly seed: number;
  /** Answer 429, "try again in one second". */
  readonly rate429?: number;
  /** Answer 500. */
  readonly rate500?: number;
  /** Cut the connection without an answer. */
  readonly rateReset?: number;
  /** Never answer. */
  readonly rateHang?: number;
  /** Answer 200 with a body that is not JSON. */
  readonly rateGarbage?: number;
  /** Do what was asked for, then cut the connection without an answer. */
  readonly rateLost?: number;
  /** Answer 503, as a gateway before the API does. */
  readonly rate503?: number;
  /** Do what was asked for, and answer only after `slowMs`: no fault of the API, only a slow one. */
  readonly rateSlow?: number;
  /** Default 1,000. */
  readonly slowMs?: number;
  readonly only?: FaultFilter;
  /** The number of faults after which everything works again. */
  readonly times?: number;
}

export type FaultKind = "429" | "500" | "reset" | "hang" | "garbage" | "lost" | "503" | "slow";

const RATES = [
  ["429", "rate429"],
  ["500", "rate500"],
  ["reset", "rateReset"],
  ["hang", "rateHang"],
  ["garbage", "rateGarbage"],
  ["lost", "rateLost"],
  ["503", "rate503"],
  ["slow", "rateSlow"],
] as const;

/** Decides, request by request, which fault happens. */
export class FaultPlan {
  readonly slowMs: number;
  private readonly random: () => number;
  private readonly path: RegExp | undefined;
  private left: number;

  constructor(private readonly faults: Faults) {
    this.random = mulberry32(faults.seed);
    this.left = faults.times ?? Infinity;
    this.slowMs = faults.slowMs ?? 1_000;
    const path = faults.only?.path;
    this.path =
      typeof path === "string" ? wildcard(path) : path && new RegExp(path.source, path.flags.replace(/[gy]/g, ""));
  }

  /** The fault for this request, undefined for none. */
  next(method: string, path: string, customerIds: readonly string[]): FaultKind | undefined {
    if (this.left <= 0 || !this.concerns(method, path, customerIds)) return undefined;
    let draw = this.random();
    for (const [kind, rate] of RATES) {
      draw -= this.faults[rate] ?? 0;
      if (draw >= 0) continue;
      this.left -= 1;
      return kind;
    }
    return undefined;
  }

  private concerns(method: string, path: string, customerIds: readonly string[]): boolean {
    const { only } = this.faults;
    return (
      (only?.method === undefined || only.method.toUpperCase() === method) &&
      (this.path === undefined || this.path.test(path)) &&
      (only?.customer === undefined || customerIds.includes(only.customer))
    );
  }
}

/** Reads faults that came as JSON from another process. Returns a sentence when they make no sense. */
export function readFaults(value: JsonValue | undefined): Faults | string {
  if (!isJsonObject(value)) return "Send the faults as a JSON object.";
  const faults: Record<string, number | FaultFilter> = {};
  for (const [name, given] of Object.entries(value)) {
    if (name === "only") {
      const only = readFilter(given);
      if (typeof only === "string") return only;
      faults.only = only;
    } else if (!NUMBERS.has(name)) return `Unknown fault setting "${name}".`;
    else if (typeof given !== "number" || given < 0) return `"${name}" must be a number that is not negative.`;
    else faults[name] = given;
  }
  const sum = RATES.reduce((total, [, rate]) => total + ((faults[rate] as number | undefined) ?? 0), 0);
  if (sum > 1 + Number.EPSILON * RATES.length) return "The rates must add up to 1 at most.";
  return { seed: 1, ...faults };
}

const NUMBERS: ReadonlySet<string> = new Set(["seed", "times", "slowMs", ...RATES.map(([, rate]) => rate)]);

function readFilter(value: JsonValue): FaultFilter | string {
  if (!isJsonObject(value)) return '"only" must be an object.';
  const only: JsonObject = {};
  for (const [name, given] of Object.entries(value)) {
    if (!["method", "path", "customer"].includes(name)) return `Unknown setting "only.${name}".`;
    if (typeof given !== "string") return `"only.${name}" must be a string.`;
    only[name] = given;
  }
  return only;
}

function wildcard(path: string): RegExp {
  const escaped = path.split("*").map((part) => part.replace(/[.+?^${}()|[\]\\]/g, "\\$&"));
  return new RegExp(`^${escaped.join(".*")}$`);
}

/** A small seeded generator of numbers from 0 (included) to 1 (excluded). */
function mulberry32(seed: number): () => number {
  let state = seed >>> 0;
  return () => {
    state = (state + 0x6d2b79f5) >>> 0;
    let mixed = Math.imul(state ^ (state >>> 15), state | 1);
    mixed ^= mixed + Math.imul(mixed ^ (mixed >>> 7), mixed | 61);
    return ((mixed ^ (mixed >>> 14)) >>> 0) / 4_294_967_296;
  };
}
