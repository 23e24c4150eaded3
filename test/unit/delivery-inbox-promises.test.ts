import assert from "node:assert/strict";
import fc from "fast-check";
import FakeTimers, { type Clock } from "@sinonjs/fake-timers";
import { Inbox } from "../../src/delivery/inbox/inbox";
import type { InboxEntry } from "../../src/store/inbox-store";
import type { IncomingRecord } from "../../src/store/take-mark";
import { del, MemoryDurableStore, put } from "../support/memory-durable-store";

const NODES = ["first", "second", "chained"];

/** A message in the flow. */
interface Message {
  readonly receipts: readonly string[];
  readonly records: readonly string[];
  /** Its place in the list that it was split from. */
  readonly part?: number;
}

type Step = () => void | Promise<void>;

const story = fc.record({
  /** Records of each webhook. */
  webhooks: fc.array(fc.integer({ min: 1, max: 4 }), { minLength: 1, maxLength: 5 }),
  /** What stands before the delivery nodes. */
  shape: fc.constantFrom("whole", "split", "join", "split and join"),
  /** Webhooks bring equal records; a join that gathers others each time could not tell them apart. */
  twins: fc.boolean(),
  /** Which of the things that can happen next does. */
  choices: fc.array(fc.nat(1_000), { minLength: 1, maxLength: 60 }),
  /** After how many steps each life of the flows ends, and how. */
  ends: fc.array(fc.record({ steps: fc.nat(60), how: fc.constantFrom("crash", "deploy") }), { maxLength: 5 }),
  failingSteps: fc.array(fc.nat(80), { maxLength: 4 }),
  replayAtOnce: fc.integer({ min: 1, max: 10 }),
});

type Told = typeof story extends fc.Arbitrary<infer Value> ? Value : never;

/**
 * Plays a flow: a webhook is split or joined, then goes to two delivery nodes; what the first one has delivered goes on to a
 * third. Whatever can happen is a step of its own, and the story says which comes next: messages overtake each other, a
 * write is on disk before its caller knows it, and a crash or a deploy comes between any two steps.
 */
class Play {
  store = new MemoryDurableStore();
  private inbox = new Inbox(this.store);
  private steps: Step[] = [];
  /** Steps of the process, which a deploy does not end. */
  private readonly ofProcess = new WeakSet<Step>();
  /** Steps of those who send webhooks, which nothing ends. */
  private readonly ofSender = new WeakSet<Step>();
  /** Messages that a join has, until the next one comes. */
  private joining: Message[] = [];
  private replaying: Promise<void> | undefined;
  private chosen = 0;
  private played = 0;
  private takes = 0;

  constructor(
    private readonly told: Told,
    private readonly clock: Clock,
  ) {}

  async run(): Promise<void> {
    await this.start();
    for (const [webhook, count] of this.told.webhooks.entries()) this.send(webhook, count);
    for (const { steps, how } of this.told.ends) {
      for (let step = 0; step < steps && this.steps.length > 0; step++) await this.playOne();
      if (how === "crash") await this.crash();
      else await this.deploy();
    }
    await this.playAll();
    // Flows start once more: nothing is taken again.
    await this.deploy();
    await this.playAll();
  }

  /** Every record, as often as the node took it. */
  async taken(node: string): Promise<string[]> {
    const found = await this.store.engine.read({ gte: `log/${node}/`, lt: `log/${node}0` });
    return found.map(([, record]) => record as string);
  }

  private async playAll(): Promise<void> {
    for (;;) {
      while (this.steps.length > 0) await this.playOne();
      // A join that waits too long goes on with what it has; a replay goes on when enough was taken, or after a time.
      if (this.joining.length > 0) this.join();
      else if (this.replaying) await this.clock.tickAsync(10_000);
      else return;
    }
  }

  private async playOne(): Promise<void> {
    const choice = this.told.choices[this.chosen++ % this.told.choices.length]!;
    const [step] = this.steps.splice(choice % this.steps.length, 1);
    if (this.told.failingSteps.includes(this.played++)) this.store.failWrites = 1;
    await step!();
    this.store.failWrites = 0;
    await this.clock.tickAsync(0);
  }

  /** Only what is on disk is left; callers that have not heard of it yet are gone. */
  private async crash(): Promise<void> {
    this.inbox.close();
    this.store = this.store.crashedCopy();
    this.inbox = new Inbox(this.store, { replayAtOnce: this.told.replayAtOnce });
    this.steps = this.steps.filter((step) => this.ofSender.has(step));
    await this.start();
  }

  /** Messages in the flow are gone, but what the process has begun ends. */
  private async deploy(): Promise<void> {
    this.inbox.running(false);
    this.steps = this.steps.filter((step) => this.ofSender.has(step) || this.ofProcess.has(step));
    await this.startFlows();
  }

  private async start(): Promise<void> {
    await this.inbox.open();
    await this.resumeLane();
    await this.startFlows();
  }

  private async startFlows(): Promise<void> {
    this.joining = [];
    this.inbox.running(true);
    const replaying = this.inbox.replay((entry) => this.emit(entry));
    this.replaying = replaying;
    void replaying.then(() => {
      if (this.replaying === replaying) this.replaying = undefined;
    });
    await this.clock.tickAsync(0);
  }

  private send(webhook: number, count: number): void {
    const step = (): Promise<void> => this.receive(webhook, count);
    this.ofSender.add(step);
    this.steps.push(step);
  }

  private byProcess(step: Step): void {
    this.ofProcess.add(step);
    this.steps.push(step);
  }

  private async receive(webhook: number, count: number): Promise<void> {
    const message = { records: recordsOf(this.told, webhook, count) };
    const entry = { node: "in", receivedAt: Date.now(), message };
    const { receipt, changes, kept } = this.inbox.prepare(entry);
    try {
      await this.store.write(changes);
    } catch {
      return this.send(webhook, count);
    }
    this.byProcess(() => {
      kept();
      this.emit({ receipt, ...entry });
    });
  }

  private emit({ receipt, node, message }: InboxEntry): boolean {
    const all: Message = { receipts: [receipt], records: message.records as string[] };
    if (node === "first") return this.steps.push(() => this.take("chained", all)) > 0;
    const { shape } = this.told;
    const parts = shape.startsWith("split")
      ? all.records.map((record, part) => ({ ...all, records: [record], part }))
      : [all];
    for (const part of parts)
      this.steps.push(() => {
        if (!shape.endsWith("join")) return this.fanOut(part);
        this.joining.push(part);
        if (this.joining.length === 2) this.join();
      });
    return true;
  }

  private join(): void {
    const joined = this.joining.splice(0);
    this.fanOut({
      receipts: joined.flatMap(({ receipts }) => receipts),
      records: joined.flatMap(({ records }) => records),
    });
  }

  private fanOut(message: Message): void {
    for (const node of ["first", "second"]) this.steps.push(() => this.take(node, message));
  }

  /** A delivery node takes a message; the log is what the test reads afterwards. */
  private async take(node: string, message: Message): Promise<void> {
    const taking = await this.inbox.take(message.receipts, node, incoming(message));
    const records = taking.fresh.map((place) => message.records[place]!);
    if (records.length === 0) return taking.done();
    const lane = `lane/${node}/${this.takes}`;
    const logged = records.map((record) => put(`log/${node}/${this.takes++}`, record));
    try {
      await this.store.write([...taking.changes, ...logged, put(lane, records)]);
    } catch {
      return this.byProcess(() => {
        taking.release();
        this.byProcess(() => this.take(node, message));
      });
    }
    this.byProcess(() => {
      taking.done();
      if (node === "first") this.byProcess(() => this.settle(lane, records));
    });
  }

  /** One write: the records leave the queue, and the output becomes a new entry. */
  private async settle(lane: string, records: string[]): Promise<void> {
    const output = { node: "first", receivedAt: Date.now(), message: { records } };
    const { receipt, changes, kept } = this.inbox.prepare(output);
    try {
      await this.store.write([del(lane), ...changes]);
    } catch {
      return this.byProcess(() => this.settle(lane, records));
    }
    this.byProcess(() => {
      kept();
      this.emit({ receipt, ...output });
    });
  }

  /** What the last life had taken and not delivered. */
  private async resumeLane(): Promise<void> {
    const waiting = await this.store.engine.read({ gte: "lane/first/", lt: "lane/first0" });
    for (const [lane, records] of waiting) this.byProcess(() => this.settle(lane, records as string[]));
  }
}

function recordsOf({ twins, shape }: Told, webhook: number, count: number): string[] {
  const share = twins && !shape.endsWith("join") ? 2 : 1;
  return Array.from({ length: count }, (_, index) => `${webhook}.${Math.floor(index / share)}`);
}

function incoming({ records, part }: Message): IncomingRecord[] {
  return records.map((text, index) => ({ text, place: String(part ?? index), isPart: part !== undefined }));
}

describe("inbox: what it promises, whatever happens", () => {
  it("each delivery node takes every record exactly once, and nothing stays behind", async () => {
    await fc.assert(
      fc.asyncProperty(story, async (told) => {
        const clock = FakeTimers.install({ now: 1_700_000_000_000 });
        try {
          const play = new Play(told, clock);
          await play.run();
          const all = told.webhooks.flatMap((count, webhook) => recordsOf(told, webhook, count)).sort();
          for (const node of NODES) assert.deepEqual((await play.taken(node)).sort(), all, node);
          await clock.tickAsync(20_000);
          assert.deepEqual(
            play.store.keys().filter((key) => !key.startsWith("log/") && !key.startsWith("lane/")),
            [],
          );
        } finally {
          clock.uninstall();
        }
      }),
      { numRuns: 1000 },
    );
  });
});
