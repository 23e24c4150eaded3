/** What an answer says about the account's limits (docs.voucherify.io/guides/limits). */
export interface RateLimit {
  /** Requests per period. */
  readonly limit?: number;
  readonly remaining?: number;
  /** Unix ms: no request before this time. */
  readonly retryAt?: number;
  /** The counter that the other values belong to. */
  readonly type?: "api_calls" | "bulk_api_calls" | "api_calls_cycle" | "webhook_calls";
}

const TYPES: readonly string[] = ["api_calls", "bulk_api_calls", "api_calls_cycle", "webhook_calls"];

/**
 * Reads the rate headers of an answer; what makes no sense is left out.
 * @param headers names in lower case
 * @param now Unix ms, for `Retry-After` in seconds
 */
export function readRateLimit(headers: Readonly<Record<string, string>>, now: number): RateLimit {
  const limit = count(headers["x-rate-limit-limit"]);
  const remaining = count(headers["x-rate-limit-remaining"]);
  const retryAt = latest([epochSeconds(headers["x-rate-limit-retry"]), retryAfter(headers["retry-after"], now)]);
  const type = headers["x-rate-limit-type"];
  return {
    ...(limit !== undefined && { limit }),
    ...(remaining !== undefined && { remaining }),
    ...(retryAt !== undefined && { retryAt }),
    ...(type !== undefined && TYPES.includes(type) && { type: type as NonNullable<RateLimit["type"]> }),
  };
}

function count(text: string | undefined): number | undefined {
  return text !== undefined && /^\d{1,12}$/.test(text.trim()) ? Number(text) : undefined;
}

function epochSeconds(text: string | undefined): number | undefined {
  const seconds = count(text);
  return seconds === undefined || seconds === 0 ? undefined : seconds * 1000;
}

/** Seconds, or an HTTP date (RFC 9110, section 10.2.3). */
function retryAfter(text: string | undefined, now: number): number | undefined {
  const seconds = count(text);
  if (seconds !== undefined) return now + seconds * 1000;
  const date = Date.parse(text ?? "");
  return Number.isNaN(date) ? undefined : date;
}

function latest(times: readonly (number | undefined)[]): number | undefined {
  const known = times.filter((time) => time !== undefined);
  return known.length > 0 ? Math.max(...known) : undefined;
}
