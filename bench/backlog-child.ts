// A process of its own with the real store, inbox and outbox of a node, and a destination that takes everything at once: what
// is measured is the queue, not an API and not Node-RED. Driven over IPC by measuring-process.ts.
import { randomUUID } from "node:crypto";
import { Delivery } from "../src/delivery/delivery";
import type { Destination, LaneRecord, Settlement } from "../src/delivery/destination";
import { KeyValueStore } from "../src/store/key-value/key-value-store";
import { LevelStore } from "../src/store/level/level-store";
import type { Outbox } from "../src/delivery/outbox/outbox";
import type { JsonObject } from "../src/json";

const MESSAGE = 1_000;
const owner = { node: "bench", name: "bench", type: "bench" };

/** Says when it has been given as many records as it was asked for. */
class Drain implements Destination<JsonObject> {
  readonly batchLimits = { records: MESSAGE, bytes: 10_000_000 };
  private taken = 0;

  constructor(
    private readonly most: number,
    private readonly done: () => void,
  ) {}

  async *deliver(batch: readonly LaneRecord<JsonObject>[]): AsyncGenerator<Settlement[]> {
    await new Promise((resolve) => setImmediate(resolve));
    yield batch.map(({ id }) => ({ id, outcome: { status: "delivered", result: {} } }));
    this.taken += batch.length;
    if (this.taken >= this.most) this.done();
  }
}

let next = 0;
let outbox: Outbox<JsonObject>;

/** Takes records in as a delivery node does, one message of a thousand after the other. */
async function accept(count: number): Promise<void> {
  for (let left = count; left > 0; left -= MESSAGE) {
    const items = Array.from({ length: MESSAGE }, (_none, index) => {
      const key = `customer-${Date.now()}-${next++}@example.com`;
      const record = { registered: key, name: `Customer ${next}`, metadata: { segment: "VIP", loyalty_points: 120 } };
      const records = [{ key, body: { sourceId: key, hardId: "registered", record } }];
      return { text: JSON.stringify(record), place: String(index), isPart: false, records };
    });
    await outbox.accept({
      id: randomUUID(),
      properties: { topic: "customers" },
      receipts: [],
      items,
    });
  }
}

const calls = {
  /** Opens the store in this folder. Returns ms from the start of the process until webhooks are taken and the queue is there. */
  open: async (folder: string): Promise<number> => {
    const delivery = new Delivery(new KeyValueStore(LevelStore.open(folder)));
    outbox = await delivery.outbox<JsonObject>(owner);
    await delivery.usable(0);
    return performance.now();
  },
  /** Takes `count` records in. Returns ms. */
  fill: async (count: number): Promise<number> => {
    const started = performance.now();
    await accept(count);
    return performance.now() - started;
  },
  /** Takes `count` records in and delivers `count` of those that wait, both at once. Returns ms. */
  work: async (count: number): Promise<number> => {
    const started = performance.now();
    const delivered = new Promise<void>((resolve) => {
      const destination = new Drain(count, () => {
        outbox.configure(undefined);
        resolve();
      });
      const output = (): JsonObject => ({});
      outbox.configure({ destination, concurrency: 2, output, isFollowed: () => false });
    });
    await Promise.all([accept(count), delivered]);
    return performance.now() - started;
  },
};

/** What a process can be asked for; each returns what it measured. */
export type Calls = typeof calls;

process.on("message", ({ name, argument }: { name: keyof Calls; argument: never }) => {
  void calls[name](argument).then((result) => process.send!(result));
});
