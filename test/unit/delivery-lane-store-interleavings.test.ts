import assert from "node:assert/strict";
import fc from "fast-check";
import { StoreUnavailableError } from "../../src/store/durable-store";
import { LaneQueue } from "../../src/delivery/queue/lane-queue";
import type { Conclusion, WaitingRecord } from "../../src/delivery/queue/waiting-record";
import { KeyValueStore } from "../../src/store/key-value/key-value-store";
import type { MemoryEngine } from "../support/memory-durable-store";
import { ScheduledEngine } from "../support/scheduled-engine";

type Body = { readonly name: string };
const OWNER = { node: "node", name: "Node", type: "test" };
const RECORDS = { gte: "lane/node/record/", lt: "lane/node/record0" };
const PATIENCE = 20_000;

/** What may happen next: the store answers somebody, or somebody asks it for something. */
type Event =
  | { readonly kind: "answer"; readonly choice: number }
  | { readonly kind: "append"; readonly keys: readonly string[] }
  | { readonly kind: "take"; readonly most: number; readonly together: boolean }
  | { readonly kind: "conclude"; readonly choice: number; readonly fates: readonly number[] }
  | { readonly kind: "refuse" }
  | { readonly kind: "restart" };

const choice = fc.nat(7);
const event: fc.Arbitrary<Event> = fc.oneof(
  { weight: 12, arbitrary: fc.record({ kind: fc.constant("answer" as const), choice }) },
  {
    weight: 4,
    arbitrary: fc.record({
      kind: fc.constant("append" as const),
      keys: fc.array(fc.constantFrom("a", "b", "c"), { minLength: 1, maxLength: 3 }),
    }),
  },
  {
    weight: 4,
    arbitrary: fc.record({
      kind: fc.constant("take" as const),
      most: fc.integer({ min: 1, max: 4 }),
      together: fc.boolean(),
    }),
  },
  {
    weight: 4,
    arbitrary: fc.record({
      kind: fc.constant("conclude" as const),
      choice,
      fates: fc.array(fc.nat(3), { minLength: 1, maxLength: 4 }),
    }),
  },
  { weight: 1, arbitrary: fc.constant({ kind: "refuse" as const }) },
  { weight: 1, arbitrary: fc.constant({ kind: "restart" as const }) },
);

/** One queue over its lives: what was promised to callers, and what they hold. */
class Queue {
  private store: ScheduledEngine;
  private lane!: LaneQueue<Body>;
  private made = 0;
  private now = 1_000;
  private work = new Set<Promise<void>>();
  private lent: WaitingRecord<Body>[][] = [];
  /** Callers were told that these are kept. */
  private readonly accepted = new Set<string>();
  /** Somebody asked to settle these, and those of them of which it was told that they are settled. */
  private readonly settling = new Set<string>();
  private readonly settled = new Set<string>();

  constructor() {
    this.store = new ScheduledEngine();
  }

  async start(): Promise<void> {
    const opening = LaneQueue.open<Body>(new KeyValueStore(this.store), OWNER).then((lane) => void (this.lane = lane));
    await this.settle(opening);
    this.assertCount();
  }

  async happen(event: Event): Promise<void> {
    this.now += 10;
    if (event.kind === "answer") return void (this.store.pending > 0 && (await this.store.step(event.choice)));
    if (event.kind === "append") this.append(event.keys);
    if (event.kind === "take") this.take({ records: event.most, bytes: 10_000, together: event.together });
    if (event.kind === "conclude") this.conclude(event.choice, event.fates);
    if (event.kind === "refuse") this.store.refuseWrites();
    if (event.kind === "restart") {
      this.store = new ScheduledEngine(this.store.disk.crashedCopy());
      this.work.clear();
      this.lent = [];
      await this.start();
    }
  }

  /** Everybody is answered, then everything that waits is delivered. */
  async finish(): Promise<void> {
    await this.settle();
    this.assertCount();
    const delivered = new Set<string>();
    const deliver = async (records: readonly WaitingRecord<Body>[]): Promise<void> => {
      for (const { body } of records) delivered.add(body.name);
      await this.settle(this.lane.conclude({ settled: records, postponed: [], unsent: [] }).then(() => undefined));
    };
    for (const records of this.lent.splice(0)) await deliver(records);
    for (;;) {
      let records: readonly WaitingRecord<Body>[] = [];
      const taking = this.lane.lend({ records: 3, bytes: 10_000, together: true }, Infinity);
      await this.settle(taking.then((taken) => void (records = taken)));
      if (records.length === 0) break;
      await deliver(records);
    }
    for (const name of this.accepted)
      assert.ok(delivered.has(name) || this.settling.has(name), `${name} was accepted and never delivered`);
    for (const name of delivered) assert.ok(!this.settled.has(name), `${name} was settled before`);
    assert.equal(this.lane.count(), 0);
    assert.deepEqual(
      this.store.disk.keys().filter((key) => key.startsWith("lane/")),
      [],
      "nothing is left on disk",
    );
    assert.deepEqual(this.store.disk.losses, []);
  }

  private append(keys: readonly string[]): void {
    const records = keys.map((key) => ({ key, body: { name: `${key}${++this.made}` } }));
    const names = records.map(({ body }) => body.name);
    const appended = this.lane.append({ id: `m${this.made}`, envelope: {} }, records, this.now);
    this.follow(appended, () => names.forEach((name) => this.accepted.add(name)));
  }

  private take(limits: { records: number; bytes: number; together: boolean }): void {
    const { lane } = this;
    this.follow(lane.lend(limits, this.now), (records) => {
      if (records.length > 0) this.lent.push([...records]);
    });
  }

  /** Each key's records have one fate. */
  private conclude(which: number, fates: readonly number[]): void {
    const [records] = this.lent.length > 0 ? this.lent.splice(which % this.lent.length, 1) : [];
    if (!records) return;
    const fate = (key: string): number => fates[key.charCodeAt(0) % fates.length]!;
    const settled = records.filter(({ key }) => fate(key) <= 1);
    const unsent = records.filter(({ key }) => fate(key) === 2);
    const again = records.filter(({ key }) => fate(key) === 3);
    const postponed = [...new Set(again.map(({ key }) => key))].map((key) => ({
      records: again.filter((record) => record.key === key),
      triedAt: this.now,
      dueAt: this.now + 30,
      pauseMs: 30,
    }));
    const names = settled.map(({ body }) => body.name);
    for (const name of names) this.settling.add(name);
    this.concludeUntilWritten({ settled, postponed, unsent }, names);
  }

  /** As a lane does: asks again for the same when the store refused. */
  private concludeUntilWritten(conclusion: Conclusion<Body>, names: readonly string[]): void {
    this.follow(
      this.lane.conclude(conclusion),
      () => names.forEach((name) => this.settled.add(name)),
      () => this.concludeUntilWritten(conclusion, names),
    );
  }

  private follow<T>(promise: Promise<T>, then: (value: T) => void, refused: () => void = () => undefined): void {
    const { store } = this;
    // A life that has ended hears of nothing any more.
    const isAlive = (): boolean => store === this.store;
    const work: Promise<void> = promise
      .then(
        (value) => isAlive() && then(value),
        (error: unknown) => {
          if (!(error instanceof StoreUnavailableError)) throw error;
          if (isAlive()) refused();
        },
      )
      .then(() => void this.work.delete(work));
    this.work.add(work);
  }

  /** Lets everything happen that can, until nobody waits. */
  private async settle(also?: Promise<void>): Promise<void> {
    let waits = also !== undefined;
    const done = also?.then(() => void (waits = false));
    for (let step = 0; waits || this.work.size > 0; step++) {
      assert.ok(step < PATIENCE, "somebody waits for ever");
      if (this.store.pending > 0) await this.store.step(0);
      else await new Promise((resolve) => setImmediate(resolve));
    }
    await done;
  }

  private assertCount(): void {
    assert.equal(this.lane.count(), recordsOn(this.store.disk), "counted is what is there");
  }
}

function recordsOn(disk: MemoryEngine): number {
  return disk.keys().filter((key) => key >= RECORDS.gte && key < RECORDS.lt).length;
}

describe("delivery: the queue of a node, whatever happens in whatever order", () => {
  it("delivers what it kept, keeps nothing else, and counts what is there", async function () {
    this.timeout(60_000);
    await fc.assert(
      fc.asyncProperty(fc.array(event, { minLength: 5, maxLength: 60 }), async (events) => {
        const queue = new Queue();
        await queue.start();
        for (const each of events) await queue.happen(each);
        await queue.finish();
      }),
      { numRuns: 1_000 },
    );
  });
});
