/** How many requests one period allows. */
export interface SimulatedRateLimit {
  readonly limit: number;
  readonly periodMs: number;
}

/**
 * Counts requests in fixed periods, as Voucherify does: over the limit everything is refused until the next period
 * starts (docs.voucherify.io/guides/limits).
 */
export class RateCounter {
  private period = -1;
  private used = 0;

  constructor(
    private readonly type: "api_calls" | "bulk_api_calls",
    private readonly rate: SimulatedRateLimit,
  ) {}

  /** Counts one request at `now` (Unix ms). False: it is over the limit and must be answered 429. */
  take(now: number): boolean {
    this.enter(now);
    if (this.used >= this.rate.limit) return false;
    this.used += 1;
    return true;
  }

  /** The `X-Rate-Limit-*` headers that every answer carries. */
  headers(now: number): Record<string, string> {
    this.enter(now);
    const remaining = this.rate.limit - this.used;
    return rateHeaders(this.type, this.rate.limit, remaining, remaining > 0 ? now : this.nextPeriod());
  }

  /** The headers of a 429. */
  rejection(now: number): Record<string, string> {
    this.enter(now);
    return this.rejectionUntil(this.nextPeriod(), now);
  }

  /** The headers of a 429 that says "not before `retryAt`" (Unix ms) although nothing was used up. */
  rejectionUntil(retryAt: number, now: number): Record<string, string> {
    return {
      ...rateHeaders(this.type, this.rate.limit, 0, retryAt),
      "Retry-After": String(Math.max(1, Math.ceil((retryAt - now) / 1000))),
    };
  }

  private enter(now: number): void {
    const period = Math.floor(now / this.rate.periodMs);
    if (period === this.period) return;
    this.period = period;
    this.used = 0;
  }

  private nextPeriod(): number {
    return (this.period + 1) * this.rate.periodMs;
  }
}

function rateHeaders(type: string, limit: number, remaining: number, retryAt: number): Record<string, string> {
  return {
    "X-Rate-Limit-Limit": String(limit),
    "X-Rate-Limit-Remaining": String(remaining),
    "X-Rate-Limit-Retry": String(Math.ceil(retryAt / 1000)),
    "X-Rate-Limit-Type": type,
  };
}
