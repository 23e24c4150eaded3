import { setMaxListeners } from "node:events";
import type { JsonObject } from "../../json";
import type { Change } from "../../store/change";
import type { NewRecord } from "../../store/kept-record";
import type { Destination } from "../destination";
import { type Alongside, Calls, sentenceOf } from "./calls";
import { CircuitBreaker } from "./circuit-breaker";
import type { LaneQueue } from "../queue/lane-queue";
import { insist } from "./insist";
import type { LaneState } from "./lane-state";
import { DEFAULT_RETRY, type RetryPolicy } from "../retry-policy";
import type { SettledResults } from "./settled-results";
import type { WaitingRecord } from "../queue/waiting-record";

export type { SettledResults } from "./settled-results";

/** Listeners hear of a new state at most this often. */
const STATE_INTERVAL_MS = 200;
/** Longest delay of one timer; Node.js fires timers above 2^31 ms at once. */
const LONGEST_TIMER_MS = 3_600_000;

/** How long it waits after a mistake in the program before it asks its store again. */
const DEFECT_PAUSE_MS = 60_000;

/** What a lane is made of. */
export interface LaneOptions<Body> {
  readonly queue: LaneQueue<Body>;
  /** Without one nothing is sent. */
  readonly destination?: Destination<Body>;
  /** Most calls at one time. */
  readonly concurrency?: number;
  /** Asked again for the same records when the write failed. */
  readonly alongside?: (news: readonly SettledResults<Body>[]) => Alongside;
  readonly retry?: RetryPolicy;
  /** From 0 to 1, for the jitter of the back-off. */
  readonly random?: () => number;
  /** Hears of mistakes in the program, which stop nothing but must be seen. */
  readonly report?: (sentence: string) => void;
}

/** A message whose records are to be delivered. */
export interface AcceptedMessage<Body> {
  readonly id: string;
  /** What of the message can be written down; comes back with the news. */
  readonly envelope: JsonObject;
  readonly records: readonly NewRecord<Body>[];
}

/**
 * Delivers records to one destination, each at least once, until each has a final outcome. Records of one key keep their
 * order and never overtake each other; a record that must be tried again holds up its own key and no other.
 */
export class Lane<Body> {
  private readonly queue: LaneQueue<Body>;
  private destination: Destination<Body> | undefined;
  private concurrency: number;
  private readonly random: () => number;
  private readonly report: (sentence: string) => void;
  private readonly breaker: CircuitBreaker;
  private readonly calling: Calls<Body>;
  /** Of the calls of now: aborted when no call may start any more. */
  private stopping = stopSignal();
  /** Aborted when nothing will ever start again. */
  private readonly ending = new AbortController();
  private readonly calls = new Set<Promise<void>>();
  private readonly settledListeners: ((news: SettledResults<Body>) => void)[] = [];
  private readonly stateListeners: ((state: LaneState) => void)[] = [];
  private readonly counts = { inFlight: 0, delivered: 0, failed: 0 };
  private dispatching = false;
  private dispatchWanted = false;
  private timer: NodeJS.Timeout | undefined;
  private stateTimer: NodeJS.Timeout | undefined;

  constructor({ queue, destination, concurrency = 1, ...options }: LaneOptions<Body>) {
    const { alongside, retry = DEFAULT_RETRY, random = Math.random, report = () => undefined } = options;
    this.queue = queue;
    this.destination = destination;
    this.concurrency = concurrency;
    this.random = random;
    this.report = report;
    this.breaker = new CircuitBreaker(retry, random);
    this.calling = new Calls<Body>({
      ...{ queue, breaker: this.breaker, retry, random, alongside, report },
      insist: (work) => this.insist(work),
      name: () => this.name,
      ended: (count, kept) => {
        this.counts.inFlight -= count;
        for (const { outcome } of kept?.settled ?? []) this.counts[outcome.status]++;
        for (const one of kept?.news ?? []) tellAll(this.settledListeners, one);
      },
      dispatch: () => this.dispatch(),
    });
    this.dispatch();
  }

  /**
   * Resolves when the records are kept, also while the lane is stopped; what becomes of them is told to the `onSettled`
   * listeners.
   * @param also what must be written in the same moment (marks of what was taken)
   * @throws Error when the lane has ended or the records could not be kept
   */
  async accept({ id, envelope, records }: AcceptedMessage<Body>, also?: readonly Change[]): Promise<void> {
    if (this.ending.signal.aborted) throw new Error("Nothing more is accepted, because this queue has ended.");
    await this.queue.append({ id, envelope }, records, Date.now(), also);
    this.dispatch();
  }

  /** Hears once per message of every call that settled some of its records. */
  onSettled(listener: (news: SettledResults<Body>) => void): void {
    this.settledListeners.push(listener);
  }

  /** Hears of a new state soon after something changed, once for many changes. */
  onState(listener: (state: LaneState) => void): void {
    this.stateListeners.push(listener);
  }

  state(): LaneState {
    const { opened } = this.breaker;
    const waiting = this.queue.count();
    const retryingUntil = opened?.kind === "down" ? opened.nextProbe : this.queue.nextDue();
    return {
      ...this.counts,
      waiting,
      ...(retryingUntil !== undefined && waiting > 0 && { retryingUntil }),
      ...(opened?.kind === "paused" && {
        paused: { reason: opened.reason, since: opened.since, nextProbe: opened.nextProbe },
      }),
    };
  }

  /**
   * New settings: calls in flight end with the old ones, the next call (a probe, if paused) starts at once. Without a
   * destination nothing more is sent, and everything is kept.
   */
  setDestination(destination: Destination<Body> | undefined, concurrency = this.concurrency): void {
    this.destination = destination;
    this.concurrency = concurrency;
    this.wake();
  }

  /** Somebody acted (deployed the account again): does not wait for the time of the next probe. */
  wake(): void {
    this.breaker.wake(Date.now());
    this.dispatch();
  }

  /**
   * Starts no more calls until `start`. What has not begun is given up; a request that has begun has the time that its
   * API client grants it (`GRACE_MS`), because its answer is worth having. Resolves when all calls have ended and what
   * became of them is kept; what is unsettled waits on.
   */
  async stop(): Promise<void> {
    this.stopping.abort();
    clearTimeout(this.timer);
    clearTimeout(this.stateTimer);
    this.stateTimer = undefined;
    await Promise.all(this.calls);
  }

  /** Goes on after `stop`. */
  start(): void {
    if (!this.stopping.signal.aborted || this.ending.signal.aborted) return;
    this.stopping = stopSignal();
    this.dispatch();
  }

  /** Stops for good: also a store that does not work is not asked again, and nothing more is accepted. */
  end(): Promise<void> {
    this.ending.abort();
    return this.stop();
  }

  /** Starts what may start. Only one loop lends from the queue at a time. */
  private dispatch(): void {
    this.dispatchWanted = true;
    this.tellState();
    if (!this.dispatching) void this.dispatchLoop();
  }

  /** Never rejects. */
  private async dispatchLoop(): Promise<void> {
    this.dispatching = true;
    try {
      while (this.dispatchWanted) {
        this.dispatchWanted = false;
        for (let { destination } = this; destination && this.mayStart(destination); { destination } = this) {
          const limits = { ...destination.batchLimits, together: typeof destination.merge === "function" };
          const records = await this.insist(() => this.queue.lend(limits, Date.now()));
          if (!records?.length) break;
          if (this.stopping.signal.aborted) {
            await this.insist(() => this.queue.conclude({ settled: [], postponed: [], unsent: records }));
            break;
          }
          this.startCall(destination, records);
        }
      }
      this.dispatching = false;
      this.setTimer();
    } catch (error) {
      this.dispatching = false;
      this.report(`${this.name} cannot be read because of a mistake in the program. ${sentenceOf(error)}`);
      clearTimeout(this.timer);
      if (!this.stopping.signal.aborted) this.timer = setTimeout(() => this.dispatch(), DEFECT_PAUSE_MS).unref();
    }
  }

  private mayStart(destination: Destination<Body>): boolean {
    const now = Date.now();
    return (
      !this.stopping.signal.aborted &&
      this.calls.size < this.concurrency &&
      this.counts.inFlight < this.queue.count() &&
      this.breaker.allowsCall(now) &&
      ((this.filledAt(destination) ?? now) <= now || (this.queue.nextDue() ?? Infinity) <= now)
    );
  }

  /** Until when the next batch waits for more records; undefined when it is full, or nothing is known to wait. */
  private filledAt({ fillMs = 0, batchLimits }: Destination<Body>): number | undefined {
    const since = this.queue.nextSince();
    const isFull = this.queue.count() - this.counts.inFlight >= batchLimits.records;
    if (isFull || since === undefined) return undefined;
    // A time to come: the clock of the machine has stepped back, be it between two looks. It has waited long enough.
    return since > Date.now() ? 0 : since + fillMs;
  }

  private startCall(destination: Destination<Body>, records: readonly WaitingRecord<Body>[]): void {
    this.counts.inFlight += records.length;
    const { signal } = this.stopping;
    const call = this.calling
      .run(destination, records, signal)
      .catch((error: unknown) =>
        this.report(
          `${this.name}: a call did not end as it should, and its records wait for the next start. ${sentenceOf(error)}`,
        ),
      )
      .finally(() => {
        this.calls.delete(call);
        this.dispatch();
      });
    this.calls.add(call);
  }

  private insist<T>(work: () => Promise<T>): Promise<T | undefined> {
    return insist(work, this.ending.signal, this.random);
  }

  /** For sentences in the log. */
  private get name(): string {
    const { name, type, node } = this.queue.owner;
    return `The queue of ${name || type} (${node})`;
  }

  /** Sets a timer only when something waits for a time, and for nothing else. */
  private setTimer(): void {
    clearTimeout(this.timer);
    if (this.stopping.signal.aborted || !this.destination || this.calls.size >= this.concurrency) return;
    if (this.counts.inFlight >= this.queue.count()) return;
    const now = Date.now();
    const isAllowed = this.breaker.allowsCall(now);
    const at = isAllowed ? this.nextStart(this.destination) : this.breaker.opened?.nextProbe;
    // A probe that is due but may not start waits for the end of the one in flight.
    if (at === undefined || (at <= now && !isAllowed)) return;
    this.timer = setTimeout(() => this.dispatch(), Math.min(Math.max(at - now, 0), LONGEST_TIMER_MS)).unref();
  }

  /** When something rests no longer, or the batch that fills has waited long enough; that may be while this is asked. */
  private nextStart(destination: Destination<Body>): number | undefined {
    const at = Math.min(this.filledAt(destination) ?? Infinity, this.queue.nextDue() ?? Infinity);
    return at === Infinity ? undefined : at;
  }

  private tellState(): void {
    if (this.stateTimer || this.stateListeners.length === 0 || this.stopping.signal.aborted) return;
    this.stateTimer = setTimeout(() => {
      this.stateTimer = undefined;
      tellAll(this.stateListeners, this.state());
    }, STATE_INTERVAL_MS).unref();
  }
}

/** Every call listens, and more than ten of them are no leak. */
function stopSignal(): AbortController {
  const controller = new AbortController();
  setMaxListeners(0, controller.signal);
  return controller;
}

/** A listener's mistake must not stop the delivery; Node.js prints it. */
function tellAll<News>(listeners: readonly ((news: News) => void)[], news: News): void {
  for (const listener of listeners) {
    try {
      listener(news);
    } catch (error) {
      process.emitWarning(error instanceof Error ? error : String(error));
    }
  }
}
