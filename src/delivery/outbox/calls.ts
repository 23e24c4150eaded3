import type { Change } from "../../store/change";
import { DEFECT_KEY, failedByDefect, isDefect } from "../defect";
import type { Destination, LaneRecord, Settlement } from "../destination";
import { ConfigurationError, type Failed } from "../outcome";
import type { CircuitBreaker, Ticket } from "./circuit-breaker";
import type { LaneQueue } from "../queue/lane-queue";
import type { RetryPolicy } from "../retry-policy";
import { type FinalRecord, settledResultsOf, type SettledResults } from "./settled-results";
import { partsOf, type Verdict, verdictOf } from "./verdict";
import type { WaitingRecord } from "../queue/waiting-record";

/** What is written in the same moment in which settled records are forgotten: dead letters, the message that goes on. */
export interface Alongside {
  readonly changes: readonly Change[];
  written(): void;
  /** Nothing of it was written. */
  failed(): void;
}

/** What the calls of a lane need of it. */
export interface LaneOfCalls<Body> {
  readonly queue: LaneQueue<Body>;
  readonly breaker: CircuitBreaker;
  readonly retry: RetryPolicy;
  readonly random: () => number;
  readonly alongside: ((news: readonly SettledResults<Body>[]) => Alongside) | undefined;
  /** For sentences in the log. */
  name(): string;
  readonly report: (sentence: string) => void;
  /** Asks a store that does not work until it does; undefined when the lane has ended meanwhile. */
  insist<T>(work: () => Promise<T>): Promise<T | undefined>;
  /** So many records are not in flight any more. @param kept what was kept of them; undefined where nothing was */
  ended(
    count: number,
    kept:
      { readonly settled: readonly FinalRecord<Body>[]; readonly news: readonly SettledResults<Body>[] } | undefined,
  ): void;
  /** Starts what may start now. */
  dispatch(): void;
}

/** A call in flight. */
interface Call<Body> {
  readonly ticket: Ticket;
  readonly startedAt: number;
  /** What it has not settled yet: the id of the record that was sent, and the waiting records that it was made of. */
  readonly open: Map<number, readonly WaitingRecord<Body>[]>;
}

/** Makes the calls of a lane, and keeps what became of their records. */
export class Calls<Body> {
  constructor(private readonly lane: LaneOfCalls<Body>) {}

  /** One call from its start to its end. */
  async run(
    destination: Destination<Body>,
    records: readonly WaitingRecord<Body>[],
    signal: AbortSignal,
  ): Promise<void> {
    const call: Call<Body> = { ticket: this.lane.breaker.enter(), startedAt: Date.now(), open: groupsOf(records) };
    try {
      const groups = [...call.open.values()];
      if (destination.notesSending) await this.lane.insist(() => this.lane.queue.noteSending(groups, call.startedAt));
      signal.throwIfAborted();
      await this.deliver(call, destination, await this.merged(call, destination), signal);
      await this.conclude(call, retryOpen(call, "The delivery ended without a result for this record."));
    } catch (error) {
      await this.interrupted(call, error, signal);
    }
    this.lane.breaker.leave(call.ticket);
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
    if (refused) this.lane.breaker.refused(call.ticket, error.message, Date.now());
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
    this.lane.report(
      `${this.lane.name()}: a record failed and is kept among the failed ones; the others go on. ${outcome.reason}`,
    );
    return outcome;
  }

  private async settle({ startedAt, open }: Call<Body>, settlements: readonly Settlement[]): Promise<void> {
    const times = { startedAt, now: Date.now(), random: this.lane.random(), retry: this.lane.retry };
    await this.keepParts(verdictOf(settlements, open, times));
    this.lane.dispatch();
  }

  /** Keeps a verdict. A record that cannot be told (a mistake in the program) is found by halving: only it fails. */
  private async keepParts(verdict: Verdict<Body>): Promise<void> {
    const { final, postponed, unsent } = verdict;
    const records = [...final.map(({ original }) => original), ...postponed.flatMap((one) => one.records), ...unsent];
    if (records.length === 0) return;
    try {
      const news = await this.lane.insist(() => this.keep(verdict));
      this.lane.ended(records.length, news && { settled: final, news });
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
        this.lane.ended(records.length, undefined);
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
      await this.lane.queue.conclude({ settled, postponed, unsent }, (messages, isErased) => {
        news = settledResultsOf(
          final.filter(({ original }) => !isErased(original)),
          messages,
        );
        alongside = this.lane.alongside?.(news);
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
    if (!down || !("reason" in last)) return this.lane.breaker.answered(ticket);
    const keys = sent.flatMap(({ id }) => open.get(id)?.[0]?.key ?? []);
    this.lane.breaker.unreachable(ticket, keys, last.reason, now);
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

/** What an error says, as a sentence. */
export function sentenceOf(error: unknown): string {
  return error instanceof Error && error.message ? error.message : `Unexpected error: ${String(error)}`;
}
