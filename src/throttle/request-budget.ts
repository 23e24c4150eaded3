import { setMaxListeners } from "node:events";
import Bottleneck from "bottleneck";
import { RequestCounter, type Urgency } from "./request-counter";
import { type WaitingRequest, WaitingRequests } from "./waiting-requests";

const MINUTE_MS = 60_000;
const HOUR_MS = 60 * MINUTE_MS;
/** The longest window of the API that can be waited for is a day: a later time in an answer is a mistake. */
const LONGEST_PAUSE_MS = 24 * HOUR_MS;
/** Longest delay of one timer; Node.js fires timers above 2^31 ms at once. */
const LONGEST_TIMER_MS = HOUR_MS;
/** Listeners hear of changes at most this often. */
const NEWS_INTERVAL_MS = 250;
/** Most urgent requests at one time: what bounds them is the limit; this only keeps the connections within reason. */
const URGENT_AT_ONCE = 256;

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

/** What a status or a dialog shows. Times are Unix ms. */
export interface BudgetState {
  /** Requests that have not started yet. */
  readonly waiting: number;
  /** Requests per period that queued work may use. */
  readonly perPeriod: number;
  readonly periodMs: number;
  /** Requests per period, as configured. */
  readonly configured: number;
  /** Requests per period that count now: those configured, or what the API told. */
  readonly inForce: number;
  /** Nothing starts before this time. */
  readonly pausedUntil?: number;
  /** The requests of the whole billing cycle are used up: a human must act. */
  readonly cycleExhausted: boolean;
  /** The limit that the API told, when it is not the configured one. */
  readonly learnedLimit?: number;
}

/** Options of one request. */
export interface RunOptions {
  /** Somebody waits for the answer: goes first, and may use the whole limit. */
  readonly urgent?: boolean;
  /** `bulk`: also counts for the API's limit of bulk requests, where there is one. */
  readonly kind?: "api" | "bulk";
  /** Gives up waiting. Work that has started is not touched. */
  readonly signal?: AbortSignal;
}

/**
 * The request budget of one API account, shared by everything that uses the account: never more requests than allowed
 * in any window of one period, never more queued ones at one time than the concurrency.
 *
 * An urgent request starts at once when the limit allows it: nothing else stands between it and the API. Queued requests
 * wait here for workers, whose number Bottleneck bounds: a worker takes one request after the other, so that Bottleneck is
 * not asked for each of them, and who is next is decided when a request begins: urgent work, a pause or an abort count
 * until the last moment. Its `minTime` and `reservoir` are not used, because they exceed a sliding window after a stall of
 * the event loop, and its retry is not used, because it bypasses the limit.
 */
export class RequestBudget {
  private readonly waiting = new WaitingRequests();
  private readonly limiter: Bottleneck;
  private readonly api: RequestCounter;
  /** Without a limit until an answer tells one, but counting from the start. */
  private readonly bulk: RequestCounter;
  private readonly listeners = new Set<() => void>();
  private settings: BudgetSettings;
  private learnedLimit: number | undefined;
  private learnedBulkLimit = Infinity;
  private cycleExhausted = false;
  private stopped = false;
  private arrivals = 0;
  /** Urgent requests that have no answer yet. */
  private urgent = 0;
  /** Workers that Bottleneck was asked for and that have not ended. */
  private workers = 0;
  private wakeTimer: NodeJS.Timeout | undefined;
  private newsTimer: NodeJS.Timeout | undefined;

  constructor(settings: BudgetSettings) {
    this.settings = settings;
    this.limiter = new Bottleneck({ maxConcurrent: settings.concurrency });
    this.api = new RequestCounter(settings.requests, settings.periodMs, settings.share);
    this.bulk = new RequestCounter(Infinity, HOUR_MS, settings.share);
  }

  /**
   * Changes the settings; they apply to waiting requests at once. A limit that the API told stays in force. Also ends
   * the stop after an exhausted billing cycle: a human was here, the next answer will tell.
   */
  configure(settings: BudgetSettings): void {
    this.settings = settings;
    void this.limiter.updateSettings({ maxConcurrent: settings.concurrency });
    if (this.cycleExhausted) this.api.pausedUntil = -Infinity;
    this.applyLimits();
    this.proceed();
  }

  /**
   * Runs `work` (one request) when the budget allows it.
   * @returns what `work` returns
   * @throws what `work` throws; the signal's reason when it is aborted before the start; an Error when the budget is
   *   stopped before the start
   */
  run<T>(work: () => Promise<T>, options: RunOptions = {}): Promise<T> {
    const { urgent = false, kind = "api", signal } = options;
    return new Promise<T>((resolve, reject) => {
      signal?.throwIfAborted();
      if (this.stopped) throw stoppedError();
      const leave = (): void => {
        this.waiting.delete(request);
        signal?.removeEventListener("abort", abort);
      };
      const abort = (): void => {
        leave();
        reject(signal?.reason as Error);
        this.proceed();
      };
      const request: WaitingRequest = {
        urgency: urgent ? "urgent" : "queued",
        kind,
        order: this.arrivals++,
        start: () => {
          leave();
          return Promise.resolve().then(work).then(resolve, reject);
        },
        refuse: (reason) => {
          leave();
          reject(reason);
        },
      };
      if (signal) {
        // Many requests may wait with one signal; Node.js would warn of a leak from the eleventh on.
        setMaxListeners(0, signal);
        signal.addEventListener("abort", abort);
      }
      this.waiting.add(request);
      this.proceed();
    });
  }

  /**
   * Takes over what an answer says about the limits (docs.voucherify.io/guides/limits). Call it before the promise of
   * the work settles, so that the request still counts as running.
   */
  learn(news: RateLimitNews): void {
    const now = performance.now();
    if (news.type === "api_calls_cycle") this.learnCycle(news, now);
    else this.learnCounter(news, now);
    if (!news.rejected && now >= this.api.pausedUntil) this.cycleExhausted = false;
    this.proceed();
  }

  state(): BudgetState {
    const now = performance.now();
    const toUnix = (time: number): number => Math.ceil(Date.now() + time - now);
    const { requests, periodMs } = this.settings;
    const pausedUntil = this.pausedUntil();
    return {
      waiting: this.waiting.size,
      perPeriod: this.api.queuedPerPeriod(),
      periodMs,
      configured: requests,
      inForce: this.inForce(),
      ...(pausedUntil > now && { pausedUntil: toUnix(pausedUntil) }),
      cycleExhausted: this.cycleExhausted,
      ...(this.learnedLimit !== undefined && this.learnedLimit !== requests && { learnedLimit: this.learnedLimit }),
    };
  }

  /**
   * Estimate: when the last of so many queued requests will have started, those that wait here already among them; Unix ms.
   * Undefined where nobody knows, because the requests of the billing cycle are used up.
   */
  doneAt(requests: number): number | undefined {
    if (this.cycleExhausted) return undefined;
    const now = performance.now();
    const end = this.api.estimateStart(Math.max(requests, this.waiting.size), now);
    const bulkEnd = this.waiting.bulk > 0 ? this.bulk.estimateStart(this.waiting.bulk, now) : end;
    return Math.ceil(Date.now() + Math.max(end, bulkEnd) - now);
  }

  /**
   * Calls `listener` soon after something changed, once for many changes.
   * @returns ends it
   */
  onChange(listener: () => void): () => void {
    this.listeners.add(listener);
    return () => void this.listeners.delete(listener);
  }

  /** Rejects what waits and whatever comes; requests that have started go on. */
  stop(): void {
    this.stopped = true;
    for (const request of this.waiting.clear()) request.refuse(stoppedError());
    this.listeners.clear();
    clearTimeout(this.wakeTimer);
    clearTimeout(this.newsTimer);
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

  private inForce(): number {
    const { requests, raisable } = this.settings;
    const learned = this.learnedLimit ?? requests;
    return raisable ? learned : Math.min(requests, learned);
  }

  private applyLimits(): void {
    const { periodMs, share } = this.settings;
    this.api.configure(this.inForce(), periodMs, share);
    this.bulk.configure(this.learnedBulkLimit, HOUR_MS, share);
  }

  /** Starts the urgent requests that may start now, asks for workers for the queued ones, and says when to look again. */
  private proceed(): void {
    this.tellListeners();
    const now = performance.now();
    while (this.urgent < URGENT_AT_ONCE) {
      const request = this.next("urgent", now);
      if (!request) break;
      this.urgent++;
      void this.begin(request).finally(() => {
        this.urgent--;
        this.proceed();
      });
    }
    for (const wanted = this.startable(now); this.workers < wanted; this.workers++) {
      void this.limiter.schedule(() => this.work());
    }
    this.setWakeTimer(now);
  }

  /** One worker: takes queued requests until none may start. */
  private async work(): Promise<void> {
    while (this.workers <= this.settings.concurrency) {
      const request = this.next("queued", performance.now());
      if (!request) break;
      const running = this.begin(request);
      this.proceed();
      await running;
    }
    this.workers--;
    this.proceed();
  }

  /** Starts a request that may start; resolves when it has its answer and its places have begun to come back. */
  private async begin(request: WaitingRequest): Promise<void> {
    const counters = request.kind === "bulk" ? [this.api, this.bulk] : [this.api];
    for (const counter of counters) counter.take(request.urgency);
    await request.start();
    for (const counter of counters) counter.giveBack(request.urgency, performance.now());
  }

  /** The request of this urgency that has waited longest, if it may start now. Queued ones give way to urgent ones. */
  private next(urgency: Urgency, now: number): WaitingRequest | undefined {
    if (urgency === "queued" && this.urgent < URGENT_AT_ONCE && this.next("urgent", now)) return undefined;
    if (this.api.free(urgency, now) < 1) return undefined;
    return this.waiting.first(urgency, this.bulk.free(urgency, now) >= 1);
  }

  /** How many workers are worth having: more than can start something would only cost time. */
  private startable(now: number): number {
    if (!this.next("queued", now)) return 0;
    const free = Math.min(this.waiting.count("queued"), this.api.free("queued", now));
    return Math.min(this.workers + free, this.settings.concurrency);
  }

  private setWakeTimer(now: number): void {
    clearTimeout(this.wakeTimer);
    if (this.stopped) return;
    const idle = this.waiting.size === 0;
    // When something may start now, its turn comes here again. An idle budget only tells the end of a pause.
    const mayStart = this.next("urgent", now) ?? this.next("queued", now);
    const at = idle ? this.pausedUntil() : mayStart ? undefined : this.nextChange(now);
    if (at === undefined || at <= now) return;
    this.wakeTimer = setTimeout(() => this.proceed(), Math.min(Math.ceil(at - now), LONGEST_TIMER_MS)).unref();
  }

  private nextChange(now: number): number | undefined {
    const times = [this.api.nextChange(now), this.waiting.bulk > 0 ? this.bulk.nextChange(now) : undefined];
    const known = times.filter((time) => time !== undefined && time > now) as number[];
    return known.length > 0 ? Math.min(...known) : undefined;
  }

  private pausedUntil(): number {
    return this.waiting.bulk > 0 ? Math.max(this.api.pausedUntil, this.bulk.pausedUntil) : this.api.pausedUntil;
  }

  private tellListeners(): void {
    if (this.listeners.size === 0 || this.newsTimer) return;
    this.newsTimer = setTimeout(() => {
      this.newsTimer = undefined;
      for (const listener of this.listeners) listener();
    }, NEWS_INTERVAL_MS);
    this.newsTimer.unref();
  }
}

/** Headers are texts: what was no number must not become a limit. */
function isCount(value: number | undefined): value is number {
  return value !== undefined && Number.isFinite(value) && value >= 0;
}

function stoppedError(): Error {
  return new Error("The request was not sent, because its request budget was stopped.");
}
