import assert from "node:assert/strict";
import { setTimeout as pause } from "node:timers/promises";
import { DOCUMENTED_AT, documentedCommands, documentedData } from "../../scripts/events-page";
import { isJsonObject, type JsonObject } from "../../src/json";
import { DEFAULT_EVENT_NAMES } from "../../src/mapping/events/event-names";
import { CUSTOMER_PROPERTIES } from "../../src/mapping/events/customer-properties";
import { EVENT_KINDS } from "../../src/schemas/voucherify-event";
import { formsOf, sampleWebhook, sendWebhook, Simulator, type WebhookOverrides } from "../../src/simulator";
import {
  BLOOMREACH_KEYS,
  customerFlow,
  CUSTOMERS_PATH,
  type FlowNode,
  TEST_KEYS,
  WEBHOOK_KEYS,
} from "../support/flows";
import { type NodeRedOptions, type NodeRedProcess, startNodeRed } from "../support/node-red-process";
import { seeded } from "../support/seeded";
import { waitFor } from "../support/wait-for";

const HOOKS = "/voucherify/webhooks";
const EVENTS = "/bloomreach-engagement/create-event-bulk";
const SECRET = "test-signing-secret-81d0";
const SEED = 20_261_124;
const NOON = Date.UTC(2026, 10, 24, 12) / 1_000;
/** The commands of a batch, each exactly as it was sent. */
const commandTexts = (body: string): string[] =>
  body.slice('{"commands":['.length, -"]}".length).split(/,(?=\{"name":)/);
const UNLIMITED = { limit: 1_000_000, periodMs: 60_000 };

describe("Events both ways", () => {
  let simulator: Simulator;
  let nodeRed: NodeRedProcess;

  /** Customers to Voucherify and their IDs back; Voucherify's webhooks and other events to Bloomreach. */
  const flow = (fillMs: number): Pick<NodeRedOptions, "flows" | "credentials"> => {
    const { flows, credentials } = customerFlow(simulator.url, { account: { requests: UNLIMITED.limit } });
    const kept = flows
      .filter(({ type }) => !["debug", "status", "catch"].includes(type))
      .map((node): FlowNode => {
        if (node.id === "bloomreach") return { ...node, apiUrl: simulator.url, requestsPerSecond: 100 };
        return node.id === "upsert" ? { ...node, wires: [["ids"]] } : node;
      });
    const node = (id: string, type: string, properties: object): FlowNode => ({
      ...{ id, type, z: "tab", x: 100, y: 400 },
      ...properties,
    });
    const forward = { sendTo: "bloomreach", account: "bloomreach", send: "event", names: {}, currency: "EUR", fillMs };
    const toBloomreach =
      "msg.payload = msg.payload.map(({ customer, event, metadata: { time, ...properties } }) =>\
      ({ customer_ids: customer, event, properties, time })); return msg;";
    return {
      flows: [
        ...kept,
        node("ids", "bv-event-forward", { ...forward, wires: [[]] }),
        node("hooks", "bv-voucherify-in", {
          account: "voucherify",
          path: HOOKS,
          dropEchoes: true,
          wires: [["tell"], []],
        }),
        node("tell", "bv-event-forward", { ...forward, send: "both", wires: [[]] }),
        node("events", "bv-bloomreach-in", {
          ...{
            account: "bloomreach",
            kind: "events",
            path: EVENTS,
            output: "webhook",
            maxBytes: 10,
            eventKey: "event_key",
          },
          wires: [["change"]],
        }),
        node("change", "function", { func: toBloomreach, outputs: 1, wires: [["free"]] }),
        node("free", "bv-event-forward", { ...forward, wires: [[]] }),
        node("asked", "http in", { url: "/read-activity", method: "post", wires: [["activity", "done"]] }),
        node("activity", "bv-voucherify-activity", {
          ...{ account: "voucherify", days: 36_500, dropEchoes: true, kinds: [], wires: [["tell"]] },
        }),
        node("wanted", "http in", { url: "/want-code", method: "post", wires: [["publish", "done"]] }),
        node("publish", "bv-voucherify-publish", {
          ...{ account: "voucherify", answer: "queue", frequency: "send", wires: [["tell"]] },
        }),
        node("done", "http response", { statusCode: "200", wires: [] }),
      ],
      credentials: { ...credentials, hooks: { secret: SECRET } },
    };
  };
  const start = async (options: { fillMs?: number; settings?: object } = {}): Promise<void> => {
    simulator = await Simulator.start({
      ...{ keys: { ...TEST_KEYS, ...BLOOMREACH_KEYS }, rateLimit: UNLIMITED, logCapacity: 100_000 },
    });
    nodeRed = await startNodeRed({ major: 4, ...flow(options.fillMs ?? 100), settings: options.settings ?? {} });
  };
  afterEach(async () => {
    await nodeRed?.remove();
    await simulator?.stop();
  });

  const told = async (kind: keyof typeof DEFAULT_EVENT_NAMES, overrides: WebhookOverrides): Promise<void> => {
    const body = sampleWebhook(kind, "project", overrides);
    const { statuses } = await sendWebhook({ url: nodeRed.url + HOOKS, body, secret: SECRET, retries: 0 });
    assert.deepEqual(statuses, [200]);
  };
  /** As Bloomreach does: the same webhook again until it gets 200. */
  const insist = async (path: string, body: object): Promise<JsonObject> => {
    for (;;) {
      const headers = { "content-type": "application/json", ...WEBHOOK_KEYS };
      const answer = await fetch(nodeRed.url + path, { method: "POST", headers, body: JSON.stringify(body) }).catch(
        () => undefined,
      );
      if (answer?.status === 200) return (await answer.json()) as JsonObject;
      await pause(50);
    }
  };
  const post = async (path: string, body: object): Promise<void> => {
    const headers = { "content-type": "application/json" };
    const { status } = await fetch(nodeRed.url + path, { method: "POST", headers, body: JSON.stringify(body) });
    assert.equal(status, 200);
  };
  const profile = (id: string): ReturnType<typeof simulator.bloomreach.book.find> =>
    simulator.bloomreach.book.find("registered", id);
  const eventsOf = (id: string): string[] => (profile(id)?.events ?? []).map(({ type }) => type);
  const allEvents = (): string[] =>
    [...simulator.bloomreach.book.profiles].flatMap(({ ids, events }) =>
      events.map(({ properties }) => `${ids.registered} ${JSON.stringify(properties.n)}`),
    );
  const batches = (): Simulator["log"] => simulator.log.filter(({ path }) => path.endsWith("/batch"));
  /** Events of 1,000 customers in a webhook as Bloomreach sends it. */
  const seen = (from: number, count: number): JsonObject[] =>
    Array.from({ length: count }, (_none, index) => {
      const n = from + index;
      const customer = { registered: `customer-${n % 1_000}` };
      return { event: "seen", event_key: `key-${n}`, customer, metadata: { n, time: NOON + n } };
    });

  for (const httpAdminRoot of ["/", "/admin"])
    it(`three kinds of Voucherify's events, one in a body of 200 KB, reach Bloomreach with httpAdminRoot ${httpAdminRoot}`, async () => {
      await start({ settings: { httpAdminRoot } });
      const kinds = [
        "customer.redemption.succeeded",
        "customer.publication.succeeded",
        "customer.rewarded.loyalty_points",
      ] as const;
      const large = { description: "x".repeat(200_000) };
      for (const [place, kind] of kinds.entries())
        await told(kind, {
          customer: { id: `cust_${place}`, source_id: `customer-${place}`, ...(place === 1 && large) },
        });
      const arrived = (): string[][] => kinds.map((_kind, place) => eventsOf(`customer-${place}`));
      await waitFor("all three", () => arrived().every(({ length }) => length > 0));
      assert.deepEqual(
        arrived(),
        kinds.map((kind) => [DEFAULT_EVENT_NAMES[kind]]),
      );
      assert.equal(simulator.bloomreach.book.profiles.size, 3);
    });

  it("all twelve kinds arrive, by the way each of them comes, with the properties that docs/events.md shows", async () => {
    await start();
    const registered = "anna.kowalska@example.com";
    await insist(CUSTOMERS_PATH, [{ registered }]);
    const known = await waitFor("the customer", () => simulator.customers.get(registered)?.id);
    for (const kind of EVENT_KINDS) {
      const data = documentedData(kind);
      const [form] = formsOf(kind).filter((one) => one === "distribution" || kind.startsWith("customer.redemption"));
      if (form === undefined)
        simulator.activity.record(known, {
          ...{ type: kind, data, createdAt: DOCUMENTED_AT, source: { channel: "USER_PORTAL", user: { id: "user_1" } } },
        });
      else {
        const body = sampleWebhook(kind, form, { data, createdAt: DOCUMENTED_AT });
        assert.deepEqual(
          (await sendWebhook({ url: nodeRed.url + HOOKS, body, secret: SECRET, retries: 0 })).statuses,
          [200],
        );
      }
    }
    await post("/read-activity", { registered });
    await waitFor("all twelve", () => eventsOf(registered).length === EVENT_KINDS.length);
    // An event has another id by each way that it comes.
    const withoutId = ({ voucherify_event_id: id, ...others }: JsonObject): JsonObject => {
      assert.match(JSON.stringify(id), /^"ev[a-z]*_\w+"$/);
      return others;
    };
    const byName = (one: { type: string }, other: { type: string }): number => one.type.localeCompare(other.type);
    const commands = EVENT_KINDS.flatMap((kind) => documentedCommands(kind));
    assert.deepEqual(
      [...profile(registered)!.events]
        .sort(byName)
        .map(({ type, timestamp, properties }) => ({ type, timestamp, properties: withoutId(properties) })),
      commands
        .flatMap(({ name, data }) => (name === "customers/events" ? [data] : []))
        .map(({ event_type: type, timestamp, properties }) => ({ type, timestamp, properties: withoutId(properties) }))
        .sort(byName),
    );
    const told = Object.assign({}, ...commands.map(({ name, data }) => name === "customers" && data.properties));
    await waitFor("the customer's properties", () => "voucherify_points_balance" in profile(registered)!.properties);
    for (const { name } of CUSTOMER_PROPERTIES) assert.ok(name in told, name);
    assert.equal(profile(registered)!.properties.voucherify_last_redemption, Date.parse(DOCUMENTED_AT) / 1_000);

    await post("/want-code", { customer: { registered }, campaign: { name: "No such campaign" }, send: "1" });
    await waitFor("the refusal", () => eventsOf(registered).length === EVENT_KINDS.length + 1);
    const refused = profile(registered)!.events.at(-1)!;
    assert.deepEqual(
      [refused.type, refused.properties.campaign_name, typeof refused.properties.failure_code],
      ["voucherify_publication_failed", "No such campaign", "string"],
    );
  });

  it("10,000 events cost 200 requests, and 120 are 3 batches", async () => {
    await start({ fillMs: 1_000 });
    await Promise.all(Array.from({ length: 10 }, (_none, webhook) => insist(EVENTS, seen(webhook * 1_000, 1_000))));
    await waitFor("10,000 events", () => allEvents().length === 10_000, 60_000);
    assert.equal(batches().length, 200);
    assert.equal(simulator.bloomreach.book.duplicates, 0);
    await insist(EVENTS, seen(10_000, 120));
    await waitFor("120 more", () => allEvents().length === 10_120);
    assert.equal(batches().length, 203);
  });

  it("seeded faults and kill -9 three times: each event once, and what is sent again is the same to the byte", async () => {
    await start();
    const random = seeded(SEED);
    const count = 3_000;
    simulator.setFaults({ seed: SEED, rate429: 0.02, rate500: 0.1, rateReset: 0.1, rateLost: 0.2 });
    const sending = (async () => {
      for (let from = 0; from < count; from += 100) await insist(EVENTS, seen(from, 100));
    })();
    for (let kill = 0; kill < 3; kill++) {
      const after = Math.floor((kill + random()) * (count / 3));
      await waitFor(`event ${after}`, () => allEvents().length >= after, 40_000);
      await pause(random() * 100);
      await nodeRed.restart("SIGKILL");
    }
    await sending;
    await waitFor("every event", () => new Set(allEvents()).size === count, 60_000);
    assert.equal(allEvents().length, count);
    const commands = new Map<string, Set<string>>();
    for (const { bodyText = "" } of batches())
      for (const text of commandTexts(bodyText)) {
        const id = JSON.stringify((JSON.parse(text) as JsonObject).command_id);
        commands.set(id, (commands.get(id) ?? new Set()).add(text));
      }
    assert.equal(commands.size, count);
    assert.deepEqual(
      [...commands.values()].filter((versions) => versions.size > 1),
      [],
    );
    assert.ok(simulator.bloomreach.book.duplicates > 0, "nothing was sent again");
  });

  for (const [what, fault] of [
    ["answers 500", "rate500"],
    ["cuts every connection", "rateReset"],
    ["never answers", "rateHang"],
  ] as const)
    it(`a Bloomreach that ${what} delays nothing to Voucherify, and the other way round`, async () => {
      await start();
      const down = (path: RegExp): void => simulator.setFaults({ seed: SEED, [fault]: 1, only: { path } });
      // A call without an answer ends after 30 s, or with the process.
      const endCalls = async (): Promise<void> => (fault === "rateHang" ? nodeRed.restart("SIGKILL") : undefined);
      // As many different calls fail as it takes to find an API down; a call that hangs keeps its place.
      const customers = fault === "rateHang" ? ["ann"] : ["ann", "bob", "cleo"];
      const update = (name: string, ids = customers): JsonObject[] => ids.map((registered) => ({ registered, name }));
      const named = (name: string): boolean => customers.every((id) => simulator.customers.get(id)?.name === name);

      down(/^\/track\//);
      await insist(EVENTS, seen(0, 200));
      await waitFor("four calls to Bloomreach", () => batches().length >= 4);
      await insist(CUSTOMERS_PATH, update("First"));
      await waitFor("the customers", () => named("First"));
      assert.deepEqual(allEvents(), []);

      down(/^\/v1\/customers/);
      await endCalls();
      await waitFor("the events that waited", () => allEvents().length === 200, 60_000);
      for (const id of customers) {
        await insist(CUSTOMERS_PATH, update("Second", [id]));
        await waitFor(`a call for ${id}`, () =>
          simulator.log.some((call) => call.fault !== undefined && call.customerIds?.includes(id)),
        );
      }
      await told("customer.rewarded", { customer: { source_id: "john" } });
      await waitFor("the event", () => eventsOf("john").length === 1);
      assert.ok(named("First"));
      simulator.setFaults(undefined);
      await endCalls();
      await waitFor("the customers that waited", () => named("Second"), 60_000);
    });

  it("no loop: what our own key did at Voucherify does not come back", async () => {
    await start();
    await insist(CUSTOMERS_PATH, [{ registered: "jane", name: "Jane" }]);
    await waitFor("the customer", () => simulator.customers.has("jane"));
    const customer = { source_id: "jane" };
    await told("customer.publication.succeeded", { customer, applicationId: TEST_KEYS.applicationId });
    await told("customer.publication.succeeded", { customer, applicationId: "another-application" });
    await told("customer.rewarded", { customer });
    await waitFor("the others", () => eventsOf("jane").length === 2);
    assert.deepEqual(
      eventsOf("jane").sort(),
      ["voucherify_customer_rewarded", "voucherify_publication_succeeded"].sort(),
    );
    const sent = batches().flatMap(
      ({ bodyText }) => (JSON.parse(bodyText ?? "{}") as { commands: unknown[] }).commands,
    );
    assert.equal(sent.filter((command) => isJsonObject(command) && command.name === "customers/events").length, 2);
    assert.equal(
      simulator.log.filter(({ path, method }) => method === "POST" && path.startsWith("/v1/customers")).length,
      1,
    );
  });
});
