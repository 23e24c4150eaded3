import { type Clock, install } from "@sinonjs/fake-timers";
import type { Destination, LaneRecord, Settlement } from "../../src/delivery/destination";
import { Lane, type LaneOptions, type SettledResults } from "../../src/delivery/outbox/lane";
import type { LaneState } from "../../src/delivery/outbox/lane-state";
import { LaneQueue } from "../../src/delivery/queue/lane-queue";
import type { Outcome } from "../../src/delivery/outcome";
import { MemoryDurableStore } from "./memory-durable-store";

export type Body = { readonly values: readonly string[] };
export interface LoggedCall {
  readonly at: number;
  readonly records: readonly { readonly key: string; readonly values: readonly string[] }[];
}

export const delivered: Outcome = { status: "delivered", result: {} };
export const retry: Outcome = { status: "retry", reason: "Busy." };
export const down: Outcome = { status: "retry", reason: "No answer.", unreachable: true };
export const refused: Outcome = { status: "failed", reason: "Bad value.", key: "invalid_payload" };

/** Delivers as the test says; `answer` may be changed at any time, it counts when a call ends. */
export class ScriptedDestination implements Destination<Body> {
  batchLimits = { records: 1_000, bytes: 1_000_000 };
  readonly calls: LoggedCall[] = [];
  latencyMs = 10;
  inFlight = new Set<string>();
  mostInFlight = 0;
  answer: (record: LaneRecord<Body>, call: number) => Outcome = () => delivered;

  /** Set to undefined where records must stay apart. */
  merge = ScriptedDestination.merge;

  static merge(this: void, earlier: Body, later: Body): Body {
    return { values: [...earlier.values, ...later.values] };
  }

  async *deliver(batch: readonly LaneRecord<Body>[], signal: AbortSignal): AsyncGenerator<Settlement[]> {
    const call = this.calls.length;
    this.calls.push({ at: Date.now(), records: batch.map(({ key, body }) => ({ key, values: body.values })) });
    for (const { key } of batch) {
      if (this.inFlight.has(key)) throw new Error(`two calls in flight for ${key}`);
      this.inFlight.add(key);
    }
    this.mostInFlight = Math.max(this.mostInFlight, this.inFlight.size);
    try {
      await new Promise<void>((resolve) => {
        setTimeout(resolve, this.latencyMs);
        signal.addEventListener("abort", () => resolve());
      });
      signal.throwIfAborted();
      const settlements = batch.map((record) => ({ id: record.id, outcome: this.answer(record, call) }));
      for (const { key } of batch) this.inFlight.delete(key);
      yield settlements;
    } finally {
      for (const { key } of batch) this.inFlight.delete(key);
    }
  }

  /** Every value that was sent, call by call. */
  get sent(): string[][] {
    return this.calls.map(({ records }) => records.flatMap(({ values }) => values));
  }
}

/** A lane on fake time that writes down everything it tells. */
export class LaneBench {
  readonly destination = new ScriptedDestination();
  readonly news: SettledResults<Body>[] = [];
  readonly states: LaneState[] = [];
  /** Mistakes in the program, as an administrator reads them. */
  readonly reports: string[] = [];
  readonly lane: Lane<Body>;
  private messages = 0;

  private constructor(
    readonly clock: Clock,
    readonly disk: MemoryDurableStore,
    readonly queue: LaneQueue<Body>,
    options: Partial<LaneOptions<Body>>,
  ) {
    this.lane = new Lane<Body>({
      queue,
      destination: this.destination,
      concurrency: 1,
      random: () => 1,
      report: (sentence) => this.reports.push(sentence),
      ...options,
    });
    this.lane.onSettled((news) => this.news.push(news));
    this.lane.onState((state) => this.states.push(state));
  }

  /** @param disk what an earlier life left */
  static async start(
    options: Partial<LaneOptions<Body>> = {},
    disk = new MemoryDurableStore(),
    now = 1_700_000_000_000,
  ): Promise<LaneBench> {
    const clock = install({ now, toFake: ["setTimeout", "clearTimeout", "Date"] });
    const queue = await LaneQueue.open<Body>(disk, { node: "node", name: "Node", type: "test" });
    return new LaneBench(clock, disk, queue, options);
  }

  /** Accepts one message of records "key:value". */
  async accept(...records: string[]): Promise<string> {
    const id = `message ${++this.messages}`;
    await this.lane.accept({
      id,
      envelope: { topic: id },
      records: records.map((record) => {
        const [key = "", value = ""] = record.split(":");
        return { key, body: { values: [value] } };
      }),
    });
    return id;
  }

  async pass(ms: number): Promise<void> {
    await this.clock.tickAsync(ms);
  }

  async end(): Promise<void> {
    const stopped = this.lane.end();
    await this.clock.tickAsync(0);
    await stopped;
    this.clock.uninstall();
  }
}
