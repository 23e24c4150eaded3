import assert from "node:assert/strict";
import { readFileSync } from "node:fs";
import { join } from "node:path";
import { type HttpAnswer, sendHttp } from "../../src/http/http-client";
import type { JsonObject, JsonValue } from "../../src/json";
import { EVENT_KINDS } from "../../src/schemas/voucherify-event";
import { sampleEventData, sampleWebhook, Simulator } from "../../src/simulator";
import { ActivityReader, type ActivityReading, readActivity } from "../../src/voucherify/activity";
import { VoucherifyApi } from "../../src/voucherify/voucherify-api";
import { readWebhook } from "../../src/voucherify/webhooks/webhook-event";
import { TEST_KEYS } from "../support/flows";

const AT = "2026-01-01T00:00:00.000Z";

type Read = Extract<ActivityReading, { ok: true }>;

describe("an entry of a customer's activity", () => {
  it("has its data two levels deep, and becomes the same as the webhook of its event", () => {
    const file = join(__dirname, "../fixtures/voucherify-webhooks/customer.redemption.succeeded.json");
    const data = JSON.parse(readFileSync(file, "utf8")) as JsonObject;
    const event = readActivity({
      id: "evcus_1",
      type: "customer.redemption.succeeded",
      data: { data, event_source: { channel: "API", api_key: { name: "Bridge", app_id: "app-1" } } },
      created_at: AT,
      group_id: "v-1",
    });
    assert.deepEqual(event, {
      kind: "customer.redemption.succeeded",
      type: "customer.redemption.succeeded",
      id: "evcus_1",
      sameAs: "customer.redemption.succeeded r_0e6ff48b91cfa02e97",
      createdAt: AT,
      customer: { id: "cust_IdgAFZxYwwHctOk9pPuMu308", sourceId: "jck-wbhk" },
      causedBy: "app-1",
      data,
    });
    const project = sampleWebhook("customer.redemption.succeeded", "project", { data });
    const reading = readWebhook(Buffer.from(JSON.stringify(project)));
    assert.ok(reading.ok);
    assert.equal(reading.event.sameAs, event?.sameAs);
  });

  it("without a known kind keeps its type", () => {
    const entry = { id: "evcus_1", type: "customer.updated", data: { data: { customer: { id: "cust_1" } } } };
    const event = readActivity({ ...entry, created_at: AT });
    assert.deepEqual(
      [event?.kind, event?.type, event?.sameAs, event?.customer],
      [undefined, "customer.updated", undefined, { id: "cust_1" }],
    );
  });

  for (const entry of [{}, { id: 1, type: "x", data: {} }, { id: "evcus_1", data: {} }, { id: "evcus_1", type: "x" }])
    it(`is none: ${JSON.stringify(entry)}`, () => assert.equal(readActivity(entry as JsonObject), undefined));
});

describe("reading the activity of a customer", () => {
  let simulator: Simulator;
  let customer: string;
  let reader: ActivityReader;
  let api: VoucherifyApi;

  before(async () => {
    simulator = await Simulator.start({ keys: TEST_KEYS });
    api = new VoucherifyApi({ apiUrl: simulator.url, keys: TEST_KEYS, send: (request) => sendHttp(request) });
    reader = new ActivityReader(api);
  });
  beforeEach(async () => {
    simulator.reset();
    const { json } = await api.upsertCustomer('{"source_id":"anna k/ä"}');
    customer = (json as { id: string }).id;
  });
  after(() => simulator.stop());

  let second = 0;
  const record = (type: string = EVENT_KINDS[second % 12]!, data: JsonObject = {}): string =>
    simulator.activity.record(customer, { type, data, createdAt: new Date(Date.parse(AT) + ++second).toISOString() });

  async function read(cursor?: string, since?: string): Promise<Read> {
    const reading = await reader.read("anna k/ä", { ...(cursor && { cursor }), ...(since && { since }) });
    assert.ok(reading.ok);
    return reading;
  }

  it("gives what is new since the last time, oldest first", async () => {
    const ids = [record(), record(), record()];
    const first = await read();
    assert.deepEqual([first.events.map(({ id }) => id), first.requests, first.hasMore], [ids, 1, false]);
    const none = await read(first.cursor);
    assert.deepEqual([none.events, none.cursor, none.requests, none.hasMore], [[], first.cursor, 1, false]);
    const later = record();
    const second = await read(none.cursor);
    assert.deepEqual(
      second.events.map(({ id }) => id),
      [later],
    );
  });

  it("reads all twelve kinds", async () => {
    for (const kind of EVENT_KINDS) record(kind, sampleEventData(kind));
    const { events } = await read();
    assert.deepEqual(
      events.map(({ kind }) => kind),
      EVENT_KINDS,
    );
  });

  it("has no cursor as long as there is nothing", async () => {
    const { cursor, events } = await read();
    assert.deepEqual([cursor, events], [undefined, []]);
  });

  it("begins at a time when it has read nothing yet", async () => {
    record();
    const from = new Date(Date.parse(AT) + second + 1).toISOString();
    const id = record();
    const reading = await read(undefined, from);
    assert.deepEqual(
      reading.events.map((event) => event.id),
      [id],
    );
    const other = record();
    const next = await read(reading.cursor, AT);
    assert.deepEqual(
      next.events.map((event) => event.id),
      [other],
    );
  });

  it("takes one request for every 100 events, and at most ten at one time", async () => {
    const ids = Array.from({ length: 1_000 }, () => record());
    const whole = await read();
    assert.deepEqual([whole.events.map(({ id }) => id), whole.requests, whole.hasMore], [ids, 10, false]);
    assert.equal(simulator.log.filter(({ method }) => method === "GET").length, 10);
    assert.match(
      simulator.log.at(-1)!.path,
      /^\/v1\/customers\/anna%20k%2F%C3%A4\/activity\?limit=100&order=created_at/,
    );
  });

  it("goes on later with what is too much for one reading", async () => {
    let asked = 0;
    const endless = new ActivityReader({
      customerActivity: (_id, { startingAfterId }) => {
        asked++;
        const from = Number(startingAfterId?.slice(6) ?? 0);
        return Promise.resolve(
          page(
            Array.from({ length: 100 }, (_none, index) => from + index + 1),
            true,
          ),
        );
      },
    });
    const first = await endless.read("anna");
    assert.ok(first.ok);
    assert.deepEqual([first.events.length, first.requests, first.hasMore, asked], [1_000, 10, true, 10]);
    const second = await endless.read("anna", { cursor: first.cursor! });
    assert.ok(second.ok);
    assert.equal(second.events[0]?.id, "evcus_1001");
  });

  it("goes on by time when Voucherify does not know the last event any more", async () => {
    const ids = [record(), record(), record()];
    const { events } = await read();
    const { createdAt } = events[1]!;
    const reading = await read(`${createdAt} evcus_gone`);
    assert.deepEqual([reading.events.map(({ id }) => id), reading.requests], [ids.slice(1), 2]);
    // The last event itself is not new.
    const asked: unknown[] = [];
    const forgetful = new ActivityReader({
      customerActivity: (_id, query) => {
        asked.push(query);
        return Promise.resolve(query.startingAfterId ? answer(400, { code: 400 }) : page([7, 8], false));
      },
    });
    const again = await forgetful.read("anna", { cursor: `${AT} evcus_7` });
    assert.ok(again.ok);
    assert.deepEqual(
      again.events.map(({ id }) => id),
      ["evcus_8"],
    );
    assert.deepEqual(asked, [
      { order: "created_at", limit: 100, startingAfterId: "evcus_7" },
      { order: "created_at", limit: 100, startDate: AT },
    ]);
  });

  it("says so when there is no such customer, also with a cursor", async () => {
    for (const cursor of [undefined, `${AT} evcus_1`]) {
      const reading = await reader.read("nobody", { ...(cursor && { cursor }) });
      assert.ok(!reading.ok);
      assert.deepEqual([reading.statusCode, reading.key, reading.requests], [404, "not_found", cursor ? 2 : 1]);
      assert.equal(reading.message, "Voucherify has no customer with this ID, so there is no activity to read.");
    }
  });

  it("explains every other answer that is no list", async () => {
    for (const [given, message] of [
      [
        answer(401, { code: 401, message: "Unauthorized", key: "unauthorized" }),
        "Voucherify answered 401: Unauthorized.",
      ],
      [answer(200, undefined), "Voucherify answered 200: the answer cannot be read."],
      [answer(200, { data: {} }), "Voucherify answered 200: the answer cannot be read."],
    ] as const) {
      const reading = await new ActivityReader({ customerActivity: () => Promise.resolve(given) }).read("anna");
      assert.ok(!reading.ok);
      assert.equal(reading.message, message);
    }
  });

  it("takes a cursor that it did not make for none", async () => {
    const id = record();
    assert.deepEqual(
      (await read("evcus_7")).events.map((event) => event.id),
      [id],
    );
  });
});

function answer(status: number, json: JsonValue | undefined): HttpAnswer {
  return { status, headers: {}, text: "", json };
}

/** A page of events with these numbers. */
function page(numbers: readonly number[], hasMore: boolean): HttpAnswer {
  const data = numbers.map((number) => ({
    id: `evcus_${number}`,
    type: "customer.rewarded",
    data: {},
    created_at: AT,
  }));
  return answer(200, { object: "list", data_ref: "data", data, has_more: hasMore });
}
