import { setMaxListeners } from "node:events";
import type { JsonObject } from "../../json";
import { DEFECT_KEY, failedByDefect, isDefect } from "../defect";
import type { Destination, LaneRecord, Settlement } from "../destination";
import type { Change } from "../../store/change";
import { StoreUnavailableError } from "../../store/durable-store";
import { CircuitBreaker, type Ticket } from "./circuit-breaker";
import { settledResultsOf, type SettledResults } from "./settled-results";
import { ConfigurationError, type Failed } from "../outcome";
import { DEFAULT_RETRY, retryDelay, type RetryPolicy } from "./retry-policy";
import { sleep } from "../../async/sleep";
import type { NewRecord } from "../../store/kept-record";
import type { LaneQueue } from "./lane-queue";
import type { WaitingRecord } from "./waiting-record";
import { partsOf, type Verdict, verdictOf } from "./verdict";

export type { SettledResults, SettledRecord } from "./settled-results";

/** Listeners hear of a new state at most this often. */
const STATE_INTERVAL_MS = 200;
/** Longest delay of one timer; Node.js fires timers above 2^31 ms at once. */
const LONGEST_TIMER_MS = 3_600_000;

/** How it asks a store again that does not work now: the store itself says when it does, this only follows. */
const STORE_RETRY: RetryPolicy = { firstMs: 250, capMs: 5_000, giveUpAfterMs: Infinity };

/** How long it waits after a mistake in the program before it asks its store again. */
const DEFECT_PAUSE_MS = 60_000;

/** What is written in the same moment in which settled records are forgotten: dead letters, the message that goes on. */
export interface Alongside {
  readonly changes: readonly Change[];
  written(): void;
  /** Nothing of it was written. */
  failed(): void;
}

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

/** What a status shows. Counts are records, times are Unix ms. */
export interface LaneState {
  /** Not settled yet, those in flight included. */
  readonly waiting: number;
  readonly inFlight: number;
  /** Since the lane was made. */
  readonly delivered: number;
  readonly failed: number;
  /** When the next of those that were not accepted is tried again. */
  readonly retryingUntil?: number;
  /** A human must act; nothing is lost meanwhile. */
  readonly paused?: { readonly reason: string; readonly since: number; readonly nextProbe: number };
}

/** A call in flight. */
interface Call<Body> {
  readonly ticket: Ticket;
  readonly startedAt: number;
  /** What it has not settled yet: the id of the record that was sent, and the waiting records that it was made of. */
  readonly open: Map<number, readonly WaitingRecord<Body>[]>;
}

/**
 * Delivers records to one destination, each at least once, until each has a final outcome. Records of one key keep their
 * order and never overtake each other; a record that must be tried again holds up its own key and no other.
 */
export class Lane<Body> {
  private readonly queue: LaneQueue<Body>;
  private destination: Destination<Body> | undefined;
  private concurrency: number;
  private readonly alongside: ((news: readonly SettledResults<Body>[]) => Alongside) | undefined;
  private readonly retry: RetryPolicy;
  private readonly random: () => number;
  private readonly report: (sentence: string) => void;
  private readonly breaker: CircuitBreaker;
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
    this.alongside = alongside;
    this.retry = retry;
    this.random = random;
    this.report = report;
    this.breaker = new CircuitBreaker(retry, random);
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
    const call = this.run(destination, records, signal)
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

  /** One call from its start to its end. */
  private async run(
    destination: Destination<Body>,
    records: readonly WaitingRecord<Body>[],
    signal: AbortSignal,
  ): Promise<void> {
    const call: Call<Body> = { ticket: this.breaker.enter(), startedAt: Date.now(), open: groupsOf(records) };
    try {
      const groups = [...call.open.values()];
      if (destination.notesSending) await this.insist(() => this.queue.noteSending(groups, call.startedAt));
      signal.throwIfAborted();
      await this.deliver(call, destination, await this.merged(call, destination), signal);
      await this.conclude(call, retryOpen(call, "The delivery ended without a result for this record."));
    } catch (error) {
      await this.interrupted(call, error, signal);
    }
    this.breaker.leave(call.ticket);
  }

  /** What a call sends. Records that cannot be made one fail, and only they. */
  private async merged(call: Call<Body>, destination: Destination<Body>): Promise<LaneRecord<Body>[]> {
    const batch: LaneRecord<Body>[] = [];
    for (const [id, group] of [...call.open]) {
      try {
        batch.push(merged(group, destination));
      } catch (error) {
        await this.fail(call, id, error);
      }
    }
    return batch;
  }

  /** A record that makes the destination throw by a mistake in the program is found by halving the batch: only it fails. */
  private async deliver(
    call: Call<Body>,
    destination: Destination<Body>,
    batch: readonly LaneRecord<Body>[],
    signal: AbortSignal,
  ): Promise<void> {
    if (batch.length === 0) return;
    try {
      for await (const settlements of destination.deliver(batch, signal)) await this.conclude(call, settlements);
    } catch (error) {
      if (!isDefect(error) || signal.aborted) throw error;
      const open = batch.filter(({ id }) => call.open.has(id));
      if (open.length === 1) return this.fail(call, open[0]!.id, error);
      const middle = open.length >> 1;
      for (const half of [open.slice(0, middle), open.slice(middle)])
        await this.deliver(call, destination, half, signal);
    }
  }

  /** The destination threw: nobody knows more about the records that it has not settled. */
  private async interrupted(call: Call<Body>, error: unknown, signal: AbortSignal): Promise<void> {
    const refused = error instanceof ConfigurationError;
    if (!refused && !signal.aborted) return this.conclude(call, retryOpen(call, sentenceOf(error)));
    if (refused) this.breaker.refused(call.ticket, error.message, Date.now());
    await this.conclude(
      call,
      [...call.open.keys()].map((id) => ({ id, outcome: { status: "unsent" } })),
    );
  }

  /** Keeps what a call settled, then tells it. */
  private async conclude(call: Call<Body>, settlements: readonly Settlement[]): Promise<void> {
    this.tellBreaker(call, settlements, Date.now());
    await this.settle(call, settlements);
  }

  /** A mistake in the program made a record fail: nobody answered. */
  private async fail(call: Call<Body>, id: number, error: unknown): Promise<void> {
    await this.settle(call, [{ id, outcome: this.failedBy(error) }]);
  }

  private failedBy(error: unknown, wasDelivered = false): Failed {
    const outcome = failedByDefect(error, wasDelivered);
    this.report(`${this.name}: a record failed and is kept among the failed ones; the others go on. ${outcome.reason}`);
    return outcome;
  }

  private async settle({ startedAt, open }: Call<Body>, settlements: readonly Settlement[]): Promise<void> {
    const times = { startedAt, now: Date.now(), random: this.random(), retry: this.retry };
    await this.keepParts(verdictOf(settlements, open, times));
    this.dispatch();
  }

  /** Keeps a verdict. A record that cannot be told (a mistake in the program) is found by halving: only it fails. */
  private async keepParts(verdict: Verdict<Body>): Promise<void> {
    const { final, postponed, unsent } = verdict;
    const records = [...final.map(({ original }) => original), ...postponed.flatMap((one) => one.records), ...unsent];
    if (records.length === 0) return;
    try {
      const news = await this.insist(() => this.keep(verdict));
      this.counts.inFlight -= records.length;
      if (!news) return;
      for (const { outcome } of final) this.counts[outcome.status]++;
      for (const one of news) tellAll(this.settledListeners, one);
    } catch (error) {
      const parts = partsOf(verdict);
      if (parts.length > 1) for (const part of parts) await this.keepParts(part);
      else if (
        final.length > 0 &&
        !final.some(({ outcome }) => outcome.status === "failed" && outcome.key === DEFECT_KEY)
      ) {
        const outcome = this.failedBy(
          error,
          final.some((one) => one.outcome.status === "delivered"),
        );
        await this.keepParts({ ...verdict, final: final.map(({ original }) => ({ original, outcome })) });
      } else {
        this.counts.inFlight -= records.length;
        throw error;
      }
    }
  }

  /** Writes what became of records, and what goes with it; both or nothing. */
  private async keep({ final, postponed, unsent }: Verdict<Body>): Promise<SettledResults<Body>[]> {
    let news: SettledResults<Body>[] = [];
    let alongside: Alongside | undefined;
    try {
      const settled = final.map(({ original }) => original);
      await this.queue.conclude({ settled, postponed, unsent }, (messages, isErased) => {
        news = settledResultsOf(
          final.filter(({ original }) => !isErased(original)),
          messages,
        );
        alongside = this.alongside?.(news);
        return alongside?.changes ?? [];
      });
    } catch (error) {
      alongside?.failed();
      throw error;
    }
    alongside?.written();
    return news;
  }

  private tellBreaker({ ticket, open }: Call<Body>, settlements: readonly Settlement[], now: number): void {
    const sent = settlements.filter(({ outcome }) => outcome.status !== "unsent");
    const last = sent.at(-1)?.outcome;
    if (!last) return;
    const down = sent.every(({ outcome }) => "unreachable" in outcome && outcome.unreachable);
    if (!down || !("reason" in last)) return this.breaker.answered(ticket);
    const keys = sent.flatMap(({ id }) => open.get(id)?.[0]?.key ?? []);
    this.breaker.unreachable(ticket, keys, last.reason, now);
  }

  /**
   * The store may fail for a while (disk full): asks again until it works. Undefined: the lane has ended meanwhile.
   * @throws what is no StoreUnavailableError: a mistake in the program, which no repetition mends
   */
  private async insist<T>(work: () => Promise<T>): Promise<T | undefined> {
    for (let failures = 1; ; failures++) {
      try {
        return await work();
      } catch (error) {
        if (!(error instanceof StoreUnavailableError)) throw error;
        await sleep(retryDelay(STORE_RETRY, failures, this.random()), this.ending.signal);
        if (this.ending.signal.aborted) return undefined;
      }
    }
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

/** The records of each key, by the id of the first: the store lends several of one key only where they go as one. */
function groupsOf<Body>(records: readonly WaitingRecord<Body>[]): Map<number, readonly WaitingRecord<Body>[]> {
  const byKey = new Map<string, [WaitingRecord<Body>, ...WaitingRecord<Body>[]]>();
  for (const record of records) {
    const others = byKey.get(record.key);
    if (others) others.push(record);
    else byKey.set(record.key, [record]);
  }
  return new Map([...byKey.values()].map((group) => [group[0].id, group]));
}

function merged<Body>(group: readonly WaitingRecord<Body>[], destination: Destination<Body>): LaneRecord<Body> {
  const { id, key, kind, version, lostAnswers } = group[0]!;
  const bodies = group.map(({ body }) => body);
  const body = bodies.reduce((earlier, later) => destination.merge?.(earlier, later) ?? later);
  return {
    id,
    key,
    body,
    ...(kind !== undefined && { kind }),
    ...(version !== undefined && { version }),
    ...(lostAnswers !== undefined && { lostAnswers }),
  };
}

function retryOpen<Body>({ open }: Call<Body>, reason: string): Settlement[] {
  return [...open.keys()].map((id) => ({ id, outcome: { status: "retry", reason } }));
}

function sentenceOf(error: unknown): string {
  return error instanceof Error && error.message ? error.message : `Unexpected error: ${String(error)}`;
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
