import assert from "node:assert/strict";
import fc from "fast-check";
import { ConfigurationError, type Outcome } from "../../src/delivery/outcome";
import { delivered, down, LaneBench, refused, retry, ScriptedDestination } from "../support/lane-bench";

const later: Outcome = { status: "retry", reason: "Busy.", retryAfterMs: 90_000 };
/** What the destination does to one record in one call. */
const outcomes: Record<string, Outcome | "throw" | "pause"> = {
  delivered,
  failed: refused,
  retry,
  down,
  later,
  unsent: { status: "unsent" },
  throw: "throw",
  pause: "pause",
};

const story = fc.record({
  concurrency: fc.integer({ min: 1, max: 4 }),
  records: fc.integer({ min: 1, max: 5 }),
  merging: fc.boolean(),
  messages: fc.array(
    fc.record({
      pauseMs: fc.integer({ min: 0, max: 3_000 }),
      keys: fc.array(fc.constantFrom("a", "b", "c", "d", "e"), { minLength: 1, maxLength: 8 }),
    }),
    { minLength: 1, maxLength: 12 },
  ),
  outcomes: fc.array(fc.constantFrom(...Object.keys(outcomes)), { maxLength: 80 }),
  latencies: fc.array(fc.integer({ min: 0, max: 5_000 }), { minLength: 1, maxLength: 20 }),
  randoms: fc.array(fc.double({ min: 0, max: 1, noNaN: true }), { minLength: 1, maxLength: 10 }),
  redeployAfter: fc.option(fc.integer({ min: 0, max: 11 })),
});

describe("delivery: what a lane promises, whatever happens", () => {
  it("settles every accepted record exactly once, in order per key, never two calls for a key", async () => {
    await fc.assert(
      fc.asyncProperty(story, async (told) => {
        let drawn = 0;
        const bench = await LaneBench.start({
          concurrency: told.concurrency,
          random: () => told.randoms[drawn++ % told.randoms.length]!,
        });
        try {
          const script = [...told.outcomes];
          const inFlight = new Set<string>();
          /** Values in the order in which their final outcome was reached at the destination, per key. */
          const reached = new Map<string, string[]>();
          /** The first try of a record fixes what it is sent with. */
          const triedAs = new Map<string, string>();
          // Whatever the destination throws is only one more reason to try again: violations must leave another way.
          const violations: string[] = [];
          let calls = 0;
          bench.destination.batchLimits = { records: told.records, bytes: 10_000 };
          if (!told.merging) bench.destination.merge = undefined as never;
          bench.destination.deliver = async function* (batch) {
            for (const { key, body } of batch) {
              if (inFlight.has(key)) violations.push(`two calls in flight for ${key}`);
              inFlight.add(key);
              const tried = triedAs.get(`${key}${body.values[0]}`);
              if (tried !== undefined && body.values.join() !== tried) violations.push(`${tried} changed after a try`);
            }
            const left = new Set(batch.map(({ key }) => key));
            try {
              for (const [place, record] of batch.entries()) {
                const latency = told.latencies[calls++ % told.latencies.length]!;
                await new Promise((resolve) => setTimeout(resolve, latency));
                let outcome = outcomes[script.pop() ?? "delivered"]!;
                if (outcome === "throw") {
                  for (const { key, body } of batch.slice(place))
                    triedAs.set(`${key}${body.values[0]}`, body.values.join());
                  throw new Error("Something broke.");
                }
                if (outcome === "pause") throw new ConfigurationError("Wrong keys.");
                // A destination always settles something, so that a batch cannot go round for ever.
                if (outcome.status === "unsent" && place === 0) outcome = retry;
                const values = reached.get(record.key) ?? [];
                if (outcome.status === "retry")
                  triedAs.set(`${record.key}${record.body.values[0]}`, record.body.values.join());
                if (outcome.status === "delivered" || outcome.status === "failed") values.push(...record.body.values);
                reached.set(record.key, values);
                inFlight.delete(record.key);
                left.delete(record.key);
                yield [{ id: record.id, outcome }];
              }
            } finally {
              for (const key of left) inFlight.delete(key);
            }
          };
          const accepted = new Map<string, string[]>();
          let value = 0;
          for (const [place, { pauseMs, keys }] of told.messages.entries()) {
            const records = keys.map((key) => ({ key, value: String(value++) }));
            for (const record of records) accepted.set(record.key, [...(accepted.get(record.key) ?? []), record.value]);
            await bench.accept(...records.map(({ key, value }) => `${key}:${value}`));
            await bench.pass(pauseMs);
            if (told.redeployAfter === place) bench.lane.setDestination(bench.destination, told.concurrency);
          }
          await bench.pass(12 * 3_600_000);

          assert.deepEqual(violations, []);
          assert.equal(bench.queue.count(), 0, "nothing waits any more");
          assert.deepEqual(new Map([...reached].sort()), new Map([...accepted].sort()), "order per key");
          const settled = bench.news.flatMap(({ messageId, delivered, failed }) =>
            [...delivered, ...failed].map(({ index }) => `${messageId} ${index}`),
          );
          assert.equal(settled.length, value, "each settles once");
          assert.equal(new Set(settled).size, value);
          for (const { messageId, waiting } of bench.news.filter(({ settled, total }) => settled === total)) {
            assert.equal(waiting, 0, messageId);
          }
          assert.equal(bench.clock.countTimers(), 0, "an idle lane keeps no timer");
        } finally {
          await bench.end();
        }
      }),
      { numRuns: 300 },
    );
  });

  it("never ends in an unhandled rejection when the destination misbehaves", async () => {
    const wild = fc.constantFrom<unknown>(undefined, null, "text", 42, new Error(""), new ConfigurationError("No."));
    await fc.assert(
      fc.asyncProperty(fc.array(wild, { maxLength: 10 }), async (errors) => {
        const bench = await LaneBench.start();
        const rejected: unknown[] = [];
        const listener = (reason: unknown): number => rejected.push(reason);
        process.on("unhandledRejection", listener);
        try {
          const good = new ScriptedDestination();
          bench.destination.deliver = (batch, signal) => {
            if (errors.length > 0) throw errors.pop();
            return good.deliver(batch, signal);
          };
          await bench.accept("a:1", "b:2");
          await bench.pass(6 * 3_600_000);
          await new Promise((resolve) => setImmediate(resolve));
          assert.equal(bench.lane.state().delivered, 2);
          assert.deepEqual(rejected, []);
        } finally {
          process.off("unhandledRejection", listener);
          await bench.end();
        }
      }),
      { numRuns: 50 },
    );
  });
});
