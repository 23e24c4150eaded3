import assert from "node:assert/strict";
import FakeTimers from "@sinonjs/fake-timers";
import { testBloomreachConnection } from "../../src/bloomreach/bloomreach-connection-test";
import { sendTestEvent } from "../../src/bloomreach/test-event";
import { TrackingApi } from "../../src/bloomreach/tracking-api";
import { isDefect } from "../../src/delivery/defect";
import type { Destination, LaneRecord } from "../../src/delivery/destination";
import { BloomreachTracking } from "../../src/destinations/bloomreach/bloomreach-tracking";
import { EventLessons } from "../../src/destinations/voucherify/event-lessons";
import { Publisher } from "../../src/destinations/voucherify/publisher";
import { forwardToBloomreach, type TrackingWork } from "../../src/destinations/bloomreach/tracking-work";
import type { CustomerUpdate } from "../../src/destinations/customer-update";
import { VoucherifyCustomers } from "../../src/destinations/voucherify/voucherify-customers";
import type { CustomEvent } from "../../src/destinations/custom-event";
import { VoucherifyEvents } from "../../src/destinations/voucherify/voucherify-events";
import { GatewayCustomers } from "../../src/destinations/gateway/gateway-customers";
import { GatewayEvents } from "../../src/destinations/gateway/gateway-events";
import { listPrograms, type Question, VoucherifyLookups } from "../../src/destinations/voucherify/voucherify-lookups";
import { VoucherifyPublications } from "../../src/destinations/voucherify/voucherify-publications";
import { sendHttp } from "../../src/http/http-client";
import { publicationAnswer } from "../../src/mapping/codes/publication-answer";
import { type PublicationRequest, readPublicationRequest } from "../../src/mapping/codes/publication-request";
import { Simulator } from "../../src/simulator";
import { sampleWebhook } from "../../src/simulator/scenario/voucherify-webhooks";
import { ActivityReader } from "../../src/voucherify/activity";
import { testVoucherifyConnection } from "../../src/voucherify/voucherify-connection-test";
import { eventPayload } from "../../src/mapping/events/event-message";
import { VoucherifyGateway } from "../../src/voucherify/gateway-api";
import { MetadataSchemas } from "../../src/voucherify/metadata-schemas";
import { VoucherifyApi } from "../../src/voucherify/voucherify-api";
import { readWebhook } from "../../src/voucherify/webhooks/webhook-event";
import { BLOOMREACH_KEYS, TEST_KEYS } from "../support/flows";
import { seeded } from "../support/seeded";
import { WildApi } from "../support/wild-api";

/** `FUZZED_ANSWERS` asks for more, and `FUZZ_SEED` the same again. */
const COUNT = Number(process.env.FUZZED_ANSWERS ?? 500);
const SEED = Number(process.env.FUZZ_SEED ?? 1 + (Date.now() % 1_000_000));
const AT_ONCE = 8;

/** Everything that asks an API, over an API that answers as none should. */
describe("fuzzed answers of the APIs", () => {
  const never = new AbortController().signal;
  let simulator: Simulator;
  let wild: WildApi;

  before(async () => {
    simulator = await Simulator.start({ keys: { ...TEST_KEYS, ...BLOOMREACH_KEYS } });
    wild = await WildApi.start(simulator.url, seeded(SEED));
  });
  after(async () => {
    wild.stop();
    await simulator.stop();
  });

  /** What a lane relies on: each record has at most one outcome, which can be kept, and what was thrown is no mistake of ours. */
  const deliver = async <Body>(destination: Destination<Body>, bodies: readonly Body[]): Promise<void> => {
    const batch = bodies.map((body, id): LaneRecord<Body> => ({ id, key: `customer-${id}`, body }));
    const open = new Set(batch.map(({ id }) => id));
    try {
      for await (const settlements of destination.deliver(batch, never))
        for (const { id, outcome } of settlements) {
          assert.ok(open.delete(id), `two outcomes of record ${id}`);
          const kept = JSON.stringify(outcome);
          assert.deepEqual(structuredClone(outcome), outcome);
          assert.ok(kept.length < 200_000, `${kept.length} characters are kept of one record`);
          if (outcome.status === "failed" || outcome.status === "retry") assert.ok(outcome.reason.trim(), kept);
        }
      assert.ok(open.size < batch.length, "nothing was settled");
    } catch (error) {
      expected(error);
    }
  };
  const expected = (error: unknown): void => {
    if (error instanceof assert.AssertionError || isDefect(error) || !(error instanceof Error)) throw error;
    assert.ok(error.message.trim(), "a failure without a sentence");
  };

  /** What asks, by name; each call is one piece of work of one node. */
  const askers = (): Record<string, (number: number) => Promise<void>> => {
    const api = new VoucherifyApi({ apiUrl: wild.url, keys: TEST_KEYS, send: sendHttp });
    const schemas = (): MetadataSchemas => new MetadataSchemas((name, signal) => api.readMetadataSchema(name, signal));
    const tracking = new TrackingApi({
      apiUrl: wild.url,
      projectToken: BLOOMREACH_KEYS.projectToken,
      keys: { apiKeyId: BLOOMREACH_KEYS.apiKeyId, apiSecret: BLOOMREACH_KEYS.apiSecret },
      send: sendHttp,
    });
    const gateway = new VoucherifyGateway({ gatewayUrl: wild.url, keys: TEST_KEYS, send: sendHttp });
    const customer = (number: number): CustomerUpdate => ({
      sourceId: `c${number}`,
      hardId: "registered",
      record: { registered: `c${number}`, name: "Ann", metadata: { favourite_color: "red", points: "5" } },
    });
    const event = (number: number): CustomEvent => ({
      sourceId: `c${number}`,
      event: "review",
      body: JSON.stringify({ event: "review", customer: { source_id: `c${number}` }, metadata: { stars: "5" } }),
    });
    const request = (number: number): PublicationRequest => {
      const reading = readPublicationRequest(
        { customer: { source_id: `c${number}` }, send: `s${number}`, metadata: { why: "test" } },
        {
          hardId: "registered",
          campaign: "Abandoned cart",
          frequency: "send",
          channel: "",
          joinOnce: number % 2 === 0,
        },
        Date.now(),
      );
      assert.ok(reading.ok);
      return reading.request;
    };
    const commands = (number: number): TrackingWork[] => {
      const webhook = sampleWebhook("customer.redemption.succeeded", "project", {
        customer: { source_id: `c${number}` },
      });
      const reading = readWebhook(Buffer.from(JSON.stringify(webhook)));
      assert.ok(reading.ok);
      const forwarding = forwardToBloomreach(
        eventPayload(reading.event),
        { send: "both", names: {}, hardId: "registered", currency: "EUR" },
        Date.now(),
      );
      assert.ok(forwarding.kind === "records");
      return forwarding.records.map(({ body }) => body);
    };
    const some = <Body>(make: (number: number) => Body, number: number): Body[] =>
      [0, 1, 2].map((one) => make(3 * number + one));
    const lookUp = async (question: Question, number: number): Promise<void> => {
      const answer = await new VoucherifyLookups(api, api).ask(question, `c${number}`, {
        keepMs: 0,
        urgent: number % 2 === 0,
        signal: never,
      });
      assert.ok(JSON.stringify(answer).length < 64 * 1024, "more than Bloomreach reads");
    };
    const isTold = (checks: readonly { readonly sentence: string }[]): void =>
      assert.ok(checks.length > 0 && checks.every(({ sentence }) => sentence.trim()));
    return {
      "one customer": (number) =>
        deliver(new VoucherifyCustomers({ api, schemas: schemas(), emptyValues: "keep" }), [customer(number)]),
      "customers in bulk": (number) =>
        deliver(
          new VoucherifyCustomers({ api, schemas: schemas(), emptyValues: "clear", readIds: () => number % 2 === 0 }),
          some(customer, number),
        ),
      "events into Bloomreach": (number) => deliver(new BloomreachTracking({ api: tracking }), commands(number)),
      "an event into Voucherify": (number) =>
        deliver(
          new VoucherifyEvents({
            api,
            lessons: new EventLessons(),
            repeat: number % 2 ? "at-least-once" : "at-most-once",
          }),
          [event(number)],
        ),
      "customers by the gateway": (number) =>
        deliver(new GatewayCustomers({ gateway, hardId: "registered", emptyValues: "keep" }), some(customer, number)),
      "events by the gateway": (number) =>
        deliver(new GatewayEvents({ gateway, hardId: "registered", repeat: "at-least-once" }), some(event, number)),
      "codes from the queue": (number) =>
        deliver(new VoucherifyPublications(new Publisher(api, schemas())), some(request, number)),
      "a code now": async (number) => {
        const published = await new Publisher(api, schemas()).publish(request(number), never);
        const answer = published.ok ? publicationAnswer(published.publication, "EUR") : published.refusal;
        assert.ok(JSON.stringify(answer).length < 64 * 1024, "more than Bloomreach reads");
      },
      points: (number) => lookUp({ what: "points", program: number % 2 ? "" : "Loyalty programme" }, number),
      discount: (number) =>
        lookUp({ what: "discount", look: (["wallet", "open", "both"] as const)[number % 3]!, currency: "EUR" }, number),
      vouchers: (number) => lookUp({ what: "vouchers", currency: "EUR" }, number),
      programs: async () => void (await listPrograms(api, never)),
      activity: async (number) => {
        const reading = await new ActivityReader(api).read(`c${number}`);
        JSON.stringify(reading);
        structuredClone(reading);
        assert.ok(reading.ok || reading.message.trim());
      },
      "Test connection of Voucherify": async () =>
        isTold(await testVoucherifyConnection({ api, uses: new Set(), signal: never })),
      "Test connection of Bloomreach": async () =>
        isTold(
          await testBloomreachConnection({
            apiUrl: wild.url,
            projectToken: BLOOMREACH_KEYS.projectToken,
            keys: { keyId: BLOOMREACH_KEYS.apiKeyId, secret: BLOOMREACH_KEYS.apiSecret },
            send: sendHttp,
            signal: never,
          }),
        ),
      "the test event": async () => isTold([await sendTestEvent(tracking, { registered: "c1" }, never)]),
    };
  };

  it(`never end in a mistake of ours, nor in silence: ${COUNT} with FUZZ_SEED=${SEED}`, async () => {
    const unhandled: unknown[] = [];
    const note = (error: unknown): unknown => unhandled.push(error);
    process.on("unhandledRejection", note);
    // Pauses between two looks at an async action pass at once; the HTTP of the test is real.
    const nextTurn = setImmediate;
    const clock = FakeTimers.install({ now: Date.now(), toFake: ["setTimeout", "clearTimeout", "Date"] });
    const faults = new Map<string, string>();
    const all = Object.entries(askers());
    let number = 0;
    let working = AT_ONCE;
    const worker = async (): Promise<void> => {
      for (let mine = number++; wild.answers < COUNT; mine = number++) {
        const [name, ask] = all[mine % all.length]!;
        try {
          await ask(mine).catch(expected);
        } catch (error) {
          const { message, stack } = error as Error;
          faults.set(`${name}: ${message}`, stack ?? "");
        }
      }
      working--;
    };
    try {
      const work = Promise.all(Array.from({ length: AT_ONCE }, worker));
      while (working > 0) {
        await new Promise((resolve) => nextTurn(resolve));
        await clock.tickAsync(20);
      }
      await work;
    } finally {
      clock.uninstall();
      process.off("unhandledRejection", note);
    }
    assert.deepEqual([...faults], []);
    assert.deepEqual(unhandled, []);
    assert.ok(number > all.length, "each of them asked");
  }).timeout(1_800_000);
});
