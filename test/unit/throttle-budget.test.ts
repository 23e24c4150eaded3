import assert from "node:assert/strict";
import FakeTimers from "@sinonjs/fake-timers";
import fc from "fast-check";
import type { BudgetSettings } from "../../src/throttle/account-limits";
import { RequestBudget, type RunOptions } from "../../src/throttle/request-budget";
import { mostInAnyWindow } from "../support/sliding-window";

const MINUTE = 60_000;
const HOUR = 60 * MINUTE;
const SETTINGS: BudgetSettings = { requests: 100, periodMs: MINUTE, share: 0.7, concurrency: 5, raisable: true };

interface Latency {
  /** ms until the server sees the request, and from there until its answer arrives. */
  readonly up: number;
  readonly down: number;
}

/** The other end: notes when requests reach it. Its clock runs on while the client stalls. */
class Server {
  readonly arrivals: { at: number; name: string }[] = [];
  queued = 0;
  /** Requests that nobody waits for, at one time. */
  mostQueued = 0;

  async request(name: string, { up, down }: Latency = { up: 5, down: 5 }, answer?: () => void): Promise<string> {
    this.arrivals.push({ at: performance.now() + up, name });
    if (!name.startsWith("urgent")) this.mostQueued = Math.max(this.mostQueued, ++this.queued);
    await new Promise((resolve) => setTimeout(resolve, up + down));
    if (!name.startsWith("urgent")) this.queued--;
    answer?.();
    return name;
  }

  times(name = ""): number[] {
    return this.arrivals.filter((arrival) => arrival.name.startsWith(name)).map(({ at }) => at);
  }
}

describe("RequestBudget", () => {
  let clock: FakeTimers.Clock;
  let server: Server;
  let unhandled: unknown[];

  beforeEach(() => {
    clock = FakeTimers.install();
    server = new Server();
    unhandled = [];
  });
  afterEach(() => {
    clock.uninstall();
    assert.deepEqual(unhandled, []);
  });

  /** Asks for `count` requests; failures are kept for `afterEach`. */
  function ask(budget: RequestBudget, name: string, count: number, options: RunOptions = {}, latency?: Latency): void {
    for (let i = 0; i < count; i++) {
      budget.run(() => server.request(name, latency), options).catch((error: unknown) => unhandled.push(error));
    }
  }

  describe("limit", () => {
    it("is never exceeded in any window at the server, whatever latencies, stalls and arrivals do", async () => {
      clock.uninstall();
      const latency = fc.record({ up: fc.integer({ min: 0, max: 700 }), down: fc.integer({ min: 0, max: 700 }) });
      const arrival = fc.record({ gap: fc.oneof(fc.constant(0), fc.nat(400)), urgent: fc.boolean(), latency });
      const stall = fc.record({ after: fc.integer({ min: 1, max: 1_500 }), length: fc.nat(3_000) });
      await fc.assert(
        fc.asyncProperty(
          fc.integer({ min: 1, max: 12 }),
          fc.integer({ min: 1, max: 6 }),
          fc.array(arrival, { minLength: 1, maxLength: 50 }),
          fc.array(stall, { maxLength: 6 }),
          async (requests, concurrency, arrivals, stalls) => {
            clock = FakeTimers.install();
            server = new Server();
            try {
              const budget = new RequestBudget({ ...SETTINGS, requests, periodMs: 1_000, concurrency });
              let at = 0;
              for (const { gap, urgent, latency } of arrivals) {
                at += gap;
                setTimeout(() => ask(budget, urgent ? "urgent" : "queued", 1, { urgent }, latency), at);
              }
              for (const { after, length } of stalls) {
                await clock.tickAsync(after);
                clock.jump(length);
              }
              await clock.runAllAsync();
              assert.equal(server.arrivals.length, arrivals.length, "all arrive");
              assert.ok(mostInAnyWindow(server.times(), 1_000) <= requests);
              assert.ok(mostInAnyWindow(server.times("queued"), 1_000) <= Math.max(1, Math.floor(requests * 0.7)));
              assert.ok(server.mostQueued <= concurrency);
            } finally {
              clock.uninstall();
            }
          },
        ),
        { numRuns: 60 },
      );
    });

    for (const [plan, requests, minutes] of [
      ["100 a minute", 100, 10],
      ["2,000 a minute", 2_000, 2],
    ] as const) {
      it(`is used to at least 97 % of the allowed share while work waits: ${plan}`, async () => {
        const budget = new RequestBudget({ ...SETTINGS, requests, concurrency: 20 });
        let random = 1;
        const refill = (): void => {
          random = (random * 16_807) % 2_147_483_647;
          const latency = { up: random % 100, down: random % 200 };
          // The server counts in sliding windows and tells it with every answer.
          const told = (): void => {
            const now = performance.now() - latency.down;
            const used = server.times().filter((at) => at > now - MINUTE && at <= now).length;
            budget.learn({ limit: requests, remaining: requests - used, rejected: false });
          };
          void budget.run(() => server.request("queued", latency, requests > 100 ? undefined : told)).then(refill);
        };
        for (let i = 0; i < 40; i++) refill();
        await clock.tickAsync((minutes + 1) * MINUTE);
        const share = Math.floor(requests * 0.7);
        const used = server.times().filter((at) => at >= MINUTE && at < (minutes + 1) * MINUTE).length;
        assert.equal(mostInAnyWindow(server.times(), MINUTE), share);
        assert.ok(used >= 0.97 * share * minutes, `${used} of ${share * minutes}`);
      });
    }

    it("stops queued work at its share, while urgent work uses the whole limit", async () => {
      const budget = new RequestBudget(SETTINGS);
      ask(budget, "queued", 200);
      await clock.tickAsync(10_000);
      assert.equal(server.times("queued").length, 70);
      ask(budget, "urgent", 50, { urgent: true });
      await clock.tickAsync(10_000);
      assert.equal(server.times("urgent").length, 30);
      assert.equal(budget.state().waiting, 130 + 20);
    });

    it("gives a place back when the work throws, at once or later", async () => {
      const budget = new RequestBudget({ ...SETTINGS, requests: 2, share: 1, concurrency: 1 });
      const atOnce = assert.rejects(
        budget.run(() => {
          throw new Error("at once");
        }),
        /at once/,
      );
      const later = assert.rejects(
        budget.run(() => Promise.reject(new Error("later"))),
        /later/,
      );
      ask(budget, "next", 2);
      await clock.tickAsync(MINUTE - 1);
      await Promise.all([atOnce, later]);
      assert.equal(server.times("next").length, 0);
      await clock.tickAsync(100);
      assert.equal(server.times("next").length, 2);
    });

    it("holds for 10,000 waiting requests of one signal", async () => {
      const budget = new RequestBudget({ ...SETTINGS, requests: 20_000, share: 1, concurrency: 100 });
      const { signal } = new AbortController();
      ask(budget, "queued", 10_000, { signal }, { up: 0, down: 0 });
      assert.equal(budget.state().waiting, 10_000);
      await clock.tickAsync(MINUTE);
      assert.equal(budget.state().waiting, 0);
    });
  });

  describe("order", () => {
    it("starts in the order of arrival, api and bulk alike", async () => {
      const budget = new RequestBudget({ ...SETTINGS, concurrency: 1 });
      ["a", "b", "c", "d"].forEach((name, i) => ask(budget, name, 1, { kind: i % 2 ? "bulk" : "api" }));
      await clock.tickAsync(1_000);
      assert.deepEqual(
        server.arrivals.map(({ name }) => name),
        ["a", "b", "c", "d"],
      );
    });

    it("starts urgent work at once, beside all queued work that runs", async () => {
      const budget = new RequestBudget({ ...SETTINGS, concurrency: 2 });
      ask(budget, "queued", 20, {}, { up: 0, down: 200 });
      await clock.tickAsync(100);
      ask(budget, "urgent", 50, { urgent: true }, { up: 0, down: 200 });
      await clock.tickAsync(1);
      assert.equal(server.times("urgent").length, 50);
      await clock.tickAsync(1_000);
      assert.equal(server.mostQueued, 2);
    });

    it("lets urgent work go first where places are few, also before queued work that was asked to start", async () => {
      const budget = new RequestBudget({ ...SETTINGS, requests: 3, share: 1, concurrency: 3 });
      ask(budget, "first", 2);
      ask(budget, "queued", 3);
      ask(budget, "urgent", 2, { urgent: true });
      await clock.tickAsync(3 * MINUTE);
      assert.deepEqual(
        server.arrivals.map(({ name }) => name),
        ["urgent", "urgent", "first", "first", "queued", "queued", "queued"],
      );
    });

    it("lets urgent work have a place that comes back in the moment in which queued work ends", async () => {
      const budget = new RequestBudget({ ...SETTINGS, requests: 2, share: 1, concurrency: 1 });
      let end = (): void => undefined;
      void budget.run(() => new Promise<void>((resolve) => (end = resolve)));
      await clock.tickAsync(10);
      ask(budget, "urgent", 1, { urgent: true });
      await clock.tickAsync(20);
      // Set before the timer of the place: the worker looks for the next queued request first.
      setTimeout(() => end(), MINUTE - 10);
      ask(budget, "queued", 1);
      ask(budget, "urgent late", 1, { urgent: true });
      await clock.tickAsync(MINUTE);
      assert.deepEqual(
        server.arrivals.map(({ name }) => name),
        ["urgent", "urgent late"],
      );
    });
  });

  describe("429", () => {
    it("stops everything until the time that the API told", async () => {
      const budget = new RequestBudget(SETTINGS);
      const retryAt = Date.now() + 20_000;
      budget.learn({ rejected: true, retryAt, remaining: 0 });
      ask(budget, "queued", 1);
      ask(budget, "urgent", 1, { urgent: true });
      assert.equal(budget.state().pausedUntil, retryAt);
      await clock.tickAsync(19_999);
      assert.equal(server.arrivals.length, 0);
      await clock.tickAsync(100);
      assert.equal(server.arrivals.length, 2);
      assert.equal(budget.state().pausedUntil, undefined);
    });

    it("also stops work that was just asked to start", async () => {
      const budget = new RequestBudget(SETTINGS);
      ask(budget, "queued", 5);
      budget.learn({ rejected: true, retryAt: Date.now() + 20_000 });
      await clock.tickAsync(19_999);
      assert.equal(server.arrivals.length, 0);
    });

    for (const [told, retryAt] of [
      ["no time", undefined],
      ["a time in the past", -5_000],
    ] as const) {
      it(`stops everything for a minute at most when the API told ${told}`, async () => {
        for (const [periodMs, pauseMs] of [
          [HOUR, MINUTE],
          [10_000, 10_000],
        ] as const) {
          const budget = new RequestBudget({ ...SETTINGS, periodMs });
          budget.learn({ rejected: true, ...(retryAt && { retryAt: Date.now() + retryAt }) });
          assert.equal(budget.state().pausedUntil, Date.now() + pauseMs);
        }
        await clock.runAllAsync();
      });
    }

    it("does not believe in a time that no window can need", () => {
      const budget = new RequestBudget(SETTINGS);
      budget.learn({ rejected: true, retryAt: Date.now() * 1_000 + 1e15 });
      assert.equal(budget.state().pausedUntil, Date.now() + 24 * HOUR);
    });

    it("never shortens a pause", () => {
      const budget = new RequestBudget(SETTINGS);
      const retryAt = Date.now() + 50_000;
      budget.learn({ rejected: true, retryAt });
      budget.learn({ rejected: true, retryAt: Date.now() + 1_000 });
      budget.learn({ rejected: false });
      assert.equal(budget.state().pausedUntil, retryAt);
    });

    it("an accepted answer pauses when nothing remains, not when it only tells a time", () => {
      const budget = new RequestBudget(SETTINGS);
      const retryAt = Date.now() + 50_000;
      budget.learn({ rejected: false, retryAt, remaining: 40 });
      assert.equal(budget.state().pausedUntil, undefined);
      budget.learn({ rejected: false, retryAt, remaining: 0 });
      assert.equal(budget.state().pausedUntil, retryAt);
    });

    it("for bulk requests stops bulk requests only", async () => {
      const budget = new RequestBudget(SETTINGS);
      budget.learn({ rejected: true, type: "bulk_api_calls", retryAt: Date.now() + 20_000 });
      ask(budget, "bulk", 1, { kind: "bulk" });
      ask(budget, "api", 1);
      assert.equal(budget.state().pausedUntil, Date.now() + 20_000);
      await clock.tickAsync(19_999);
      assert.deepEqual([server.times("api").length, server.times("bulk").length], [1, 0]);
      await clock.tickAsync(100);
      assert.equal(server.times("bulk").length, 1);
    });
  });

  describe("billing cycle", () => {
    it("stops for an hour when it is exhausted, and says so until an answer is accepted", async () => {
      const budget = new RequestBudget(SETTINGS);
      budget.learn({ rejected: true, type: "api_calls_cycle", limit: 100_000, retryAt: Date.now() + 1_000 });
      ask(budget, "queued", 1);
      assert.deepEqual(budget.state(), {
        waiting: 1,
        perPeriod: 70,
        periodMs: MINUTE,
        configured: 100,
        inForce: 100,
        pausedUntil: Date.now() + HOUR,
        cycleExhausted: true,
      });
      await clock.tickAsync(HOUR - 1);
      budget.learn({ rejected: false });
      assert.equal(server.arrivals.length, 0);
      assert.equal(budget.state().cycleExhausted, true, "an old answer proves nothing");
      await clock.tickAsync(100);
      assert.equal(server.arrivals.length, 1);
      assert.equal(budget.state().cycleExhausted, true);
      budget.learn({ rejected: false });
      assert.equal(budget.state().cycleExhausted, false);
    });

    it("asks again at once when a human has changed the settings", async () => {
      const budget = new RequestBudget(SETTINGS);
      budget.learn({ rejected: true, type: "api_calls_cycle" });
      ask(budget, "queued", 1);
      budget.configure(SETTINGS);
      await clock.tickAsync(100);
      assert.equal(server.arrivals.length, 1);
    });

    it("is not taken for the limit of a period", () => {
      const budget = new RequestBudget(SETTINGS);
      budget.learn({ rejected: false, type: "api_calls_cycle", limit: 100_000, remaining: 5 });
      budget.learn({ rejected: false, type: "webhook_calls", limit: 144_000, remaining: 5 });
      assert.deepEqual(budget.state(), {
        waiting: 0,
        perPeriod: 70,
        periodMs: MINUTE,
        configured: 100,
        inForce: 100,
        cycleExhausted: false,
      });
    });
  });

  describe("learned limits", () => {
    it("replace the configured one for waiting work at once, and survive a change of settings", async () => {
      const budget = new RequestBudget(SETTINGS);
      ask(budget, "queued", 200);
      await clock.tickAsync(10_000);
      budget.learn({ limit: 200, rejected: false });
      assert.equal(budget.state().learnedLimit, 200);
      await clock.tickAsync(10_000);
      assert.equal(server.arrivals.length, 140);
      budget.configure({ ...SETTINGS, share: 0.8 });
      await clock.tickAsync(10_000);
      assert.equal(server.arrivals.length, 160);
      budget.learn({ limit: 100, type: "api_calls", rejected: false });
      assert.equal(budget.state().learnedLimit, undefined, "it is the configured one");
    });

    it("only lower the number that a user chose", async () => {
      const budget = new RequestBudget({ ...SETTINGS, requests: 30, share: 1, raisable: false });
      budget.learn({ limit: 2000, rejected: false });
      ask(budget, "queued", 100);
      await clock.tickAsync(10_000);
      assert.equal(server.arrivals.length, 30);
      budget.learn({ limit: 10, rejected: false });
      assert.equal(budget.state().perPeriod, 10);
    });

    it("are at least 1, and numbers", () => {
      const budget = new RequestBudget(SETTINGS);
      for (const limit of [NaN, -1, Infinity]) budget.learn({ limit, remaining: limit, rejected: false });
      assert.equal(budget.state().learnedLimit, undefined);
      budget.learn({ limit: 0, rejected: false });
      assert.equal(budget.state().learnedLimit, 1);
    });

    it("leave out what other programs have used, for one period", async () => {
      const budget = new RequestBudget(SETTINGS);
      budget
        .run(() => server.request("first", undefined, () => budget.learn({ remaining: 19, rejected: false })))
        .catch(assert.fail);
      await clock.tickAsync(1_000);
      ask(budget, "urgent", 100, { urgent: true });
      await clock.tickAsync(MINUTE - 2_000);
      assert.equal(server.times("urgent").length, 19);
      await clock.tickAsync(12_000);
      assert.equal(server.times("urgent").length, 100);
    });

    it("of bulk requests hold per hour for these, and count the earlier ones", async () => {
      const budget = new RequestBudget({ ...SETTINGS, share: 1 });
      ask(budget, "bulk", 6, { kind: "bulk" });
      await clock.tickAsync(1_000);
      budget.learn({ limit: 10, type: "bulk_api_calls", rejected: false });
      ask(budget, "bulk", 6, { kind: "bulk" });
      ask(budget, "api", 6);
      await clock.tickAsync(HOUR - 2_000);
      assert.equal(server.times("bulk").length, 10);
      assert.equal(server.times("api").length, 6, "others go on");
      assert.equal(budget.state().learnedLimit, undefined);
      await clock.tickAsync(2_000);
      assert.equal(server.times("bulk").length, 12);
    });
  });

  describe("settings", () => {
    it("apply to waiting work at once", async () => {
      const budget = new RequestBudget({ ...SETTINGS, requests: 1, concurrency: 1 });
      ask(budget, "queued", 50, {}, { up: 500, down: 500 });
      await clock.tickAsync(10_000);
      assert.equal(server.arrivals.length, 1);
      budget.configure({ ...SETTINGS, concurrency: 4 });
      await clock.tickAsync(900);
      assert.equal(server.arrivals.length, 5);
      assert.equal(server.mostQueued, 4);
      budget.configure({ ...SETTINGS, concurrency: 1 });
      await clock.tickAsync(5_000);
      assert.equal(server.queued, 1);
    });
  });

  describe("abort", () => {
    it("rejects a waiting request with the signal's reason and takes no place for it", async () => {
      const budget = new RequestBudget({ ...SETTINGS, requests: 2, share: 1, concurrency: 1 });
      const aborter = new AbortController();
      ask(budget, "a", 1);
      const aborted = budget.run(() => server.request("aborted"), { signal: aborter.signal });
      ask(budget, "b", 1);
      const reason = new Error("deploy");
      aborter.abort(reason);
      await assert.rejects(aborted, reason);
      await assert.rejects(
        budget.run(() => server.request("aborted"), { signal: aborter.signal }),
        reason,
      );
      await clock.tickAsync(1_000);
      assert.deepEqual(
        server.arrivals.map(({ name }) => name),
        ["a", "b"],
      );
    });

    it("leaves started work alone", async () => {
      const budget = new RequestBudget(SETTINGS);
      const aborter = new AbortController();
      const result = budget.run(() => server.request("started"), { signal: aborter.signal });
      await clock.tickAsync(8);
      aborter.abort();
      await clock.tickAsync(100);
      assert.equal(await result, "started");
    });
  });

  describe("stop", () => {
    it("rejects what waits and what comes, and lets started work finish", async () => {
      const budget = new RequestBudget({ ...SETTINGS, requests: 1 });
      const started = budget.run(() => server.request("started", { up: 100, down: 100 }));
      const waiting = budget.run(() => server.request("waiting"));
      await clock.tickAsync(50);
      budget.stop();
      await assert.rejects(waiting, /was not sent, because its request budget was stopped/);
      await assert.rejects(
        budget.run(() => server.request("late")),
        /was not sent/,
      );
      await clock.tickAsync(1_000);
      assert.equal(await started, "started");
      assert.equal(clock.countTimers(), 0);
    });
  });

  it("keeps no timer while it is idle, though places are still in use", async () => {
    const budget = new RequestBudget(SETTINGS);
    budget.onChange(() => {});
    ask(budget, "queued", 70);
    await clock.tickAsync(5_000);
    assert.equal(server.arrivals.length, 70);
    assert.equal(clock.countTimers(), 0);
  });

  describe("state", () => {
    it("tells how many wait, the pace, and when they will have started", async () => {
      const budget = new RequestBudget(SETTINGS);
      assert.deepEqual(budget.state(), {
        waiting: 0,
        perPeriod: 70,
        periodMs: MINUTE,
        configured: 100,
        inForce: 100,
        cycleExhausted: false,
      });
      ask(budget, "queued", 200);
      await clock.tickAsync(5_000);
      assert.equal(budget.state().waiting, 130);
      const doneAt = budget.doneAt(0) ?? 0;
      assert.equal(budget.doneAt(130), doneAt);
      assert.equal(budget.doneAt(130 + 70), doneAt + MINUTE);
      await clock.tickAsync(doneAt - Date.now() - 1_000);
      assert.ok(budget.state().waiting > 0);
      await clock.tickAsync(2_000);
      assert.equal(budget.state().waiting, 0);
      assert.equal(budget.doneAt(1), Date.now());
    });

    it("is announced once for many changes, until the listener leaves", async () => {
      const budget = new RequestBudget(SETTINGS);
      let heard = 0;
      const leave = budget.onChange(() => heard++);
      ask(budget, "queued", 50);
      assert.equal(heard, 0);
      await clock.tickAsync(2_000);
      assert.ok(heard >= 1 && heard <= 8, `${heard}`);
      heard = 0;
      budget.learn({ rejected: true });
      await clock.tickAsync(1_000);
      assert.equal(heard, 1);
      await clock.tickAsync(MINUTE);
      assert.equal(heard, 2, "the end of the pause is news, too");
      leave();
      ask(budget, "queued", 50);
      await clock.tickAsync(2_000);
      assert.equal(heard, 2);
    });
  });
});

describe("RequestBudget in real time", () => {
  it("holds the limit for two callers at one server", async () => {
    const budget = new RequestBudget({ ...SETTINGS, requests: 20, periodMs: 400, share: 1, concurrency: 8 });
    const server = new Server();
    const caller = (name: string): Promise<string[]> =>
      Promise.all(Array.from({ length: 30 }, (_, i) => budget.run(() => server.request(name, { up: i % 7, down: 1 }))));
    const results = await Promise.all([caller("a"), caller("b")]);
    assert.deepEqual(results, [Array(30).fill("a"), Array(30).fill("b")]);
    assert.ok(mostInAnyWindow(server.times(), 400) <= 20);
    assert.ok(server.mostQueued <= 8);
  });

  it("never keeps the process alive while it is idle, not even during a pause", () => {
    const timers = (): number => process.getActiveResourcesInfo().filter((name) => name === "Timeout").length;
    const before = timers();
    const budget = new RequestBudget(SETTINGS);
    budget.onChange(() => {});
    budget.learn({ rejected: true });
    assert.equal(timers(), before);
    budget.stop();
  });
});
