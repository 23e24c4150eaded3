import assert from "node:assert/strict";
import { readFileSync } from "node:fs";
import { join } from "node:path";
import { setTimeout as pause } from "node:timers/promises";
import type { DeadLetter } from "../../src/store/dead-letters";
import { LevelStore } from "../../src/store/level/level-store";
import type { QueueReport } from "../../src/delivery/desk/queue-desk";
import type { JsonObject } from "../../src/json";
import { type Faults, sampleWebhook } from "../../src/simulator";
import { signatureOf } from "../../src/simulator/scenario/voucherify-webhooks";
import { customerFlow, CUSTOMERS_PATH, type FlowNode, WEBHOOK_KEYS } from "../support/flows";
import { type NodeRedProcess, startNodeRed } from "../support/node-red-process";
import { Proof } from "../support/proof";
import { seeded } from "../support/seeded";
import { SimulatorProcess } from "../support/simulator-process";
import { SoakLoad } from "../support/soak-load";
import { waitFor } from "../support/wait-for";

const FULL_MINUTES = 30;
const MINUTES = Number(process.env.SOAK_MINUTES ?? FULL_MINUTES);
const SEED = Number(process.env.SOAK_SEED ?? 20_261_124);
const MINUTE_MS = 60_000;
/** The last repetition of an at-least-once event after a lost answer comes up to 15 minutes later. */
const DRAIN_MS = 20 * MINUTE_MS;
const STOP_CODES = [400, 404, 410, 412, 413, 418];
const SECRET = "test-signing-secret-81d0";
const CUSTOMERS = 1_000;
/** Memory at the end against memory after the warm-up: no more than this, and a margin. */
const MOST_GROWTH = 1.5;
const MARGIN_MB = 60;
/** A short run says nothing about memory. */
const FEWEST_SAMPLES = 400;

const PATHS = {
  atLeastOnce: "/bloomreach-engagement/soak-at-least-once",
  atMostOnce: "/bloomreach-engagement/soak-at-most-once",
  now: "/bloomreach-engagement/soak-now",
  queue: "/bloomreach-engagement/soak-queue",
  hooks: "/voucherify/soak",
} as const;

/** `version` makes a deploy a change: of everything, or of one node that works. */
function soakFlow(
  url: string,
  version: number,
): { flows: FlowNode[]; credentials: Record<string, Record<string, string>> } {
  const { flows, credentials } = customerFlow(url, {
    account: { requests: 1_000_000 },
    upsert: { name: `Version ${version}`, wires: [[]] },
  });
  const node = (id: string, type: string, properties: object): FlowNode => ({
    ...{ id, type, z: "tab", x: 100, y: 400 },
    ...properties,
  });
  const receives = { account: "bloomreach", maxBytes: 10, output: "webhook" };
  const publish = { account: "voucherify", campaign: "", frequency: "send", channel: "", currency: "EUR" };
  const forward = {
    sendTo: "bloomreach",
    account: "bloomreach",
    send: "event",
    names: {},
    currency: "EUR",
    fillMs: 200,
  };
  const events = (id: string, path: string, repeat: string): FlowNode[] => [
    node(`in-${id}`, "bv-bloomreach-in", { ...receives, kind: "events", path, eventKey: "event_key", wires: [[id]] }),
    node(id, "bv-event-forward", { sendTo: "voucherify", voucherifyAccount: "voucherify", repeat, wires: [[]] }),
  ];
  return {
    flows: [
      ...flows
        .filter(({ type }) => !["debug", "status", "catch"].includes(type))
        .map((one) => (one.id === "bloomreach" ? { ...one, apiUrl: url, requestsPerSecond: 100 } : one)),
      ...events("at-least-once", PATHS.atLeastOnce, "at-least-once"),
      ...events("at-most-once", PATHS.atMostOnce, "at-most-once"),
      node("in-now", "bv-bloomreach-in", { ...receives, kind: "requests", path: PATHS.now, wires: [["now"]] }),
      node("now", "bv-voucherify-publish", { ...publish, answer: "now", wires: [[]] }),
      node("in-queue", "bv-bloomreach-in", { ...receives, kind: "requests", path: PATHS.queue, wires: [["queue"]] }),
      node("queue", "bv-voucherify-publish", { ...publish, answer: "queue", wires: [["codes"]] }),
      node("codes", "bv-event-forward", { ...forward, wires: [[]] }),
      node("hooks", "bv-voucherify-in", {
        account: "voucherify",
        path: PATHS.hooks,
        dropEchoes: true,
        kinds: [],
        wires: [["tell"], []],
      }),
      node("tell", "bv-event-forward", { ...forward, wires: [[]] }),
      node("catch", "catch", { scope: null, uncaught: false, wires: [[]] }),
    ],
    credentials: { ...credentials, hooks: { secret: SECRET } },
  };
}

/** What was accepted, and so has to be accounted for. */
class Ledger {
  /** The last accepted version of each customer. */
  readonly customers = new Map<string, string>();
  /** Events that Voucherify refuses. */
  readonly poison = new Set<string>();
  readonly atLeastOnce = new Set<string>();
  readonly atMostOnce = new Set<string>();
  /** By Voucherify's id of the event. */
  readonly tracked = new Set<string>();
  /** How many codes each customer asked for, and which ones were answered. */
  readonly asked = new Map<string, number>();
  readonly answered = new Map<string, string[]>();
}

describe(`Soak: ${MINUTES} minutes of mixed load, seed ${SEED}`, () => {
  const proof = new Proof("soak");
  const ledger = new Ledger();
  const random = seeded(SEED);
  const deaths: { signalledAt: number; readyAt: number }[] = [];
  const memory: { readonly at: number; readonly mb: number; readonly pid: number }[] = [];
  let simulator: SimulatorProcess;
  let nodeRed: NodeRedProcess;
  let load: SoakLoad;
  let letters: DeadLetter[] = [];
  let finalReport: QueueReport[] = [];
  let kept = new Map<string, number>();
  let startedAt = 0;
  let failures = 0;

  const report = async (): Promise<QueueReport[]> => {
    const { text } = await nodeRed.get(`${nodeRed.adminUrl}/bloomreach-voucherify/queues`);
    return (JSON.parse(text) as { queues: QueueReport[] }).queues;
  };
  const isStill = (queues: readonly QueueReport[]): boolean => queues.every(({ waiting }) => waiting === 0);
  const failedOf = (node: string): DeadLetter[] => letters.filter((letter) => letter.node === node);

  before(async function () {
    this.timeout(MINUTES * MINUTE_MS + DRAIN_MS + 5 * MINUTE_MS);
    simulator = await SimulatorProcess.start();
    const url = await simulator.ask("url");
    nodeRed = await startNodeRed({ major: 4, ...soakFlow(url, 0) });
    proof.say(`${MINUTES} minutes, seed ${SEED}, Node-RED 4.1 from the packed tarball, one simulator of both APIs.`);
    load = new SoakLoad(() => nodeRed.port, seeded(SEED + 1));
    startedAt = Date.now();
    startLoad();
    await disturb(url);
    await simulator.ask("faults", null);
    await load.stop();
    proof.say(`Sent: ${load.accepted} webhooks accepted, ${load.refusals.length} tries were not.`);
    await drain();
  });
  afterEach(function () {
    if (this.currentTest?.state === "failed") failures++;
  });
  after(async () => {
    await nodeRed?.remove();
    await simulator?.stop();
    if (MINUTES >= FULL_MINUTES) proof.keep(failures === 0 && letters.length > 0 ? "all promises held" : "FAILED");
  });

  function startLoad(): void {
    const keys = { ...WEBHOOK_KEYS };
    let version = 0;
    const busy = new Set<string>();
    /** The customers that no open webhook is about: their last accepted version is known for sure. */
    const pick = (count: number): string[] => {
      const picked: string[] = [];
      for (let tries = 0; picked.length < count && tries < 10 * count; tries++) {
        const id = `customer-${Math.floor(random() * CUSTOMERS)}@example.com`;
        if (busy.has(id)) continue;
        busy.add(id);
        picked.push(id);
      }
      return picked;
    };
    const customers = async (count: number): Promise<void> => {
      const name = `Version ${++version}`;
      const ids = pick(count);
      const records = ids.map((registered) => ({ registered, name, metadata: { segment: "VIP" } }));
      await load.insist(CUSTOMERS_PATH, JSON.stringify(count === 1 ? records[0] : records), keys);
      for (const id of ids) {
        ledger.customers.set(id, name);
        busy.delete(id);
      }
    };
    load.repeat(150, () => customers(1));
    load.repeat(5_000, () => customers(200));
    load.repeat(10_000, async (n) => {
      const event = { event: "soak", event_key: `poison-${n}`, customer: { registered: `event-${n % 300}` } };
      const body = { ...event, metadata: { n: `poison-${n}` }, loyalty: { code: "NO-SUCH-CARD" } };
      await load.insist(PATHS.atLeastOnce, JSON.stringify(body), keys);
      ledger.poison.add(`poison-${n}`);
    });

    const eventsTo = (path: string, accepted: Set<string>, name: string, count: number) => async (first: number) => {
      const ids = Array.from({ length: count }, (_none, index) => `${name}-${count}-${first}-${index}`);
      const body = ids.map((n, index) => ({
        ...{ event: "soak", event_key: n, customer: { registered: `event-${(first + index) % 300}` } },
        metadata: { n },
      }));
      await load.insist(path, JSON.stringify(count === 1 ? body[0] : body), keys);
      for (const id of ids) accepted.add(id);
    };
    load.repeat(700, eventsTo(PATHS.atLeastOnce, ledger.atLeastOnce, "least", 1));
    load.repeat(20_000, eventsTo(PATHS.atLeastOnce, ledger.atLeastOnce, "least", 30));
    load.repeat(1_500, eventsTo(PATHS.atMostOnce, ledger.atMostOnce, "most", 1));

    load.repeat(300, async (n) => {
      const customer = { source_id: `told-${n % 500}`, id: `cust_told${n % 500}` };
      const kind = n % 2 === 0 ? "customer.redemption.succeeded" : "customer.rewarded";
      const body = sampleWebhook(kind, "project", { customer }) as { event: { id: string } } & JsonObject;
      const text = JSON.stringify(body);
      await load.insist(PATHS.hooks, text, { "x-voucherify-signature": signatureOf(text, SECRET) });
      ledger.tracked.add(body.event.id);
    });

    const requestOf = (source_id: string, send: string): JsonObject => ({
      ...{ customer: { source_id }, campaign: { name: "Mass mailing" } },
      send,
    });
    load.repeat(1_000, async (n) => {
      const customer = `now-${n}`;
      ledger.asked.set(customer, 1);
      const answer = await load.insist(PATHS.now, JSON.stringify(requestOf(customer, "1")), keys);
      ledger.answered.set(customer, [answer.voucher_code as string]);
    });
    load.repeat(15_000, async (n) => {
      const batch = Array.from({ length: 20 }, (_none, index) => `queued-${n}-${index}`);
      await load.insist(PATHS.queue, JSON.stringify(batch.map((customer) => requestOf(customer, "1"))), keys);
      for (const customer of batch) ledger.asked.set(customer, 1);
    });
  }

  /** Deploys every minute, one kill, other faults every 20 seconds, until the time is over. */
  async function disturb(url: string): Promise<void> {
    const endAt = startedAt + MINUTES * MINUTE_MS;
    let faultsAt = startedAt;
    let deployAt = startedAt + MINUTE_MS / 2;
    let killAt = startedAt + (MINUTES * MINUTE_MS) / 2;
    for (let version = 1, minute = 0; Date.now() < endAt; await pause(500)) {
      noteMemory();
      if (Date.now() >= faultsAt) {
        await simulator.ask("faults", faultsOf(Math.floor(random() * 1e9)));
        faultsAt += 20_000;
      }
      if (Date.now() >= deployAt) {
        await nodeRed.deploy(soakFlow(url, version).flows, version % 2 === 0 ? "nodes" : "full");
        version++;
        deployAt += MINUTE_MS;
      }
      if (Date.now() >= killAt) {
        const signalledAt = Date.now();
        await nodeRed.restart("SIGKILL");
        deaths.push({ signalledAt, readyAt: Date.now() });
        proof.say(
          `kill -9 after ${Math.round((signalledAt - startedAt) / 1_000)} s, ready again ${Date.now() - signalledAt} ms later.`,
        );
        killAt = Infinity;
      }
      if (Date.now() - startedAt >= (minute + 1) * MINUTE_MS) {
        minute++;
        const queues = await report();
        const sum = (of: (queue: QueueReport) => number): number => queues.reduce((all, one) => all + of(one), 0);
        proof.say(
          `minute ${minute}: ${load.accepted} accepted, ${sum((one) => one.waiting)} waiting, ${sum((one) => one.failed)} failed, ${memory.at(-1)?.mb ?? 0} MB`,
          minute % 5 === 0,
        );
      }
    }
  }

  function faultsOf(seed: number): Faults {
    const draw = seeded(seed + 1);
    return {
      ...{ seed, rate429: draw() * 0.005, rate500: draw() * 0.04, rateReset: draw() * 0.04 },
      ...{ rateLost: draw() * 0.04, rateGarbage: draw() * 0.01, rateHang: draw() * 0.002 },
    };
  }

  function noteMemory(): void {
    const { pid } = nodeRed;
    if (pid === undefined) return;
    try {
      const kilobytes = /^RssAnon:\s+(\d+) kB/m.exec(readFileSync(`/proc/${pid}/status`, "utf8"))?.[1];
      if (kilobytes !== undefined) memory.push({ at: Date.now(), mb: Math.round(Number(kilobytes) / 1_024), pid });
    } catch {
      // It is being restarted.
    }
  }

  /** Waits until nothing waits, then looks at the store itself. */
  async function drain(): Promise<void> {
    await waitFor("empty queues", async () => isStill(await report()), DRAIN_MS).catch(() => undefined);
    finalReport = await report();
    proof.say(
      `After the drain: ${finalReport.map(({ node, waiting, failed }) => `${node} ${waiting}/${failed}`).join(", ")} (waiting/failed).`,
    );
    const { text } = await nodeRed.get(`${nodeRed.adminUrl}/bloomreach-voucherify/queues/failed/export`);
    letters = text
      .trimEnd()
      .split("\n")
      .filter(Boolean)
      .map((line) => JSON.parse(line) as DeadLetter);
    await nodeRed.stop();
    const store = LevelStore.open(join(nodeRed.userDir, "bloomreach-voucherify", "queue"));
    await store.ready();
    kept = new Map();
    for (const [key] of await store.read({ gte: "lane/", lt: "lane0" })) {
      const [, node = "", kind] = key.split("/");
      if (kind === "record") kept.set(node, (kept.get(node) ?? 0) + 1);
    }
    for (const { node, failed } of finalReport) if (failed > 0) kept.set(`dead ${node}`, 0);
    for (const [, value] of await store.read({ gte: "dead/", lt: "dead0" })) {
      const name = `dead ${(value as unknown as DeadLetter).node}`;
      kept.set(name, (kept.get(name) ?? 0) + 1);
    }
    await store.close();
  }

  it("leaves nothing stuck: no queue says that something waits, and the store keeps no record", () => {
    assert.deepEqual(
      finalReport.filter(({ waiting, inFlight }) => waiting !== 0 || inFlight !== 0),
      [],
    );
    assert.deepEqual(
      [...kept].filter(([name]) => !name.startsWith("dead ")),
      [],
    );
  });

  it("counts what is there: failed records in the report and in the store", () => {
    for (const { node, failed } of finalReport) assert.equal(kept.get(`dead ${node}`) ?? 0, failed, node);
  });

  it("customers: the last accepted version is in Voucherify, or among the failed with a reason", async () => {
    const stored = new Map(await simulator.ask("customers"));
    const failed = new Set(failedOf("upsert").map(({ customer }) => customer));
    const lost = [...ledger.customers].filter(([id, name]) => stored.get(id) !== name && !failed.has(id));
    proof.say(`Customers: ${ledger.customers.size} accepted, ${lost.length} lost, ${failed.size} failed.`);
    assert.deepEqual(lost, []);
    assert.deepEqual([...failed], []);
  });

  it("events to Voucherify: each arrived or is among the failed; never twice where that was asked for", async () => {
    const arrived = await simulator.ask("customEvents");
    for (const [node, accepted] of [
      ["at-least-once", ledger.atLeastOnce],
      ["at-most-once", ledger.atMostOnce],
    ] as const) {
      const failed = new Set(failedOf(node).map(({ body }) => nOf(body as JsonObject)));
      const lost = [...accepted].filter((n) => (arrived[n] ?? 0) === 0 && !failed.has(n));
      const twice = [...accepted].filter((n) => (arrived[n] ?? 0) > 1);
      const mayHave = failedOf(node).filter(({ reasonKey }) => reasonKey === "unknown_outcome").length;
      proof.say(
        `Events ${node}: ${accepted.size} accepted, ${lost.length} lost, ${twice.length} more than once, ${failed.size} failed (${mayHave} may have arrived).`,
      );
      assert.deepEqual(lost, []);
      if (node === "at-most-once") assert.deepEqual(twice, []);
      const poison = node === "at-least-once" ? [...ledger.poison] : [];
      assert.deepEqual(
        poison.filter((n) => !failed.has(n)),
        [],
      );
      // No other reason to fail than an answer that was lost.
      const others = failedOf(node).filter(({ reasonKey }) => reasonKey !== "unknown_outcome");
      assert.deepEqual(others.map(({ body }) => nOf(body as JsonObject)).sort(), poison.sort());
    }
  });

  it("events to Bloomreach: each is there once", async () => {
    const arrived = await simulator.ask("trackedEvents");
    const wrong = [...ledger.tracked].filter((id) => arrived[id] !== 1);
    proof.say(`Events to Bloomreach: ${ledger.tracked.size} accepted, ${wrong.length} not there exactly once.`);
    assert.deepEqual(wrong, []);
    assert.deepEqual(failedOf("tell"), []);
  });

  it("codes: one for each request, and the answer has it", async () => {
    const codes = await simulator.ask("codes");
    const wrong = [...ledger.asked].filter(([customer, count]) => (codes[customer] ?? []).length !== count);
    proof.say(`Codes: ${ledger.asked.size} asked for, ${wrong.length} customers with more or less than one.`);
    assert.deepEqual(wrong, []);
    assert.deepEqual(
      [...ledger.answered].filter(([customer, answered]) => answered.some((code) => !codes[customer]?.includes(code))),
      [],
    );
    assert.deepEqual([...failedOf("queue"), ...failedOf("codes")], []);
  });

  it("answers no webhook with a code that stops a campaign, and leaves none unanswered", () => {
    const unanswered = load.refusals.filter(
      ({ status, sentAt, endedAt }) =>
        status === undefined && !deaths.some(({ signalledAt, readyAt }) => sentAt <= readyAt && endedAt >= signalledAt),
    );
    const statuses = new Map<number, number>();
    for (const { status = 0 } of load.refusals) statuses.set(status, (statuses.get(status) ?? 0) + 1);
    proof.say(
      `Tries without 200 by status (0: died with the process): ${JSON.stringify(Object.fromEntries(statuses))}.`,
    );
    assert.deepEqual(
      load.refusals.filter(({ status }) => STOP_CODES.includes(status ?? 0)),
      [],
    );
    assert.deepEqual(unanswered, []);
  });

  it("keeps its memory flat", function () {
    const { pid } = memory.at(-1)!;
    const ofLastLife = memory.filter((one) => one.pid === pid).map(({ mb }) => mb);
    if (ofLastLife.length < FEWEST_SAMPLES) this.skip();
    const quarter = Math.floor(ofLastLife.length / 4);
    const early = medianOf(ofLastLife.slice(quarter, 2 * quarter));
    const late = medianOf(ofLastLife.slice(-quarter));
    proof.say(`Memory after the kill (anonymous, MB): ${early} after the warm-up, ${late} at the end.`);
    assert.ok(late <= early * MOST_GROWTH + MARGIN_MB, `${early} MB became ${late} MB`);
  });
});

/** Which event a record is, as it is kept. */
function nOf({ body }: JsonObject): string {
  return (JSON.parse(body as string) as { metadata: { n: string } }).metadata.n;
}

function medianOf(values: readonly number[]): number {
  return [...values].sort((one, other) => one - other)[values.length >> 1] ?? 0;
}
