import assert from "node:assert/strict";
import fc from "fast-check";
import type { Settlement } from "../../src/delivery/destination";
import { Lane, type SettledResults } from "../../src/delivery/outbox/lane";
import { LaneQueue } from "../../src/delivery/queue/lane-queue";
import { ConfigurationError } from "../../src/delivery/outcome";
import type { CustomerUpdate } from "../../src/destinations/customer-update";
import { type HttpAnswer, TransportError } from "../../src/http/http-client";
import type { JsonObject } from "../../src/json";
import {
  answer,
  apiError,
  DONE,
  laneRecord,
  names,
  schemaAnswer,
  ScriptedVoucherify,
  tally,
} from "../support/scripted-voucherify";
import { MemoryDurableStore } from "../support/memory-durable-store";

const noAnswer = (): never => {
  throw new TransportError("timeout", "voucherify.test did not answer within 30 s.");
};
const firstOf = (yielded: Settlement[][]): Settlement["outcome"] => yielded[0]![0]!.outcome;
const ids = (settlements: readonly Settlement[], status: string): number[] =>
  settlements.filter(({ outcome }) => outcome.status === status).map(({ id }) => id);

describe("destinations: customers to Voucherify", () => {
  let voucherify: ScriptedVoucherify;
  beforeEach(() => (voucherify = new ScriptedVoucherify()));
  afterEach(() => voucherify.clock.uninstall());

  describe("one customer", () => {
    it("is posted as mapped, and comes back with Voucherify's id and what was left out", async () => {
      const yielded = await voucherify.deliver([
        { registered: "ann", name: "Ann", metadata: { points: "500", shoe: "41" } },
      ]);
      assert.deepEqual(
        voucherify.log.filter(({ call }) => call.startsWith("POST")).map(({ call, body }) => [call, JSON.parse(body)]),
        [["POST /v1/customers", { source_id: "ann", name: "Ann", metadata: { points: 500 } }]],
      );
      const outcome = firstOf(yielded);
      assert.ok(outcome.status === "delivered");
      assert.deepEqual({ ...outcome.result, omitted: null }, { source_id: "ann", id: "cust_ann", omitted: null });
      assert.deepEqual(
        (outcome.result.omitted as JsonObject[]).map(({ key }) => key),
        ["metadata.shoe"],
      );
    });

    it("has no `omitted` when nothing was left out", async () => {
      assert.deepEqual(firstOf(await voucherify.deliver(["ann"])), {
        status: "delivered",
        result: { source_id: "ann", id: "cust_ann" },
      });
    });

    it("fails with Voucherify's reason, key and body", async () => {
      voucherify.one = () => apiError(400, "invalid_payload", "Invalid payload", "Property .phone is wrong");
      assert.deepEqual(firstOf(await voucherify.deliver(["ann"])), {
        status: "failed",
        key: "invalid_payload",
        reason: "Voucherify answered 400: Invalid payload: Property .phone is wrong.",
        answer: {
          statusCode: 400,
          body: { code: 400, key: "invalid_payload", message: "Invalid payload", details: "Property .phone is wrong" },
        },
      });
    });

    it("is mapped once more, and only once, when its metadata did not fit", async () => {
      const customer = { registered: "ann", metadata: { points: "7" } };
      await voucherify.deliver([customer]);
      await voucherify.clock.tickAsync(61_000);
      voucherify.schema = () => schemaAnswer({ points: "string" });
      voucherify.one = ({ metadata }) =>
        (metadata as JsonObject).points === "7"
          ? answer(200, { id: "cust_1" })
          : apiError(400, "metadata_validation_failed");
      assert.equal(tally((await voucherify.deliver([customer])).flat()), "delivered 1");
      assert.equal(voucherify.count("one"), 3);
      voucherify.one = () => apiError(400, "metadata_validation_failed");
      assert.equal(tally((await voucherify.deliver([customer])).flat()), "failed 1");
      assert.equal(voucherify.count("one"), 4, "the definitions are as known: nothing else to send");
    });

    it("larger than 10 MB fails with a sentence, without a call", async () => {
      const yielded = await voucherify.deliver([{ registered: "ann", name: "ä".repeat(5_300_000) }, "bob"]);
      const failed = yielded.flat().find(({ outcome }) => outcome.status === "failed");
      assert.ok(failed?.outcome.status === "failed");
      assert.match(failed.outcome.reason, /larger than 10 MB/);
      assert.equal(tally(yielded.flat()), "failed 1, delivered 1");
      assert.equal(voucherify.log.filter(({ call }) => call.startsWith("POST")).length, 1);
    });
  });

  describe("many customers", () => {
    it("cost one bulk call and at most 3 reads when 1,000 of them take 5 seconds", async () => {
      voucherify.action = (_id, read) => answer(200, read < 3 ? { status: "IN_PROGRESS" } : DONE);
      const start = Date.now();
      const yielded = await voucherify.deliver(names(1_000));
      assert.deepEqual(yielded.map(tally), ["delivered 1000"]);
      assert.deepEqual([voucherify.count("bulk"), voucherify.count("one"), voucherify.count("read")], [1, 0, 3]);
      const reads = voucherify.log.filter(({ call }) => call.includes("async-actions"));
      assert.deepEqual(
        reads.map(({ at }) => at - start),
        [1_000, 3_000, 7_000],
      );
    });

    it("are read when the progress says that they are done, not before", async () => {
      const start = Date.now();
      voucherify.action = () => {
        const elapsed = Date.now() - start;
        return answer(200, elapsed < 20_000 ? { status: "IN_PROGRESS", progress: elapsed / 200 } : DONE);
      };
      await voucherify.deliver(["a", "b"]);
      assert.equal(voucherify.count("read"), 2);
    });

    it("go as a bare array in the order in which they came", async () => {
      await voucherify.deliver(["a", { registered: "b", name: "Bo" }]);
      const { body } = voucherify.log.find(({ call }) => call.endsWith("/bulk/async"))!;
      assert.equal(body, '[{"source_id":"a"},{"source_id":"b","name":"Bo"}]');
    });

    it("fail one by one as the action's errors say, the others are delivered", async () => {
      const error = { source_id: "c1", key: "invalid_payload", message: "Invalid", details: "birthdate is wrong" };
      voucherify.action = () =>
        answer(200, { status: "DONE", result: { done_count: 2, failed_count: 1, errors: [error, error] } });
      const [settlements] = await voucherify.deliver(names(3));
      assert.deepEqual(ids(settlements!, "delivered"), [0, 2]);
      assert.deepEqual(settlements!.find(({ id }) => id === 1)?.outcome, {
        status: "failed",
        key: "invalid_payload",
        reason: "Voucherify refused this customer. Invalid: birthdate is wrong.",
        answer: { body: error },
      });
    });

    it("are asked about by halves when the action does not say who failed", async () => {
      const failing = {
        status: "DONE",
        result: { done_count: 3, failed_count: 1, errors: [{ message: "Some failed" }] },
      };
      const actions = new Map<string, boolean>();
      voucherify.bulk = (customers, call) => {
        actions.set(
          `aa_${call}`,
          customers.some(({ source_id }) => source_id === "c2"),
        );
        return answer(202, { async_action_id: `aa_${call}` });
      };
      voucherify.action = (id) => answer(200, actions.get(id) ? failing : DONE);
      voucherify.one = ({ source_id }) =>
        source_id === "c2" ? apiError(400, "invalid_payload") : answer(200, { id: "cust" });
      const settlements = (await voucherify.deliver(names(4))).flat();
      assert.deepEqual(ids(settlements, "failed"), [2]);
      assert.deepEqual(ids(settlements, "delivered").sort(), [0, 1, 3]);
    });

    it("wait on when the whole action failed without naming anybody", async () => {
      voucherify.action = () => answer(200, { status: "FAILED", result: { message: "Internal trouble" } });
      const yielded = await voucherify.deliver(names(3));
      assert.deepEqual(yielded.map(tally), ["retry 3"]);
      const outcome = firstOf(yielded);
      assert.equal(outcome.status === "retry" && outcome.reason, "Voucherify's bulk update failed. Internal trouble.");
    });

    it("are sent again when the definitions changed and their metadata did not fit", async () => {
      await voucherify.deliver(["someone"]);
      await voucherify.clock.tickAsync(61_000);
      voucherify.schema = () => schemaAnswer({ points: "string" });
      const misfit = (id: string): JsonObject => ({ source_id: id, key: "metadata_validation_failed", message: "No" });
      voucherify.action = (id) =>
        answer(200, id === "aa_1" ? { status: "DONE", result: { errors: [misfit("a"), misfit("b")] } } : DONE);
      const customer = (registered: string): JsonObject => ({ registered, metadata: { points: "7" } });
      const yielded = await voucherify.deliver([customer("a"), customer("b"), "c", "d"]);
      assert.deepEqual(yielded.map(tally), ["delivered 2", "delivered 2"]);
      const bodies = voucherify.log
        .filter(({ call }) => call.endsWith("/bulk/async"))
        .map(({ body }) => JSON.parse(body));
      assert.deepEqual(bodies[1], [
        { source_id: "a", metadata: { points: "7" } },
        { source_id: "b", metadata: { points: "7" } },
      ]);
    });

    it("fill a body to the last byte and leave the rest unsent", async () => {
      const overhead = '{"source_id":"a","name":""}'.length;
      // "[" a "," b "]" is exactly 10,485,760 bytes; one byte more does not fit.
      const half = (registered: string, bytes: number): JsonObject => ({
        registered,
        name: "x".repeat(bytes - overhead),
      });
      const room = 10_485_760 - 3;
      const yielded = await voucherify.deliver([half("a", 5_000_000), half("b", room - 5_000_000), "c"]);
      const { body } = voucherify.log.find(({ call }) => call.endsWith("/bulk/async"))!;
      assert.equal(Buffer.byteLength(body), 10_485_760);
      assert.deepEqual(yielded.map(tally), ["unsent 1", "delivered 2"]);
      const other = await voucherify.deliver([half("a", 5_000_000), half("b", room - 5_000_000 + 1), "c"]);
      assert.deepEqual(other.map(tally), ["unsent 1", "delivered 2"]);
      assert.deepEqual(ids(other.flat(), "unsent"), [1]);
    });
  });

  describe("a batch that is refused as a whole", () => {
    const poison = (...bad: string[]): void => {
      voucherify.bulk = (customers, call) =>
        customers.some(({ source_id }) => bad.includes(source_id as string))
          ? apiError(400, "invalid_payload")
          : answer(202, { async_action_id: `aa_${call}` });
      voucherify.one = ({ source_id }) =>
        bad.includes(source_id as string) ? apiError(400, "invalid_payload") : answer(200, { id: "cust" });
    };

    it("costs one poison customer of 500 only itself, and at most 2 log2(500) more calls, wherever it is", async () => {
      let most = 0;
      for (let place = 0; place < 500; place += 7) {
        voucherify.log.length = 0;
        poison(`c${place}`);
        const settlements = (await voucherify.deliver(names(500))).flat();
        assert.deepEqual(ids(settlements, "failed"), [place]);
        assert.equal(ids(settlements, "delivered").length, 499);
        most = Math.max(most, voucherify.count("bulk") + voucherify.count("one") - 1);
      }
      assert.ok(most <= 2 * Math.log2(500), `${most} more calls`);
    });

    it("settles everybody once, whoever is poison", async () => {
      await fc.assert(
        fc.asyncProperty(fc.integer({ min: 2, max: 40 }), fc.array(fc.nat(39)), async (count, places) => {
          const bad = [...new Set(places.filter((place) => place < count))].sort((a, b) => a - b);
          poison(...bad.map((place) => `c${place}`));
          const settlements = (await voucherify.deliver(names(count))).flat();
          assert.equal(settlements.length, count);
          assert.deepEqual(
            ids(settlements, "failed").sort((a, b) => a - b),
            bad,
          );
          assert.equal(ids(settlements, "delivered").length, count - bad.length);
        }),
        { numRuns: 50 },
      );
    });

    it("asks for both halves when it was only too large", async () => {
      voucherify.bulk = (customers, call) =>
        customers.length > 2
          ? answer(413, { statusCode: 413, error: "Request Entity Too Large", message: "Too large" })
          : answer(202, { async_action_id: `aa_${call}` });
      assert.equal(tally((await voucherify.deliver(names(4))).flat()), "delivered 4");
      assert.equal(voucherify.count("bulk"), 3);
    });

    it("stops asking when Voucherify gets into trouble: one outcome for all that is left", async () => {
      voucherify.bulk = (_customers, call) => {
        if (call === 1) return apiError(422, "invalid_payload");
        return call === 2 ? answer(202, { async_action_id: "aa" }) : answer(503);
      };
      const yielded = await voucherify.deliver(names(8));
      assert.deepEqual(yielded.map(tally), ["delivered 4", "retry 4"]);
      assert.equal(voucherify.count("bulk"), 3);
    });
  });

  describe("trouble", () => {
    const retried: Record<string, { trouble: () => HttpAnswer; reason: RegExp; unreachable?: true; after?: number }> = {
      "no answer": { trouble: noAnswer, reason: /did not answer within 30 s/, unreachable: true },
      "500": { trouble: () => answer(500), reason: /answered 500/, unreachable: true },
      "503 with Retry-After": {
        trouble: () => answer(503, undefined, { "retry-after": "7" }),
        reason: /answered 503/,
        unreachable: true,
        after: 7_000,
      },
      "408": { trouble: () => answer(408), reason: /answered 408/ },
      "429 with a time": {
        trouble: () =>
          answer(429, { code: 429, message: "Too many" }, { "x-rate-limit-retry": String(Date.now() / 1000 + 30) }),
        reason: /429: Too many\./,
        after: 30_000,
      },
      "429 with a time in a year": {
        trouble: () => answer(429, undefined, { "retry-after": "31536000" }),
        reason: /429/,
        after: 3_600_000,
      },
      "a page instead of an answer": {
        trouble: () => ({ status: 200, headers: {}, text: "<html>Welcome</html>", json: undefined }),
        reason: /not as its API does. Check the API base URL/,
      },
      "JSON that means nothing": { trouble: () => answer(200, { ok: true }), reason: /not as its API does/ },
      null: { trouble: () => answer(202, null), reason: /not as its API does/ },
      "an empty id": { trouble: () => answer(202, { async_action_id: "" }), reason: /not as its API does/ },
    };
    for (const [name, { trouble, reason, unreachable, after }] of Object.entries(retried)) {
      for (const customers of [["a"], ["a", "b"]]) {
        it(`is tried again: ${name}, ${customers.length} customer(s)`, async () => {
          voucherify.one = trouble;
          voucherify.bulk = trouble;
          const yielded = await voucherify.deliver(customers);
          assert.deepEqual(yielded.map(tally), [`retry ${customers.length}`]);
          const outcome = firstOf(yielded);
          assert.ok(outcome.status === "retry");
          assert.match(outcome.reason, reason);
          assert.equal(outcome.unreachable, unreachable);
          assert.equal(outcome.retryAfterMs, after);
        });
      }
    }

    it("takes no time from headers that come with every answer while requests remain", async () => {
      const headers = { "x-rate-limit-remaining": "50", "x-rate-limit-retry": String(Date.now() / 1000 + 60) };
      voucherify.one = () => answer(500, undefined, headers);
      const outcome = firstOf(await voucherify.deliver(["a"]));
      assert.equal(outcome.status === "retry" && outcome.retryAfterMs, undefined);
    });

    const human: [string, HttpAnswer, RegExp][] = [
      [
        "wrong keys",
        answer(401, { code: 401, message: "Unauthorized" }),
        /401: Unauthorized\. Check the Application ID/,
      ],
      ["the plan", answer(402, { code: 402, message: "Payment required" }), /Check your Voucherify plan/],
      ["a permission", answer(403, { code: 403, message: "Forbidden" }), /permission "customers"/],
      ["a wrong address", answer(404, { message: "Not found" }), /Check the API base URL/],
      ["a redirect", answer(301), /Check the API base URL/],
      ["a used up cycle", answer(429, undefined, { "x-rate-limit-type": "api_calls_cycle" }), /billing cycle/],
    ];
    for (const [name, refusal, sentence] of human) {
      it(`needs a human: ${name}`, async () => {
        voucherify.one = () => refusal;
        voucherify.bulk = () => refusal;
        for (const customers of [["a"], ["a", "b"]]) {
          await assert.rejects(voucherify.deliver(customers), (error: unknown) => {
            assert.ok(error instanceof ConfigurationError);
            assert.match(error.message, sentence);
            assert.equal(error.answer?.statusCode, refusal.status);
            return true;
          });
        }
      });
    }

    it("while an action is read only means to read again", async () => {
      const troubles = [
        noAnswer,
        () => answer(500),
        () => answer(429, null, { "retry-after": "20" }),
        () => answer(200, "?"),
      ];
      voucherify.action = (_id, read) => troubles[read - 1]?.() ?? answer(200, DONE);
      const start = Date.now();
      assert.equal(tally((await voucherify.deliver(["a", "b"])).flat()), "delivered 2");
      const reads = voucherify.log.filter(({ call }) => call.includes("async-actions"));
      assert.deepEqual(
        reads.map(({ at }) => (at - start) / 1_000),
        [1, 3, 7, 27, 43],
      );
    });

    it("sends again what has not ended within 10 minutes, or what Voucherify has forgotten", async () => {
      voucherify.action = () => answer(200, { status: "IN_PROGRESS", progress: 99 });
      const start = Date.now();
      const stuck = await voucherify.deliver(["a", "b"]);
      assert.deepEqual(stuck.map(tally), ["retry 2"]);
      assert.ok(Date.now() - start < 11 * 60_000);
      assert.ok(voucherify.count("read") < 30, `${voucherify.count("read")} reads`);
      voucherify.action = () =>
        apiError(404, "not_found", "Resource not found", "Cannot find async_action with id aa_2");
      const forgotten = firstOf(await voucherify.deliver(["a", "b"]));
      assert.match(
        forgotten.status === "retry" ? forgotten.reason : "",
        /unknown how a bulk update ended.*async_action/,
      );
    });

    it("names the permission that is missing to read an action", async () => {
      voucherify.action = () => answer(403, { code: 403, message: "Forbidden" });
      await assert.rejects(voucherify.deliver(["a", "b"]), /permission "async-actions"/);
    });

    it("ends at once, without an outcome, when it is aborted", async () => {
      voucherify.action = () => answer(200, { status: "IN_PROGRESS" });
      const stop = new AbortController();
      setTimeout(() => stop.abort(), 20_000);
      await assert.rejects(voucherify.deliver(["a", "b"], stop.signal), { name: "AbortError" });
    });
  });

  describe("metadata definitions", () => {
    it("are read again, at most once a minute, when a key is not defined", async () => {
      const customer = { registered: "ann", metadata: { shoe: 41 } };
      await voucherify.deliver(["someone"]);
      await voucherify.deliver([customer]);
      assert.equal(voucherify.count("schema"), 1);
      await voucherify.clock.tickAsync(60_000);
      voucherify.schema = () => schemaAnswer({ shoe: "number" });
      const outcome = firstOf(await voucherify.deliver([customer]));
      assert.equal(voucherify.count("schema"), 2);
      assert.equal(outcome.status === "delivered" && outcome.result.omitted, undefined);
    });

    it("that may not be read need a human; that cannot be read now are read later", async () => {
      voucherify.schema = () => answer(403, { code: 403, message: "Forbidden" });
      await assert.rejects(voucherify.deliver(["a"]), (error) => {
        assert.ok(error instanceof ConfigurationError);
        assert.match(error.message, /permission "metadata-schemas"/);
        return true;
      });
      for (const trouble of [noAnswer, () => answer(500), () => answer(200, "garbage"), () => apiError(400, "odd")]) {
        voucherify.schema = trouble;
        assert.deepEqual((await voucherify.deliver(["a", "b"])).map(tally), ["retry 2"]);
      }
      assert.equal(voucherify.count("one") + voucherify.count("bulk"), 0);
      voucherify.schema = () => apiError(404, "not_found");
      assert.equal(tally((await voucherify.deliver(["a"])).flat()), "delivered 1");
    });
  });

  it("makes one customer of two that wait, the later one winning", () => {
    const [earlier, later] = [
      laneRecord({ registered: "ann", name: "Ann", metadata: { points: 1, shoe: 41 } }, 1),
      laneRecord({ registered: "ann", metadata: { points: 2 } }, 2),
    ];
    assert.deepEqual(voucherify.destination.merge(earlier.body, later.body), {
      sourceId: "ann",
      hardId: "registered",
      record: { registered: "ann", name: "Ann", metadata: { points: 2, shoe: 41 } },
    });
  });

  it("never does anything but yield outcomes or throw a sentence, whatever Voucherify answers", async () => {
    const wild = fc.record({
      status: fc.constantFrom(200, 202, 204, 301, 400, 401, 404, 409, 413, 418, 429, 500, 599),
      json: fc.option(fc.jsonValue() as fc.Arbitrary<HttpAnswer["json"]>, { nil: undefined }),
      headers: fc.dictionary(
        fc.constantFrom("retry-after", "x-rate-limit-retry", "x-rate-limit-remaining", "x-rate-limit-type"),
        fc.oneof(fc.string(), fc.nat().map(String)),
      ),
      text: fc.string(),
    });
    await fc.assert(
      fc.asyncProperty(
        fc.array(wild, { minLength: 1, maxLength: 6 }),
        fc.integer({ min: 1, max: 6 }),
        async (wilds, count) => {
          const left = [...wilds];
          voucherify.one = (customer) => left.pop() ?? answer(200, { id: customer.source_id as string });
          voucherify.bulk = (_customers, call) => left.pop() ?? answer(202, { async_action_id: `aa_${call}` });
          voucherify.action = () => left.pop() ?? answer(200, DONE);
          voucherify.schema = () => left.pop() ?? schemaAnswer({});
          try {
            const settlements = (await voucherify.deliver(names(count))).flat();
            assert.deepEqual(settlements.map(({ id }) => id).sort(), [...Array(count).keys()]);
            for (const { outcome } of settlements) {
              if (outcome.status !== "retry") continue;
              assert.ok(outcome.reason);
              assert.ok(outcome.retryAfterMs === undefined || outcome.retryAfterMs > 0);
            }
          } catch (error) {
            assert.ok(error instanceof ConfigurationError, String(error));
          }
        },
      ),
      { numRuns: 300 },
    );
  });

  it("works with a lane: an outage in the middle delays, and loses nothing", async () => {
    voucherify.bulk = (_customers, call) => (call < 4 ? answer(503) : answer(202, { async_action_id: `aa_${call}` }));
    const lane = new Lane<CustomerUpdate>({
      queue: await LaneQueue.open(new MemoryDurableStore(), { node: "node", name: "", type: "test" }),
      destination: voucherify.destination,
      concurrency: 2,
      random: () => 1,
    });
    const news: SettledResults<CustomerUpdate>[] = [];
    lane.onSettled((one) => news.push(one));
    const records = names(1_000)
      .map((name, id) => laneRecord(name, id))
      .map(({ key, body }) => ({ key, body }));
    await lane.accept({ id: "m", envelope: {}, records });
    while (lane.state().waiting > 0) await voucherify.clock.tickAsync(1_000);
    assert.deepEqual(
      news.map(({ delivered, settled, waiting }) => [delivered.length, settled, waiting]),
      [[1_000, 1_000, 0]],
    );
    assert.equal(voucherify.count("bulk"), 4);
    await lane.stop();
  });
});
