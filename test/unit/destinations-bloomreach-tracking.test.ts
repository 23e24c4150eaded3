import assert from "node:assert/strict";
import { TrackingApi } from "../../src/bloomreach/tracking-api";
import type { LaneRecord } from "../../src/delivery/destination";
import { ConfigurationError, type Outcome } from "../../src/delivery/outcome";
import { BloomreachTracking } from "../../src/destinations/bloomreach/bloomreach-tracking";
import { trackingRecord, type TrackingRecord } from "../../src/destinations/bloomreach/tracking-record";
import { type HttpAnswer, sendHttp, TransportError } from "../../src/http/http-client";
import type { JsonValue } from "../../src/json";
import { Simulator } from "../../src/simulator";
import { sendTestEvent } from "../../src/bloomreach/test-event";
import { BLOOMREACH_KEYS } from "../support/flows";

const never = new AbortController().signal;

const record = (id: number, properties: Record<string, JsonValue> = {}): LaneRecord<TrackingRecord> => ({
  id,
  key: `customer-${id}`,
  body: trackingRecord(
    {
      name: "customers/events",
      data: {
        customer_ids: { registered: `customer-${id}` },
        event_type: "seen",
        properties,
        timestamp: 1_700_000_000 + id,
      },
    },
    `c${id}`,
  ),
});
const records = (count: number): LaneRecord<TrackingRecord>[] => Array.from({ length: count }, (_, id) => record(id));

const answer = (status: number, body: JsonValue | string, headers: Record<string, string> = {}): HttpAnswer =>
  typeof body === "string"
    ? { status, headers, text: body, json: undefined }
    : { status, headers, text: JSON.stringify(body), json: body };

/** Delivers and returns the outcome of each record, and the bodies that were sent. */
async function deliver(
  batch: readonly LaneRecord<TrackingRecord>[],
  reply: (body: string, call: number) => HttpAnswer | Error,
): Promise<{ outcomes: Map<number, Outcome>; bodies: string[] }> {
  const bodies: string[] = [];
  const api = {
    batch: (body: string): Promise<HttpAnswer> => {
      bodies.push(body);
      const given = reply(body, bodies.length - 1);
      return given instanceof Error ? Promise.reject(given) : Promise.resolve(given);
    },
  };
  const outcomes = new Map<number, Outcome>();
  for await (const settlements of new BloomreachTracking({ api }).deliver(batch, never))
    for (const { id, outcome } of settlements) outcomes.set(id, outcome);
  return { outcomes, bodies };
}
const statuses = ({ outcomes }: { outcomes: Map<number, Outcome> }): string[] =>
  [...outcomes].sort(([a], [b]) => a - b).map(([, { status }]) => status);
const reasonOf = (outcome: Outcome | undefined): string => (outcome && "reason" in outcome ? outcome.reason : "");
const ok = (body: string): HttpAnswer => {
  const { commands } = JSON.parse(body) as { commands: { command_id: string }[] };
  return answer(200, { success: true, results: commands.map(({ command_id }) => ({ success: true, command_id })) });
};

describe("destinations: Bloomreach's Tracking API", () => {
  describe("results", () => {
    it("are found by command_id, in any order", async () => {
      const { outcomes } = await deliver(records(3), () =>
        answer(200, {
          success: true,
          results: [
            { success: true, command_id: "c2" },
            { success: false, command_id: "c0", errors: ["At least one id should be specified."] },
            { success: true, command_id: "c1" },
          ],
        }),
      );
      assert.deepEqual(statuses({ outcomes }), ["failed", "delivered", "delivered"]);
      assert.match(reasonOf(outcomes.get(0)), /At least one id should be specified/);
    });

    it("are taken in the order of the commands where no ids come back", async () => {
      const got = await deliver(records(2), () => answer(200, { results: [{ success: true }, { success: false }] }));
      assert.deepEqual(statuses(got), ["delivered", "failed"]);
    });

    it("that are missing are asked for again", async () => {
      const got = await deliver(records(3), () =>
        answer(200, { success: true, results: [{ success: true, command_id: "c0" }] }),
      );
      assert.deepEqual(statuses(got), ["delivered", "retry", "retry"]);
    });

    it("say which permission to add", async () => {
      const denied = { success: false, errors: ["Not authorized to add event of specified type"] };
      const { outcomes } = await deliver([record(1)], () =>
        answer(200, { results: [{ ...denied, command_id: "c1" }] }),
      );
      assert.deepEqual(outcomes.get(1)?.status, "failed");
      assert.match(reasonOf(outcomes.get(1)), /allow the event seen \(Events: Set, or New events\)/);
    });
  });

  describe("answers to the whole request", () => {
    const judged = async (given: HttpAnswer | Error): Promise<string> => {
      try {
        const { outcomes } = await deliver([record(1)], () => given);
        return outcomes.get(1)?.status ?? "none";
      } catch (error) {
        assert.ok(error instanceof ConfigurationError);
        return "paused";
      }
    };
    for (const [name, given, expected] of [
      ["400 Could not authenticate", answer(400, { success: false, error: "Could not authenticate" }), "paused"],
      ["400 Invalid project id", answer(400, { success: false, error: "Invalid project id" }), "paused"],
      ["400 No commands", answer(400, { success: false, message: "No commands" }), "failed"],
      ["400 Invalid JSON", answer(400, { success: false, message: "Invalid JSON" }), "failed"],
      ["400 with errors by field", answer(400, { success: false, errors: { _global: ["Broken"] } }), "failed"],
      ["401 Access key not provided", answer(401, { success: false, error: "Access key not provided" }), "paused"],
      ["403 invalid secret", answer(403, { success: false, error: "invalid secret" }), "paused"],
      ["403 without a permission", answer(403, { success: false, error: "No permission" }), "failed"],
      ["404 of another API", answer(404, { errors: { code: 404, description: "not found on the server" } }), "paused"],
      ["a web page", answer(200, "<html>"), "paused"],
      ["a redirect", answer(302, ""), "paused"],
      ["413 for one command", answer(413, ""), "failed"],
      ["429", answer(429, { success: false }), "retry"],
      ["500", answer(500, ""), "retry"],
      ["503", answer(503, "busy"), "retry"],
      ["no answer", new TransportError("timeout", "It took too long."), "retry"],
    ] as const)
      it(`${name}: ${expected}`, async () => assert.equal(await judged(given), expected));

    it("says when to come back", async () => {
      const { outcomes } = await deliver([record(1)], () => answer(429, {}, { "retry-after": "7" }));
      assert.deepEqual(outcomes.get(1)?.status === "retry" && outcomes.get(1), {
        status: "retry",
        reason: "Bloomreach answered 429: nothing that can be read.",
        retryAfterMs: 7_000,
        answer: { statusCode: 429, body: {} },
      });
    });

    it("are halved until only the culprit is left", async () => {
      const { outcomes, bodies } = await deliver(records(4), (body) =>
        body.includes('"c2"') ? answer(400, { success: false, message: "Invalid JSON" }) : ok(body),
      );
      assert.deepEqual(statuses({ outcomes }), ["delivered", "delivered", "failed", "delivered"]);
      assert.equal(bodies.length, 5);
    });

    it("send nothing more while Bloomreach is in trouble", async () => {
      const got = await deliver(records(8), (_body, call) => (call === 0 ? answer(413, "") : answer(500, "")));
      assert.equal(got.bodies.length, 2);
      assert.deepEqual(new Set(statuses(got)), new Set(["retry"]));
    });
  });

  it("sends the same bytes again, and knows what is too large", async () => {
    const one = record(1, { a: "ü" });
    const first = await deliver([one], () => answer(500, ""));
    const second = await deliver([structuredClone(one)], ok);
    assert.equal(first.bodies[0], second.bodies[0]);
    const { outcomes } = await deliver([record(2, { a: "x".repeat(800_000) }), record(3)], ok);
    assert.deepEqual(statuses({ outcomes }), ["failed", "delivered"]);
  });

  describe("against the simulator", () => {
    let simulator: Simulator;
    before(async () => {
      simulator = await Simulator.start({ keys: BLOOMREACH_KEYS });
    });
    beforeEach(() => simulator.reset());
    after(() => simulator.stop());
    const api = (apiSecret: string = BLOOMREACH_KEYS.apiSecret): TrackingApi =>
      new TrackingApi({
        apiUrl: simulator.url,
        projectToken: BLOOMREACH_KEYS.projectToken,
        keys: { apiKeyId: BLOOMREACH_KEYS.apiKeyId, apiSecret },
        send: sendHttp,
      });
    const send = async (batch: readonly LaneRecord<TrackingRecord>[]): Promise<string[]> => {
      const outcomes = new Map<number, Outcome>();
      for await (const settlements of new BloomreachTracking({ api: api() }).deliver(batch, never))
        for (const { id, outcome } of settlements) outcomes.set(id, outcome);
      return statuses({ outcomes });
    };

    it("delivers, removes repetitions, and keeps the newer update", async () => {
      assert.deepEqual(await send(records(2)), ["delivered", "delivered"]);
      await send(records(2));
      assert.deepEqual([simulator.bloomreach.book.profiles.size, simulator.bloomreach.book.duplicates], [2, 2]);
      const update = (id: number, tier: string, at: number): LaneRecord<TrackingRecord> => ({
        id,
        key: "jane",
        body: trackingRecord(
          {
            name: "customers",
            data: { customer_ids: { registered: "jane" }, properties: { tier }, update_timestamp: at },
          },
          `u${id}`,
        ),
      });
      await send([update(1, "Gold", 20), update(2, "Silver", 10)]);
      assert.deepEqual(simulator.bloomreach.book.find("registered", "jane")?.properties, { tier: "Gold" });
    });

    it("fails what the API group may not write, and delivers the others", async () => {
      simulator.bloomreach.deniedEvents.add("seen");
      assert.deepEqual(await send(records(2)), ["failed", "failed"]);
      assert.equal((await sendTestEvent(api(), { registered: "jane" }, never)).ok, true);
      simulator.bloomreach.deniedEvents.add("voucherify_test");
      const { ok: worked, sentence } = await sendTestEvent(api(), { registered: "jane" }, never);
      assert.equal(worked, false);
      assert.match(sentence, /allow the event voucherify_test/);
      assert.match((await sendTestEvent(api("wrong"), { registered: "jane" }, never)).sentence, /check the keys/);
    });

    it("asks again for results that are missing", async () => {
      simulator.bloomreach.missingResults = 1;
      assert.deepEqual(await send(records(2)), ["delivered", "retry"]);
    });

    it("knows the simulator's rules of IDs, bodies and routes", async () => {
      const pair = `${BLOOMREACH_KEYS.apiKeyId}:${BLOOMREACH_KEYS.apiSecret}`;
      const headers = {
        authorization: `Basic ${Buffer.from(pair).toString("base64")}`,
        "content-type": "application/json",
      };
      const base = `${simulator.url}/track/v2/projects/${BLOOMREACH_KEYS.projectToken}`;
      const post = async (path: string, body: unknown, more: object = {}) => {
        const response = await fetch(base + path, {
          method: "POST",
          headers: { ...headers, ...more },
          body: JSON.stringify(body),
        });
        return { status: response.status, body: (await response.json()) as Record<string, JsonValue> };
      };
      assert.deepEqual((await post("/batch", { commands: [] })).body, { success: false, message: "No commands" });
      assert.equal((await post("/batch", { commands: Array(51).fill({}) })).status, 400);
      assert.equal((await post("/batch", { commands: ["x"] })).body.message, "Invalid JSON");
      assert.equal((await post("/batch", {}, { "content-encoding": "gzip" })).status, 400);
      for (const id of ["", "null", "undefined", "---", "  "]) {
        const { status, body } = await post("/customers/events", { customer_ids: { registered: id }, event_type: "e" });
        assert.deepEqual([status, body.success], [400, false], id);
      }
      await post("/customers", { customer_ids: { registered: " jane ", cookie: "c1" }, properties: { a: 1 } });
      await post("/customers/events", { customer_ids: { cookie: "c1" }, event_type: "e", timestamp: 1 });
      const exported = await fetch(
        `${simulator.url}/data/v2/projects/${BLOOMREACH_KEYS.projectToken}/customers/export-one`,
        { method: "POST", headers, body: JSON.stringify({ customer_ids: { registered: "jane" } }) },
      );
      assert.deepEqual(await exported.json(), {
        success: true,
        ids: { registered: "jane", cookie: "c1" },
        properties: { a: 1 },
        events: [{ type: "e", timestamp: 1, properties: {} }],
      });
      assert.match(await (await fetch(simulator.url)).text(), /Customers in Bloomreach \(1\)/);
    });
  });
});
