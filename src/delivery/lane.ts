import { setMaxListeners } from "node:events";
import type { JsonObject } from "../json";
import type { Destination, LaneRecord, Settlement } from "./destination";
import { Gate, type Ticket } from "./gate";
import { newsOf, type SettledNews } from "./news";
import { ConfigurationError } from "./outcome";
import { DEFAULT_RETRY, retryDelay, type RetryPolicy } from "./retry-policy";
import { sleep } from "./sleep";
import type { StoreOperation } from "./durable-store";
import type { LaneStore } from "./lane-store";
import type { WaitingRecord } from "./waiting-record";
import { type Verdict, verdictOf } from "./verdict";

export type { SettledNews, SettledRecord } from "./news";

/** Listeners hear of a new state at most this often. */
const STATE_INTERVAL_MS = 200;
/** Longest delay of one timer; Node.js fires timers above 2^31 ms at once. */
const LONGEST_TIMER_MS = 3_600_000;

/** How it asks a store again that does not work now: the store itself says when it does, this only follows. */
const STORE_RETRY: RetryPolicy = { firstMs: 250, capMs: 5_000, giveUpAfterMs: Infinity };

/** What is written in the same moment in which settled records are forgotten: dead letters, the message that goes on. */
export interface Alongside {
  readonly operations: readonly StoreOperation[];
  written(): void;
  /** Nothing of it was written. */
  failed(): void;
}

/** What a lane is made of. */
export interface LaneOptions<Body> {
  readonly store: LaneStore<Body>;
  /** Without one nothing is sent. */
  readonly destination?: Destination<Body>;
  /** Most calls at one time. */
  readonly concurrency?: number;
  /** Asked again for the same records when the write failed. */
  readonly alongside?: (news: readonly SettledNews<Body>[]) => Alongside;
  readonly retry?: RetryPolicy;
  /** From 0 to 1, for the jitter of the back-off. */
  readonly random?: () => number;
}

/** A message whose records are to be delivered. */
export interface AcceptedMessage<Body> {
  readonly id: string;
  /** What of the message can be written down; comes back with the news. */
  readonly envelope: JsonObject;
  /** `body` is plain JSON. */
  readonly records: readonly { readonly key: string; readonly body: Body }[];
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
  private readonly store: LaneStore<Body>;
  private destination: Destination<Body> | undefined;
  private concurrency: number;
  private readonly alongside: ((news: readonly SettledNews<Body>[]) => Alongside) | undefined;
  private readonly retry: RetryPolicy;
  private readonly random: () => number;
  private readonly gate: Gate;
  private readonly stopping = new AbortController();
  private readonly calls = new Set<Promise<void>>();
  private readonly settledListeners: ((news: SettledNews<Body>) => void)[] = [];
  private readonly stateListeners: ((state: LaneState) => void)[] = [];
  private readonly counts = { inFlight: 0, delivered: 0, failed: 0 };
  private dispatching = false;
  private dispatchWanted = false;
  private timer: NodeJS.Timeout | undefined;
  private stateTimer: NodeJS.Timeout | undefined;

  constructor({ store, destination, concurrency = 1, ...options }: LaneOptions<Body>) {
    const { alongside, retry = DEFAULT_RETRY, random = Math.random } = options;
    this.store = store;
    this.destination = destination;
    this.concurrency = concurrency;
    this.alongside = alongside;
    this.retry = retry;
    this.random = random;
    this.gate = new Gate(retry, random);
    // Every call listens, and more than ten of them are no leak.
    setMaxListeners(0, this.stopping.signal);
    this.dispatch();
  }

  /**
   * Resolves when the records are kept; what becomes of them is told to the `onSettled` listeners.
   * @param also what must be written in the same moment (marks of what was taken)
   * @throws Error when the lane is stopped or the records could not be kept
   */
  async accept({ id, envelope, records }: AcceptedMessage<Body>, also?: readonly StoreOperation[]): Promise<void> {
    if (this.stopping.signal.aborted) throw new Error("Nothing more is accepted, because delivery is stopping.");
    await this.store.append({ id, envelope }, records, Date.now(), also);
    this.dispatch();
  }

  /** Hears once per message of every call that settled some of its records. */
  onSettled(listener: (news: SettledNews<Body>) => void): void {
    this.settledListeners.push(listener);
  }

  /** Hears of a new state soon after something changed, once for many changes. */
  onState(listener: (state: LaneState) => void): void {
    this.stateListeners.push(listener);
  }

  state(): LaneState {
    const { closed } = this.gate;
    const waiting = this.store.count();
    const retryingUntil = closed?.kind === "down" ? closed.nextProbe : this.store.nextDue();
    return {
      ...this.counts,
      waiting,
      ...(retryingUntil !== undefined && waiting > 0 && { retryingUntil }),
      ...(closed?.kind === "paused" && {
        paused: { reason: closed.reason, since: closed.since, nextProbe: closed.nextProbe },
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
    this.gate.wake(Date.now());
    this.dispatch();
  }

  /** Starts no more calls and aborts those in flight; resolves when they have ended. What is unsettled stays kept. */
  async stop(): Promise<void> {
    this.stopping.abort();
    clearTimeout(this.timer);
    clearTimeout(this.stateTimer);
    await Promise.all(this.calls);
  }

  /** Starts what may start. Only one loop takes from the store at a time. */
  private dispatch(): void {
    this.dispatchWanted = true;
    this.tellState();
    if (!this.dispatching) void this.dispatchLoop();
  }

  private async dispatchLoop(): Promise<void> {
    this.dispatching = true;
    while (this.dispatchWanted) {
      this.dispatchWanted = false;
      for (let { destination } = this; destination && this.mayStart(destination); { destination } = this) {
        const limits = { ...destination.batchLimits, together: typeof destination.merge === "function" };
        const records = await this.insist(() => this.store.take(limits, Date.now()));
        if (!records?.length || this.stopping.signal.aborted) break;
        this.start(destination, records);
      }
    }
    this.dispatching = false;
    this.setTimer();
  }

  private mayStart(destination: Destination<Body>): boolean {
    const now = Date.now();
    return (
      !this.stopping.signal.aborted &&
      this.calls.size < this.concurrency &&
      this.counts.inFlight < this.store.count() &&
      this.gate.isOpen(now) &&
      ((this.filledAt(destination) ?? now) <= now || (this.store.nextDue() ?? Infinity) <= now)
    );
  }

  /** Until when the next batch waits for more records; undefined when it is full, or nothing is known to wait. */
  private filledAt({ fillMs = 0, batchLimits }: Destination<Body>): number | undefined {
    const since = this.store.nextSince();
    const isFull = this.store.count() - this.counts.inFlight >= batchLimits.records;
    if (isFull || since === undefined) return undefined;
    // A time to come: the clock of the machine has stepped back.
    return since > Date.now() ? undefined : since + fillMs;
  }

  private start(destination: Destination<Body>, records: readonly WaitingRecord<Body>[]): void {
    this.counts.inFlight += records.length;
    const call = this.run(destination, records).finally(() => {
      this.calls.delete(call);
      this.dispatch();
    });
    this.calls.add(call);
  }

  /** One call from its start to its end. Never rejects. */
  private async run(destination: Destination<Body>, records: readonly WaitingRecord<Body>[]): Promise<void> {
    const call: Call<Body> = { ticket: this.gate.enter(), startedAt: Date.now(), open: groupsOf(records) };
    try {
      const groups = [...call.open.values()];
      if (destination.notesSending) await this.insist(() => this.store.noteSending(groups, call.startedAt));
      const batch = groups.map((group) => merged(group, destination));
      for await (const settlements of destination.deliver(batch, this.stopping.signal)) {
        await this.conclude(call, settlements);
      }
      await this.conclude(call, retryOpen(call, "The delivery ended without a result for this record."));
    } catch (error) {
      await this.interrupted(call, error);
    }
    this.gate.leave(call.ticket);
  }

  /** The destination threw: nobody knows more about the records that it has not settled. */
  private async interrupted(call: Call<Body>, error: unknown): Promise<void> {
    const refused = error instanceof ConfigurationError;
    if (!refused && !this.stopping.signal.aborted) return this.conclude(call, retryOpen(call, sentenceOf(error)));
    if (refused) this.gate.refused(call.ticket, error.message, Date.now());
    await this.conclude(
      call,
      [...call.open.keys()].map((id) => ({ id, outcome: { status: "unsent" } })),
    );
  }

  /** Keeps what a call settled, then tells it. */
  private async conclude(call: Call<Body>, settlements: readonly Settlement[]): Promise<void> {
    const now = Date.now();
    this.tellGate(call, settlements, now);
    const { startedAt, open } = call;
    const times = { startedAt, now, random: this.random(), retry: this.retry };
    const verdict = verdictOf(settlements, open, times);
    const news = await this.insist(() => this.keep(verdict));
    const { final, postponed, unsent } = verdict;
    this.counts.inFlight -= final.length + unsent.length;
    for (const { records } of postponed) this.counts.inFlight -= records.length;
    if (news) {
      for (const { outcome } of final) this.counts[outcome.status]++;
      for (const one of news) tellAll(this.settledListeners, one);
    }
    this.dispatch();
  }

  /** Writes what became of records, and what goes with it; both or nothing. */
  private async keep({ final, postponed, unsent }: Verdict<Body>): Promise<SettledNews<Body>[]> {
    let news: SettledNews<Body>[] = [];
    let alongside: Alongside | undefined;
    try {
      const settled = final.map(({ original }) => original);
      await this.store.conclude({ settled, postponed, unsent }, (messages) => {
        news = newsOf(final, messages);
        alongside = this.alongside?.(news);
        return alongside?.operations ?? [];
      });
    } catch (error) {
      alongside?.failed();
      throw error;
    }
    alongside?.written();
    return news;
  }

  private tellGate({ ticket, open }: Call<Body>, settlements: readonly Settlement[], now: number): void {
    const sent = settlements.filter(({ outcome }) => outcome.status !== "unsent");
    const last = sent.at(-1)?.outcome;
    if (!last) return;
    const down = sent.every(({ outcome }) => "unreachable" in outcome && outcome.unreachable);
    if (!down || !("reason" in last)) return this.gate.answered(ticket);
    const keys = sent.flatMap(({ id }) => open.get(id)?.[0]?.key ?? []);
    this.gate.unreachable(ticket, keys, last.reason, now);
  }

  /** The store may fail for a while (disk full): asks again until it works. Undefined: the lane was stopped meanwhile. */
  private async insist<T>(work: () => Promise<T>): Promise<T | undefined> {
    for (let failures = 1; ; failures++) {
      try {
        return await work();
      } catch {
        await sleep(retryDelay(STORE_RETRY, failures, this.random()), this.stopping.signal);
        if (this.stopping.signal.aborted) return undefined;
      }
    }
  }

  /** Sets a timer only when something waits for a time, and for nothing else. */
  private setTimer(): void {
    clearTimeout(this.timer);
    if (this.stopping.signal.aborted || !this.destination || this.calls.size >= this.concurrency) return;
    if (this.counts.inFlight >= this.store.count()) return;
    const now = Date.now();
    const open = this.gate.isOpen(now);
    const at = open ? this.nextStart(this.destination) : this.gate.closed?.nextProbe;
    // A probe that is due but may not start waits for the end of the one in flight.
    if (at === undefined || (at <= now && !open)) return;
    this.timer = setTimeout(() => this.dispatch(), Math.min(Math.max(at - now, 0), LONGEST_TIMER_MS)).unref();
  }

  /** When something rests no longer, or the batch that fills has waited long enough; that may be while this is asked. */
  private nextStart(destination: Destination<Body>): number | undefined {
    const at = Math.min(this.filledAt(destination) ?? Infinity, this.store.nextDue() ?? Infinity);
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
  const { id, key, lostAnswers } = group[0]!;
  const bodies = group.map(({ body }) => body);
  const body = bodies.reduce((earlier, later) => destination.merge?.(earlier, later) ?? later);
  return { id, key, body, ...(lostAnswers !== undefined && { lostAnswers }) };
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
