import assert from "node:assert/strict";
import fc from "fast-check";
import { Lane, type SettledResults } from "../../src/delivery/outbox/lane";
import { LaneQueue } from "../../src/delivery/queue/lane-queue";
import { ConfigurationError, type Outcome } from "../../src/delivery/outcome";
import { EventLessons } from "../../src/destinations/voucherify/event-lessons";
import type { Repeat } from "../../src/destinations/lost-answers";
import type { CustomEvent } from "../../src/destinations/custom-event";
import { VoucherifyEvents } from "../../src/destinations/voucherify/voucherify-events";
import { type HttpAnswer, sendHttp, TransportError } from "../../src/http/http-client";
import { type Faults, Simulator } from "../../src/simulator";
import { VoucherifyApi } from "../../src/voucherify/voucherify-api";
import { MemoryDurableStore } from "../support/memory-durable-store";
import { answer, apiError } from "../support/scripted-voucherify";
import { waitFor } from "../support/wait-for";
import { TEST_KEYS } from "../support/flows";

const eventOf = (sourceId: string, metadata = {}): CustomEvent => ({
  sourceId,
  event: "review_left",
  body: JSON.stringify({ event: "review_left", customer: { source_id: sourceId }, metadata }),
});
interface Call {
  repeat: Repeat;
  lostAnswers: number;
  signal: AbortSignal;
}
const NEVER = new AbortController().signal;
const REPEATS = ["at-least-once", "at-most-once"] as const;

describe("destinations: custom events to Voucherify", () => {
  describe("one call", () => {
    let bodies: string[];
    beforeEach(() => (bodies = []));

    const outcomeOf = async (
      respond: () => HttpAnswer,
      { repeat = "at-least-once", lostAnswers = 0, signal = NEVER }: Partial<Call> = {},
    ): Promise<Outcome> => {
      const trackEvent = (body: string): Promise<HttpAnswer> => {
        bodies.push(body);
        return new Promise((resolve) => resolve(respond()));
      };
      const destination = new VoucherifyEvents({ api: { trackEvent }, repeat, lessons: new EventLessons() });
      const record = { id: 7, key: "ann", body: eventOf("ann"), ...(lostAnswers > 0 && { lostAnswers }) };
      for await (const [settlement] of destination.deliver([record], signal)) {
        assert.equal(settlement!.id, 7);
        return settlement!.outcome;
      }
      assert.fail("nothing was settled");
    };
    const noAnswer = (kind: TransportError["kind"], unsent: boolean) => (): never => {
      throw new TransportError(kind, "voucherify.test did not answer within 30 s.", unsent);
    };

    it("sends the exact bytes, and tells Voucherify's id of the customer", async () => {
      const ok = answer(200, { object: "event", type: "review_left", customer: { id: "cust_1", source_id: "ann" } });
      assert.deepEqual(await outcomeOf(() => ok), {
        status: "delivered",
        result: { source_id: "ann", event: "review_left", id: "cust_1" },
      });
      assert.deepEqual(bodies, [eventOf("ann").body]);
    });

    it("is delivered without a customer in the answer", async () => {
      const outcome = await outcomeOf(() => answer(200, { object: "event" }));
      assert.deepEqual(outcome, { status: "delivered", result: { source_id: "ann", event: "review_left" } });
    });

    for (const [name, refusal, key] of [
      ["a wrong payload", apiError(400, "invalid_payload"), "invalid_payload"],
      ["metadata that does not fit", apiError(400, "metadata_validation_failed"), "metadata_validation_failed"],
      ["an unknown card", apiError(404, "not_found"), "not_found"],
    ] as const)
      it(`fails with Voucherify's reason: ${name}`, async () => {
        const outcome = await outcomeOf(() => refusal);
        assert.ok(outcome.status === "failed");
        assert.deepEqual([outcome.key, outcome.answer?.statusCode], [key, refusal.status]);
      });

    for (const [name, refusal, remedy] of [
      ["wrong keys", answer(401, { code: 401 }), /Application ID/],
      ["a missing permission", answer(403, { code: 403 }), /permission "events"/],
      ["a wrong address", answer(404, { statusCode: 404, error: "Not Found" }), /API base URL/],
      ["a redirect", answer(301), /API base URL/],
      ["the billing cycle is used up", answer(429, {}, { "x-rate-limit-type": "api_calls_cycle" }), /billing cycle/],
    ] as const)
      it(`pauses: ${name}`, async () => {
        await assert.rejects(
          outcomeOf(() => refusal),
          (error) => error instanceof ConfigurationError && remedy.test(error.message),
        );
      });

    const lost: Record<string, () => HttpAnswer> = {
      "time-out": noAnswer("timeout", false),
      "connection cut": noAnswer("network", false),
      "given up while Node-RED stopped": noAnswer("aborted", false),
      "500": () => answer(500),
      "an answer that only a cache in between knows": () => answer(524),
      "a page instead of an answer": () => ({ status: 200, headers: {}, text: "<html>", json: undefined }),
    };
    for (const [name, respond] of Object.entries(lost)) {
      it(`a lost answer is repeated three times within 15 minutes, then it fails: ${name}`, async () => {
        let waits = 0;
        for (const lostAnswers of [0, 1, 2]) {
          const outcome = await outcomeOf(respond, { lostAnswers });
          assert.deepEqual(outcome.status === "retry" && [outcome.lost, outcome.unreachable], [true, true]);
          waits += (outcome.status === "retry" && outcome.retryAfterMs) || 0;
        }
        assert.equal(waits, 15 * 60_000);
        const last = await outcomeOf(respond, { lostAnswers: 3 });
        assert.ok(last.status === "failed");
        assert.deepEqual([last.key, last.unreachable, bodies.length], ["unknown_outcome", true, 4]);
        assert.match(last.reason, /^Nobody knows .*: it may have arrived\. .*It was sent 4 times: look in Voucherify/);
      });

      it(`a lost answer is never repeated at most once: ${name}`, async () => {
        const outcome = await outcomeOf(respond, { repeat: "at-most-once" });
        assert.ok(outcome.status === "failed");
        assert.deepEqual([outcome.key, outcome.unreachable], ["unknown_outcome", true]);
        assert.match(outcome.reason, /It was not sent again, because it could count twice: look .* replay/);
      });
    }

    const unsent: Record<string, () => HttpAnswer> = {
      "refused connection": noAnswer("network", true),
      "no connection in time": noAnswer("timeout", true),
      "429": () => answer(429, { code: 429 }, { "retry-after": "7" }),
      "502": () => answer(502),
      "503": () => answer(503),
      "504": () => answer(504),
      "408": () => answer(408),
    };
    for (const [name, respond] of Object.entries(unsent))
      for (const repeat of REPEATS)
        it(`what Voucherify has not taken is tried on, ${repeat}: ${name}`, async () => {
          for (const lostAnswers of repeat === "at-most-once" ? [0] : [0, 1, 4]) {
            const outcome = await outcomeOf(respond, { repeat, lostAnswers });
            assert.ok(outcome.status === "retry");
            assert.equal(outcome.lost, undefined);
            assert.equal(/may have arrived/.test(outcome.reason), lostAnswers > 0);
            // Told as seconds from now, and read as a moment: a millisecond may have passed.
            if (name === "429") assert.equal(Math.ceil((outcome.retryAfterMs ?? 0) / 1_000), 7);
          }
        });

    it("at most once sends nothing that was being sent when Node-RED ended", async () => {
      const outcome = await outcomeOf(() => answer(200, {}), { repeat: "at-most-once", lostAnswers: 1 });
      assert.ok(outcome.status === "failed");
      assert.match(outcome.reason, /Node-RED ended while it was being sent/);
      assert.equal(bodies.length, 0);
    });

    it("begins nothing once it is to stop", async () => {
      await assert.rejects(outcomeOf(() => answer(200, {}), { signal: AbortSignal.abort() }));
      assert.equal(bodies.length, 0);
    });
  });

  describe("with a lane and the simulator", () => {
    let simulator: Simulator;
    let lanes: Lane<CustomEvent>[];
    before(async () => {
      simulator = await Simulator.start({ keys: TEST_KEYS, rateLimit: { limit: 100_000, periodMs: 60_000 } });
    });
    after(() => simulator.stop());
    beforeEach(() => {
      simulator.reset();
      lanes = [];
    });
    afterEach(() => Promise.all(lanes.map((lane) => lane.end())));

    type News = SettledResults<CustomEvent>[];
    const apiAt = (apiUrl: string, timeoutMs = 10_000): VoucherifyApi =>
      new VoucherifyApi({ apiUrl, keys: TEST_KEYS, send: sendHttp, timeoutMs });

    /** Gives up soon only where answers hang: else a busy machine would lose answers that no fault has lost. */
    const apiFor = ({ rateHang = 0 }: Partial<Faults>): VoucherifyApi =>
      apiAt(simulator.url, rateHang > 0 ? 1_000 : 10_000);

    /** A life of a queue: what takes minutes elsewhere takes milliseconds, unless `retry` says otherwise. */
    const start = async (
      repeat: Repeat,
      { disk = new MemoryDurableStore(), api = apiAt(simulator.url), retry = FAST, news = [] as News } = {},
    ) => {
      const lane = new Lane<CustomEvent>({
        queue: await LaneQueue.open(disk, { node: "node", name: "Node", type: "test" }),
        destination: new VoucherifyEvents({ api, repeat, lessons: new EventLessons(), repeatPausesMs: [5, 10, 15] }),
        concurrency: 4,
        retry,
      });
      lanes.push(lane);
      lane.onSettled((one) => news.push(one));
      const send = (count: number) =>
        lane.accept({
          id: "message",
          envelope: {},
          records: Array.from({ length: count }, (_, n) => ({ key: `c${n % 10}`, body: eventOf(`c${n % 10}`, { n }) })),
        });
      const settled = async () => {
        await waitFor("all events to be settled", () => lane.state().waiting === 0);
        return resultsOf(news);
      };
      return { lane, disk, send, settled };
    };
    const FAST = { firstMs: 5, capMs: 20, giveUpAfterMs: 60_000 };
    const resultsOf = (news: News) => ({
      delivered: news.flatMap((one) => one.delivered.map(({ index }) => index)),
      failed: news.flatMap((one) => one.failed.map(({ index }) => index)),
      keys: new Set(news.flatMap((one) => one.failed.map(({ outcome }) => outcome.key))),
    });
    /** How often each event arrived. */
    const arrived = (): Map<number, number> => {
      const counts = new Map<number, number>();
      for (const { metadata } of simulator.events.events) {
        const n = metadata.n as number;
        counts.set(n, (counts.get(n) ?? 0) + 1);
      }
      return counts;
    };

    it("delivers each event once, in order for each customer, one call for each", async () => {
      const { send, settled } = await start("at-least-once");
      await send(60);
      const { delivered, failed } = await settled();
      assert.deepEqual([delivered.length, failed.length, simulator.log.length], [60, 0, 60]);
      for (let customer = 0; customer < 10; customer++)
        assert.deepEqual(
          simulator.events.events.filter((one) => one.customer === `c${customer}`).map(({ metadata }) => metadata.n),
          [0, 1, 2, 3, 4, 5].map((round) => round * 10 + customer),
        );
    });

    for (const [name, faults] of [
      ["429", { rate429: 0.5, times: 6 }],
      ["refused connections", undefined],
    ] as [string, Omit<Faults, "seed"> | undefined][])
      for (const repeat of REPEATS)
        it(`loses and doubles nothing, ${repeat}: ${name}`, async () => {
          const { lane, send, settled } = await start(repeat, faults ? {} : { api: apiAt("http://127.0.0.1:1") });
          if (faults) simulator.setFaults({ seed: 3, ...faults });
          await send(20);
          if (!faults) {
            await waitFor("a refused connection", () => lane.state().retryingUntil);
            lane.setDestination(
              new VoucherifyEvents({ api: apiAt(simulator.url), repeat, lessons: new EventLessons() }),
            );
          }
          const { delivered, failed } = await settled();
          assert.deepEqual([delivered.length, failed.length], [20, 0]);
          assert.deepEqual([...arrived().values()], Array(20).fill(1));
        });

    for (const [name, faults] of [
      ["reset", { rateReset: 0.3 }],
      ["done, then cut", { rateLost: 0.3 }],
      ["hang", { rateHang: 0.15 }],
      ["500", { rate500: 0.3 }],
      ["garbage", { rateGarbage: 0.3 }],
      ["all of them", { rateReset: 0.1, rateLost: 0.1, rateHang: 0.05, rate500: 0.1, rateGarbage: 0.1 }],
    ] as [string, Omit<Faults, "seed">][]) {
      it(`at most once doubles nothing, and names what may be missing: ${name}`, async () => {
        const { send, settled } = await start("at-most-once", { api: apiFor(faults) });
        simulator.setFaults({ seed: 5, ...faults });
        await send(40);
        const { delivered, failed, keys } = await settled();
        const counts = arrived();
        assert.ok([...counts.values()].every((count) => count === 1));
        assert.ok(delivered.every((n) => counts.get(n) === 1));
        assert.deepEqual([...keys], ["unknown_outcome"]);
        assert.equal(delivered.length + failed.length, 40);
        const disturbed = simulator.log.filter(({ fault }) => fault && fault !== "429").length;
        assert.equal(failed.length, disturbed);
      });

      it(`at least once sends no event more than four times, and loses none unnamed: ${name}`, async () => {
        const { send, settled } = await start("at-least-once", { api: apiFor(faults) });
        simulator.setFaults({ seed: 5, ...faults });
        await send(40);
        const { delivered, failed, keys } = await settled();
        const counts = arrived();
        assert.ok([...counts.values()].every((count) => count <= 4));
        assert.ok(delivered.every((n) => (counts.get(n) ?? 0) >= 1));
        assert.ok([...keys].every((key) => key === "unknown_outcome"));
        assert.equal(delivered.length + failed.length, 40);
        const unanswered = new Map<string, number>();
        for (const { fault, bodyText } of simulator.log)
          if (fault && fault !== "429") unanswered.set(bodyText!, (unanswered.get(bodyText!) ?? 0) + 1);
        assert.equal(failed.length, [...unanswered.values()].filter((count) => count === 4).length);
        assert.ok(unanswered.size > failed.length);
      });
    }

    for (const repeat of REPEATS)
      it(`keeps its promise through crashes at random moments, ${repeat}`, async () => {
        await fc.assert(
          fc.asyncProperty(fc.array(fc.nat(14), { maxLength: 3 }), async (moments) => {
            simulator.reset();
            const news: News = [];
            let life = await start(repeat, { news });
            await life.send(15);
            for (const moment of moments) {
              await waitFor("so many requests", () => simulator.log.length >= moment);
              const disk = life.disk.crashedCopy();
              // Nothing of what this life still does is written: it is dead.
              life.disk.failWrites = Infinity;
              await life.lane.end();
              life = await start(repeat, { disk, news });
            }
            const { failed } = await life.settled();
            const counts = arrived();
            if (repeat === "at-least-once") assert.deepEqual([counts.size, failed.length], [15, 0]);
            else assert.ok([...counts.values()].every((count) => count === 1));
            for (let n = 0; n < 15; n++) assert.ok(counts.has(n) || failed.includes(n), `event ${n} is missing`);
          }),
          { numRuns: 15 },
        );
      });

    it("finishes what is in flight when it stops: nothing is lost or doubled by a restart", async () => {
      const news: News = [];
      const { lane, disk, send } = await start("at-most-once", { news });
      await send(30);
      await waitFor("the first request", () => simulator.log.length > 0);
      await lane.stop();
      const { delivered } = await (await start("at-most-once", { disk, news })).settled();
      assert.equal(delivered.length, 30);
      assert.deepEqual([...arrived().values()], Array(30).fill(1));
    });

    it("does not use up the queue while Voucherify is down", async () => {
      const { lane, send } = await start("at-most-once", { retry: { ...FAST, firstMs: 600_000, capMs: 600_000 } });
      simulator.setFaults({ seed: 1, rate500: 1 });
      await send(50);
      await waitFor("the queue to rest", () => lane.state().retryingUntil && lane.state().inFlight === 0);
      // The three that show that it is down, and what was in flight beside them.
      assert.ok(lane.state().failed <= 7, `${lane.state().failed} failed`);
      assert.ok(lane.state().waiting >= 43);
    });
  });
});
