import assert from "node:assert/strict";
import { createServer, type Server } from "node:http";
import type { AddressInfo } from "node:net";
import { setTimeout as pause } from "node:timers/promises";
import { requestBlock } from "../../src/bloomreach/paste-requests";
import { isJsonObject, type JsonObject, type JsonValue } from "../../src/json";
import { Simulator, type SimulatorOptions } from "../../src/simulator";
import { BLOOMREACH_KEYS, customerFlow, type FlowNode, TEST_KEYS, WEBHOOK_KEYS } from "../support/flows";
import { type NodeRedProcess, type NodeRedOptions, startNodeRed } from "../support/node-red-process";
import { mostInAnyWindow } from "../support/sliding-window";
import { seeded } from "../support/seeded";
import { waitFor } from "../support/wait-for";

const NOW = "/bloomreach-engagement/publications";
const QUEUE = "/bloomreach-engagement/queued-publications";
const SEED = 20_261_124;
const UNLIMITED = { limit: 1_000_000, periodMs: 60_000 };

const names = (count: number): string[] => Array.from({ length: count }, (_, n) => `customer-${n}`);
const request = (sourceId: string, campaign: string, send?: string): JsonObject => ({
  customer: { source_id: sourceId },
  campaign: { name: campaign },
  ...(send !== undefined && { send }),
});

/** A JSON answer as Bloomreach offers it to the next message: "voucher.code" for the code of the voucher. */
function flattened(answer: JsonObject, prefix = ""): Record<string, JsonValue> {
  const flat: Record<string, JsonValue> = {};
  for (const [key, value] of Object.entries(answer))
    if (isJsonObject(value)) Object.assign(flat, flattened(value, `${prefix}${key}.`));
    else flat[prefix + key] = value;
  return flat;
}

/** Takes whatever is posted to it, on a free port. */
async function listen(take: (body: string) => void): Promise<{ server: Server; url: string }> {
  const server = createServer((incoming, response) => {
    const chunks: Buffer[] = [];
    incoming.on("data", (chunk: Buffer) => chunks.push(chunk));
    incoming.on("end", () => {
      take(Buffer.concat(chunks).toString());
      response.writeHead(200, { "content-type": "application/json" }).end("{}");
    });
  });
  await new Promise<void>((resolve) => server.listen(0, "127.0.0.1", resolve));
  return { server, url: `http://127.0.0.1:${(server.address() as AddressInfo).port}` };
}

describe("Codes: one for each customer, none wasted", () => {
  let simulator: Simulator;
  let nodeRed: NodeRedProcess;
  /** Gets what leaves the queue, as any HTTP API that a flow calls. */
  let sink: { server: Server; url: string };
  let sunk: JsonObject[] = [];

  const start = async (
    options: { simulator?: SimulatorOptions; requests?: number; settings?: NodeRedOptions["settings"] } = {},
  ): Promise<void> => {
    sunk = [];
    simulator = await Simulator.start({
      keys: { ...TEST_KEYS, ...BLOOMREACH_KEYS },
      rateLimit: UNLIMITED,
      logCapacity: 100_000,
      ...options.simulator,
    });
    sink = await listen((body) => sunk.push(JSON.parse(body) as JsonObject));
    nodeRed = await startNodeRed({
      major: 4,
      ...codesFlow(options.requests ?? UNLIMITED.limit),
      ...(options.settings !== undefined && { settings: options.settings }),
    });
  };
  afterEach(async () => {
    await nodeRed?.remove();
    await simulator?.stop();
    sink?.server.close();
  });

  /** Answer now; and a queue, from which codes go back to Bloomreach and to the sink. */
  const codesFlow = (requests: number): Pick<NodeRedOptions, "flows" | "credentials"> => {
    const { flows, credentials } = customerFlow(simulator.url, { account: { requests } });
    const accounts = flows.filter(({ id }) => id === "voucherify" || id === "bloomreach");
    const node = (id: string, type: string, properties: object): FlowNode => ({
      ...{ id, type, z: "tab", x: 100, y: 100 },
      ...properties,
    });
    const incoming = { account: "bloomreach", kind: "requests", maxBytes: 10 };
    const publish = { account: "voucherify", campaign: "", frequency: "send", channel: "Bloomreach", currency: "EUR" };
    return {
      flows: [
        { id: "tab", type: "tab", label: "Codes" },
        node("in", "bv-bloomreach-in", { ...incoming, path: NOW, wires: [["now"]] }),
        node("now", "bv-voucherify-publish", { ...publish, answer: "now", wires: [[]] }),
        node("in-queue", "bv-bloomreach-in", { ...incoming, path: QUEUE, wires: [["queue"]] }),
        node("queue", "bv-voucherify-publish", { ...publish, answer: "queue", wires: [["forward", "post"]] }),
        node("forward", "bv-event-forward", {
          ...{ sendTo: "bloomreach", account: "bloomreach-api", send: "event", names: {}, currency: "EUR" },
          ...{ fillMs: 100, concurrency: 2, wires: [[]] },
        }),
        node("post", "http request", { method: "POST", ret: "txt", paytoqs: "ignore", url: sink.url, wires: [[]] }),
        node("status", "status", { scope: ["queue"], wires: [["statuses"]] }),
        node("statuses", "debug", {
          active: true,
          console: true,
          complete: "status.text",
          targetType: "msg",
          wires: [],
        }),
        ...accounts,
        {
          ...accounts.find(({ id }) => id === "bloomreach")!,
          ...{ id: "bloomreach-api", apiUrl: simulator.url, requestsPerSecond: 100 },
        },
      ],
      credentials: { ...credentials, "bloomreach-api": credentials.bloomreach! },
    };
  };

  /** One try of Bloomreach; undefined when nobody answered. */
  const ask = async (path: string, body: JsonValue): Promise<{ status: number; body: JsonObject } | undefined> => {
    const headers = { "content-type": "application/json", ...WEBHOOK_KEYS };
    try {
      const answer = await fetch(nodeRed.url + path, { method: "POST", headers, body: JSON.stringify(body) });
      return { status: answer.status, body: (await answer.json()) as JsonObject };
    } catch {
      return undefined;
    }
  };
  /** As Bloomreach does: the same webhook again until it gets 200. */
  const insist = async (path: string, body: JsonValue): Promise<{ body: JsonObject; tries: number }> => {
    for (let tries = 1; ; tries++) {
      const answer = await ask(path, body);
      if (answer?.status === 200) return { body: answer.body, tries };
      await pause(50);
    }
  };

  /** Codes that the campaign gave out, by the customer's source id. */
  const codesOf = (campaign: string): Map<string, string[]> => {
    const holders = new Map([...simulator.customers.values()].map(({ id, source_id }) => [id, source_id ?? id]));
    const codes = new Map<string, string[]>();
    for (const { code, holderId = "", campaign: of } of simulator.campaigns.vouchers.values()) {
      const holder = holders.get(holderId) ?? holderId;
      if (of.name === campaign) codes.set(holder, [...(codes.get(holder) ?? []), code]);
    }
    return codes;
  };
  /** Every customer has one code of the campaign, and nobody else has any. */
  const assertOneEach = (campaign: string, customers: readonly string[]): Map<string, string> => {
    const codes = codesOf(campaign);
    assert.deepEqual([...codes.keys()].sort(), [...customers].sort());
    const several = [...codes].filter(([, held]) => held.length !== 1);
    assert.deepEqual(several, []);
    return new Map([...codes].map(([customer, [code = ""]]) => [customer, code]));
  };
  /** What the events in Bloomreach say: the codes of each customer. */
  const eventCodes = (): Map<string, JsonValue[]> =>
    new Map(
      [...simulator.bloomreach.book.profiles].map(({ ids, events }) => [
        ids.registered ?? "",
        events
          .filter(({ type }) => type === "voucherify_publication_succeeded")
          .map(({ properties }) => properties.voucher_code ?? null),
      ]),
    );
  /** Each customer has one event, with the own code. */
  const assertOneEventEach = async (codes: ReadonlyMap<string, string>): Promise<void> => {
    await waitFor("an event for every customer", () => eventCodes().size === codes.size, 20_000);
    await waitFor("all events", () => [...eventCodes().values()].every((held) => held.length > 0));
    assert.deepEqual(
      [...eventCodes()].sort(),
      [...codes].map(([customer, code]) => [customer, [code]] as [string, string[]]).sort(),
    );
  };
  const published = (): number => simulator.publications.publications.length;
  const apiCalls = (): Simulator["log"] => simulator.log.filter(({ path }) => path.startsWith("/v1/"));

  it("the reference payload is answered with a code that Bloomreach's expression finds", async () => {
    await start();
    const { body } = await insist(NOW, request("jane", "Abandoned cart"));
    const answering = { with: "code", how: "now", campaign: "", newCodeForEverySend: true } as const;
    const [, key = ""] = /webhook\['(.*?)'\]/.exec(requestBlock("registered", answering).guard) ?? [];
    assert.equal(key, "voucher.code");
    const codes = codesOf("Abandoned cart").get("jane");
    assert.deepEqual([flattened(body)[key], codes?.length], [codes?.[0], 1]);
  });

  it("the same customer with a new send gets a new code, the same send the same, also after kill -9", async () => {
    await start();
    const code = async (send: string): Promise<JsonValue | undefined> =>
      (await insist(NOW, request("jane", "Abandoned cart", send))).body.voucher_code;
    const first = await code("1");
    await nodeRed.restart("SIGKILL");
    assert.equal(await code("1"), first);
    const second = await code("2");
    assert.notEqual(second, first);
    assert.deepEqual(codesOf("Abandoned cart").get("jane"), [first, second]);
  });

  for (const isStrict of [false, true])
    it(`500 webhooks sent twice, answers lost, kill -9: one code each, none wasted (a repeated key is ${isStrict ? "refused" : "answered"})`, async () => {
      await start();
      const pool = simulator.campaigns.add({
        name: "Pool",
        pool: 500,
        discount: { type: "PERCENT", percent_off: 15, effect: "APPLY_TO_ORDER" },
      });
      simulator.publications.isStrict = isStrict;
      simulator.setFaults({ seed: SEED, rateLost: 0.1, rateReset: 0.05, rate500: 0.05, rate429: 0.003 });
      const random = seeded(SEED + Number(isStrict));
      const customers = names(500);
      const webhooks = [...customers, ...customers];
      const answered = new Map<string, Set<JsonValue | undefined>>();
      let done = 0;
      let tries = 0;
      const sender = async (): Promise<void> => {
        for (let customer = webhooks.shift(); customer !== undefined; customer = webhooks.shift()) {
          const answer = await insist(NOW, request(customer, "Pool", "1"));
          assert.equal(answer.body.success, true, JSON.stringify(answer.body));
          answered.set(customer, (answered.get(customer) ?? new Set()).add(answer.body.voucher_code));
          tries += answer.tries;
          done++;
        }
      };
      const senders = Promise.all(Array.from({ length: 10 }, sender));
      for (let kill = 0; kill < 3; kill++) {
        const after = Math.floor((kill + random()) * 320);
        await Promise.race([waitFor(`webhook ${after}`, () => done >= after, 40_000), senders]);
        await nodeRed.restart("SIGKILL");
      }
      await senders;
      const codes = assertOneEach("Pool", customers);
      assert.equal(simulator.campaigns.codesLeft(pool), 0);
      assert.deepEqual(
        [...answered].map(([customer, given]) => [customer, [...given]]).sort(),
        [...codes].map(([customer, code]) => [customer, [code]]).sort(),
      );
      console.log(`      1,000 webhooks took ${tries} tries and ${apiCalls().length} calls to Voucherify`);
    });

  it("a queued batch of 500, kill -9 three times: one code each, and every output names its customer", async () => {
    await start();
    const customers = names(500);
    const random = seeded(SEED);
    const webhook = customers.map((customer) => request(customer, "Mass mailing", "1"));
    const answer = await ask(QUEUE, webhook);
    assert.deepEqual([answer?.status, answer?.body.success, answer?.body.accepted], [200, true, 500]);
    for (let kill = 0; kill < 3; kill++) {
      const after = Math.floor((kill + random()) * 150);
      await waitFor(`publication ${after}`, () => published() >= after, 20_000);
      await pause(random() * 30);
      await nodeRed.restart("SIGKILL");
      // As if Bloomreach had never got the answer.
      assert.deepEqual((await insist(QUEUE, webhook)).body.repeated, 500);
    }
    await waitFor("every code", () => codesOf("Mass mailing").size === 500, 30_000);
    const codes = assertOneEach("Mass mailing", customers);
    await assertOneEventEach(codes);
    const outputs = (): Map<string, Set<JsonValue | undefined>> => {
      const told = new Map<string, Set<JsonValue | undefined>>();
      for (const output of sunk) {
        const name = flattened(output)["customer.source_id"] as string;
        told.set(name, (told.get(name) ?? new Set()).add(output.voucher_code));
      }
      return told;
    };
    await waitFor("an output for every customer", () => outputs().size === 500);
    assert.deepEqual(
      [...outputs()].map(([customer, given]) => [customer, [...given]]).sort(),
      [...codes].map(([customer, code]) => [customer, [code]]).sort(),
    );
  });

  describe("within the limit of the account, a minute taken as six seconds", () => {
    const LIMIT = 240;
    const PERIOD_MS = 6_000;
    const QUEUED_SHARE = 168;
    const options = (stallMs: number): Parameters<typeof start>[0] => ({
      simulator: { rateLimit: { limit: LIMIT, periodMs: PERIOD_MS } },
      requests: LIMIT,
      settings: `(process.argv[1].endsWith("red.js") && (() => {
        const plans = require("./node_modules/@bloomreach-voucherify/node-red/dist/src/throttle/plans.js");
        const { budgetSettings } = plans;
        plans.budgetSettings = (form) => ({ ...budgetSettings(form), periodMs: ${PERIOD_MS} });
        const stall = () => { for (const end = Date.now() + ${stallMs}; Date.now() < end; ); };
        setInterval(stall, 1100).unref();
      })(), {})`,
    });
    const assertWithinLimit = (): void => {
      const calls = apiCalls();
      assert.deepEqual([...new Set(calls.map(({ status }) => status))], [200]);
      const most = mostInAnyWindow(
        calls.map(({ at }) => at),
        PERIOD_MS,
      );
      assert.ok(most <= LIMIT, `${most} requests in one period`);
    };

    it("1,000 wait, the event loop stalls: an answer-now request is next, not last", async () => {
      await start(options(200));
      const customers = names(1_000);
      const batch = customers.map((customer) => request(customer, "Mass mailing", "1"));
      assert.equal((await ask(QUEUE, batch))?.status, 200);
      const report = await fetch(`${nodeRed.adminUrl}/bloomreach-voucherify/queues`);
      const { queues } = (await report.json()) as { queues: { node: string; waiting: number; doneAt: number }[] };
      const { waiting = 0, doneAt = 0 } = queues.find(({ node }) => node === "queue") ?? {};
      const periods = (doneAt - Date.now()) / PERIOD_MS;
      await waitFor("the finish time", () => /\d+ waiting, done \d\d:\d\d/.test(nodeRed.log()));
      assert.ok(waiting > 800 && periods > 4 && periods < 7, `${waiting} waiting, done in ${periods} periods`);
      // While the queue runs, and when it has used its share and waits for the next period.
      for (const [customer, after] of [
        ["early", 20],
        ["while nothing goes", QUEUED_SHARE],
        ["late", 600],
      ] as const) {
        await waitFor(`publication ${after}`, () => published() >= after, 40_000);
        const before = published();
        const answer = await ask(NOW, request(customer, "Abandoned cart"));
        assert.deepEqual([answer?.status, answer?.body.success], [200, true]);
        const { publications } = simulator.publications;
        const place = publications.findIndex((one) => one.customer.source_id === customer) - before;
        assert.ok(place < 50, `${place} others went before "${customer}"`);
      }
      await waitFor("every code", () => codesOf("Mass mailing").size === 1_000, 50_000);
      assertWithinLimit();
      const queued = apiCalls().filter(({ bodyText = "" }) => bodyText.includes("Mass mailing"));
      const [first] = queued;
      const whole = Math.floor(1_000 / QUEUED_SHARE);
      const used = queued.filter(({ at }) => at - (first?.at ?? 0) < whole * PERIOD_MS).length;
      assert.ok(used >= 0.97 * whole * QUEUED_SHARE, `${used} of ${whole * QUEUED_SHARE}`);
      await assertOneEventEach(assertOneEach("Mass mailing", customers));
    });

    it("calls of another program slow us before the first 429", async () => {
      await start(options(0));
      const others = 150;
      const headers = { "x-app-id": TEST_KEYS.applicationId, "x-app-token": TEST_KEYS.secretKey };
      await waitFor("a period to begin", () => Date.now() % PERIOD_MS < 300);
      const answers = await Promise.all(
        Array.from({ length: others }, () => fetch(`${simulator.url}/v1/campaigns?limit=1`, { headers })),
      );
      assert.deepEqual([...new Set(answers.map(({ status }) => status))], [200]);
      const end = (Math.floor(Date.now() / PERIOD_MS) + 1) * PERIOD_MS;
      const customers = names(250);
      const batch = customers.map((customer) => request(customer, "Mass mailing", "1"));
      assert.equal((await ask(QUEUE, batch))?.status, 200);
      await waitFor("the next period", () => Date.now() >= end);
      const left = LIMIT - others;
      assert.ok(published() > 0.5 * left && published() < left, `${published()} of the ${left} that others left`);
      await waitFor("every code", () => codesOf("Mass mailing").size === customers.length, 30_000);
      assertOneEach("Mass mailing", customers);
      assertWithinLimit();
    });
  });
});
