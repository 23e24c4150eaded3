import { RequestCounter } from "./request-counter";

const MINUTE_MS = 60_000;
const HOUR_MS = 60 * MINUTE_MS;
/** The longest window of the API that can be waited for is a day: a later time in an answer is a mistake. */
const LONGEST_PAUSE_MS = 24 * HOUR_MS;

/** What a user may choose. */
export interface BudgetSettings {
  /** Requests per period. */
  readonly requests: number;
  /** Length of the API's window, ms. */
  readonly periodMs: number;
  /** Part of the requests, 0 to 1, that queued work may use; urgent work may use all. */
  readonly share: number;
  /** Most queued requests at one time. */
  readonly concurrency: number;
  /** Whether a higher limit told by the API counts instead: yes for a plan, no for a number that the user chose. */
  readonly raisable: boolean;
}

/** What an answer says about the account's limits (docs.voucherify.io/guides/limits). */
export interface RateLimitNews {
  /** Requests per period. */
  readonly limit?: number;
  /** Requests left in the period. */
  readonly remaining?: number;
  /** Unix ms: no request before this time. */
  readonly retryAt?: number;
  /** The counter that the other values belong to; absent means `api_calls`. */
  readonly type?: "api_calls" | "bulk_api_calls" | "api_calls_cycle" | "webhook_calls";
  /** The answer was 429. */
  readonly rejected: boolean;
}

/**
 * The limits of one API account: what a user has configured, and what the API's answers have taught. Times are ms of
 * `performance.now()`.
 */
export class AccountLimits {
  readonly api: RequestCounter;
  /** Without a limit until an answer tells one, but counting from the start. */
  readonly bulk: RequestCounter;
  /** Requests per period that the API told. */
  learnedLimit: number | undefined;
  /** The requests of the whole billing cycle are used up. */
  cycleExhausted = false;
  private learnedBulkLimit = Infinity;

  constructor(public settings: BudgetSettings) {
    this.api = new RequestCounter(settings.requests, settings.periodMs, settings.share);
    this.bulk = new RequestCounter(Infinity, HOUR_MS, settings.share);
  }

  /** A limit that the API told stays in force; the stop after an exhausted billing cycle ends. */
  configure(settings: BudgetSettings): void {
    this.settings = settings;
    if (this.cycleExhausted) this.api.pausedUntil = -Infinity;
    this.applyLimits();
  }

  /** Takes over what an answer says. */
  learn(news: RateLimitNews, now: number): void {
    if (news.type === "api_calls_cycle") this.learnCycle(news, now);
    else this.learnCounter(news, now);
    if (!news.rejected && now >= this.api.pausedUntil) this.cycleExhausted = false;
  }

  /** When to look again, for requests that may not start now; undefined when only an answer can change that. @param hasBulk bulk requests wait */
  nextChange(now: number, hasBulk: boolean): number | undefined {
    const times = [this.api.nextChange(now), hasBulk ? this.bulk.nextChange(now) : undefined];
    const known = times.filter((time) => time !== undefined && time > now) as number[];
    return known.length > 0 ? Math.min(...known) : undefined;
  }

  /** Nothing of what waits starts before this time. @param hasBulk bulk requests wait */
  pausedUntil(hasBulk: boolean): number {
    return hasBulk ? Math.max(this.api.pausedUntil, this.bulk.pausedUntil) : this.api.pausedUntil;
  }

  private learnCounter(news: RateLimitNews, now: number): void {
    const counter = news.type === "bulk_api_calls" ? this.bulk : this.api;
    const toldMs = (news.retryAt ?? 0) - Date.now();
    // The API may tell a time in every answer; while requests remain it stops nobody.
    const pauses = news.rejected || (toldMs > 0 && (news.remaining ?? 0) <= 0);
    // The calls of the API's own webhooks are no requests of ours: their limit tells nothing about our places.
    const ours = news.type !== "webhook_calls";
    if (ours && isCount(news.limit)) this.learnLimit(counter, news.limit);
    if (pauses) {
      const pauseMs = toldMs > 0 ? Math.min(toldMs, LONGEST_PAUSE_MS) : Math.min(this.settings.periodMs, MINUTE_MS);
      counter.pausedUntil = Math.max(counter.pausedUntil, now + pauseMs);
    } else if (ours && isCount(news.remaining)) counter.holdBack(Math.floor(news.remaining), now);
  }

  private learnLimit(counter: RequestCounter, told: number): void {
    // A limit of 0 would mean to wait for ever.
    const limit = Math.max(1, Math.floor(told));
    if (counter === this.bulk) this.learnedBulkLimit = limit;
    else this.learnedLimit = limit;
    this.applyLimits();
  }

  private learnCycle(news: RateLimitNews, now: number): void {
    if (!news.rejected && news.remaining !== 0) return;
    // The next cycle may be weeks away, but a human may buy more at any time: ask again now and then.
    this.cycleExhausted = true;
    this.api.pausedUntil = Math.max(this.api.pausedUntil, now + HOUR_MS);
  }

  /** Requests per period that count now: those configured, or what the API told. */
  inForce(): number {
    const { requests, raisable } = this.settings;
    const learned = this.learnedLimit ?? requests;
    return raisable ? learned : Math.min(requests, learned);
  }

  private applyLimits(): void {
    const { periodMs, share } = this.settings;
    this.api.configure(this.inForce(), periodMs, share);
    this.bulk.configure(this.learnedBulkLimit, HOUR_MS, share);
  }
}

/** Headers are texts: what was no number must not become a limit. */
function isCount(value: number | undefined): value is number {
  return value !== undefined && Number.isFinite(value) && value >= 0;
}
