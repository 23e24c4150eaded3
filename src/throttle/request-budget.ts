import { setMaxListeners } from "node:events";
import Bottleneck from "bottleneck";
import { AccountLimits, type BudgetSettings, type RateLimitNews } from "./account-limits";
import type { Urgency } from "./request-counter";
import { type WaitingRequest, WaitingRequests } from "./waiting-requests";

/** Longest delay of one timer; Node.js fires timers above 2^31 ms at once. */
const LONGEST_TIMER_MS = 3_600_000;
/** Listeners hear of changes at most this often. */
const NEWS_INTERVAL_MS = 250;
/** Most urgent requests at one time: what bounds them is the limit; this only keeps the connections within reason. */
const URGENT_AT_ONCE = 256;

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
  private readonly limits: AccountLimits;
  private readonly listeners = new Set<() => void>();
  private stopped = false;
  private arrivals = 0;
  /** Urgent requests that have no answer yet. */
  private urgent = 0;
  /** Workers that Bottleneck was asked for and that have not ended. */
  private workers = 0;
  private wakeTimer: NodeJS.Timeout | undefined;
  private newsTimer: NodeJS.Timeout | undefined;

  constructor(settings: BudgetSettings) {
    this.limiter = new Bottleneck({ maxConcurrent: settings.concurrency });
    this.limits = new AccountLimits(settings);
  }

  /**
   * Changes the settings; they apply to waiting requests at once. A limit that the API told stays in force. Also ends
   * the stop after an exhausted billing cycle: a human was here, the next answer will tell.
   */
  configure(settings: BudgetSettings): void {
    void this.limiter.updateSettings({ maxConcurrent: settings.concurrency });
    this.limits.configure(settings);
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
    this.limits.learn(news, performance.now());
    this.proceed();
  }

  state(): BudgetState {
    const now = performance.now();
    const toUnix = (time: number): number => Math.ceil(Date.now() + time - now);
    const { limits } = this;
    const { requests, periodMs } = limits.settings;
    const pausedUntil = limits.pausedUntil(this.hasBulk());
    return {
      waiting: this.waiting.size,
      perPeriod: limits.api.queuedPerPeriod(),
      periodMs,
      configured: requests,
      inForce: limits.inForce(),
      ...(pausedUntil > now && { pausedUntil: toUnix(pausedUntil) }),
      cycleExhausted: limits.cycleExhausted,
      ...(limits.learnedLimit !== undefined &&
        limits.learnedLimit !== requests && { learnedLimit: limits.learnedLimit }),
    };
  }

  /**
   * Estimate: when the last of so many queued requests will have started, those that wait here already among them; Unix ms.
   * Undefined where nobody knows, because the requests of the billing cycle are used up.
   */
  doneAt(requests: number): number | undefined {
    if (this.limits.cycleExhausted) return undefined;
    const { api, bulk } = this.limits;
    const now = performance.now();
    const end = api.estimateStart(Math.max(requests, this.waiting.size), now);
    const bulkEnd = this.waiting.bulk > 0 ? bulk.estimateStart(this.waiting.bulk, now) : end;
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
    while (this.workers <= this.limits.settings.concurrency) {
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
    const { api, bulk } = this.limits;
    const counters = request.kind === "bulk" ? [api, bulk] : [api];
    for (const counter of counters) counter.take(request.urgency);
    await request.start();
    for (const counter of counters) counter.giveBack(request.urgency, performance.now());
  }

  /** The request of this urgency that has waited longest, if it may start now. Queued ones give way to urgent ones. */
  private next(urgency: Urgency, now: number): WaitingRequest | undefined {
    if (urgency === "queued" && this.urgent < URGENT_AT_ONCE && this.next("urgent", now)) return undefined;
    const { api, bulk } = this.limits;
    if (api.free(urgency, now) < 1) return undefined;
    return this.waiting.first(urgency, bulk.free(urgency, now) >= 1);
  }

  /** How many workers are worth having: more than can start something would only cost time. */
  private startable(now: number): number {
    if (!this.next("queued", now)) return 0;
    const { api, settings } = this.limits;
    const free = Math.min(this.waiting.count("queued"), api.free("queued", now));
    return Math.min(this.workers + free, settings.concurrency);
  }

  private setWakeTimer(now: number): void {
    clearTimeout(this.wakeTimer);
    if (this.stopped) return;
    const idle = this.waiting.size === 0;
    // When something may start now, its turn comes here again. An idle budget only tells the end of a pause.
    const hasBulk = this.hasBulk();
    const at = idle
      ? this.limits.pausedUntil(hasBulk)
      : (this.next("urgent", now) ?? this.next("queued", now))
        ? undefined
        : this.limits.nextChange(now, hasBulk);
    if (at === undefined || at <= now) return;
    this.wakeTimer = setTimeout(() => this.proceed(), Math.min(Math.ceil(at - now), LONGEST_TIMER_MS)).unref();
  }

  private hasBulk(): boolean {
    return this.waiting.bulk > 0;
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

function stoppedError(): Error {
  return new Error("The request was not sent, because its request budget was stopped.");
}
