import assert from "node:assert/strict";
import { mkdtempSync, rmSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import type { NodeAPI } from "node-red";
import helper from "node-red-node-test-helper";
import bloomreachAccount from "../../nodes/bloomreach-account";
import customerUpsert from "../../nodes/customer-upsert";
import { durableDelivery } from "../../nodes/lib/delivery/durable-delivery";
import throttle from "../../nodes/throttle";
import voucherifyAccount from "../../nodes/voucherify-account";
import type { QueueReport } from "../../src/delivery/desk/queue-desk";
import { Simulator } from "../../src/simulator";
import { mostInAnyWindow } from "../support/sliding-window";
import { TEST_KEYS } from "../support/flows";
import { waitFor } from "../support/wait-for";

// eslint-disable-next-line @typescript-eslint/no-require-imports -- core nodes have no types
const completeNode = require("@node-red/nodes/core/common/24-complete.js");

// eslint-disable-next-line @typescript-eslint/no-explicit-any -- a message can hold anything, and tests look inside
type Received = Record<string, any>;

const statusOf = (node: unknown): string =>
  (node as { status: { lastCall?: { args: [{ text?: string }] } } }).status.lastCall?.args[0].text ?? "";

const userDir = mkdtempSync(join(tmpdir(), "customer-upsert-"));
helper.init(require.resolve("node-red"), { userDir } as never);

describe("customer upsert", () => {
  let simulator: Simulator;
  let results: Received[];
  let failures: Received[];
  let completed: Received[];
  let unique = 0;
  /** What the nodes of the last flow were given. */
  let usedRED: NodeAPI;

  before(async () => {
    // Typed as void, but it returns a promise.
    await (helper.startServer() as unknown as Promise<void>);
    simulator = await Simulator.start({ keys: TEST_KEYS, asyncActionMs: 50 });
  });
  after(async () => {
    await (helper.stopServer() as unknown as Promise<void>);
    await simulator.stop();
    rmSync(userDir, { recursive: true, force: true });
  });
  beforeEach(() => {
    unique++;
    simulator.reset();
    simulator.setFaults(undefined);
    [results, failures, completed] = [[], [], []];
  });
  afterEach(() => helper.unload());

  /** Loads "in -> upsert -> result" with Catch and Complete; every test has nodes of its own, because lanes outlive them. */
  async function load(options: { account?: object; upsert?: object; extra?: object[]; credentials?: object } = {}) {
    const id = (name: string): string => `${name}-${unique}`;
    const account = {
      id: id("account"),
      type: "bv-voucherify-account",
      apiUrl: simulator.url,
      hardId: "registered",
      plan: "own",
      requests: 2000,
      period: "minute",
      ...options.account,
    };
    const flow = [
      { id: "tab", type: "tab" },
      account,
      {
        id: id("upsert"),
        type: "bv-customer-upsert",
        z: "tab",
        account: account.id,
        emptyValues: "keep",
        wires: [[id("result")]],
        ...options.upsert,
      },
      { id: id("result"), type: "helper", z: "tab" },
      { id: id("catch"), type: "catch", z: "tab", scope: null, wires: [[id("failure")]] },
      { id: id("failure"), type: "helper", z: "tab" },
      { id: id("complete"), type: "complete", z: "tab", scope: [id("upsert")], wires: [[id("completed")]] },
      { id: id("completed"), type: "helper", z: "tab" },
      ...(options.extra ?? []),
    ];
    const watch = (RED: NodeAPI): void => void (usedRED = RED);
    await helper.load(
      [watch, bloomreachAccount, voucherifyAccount, throttle, customerUpsert, completeNode],
      flow as never,
      {
        [account.id]: options.credentials ?? TEST_KEYS,
      },
    );
    helper.getNode(id("result")).on("input", (message: object) => results.push(message));
    helper.getNode(id("failure")).on("input", (message: object) => failures.push(message));
    helper.getNode(id("completed")).on("input", (message: object) => completed.push(message));
    return helper.getNode(id("upsert"));
  }

  it("creates one customer by one call and reports it on the message that came in", async () => {
    const node = await load();
    node.receive({ payload: { registered: "ann", name: "Ann" }, topic: "mine", own: { kept: true } });
    const result = await waitFor("the result", () => results[0]);
    assert.equal(result.topic, "mine");
    assert.deepEqual(result.own, { kept: true });
    assert.equal(result.payload.length, 1);
    assert.equal(result.payload[0].status, "delivered");
    assert.equal(result.payload[0].source_id, "ann");
    assert.match(result.payload[0].id, /^cust_/);
    assert.deepEqual(result.delivery, { settled: 1, waiting: 0, total: 1 });
    const writes = simulator.log.filter(({ method }) => method === "POST");
    assert.deepEqual(
      writes.map(({ path }) => path),
      ["/v1/customers"],
    );
  });

  it("uses one bulk call for many, leaves out what does not fit, and says so", async () => {
    const node = await load();
    node.receive({
      payload: [
        { registered: "ann", metadata: { loyalty_points: "500" } },
        { registered: "bob", metadata: { loyalty_points: "500A", unheard_of: "x" } },
      ],
    });
    const result = await waitFor("the result", () => results[0]);
    assert.equal(simulator.log.filter(({ path }) => path === "/v1/customers/bulk/async").length, 1);
    assert.equal(simulator.customers.get("ann")?.metadata?.loyalty_points, 500);
    assert.deepEqual(result.omitted.map(({ source_id, key }: Received) => [source_id, key]).sort(), [
      ["bob", "metadata.loyalty_points"],
      ["bob", "metadata.unheard_of"],
    ]);
  });

  it("takes the Main Hard ID's name from the message before the account's", async () => {
    const node = await load();
    node.receive({ hardId: "customer_no", payload: { customer_no: 42, name: "Ann" } });
    await waitFor("the customer", () => simulator.customers.get("42"));
  });

  it("sends a customer that Voucherify refused to Catch, payload untouched, and delivers the others", async () => {
    simulator.setFaults(undefined);
    const node = await load();
    const payload = [{ registered: "ann" }, { name: "nobody" }, "text"];
    node.receive({ payload: structuredClone(payload) });
    const failure = await waitFor("the failure", () => failures[0]);
    await waitFor("the delivered one", () => results[0]);
    assert.deepEqual(failure.payload, payload);
    assert.deepEqual(
      failure.failed.map(({ key }: Received) => key),
      ["missing_hard_id", "not_an_object"],
    );
    assert.match(failure.error.message, /2 customers were not delivered/);
    await waitFor("Complete", () => completed[0]);
    assert.equal(completed.length, 1);
  });

  it("does not call a message complete of which nothing was accepted", async () => {
    const node = await load();
    node.receive({ payload: { name: "nobody" } });
    const failure = await waitFor("the failure", () => failures[0]);
    assert.match(failure.error.message, /neither "registered" nor "source_id"/);
    assert.deepEqual(failure.delivery, { settled: 1, waiting: 0, total: 1 });
    assert.deepEqual(completed, []);
  });

  it("explains a payload that holds no customers", async () => {
    const node = await load();
    node.receive({ payload: "hello" });
    const failure = await waitFor("the failure", () => failures[0]);
    assert.match(failure.error.message, /msg\.payload must be a customer or a list of customers/);
    assert.equal(failure.payload, "hello");
  });

  it("holds back everybody but the test customers", async () => {
    const node = await load({ account: { testCustomers: "ann, eve" } });
    node.receive({ payload: [{ registered: "ann" }, { registered: "bob" }] });
    await waitFor("both results", () => results.length === 2);
    assert.deepEqual([...simulator.customers.keys()], ["ann"]);
    const held = results.find(({ payload }) => payload[0].status === "held");
    assert.deepEqual(held?.payload, [{ source_id: "bob", status: "held" }]);
  });

  describe("in test mode", () => {
    const shown = (node: unknown): { fill: string; text: string }[] =>
      (node as { status: { args: [{ fill: string; text: string }][] } }).status.args.map(([status]) => status);

    const reports = (): Promise<QueueReport[]> => durableDelivery(usedRED).report();

    it("says so before anything has come, and never green while somebody is not sent", async () => {
      const node = await load({ account: { testCustomers: "ann" } });
      await waitFor("test mode", () => statusOf(node) === "customer-upsert.status.test-mode");
      node.receive({ payload: [{ registered: "ann" }, { registered: "bob" }, { registered: "eve" }] });
      const delivered = "customer-upsert.status.test-mode-not-sent: customer-upsert.status.delivered";
      await waitFor("the delivered one", () => statusOf(node) === delivered);
      assert.deepEqual(new Set(shown(node).map(({ fill }) => fill)), new Set(["yellow"]));
    });

    it("counts who is not sent where all are, each once", async () => {
      const node = await load({ account: { testCustomers: "ann" } });
      node.receive({ payload: Array.from({ length: 412 }, (_none, n) => ({ registered: `c${n}` })) });
      await waitFor("the count", () => statusOf(node) === "customer-upsert.status.test-mode-not-sent");
      const [report] = (await reports()).filter((one) => one.node === node.id);
      assert.deepEqual([report?.notSent, report?.testMode, report?.delivered], [412, true, 0]);
    });

    it("ends with the setting, and what was not sent stays counted", async () => {
      const node = await load({ account: { testCustomers: "ann" } });
      node.receive({ payload: { registered: "bob" } });
      await waitFor("the count", () => statusOf(node).endsWith("not-sent"));
      await helper.unload();
      const after = await load();
      after.receive({ payload: { registered: "bob" } });
      await waitFor("the delivery", () => statusOf(after) === "customer-upsert.status.delivered");
      const [report] = (await reports()).filter((one) => one.node === after.id);
      assert.deepEqual([report?.notSent, report?.testMode], [1, undefined]);
    });
  });

  it("pauses on wrong keys, keeps the customer, and delivers it after the keys were corrected", async () => {
    const node = await load({ credentials: { applicationId: "wrong", secretKey: "wrong-secret-value" } });
    node.receive({ payload: { registered: "ann" } });
    await waitFor("the pause", () => statusOf(node).includes("paused"));
    assert.equal(simulator.customers.size, 0);
    assert.deepEqual([failures.length, results.length], [0, 0]);
  });

  it("never exceeds a throttle that two accounts share", async () => {
    const id = `throttle-${unique}`;
    const shared = { id, type: "bv-throttle", requests: 3, period: "minute", share: 100, concurrency: 5 };
    const second = {
      id: `second-${unique}`,
      type: "bv-customer-upsert",
      z: "tab",
      account: `account-${unique}`,
      wires: [[]],
    };
    const node = await load({ account: { throttle: id }, extra: [shared, second] });
    for (let index = 0; index < 10; index++) {
      node.receive({ payload: { registered: `a${index}` } });
      helper.getNode(second.id).receive({ payload: { registered: `b${index}` } });
    }
    await waitFor("both to wait", () =>
      [node, helper.getNode(second.id)].every((upsert) => statusOf(upsert).includes("throttled")),
    );
    await waitFor("all that may start", () => simulator.log.length >= 3);
    assert.equal(simulator.log.length, 3);
    assert.ok(
      mostInAnyWindow(
        simulator.log.map(({ at }) => at),
        60_000,
      ) <= 6,
    );
  });
});
