import assert from "node:assert/strict";
import type { Node, NodeAPI, NodeDef, NodeMessage } from "node-red";
import eventForward from "../../nodes/event-forward";
import { builtInKeys, builtInSimulator } from "../../nodes/lib/accounts/built-in-simulator";
import { durableDelivery } from "../../nodes/lib/delivery/durable-delivery";
import voucherifyActivity from "../../nodes/voucherify-activity";
import voucherifyIn from "../../nodes/voucherify-in";
import voucherifyLookup from "../../nodes/voucherify-lookup";
import voucherifyPublish from "../../nodes/voucherify-publish";
import type { Delivery } from "../../src/delivery/delivery";
import { sampleEventData, sampleWebhook, signatureOf, Simulator } from "../../src/simulator";
import { FlowUnderTest } from "../support/flow-under-test";
import { BLOOMREACH_KEYS, type FlowNode, TEST_KEYS, WEBHOOK_KEYS } from "../support/flows";
import { waitFor } from "../support/wait-for";

/* eslint-disable @typescript-eslint/no-require-imports -- core nodes have no types */
const functionNode = require("@node-red/nodes/core/function/10-function.js");
const splitAndJoin = require("@node-red/nodes/core/sequence/17-split.js");
const changeNode = require("@node-red/nodes/core/function/15-change.js");
/* eslint-enable @typescript-eslint/no-require-imports */

/** What the source of release 0.1.0 showed to everybody. */
const PUBLISHED = { "application-id": "simulator-application-id", "secret-key": "simulator-secret-key" };
const PUBLISHED_SIGNING_SECRET = "simulator-signing-secret";
const PATH = "/bloomreach-engagement/simulated";
const VOUCHERIFY_PATH = "/voucherify/simulated";
const CUSTOMER = [{ registered: "jane@example.com", name: "Jane" }];
const REQUEST = { customer: { registered: "jane@example.com" }, campaign: { name: "Abandoned cart" } };

/** A function node that makes a new message of the payload, and keeps only these properties of the old one. */
const rebuild = (RED: NodeAPI): void => {
  RED.nodes.registerType("rebuild", function (this: Node, def: NodeDef & { keep?: string[] }) {
    RED.nodes.createNode(this, def);
    this.on("input", (message, send, done) => {
      const old: Record<string, unknown> = { ...message };
      const kept: NodeMessage = Object.fromEntries((def.keep ?? []).map((key) => [key, old[key]]));
      send(kept);
      done();
    });
  });
};

type Side = "simulator" | "live";

describe("what the built-in simulator had a hand in", () => {
  const flow = new FlowUnderTest([
    eventForward,
    voucherifyActivity,
    voucherifyIn,
    voucherifyLookup,
    voucherifyPublish,
    rebuild,
    functionNode,
    splitAndJoin,
    changeNode,
  ]);
  /** Stands for the real services. */
  let live: Simulator;
  let unique = 0;
  before(async () => {
    live = await Simulator.start({ keys: { ...TEST_KEYS, ...BLOOMREACH_KEYS } });
  });
  after(() => live.stop());
  beforeEach(async () => {
    unique++;
    live.reset();
    (await builtInSimulator()).reset();
  });
  afterEach(async () => (await builtInSimulator()).reset());

  const id = (name: string): string => `${name}-origin${unique}`;
  /** Both accounts, Catch, and the nodes of a test; a node's `wires` are names. */
  const load = (sides: { bloomreach: Side; voucherify: Side }, ...nodes: FlowNode[]): Promise<void> => {
    const url = (side: Side): string => (side === "live" ? live.url : "simulator");
    const accounts = {
      bloomreach: {
        webhookApplicationId: WEBHOOK_KEYS["application-id"],
        webhookSecretKey: WEBHOOK_KEYS["secret-key"],
        ...BLOOMREACH_KEYS,
      },
      voucherify: TEST_KEYS,
    };
    return flow.load(
      [
        { id: "tab", type: "tab" },
        {
          ...{ id: id("bloomreach"), type: "bv-bloomreach-account", hardId: "registered" },
          ...{ apiUrl: url(sides.bloomreach), projectToken: BLOOMREACH_KEYS.projectToken },
        },
        {
          ...{ id: id("voucherify"), type: "bv-voucherify-account", hardId: "registered" },
          ...{ apiUrl: url(sides.voucherify), plan: "own", requests: 2000, period: "minute" },
        },
        { id: id("catch"), type: "catch", z: "tab", scope: null, wires: [[id("failure")]] },
        { id: id("failure"), type: "helper", z: "tab" },
        { id: id("result"), type: "helper", z: "tab" },
        ...nodes.map((node) => ({
          z: "tab",
          account: id(/bloomreach-in|event-forward/.test(node.type) ? "bloomreach" : "voucherify"),
          voucherifyAccount: id("voucherify"),
          ...node,
          id: id(node.id),
          wires: [((node.wires as string[] | undefined) ?? ["result"]).map(id)],
        })),
      ] as FlowNode[],
      // On the simulator without any keys, as in the examples.
      {
        ...(sides.bloomreach === "live" && { [id("bloomreach")]: accounts.bloomreach }),
        ...(sides.voucherify === "live" && { [id("voucherify")]: accounts.voucherify }),
      },
    );
  };
  const receiving = (kind: string, ...wires: string[]): FlowNode => ({
    ...{ id: "in", type: "bv-bloomreach-in", kind, path: PATH, output: "webhook", eventKey: "" },
    wires,
  });
  const upsert: FlowNode = { id: "upsert", type: "bv-customer-upsert" };
  const forward: FlowNode = { id: "forward", type: "bv-event-forward", sendTo: "bloomreach", send: "both", fillMs: 0 };
  const publish = (answer: "now" | "queue", ...wires: string[]): FlowNode => ({
    ...{ id: "publish", type: "bv-voucherify-publish", answer, campaign: "", frequency: "send" },
    ...(wires.length > 0 && { wires }),
  });

  /** The keys that only this process knows. */
  const ownKeys = (): Record<string, string> => {
    const { webhookApplicationId, webhookSecretKey } = builtInKeys();
    return { "application-id": webhookApplicationId, "secret-key": webhookSecretKey };
  };
  const failures = () => flow.of(id("failure"));
  const refused = async (): Promise<void> => {
    await waitFor("the refusal, or a call", () => failures().length + live.log.length > 0);
    assert.deepEqual(live.log, []);
    const { error, failed, key } = failures()[0]!;
    assert.match(error.message, /came through the built-in simulator, and nothing of that is sent to a live account/);
    assert.equal(key ?? failed[0].key, "simulated");
    assert.deepEqual(live.log, []);
  };
  const delivery = (): Delivery => durableDelivery(flow.RED);

  it("gets in by nobody's keys but this process's own", async () => {
    await load({ bloomreach: "simulator", voucherify: "live" }, receiving("customers", "upsert"), upsert);
    for (const headers of [PUBLISHED, WEBHOOK_KEYS, {}])
      assert.equal((await flow.post(PATH, CUSTOMER, headers)).status, 401);
    assert.deepEqual([failures(), live.log], [[], []]);
  });

  it("as customers of bloomreach in: fails at a live customer upsert, and says so at once at both nodes", async () => {
    await load({ bloomreach: "simulator", voucherify: "live" }, receiving("customers", "upsert"), upsert);
    const { warn } = flow.node(id("in")) as unknown as { warn: { lastCall?: { args: [string] } } };
    assert.match(warn.lastCall?.args[0] ?? "", /is the built-in simulator, but that of "bv-customer-upsert" behind it/);
    assert.equal((await flow.post(PATH, CUSTOMER, ownKeys())).status, 200);
    await refused();
    assert.deepEqual(failures()[0]!.payload, CUSTOMER);
    await waitFor("the status", () => flow.status(id("upsert")).endsWith("simulated"));
  });

  for (const keep of [
    ["payload", "receipt"],
    ["payload", "simulated"],
  ])
    it(`is known in a message that a flow has made anew of ${keep.join(" and ")}`, async () => {
      await load(
        { bloomreach: "simulator", voucherify: "live" },
        receiving("customers", "rebuild"),
        { id: "rebuild", type: "rebuild", keep, wires: ["upsert"] },
        upsert,
      );
      await flow.post(PATH, CUSTOMER, ownKeys());
      await refused();
    });

  describe("in a message that a function node makes anew", () => {
    const made = (func: string, ...wires: string[]): FlowNode => ({
      ...{ id: "function", type: "function", func, outputs: 1, timeout: 0, initialize: "", finalize: "", libs: [] },
      wires,
    });
    const anew = (...wires: string[]): FlowNode => made("return { payload: msg.payload };", ...wires);
    const split = (...wires: string[]): FlowNode => ({ id: "split", type: "split", arraySplt: 1, wires });
    const lookup: FlowNode = { id: "lookup", type: "bv-voucherify-lookup", what: "vouchers" };
    const activity: FlowNode = { id: "activity", type: "bv-voucherify-activity", kinds: [], days: 1 };
    const event = { event: "review", customer: { registered: "jane" } };

    for (const [what, kind, body, nodes] of [
      ["customer upsert", "customers", CUSTOMER, [anew("upsert"), upsert]],
      ["event forward", "events", [event], [anew("forward"), { ...forward, sendTo: "voucherify" }]],
      ["voucherify publish, answer now", "requests", REQUEST, [anew("publish"), publish("now")]],
      ["voucherify publish, queue", "requests", REQUEST, [anew("publish"), publish("queue")]],
      ["voucherify lookup", "requests", REQUEST, [anew("lookup"), lookup]],
      ["voucherify activity", "customers", CUSTOMER, [anew("activity"), activity]],
      [
        "customer upsert, by node.send and after a timer",
        "customers",
        CUSTOMER,
        [made("setTimeout(() => node.send({ payload: msg.payload }), 1);", "upsert"), upsert],
      ],
      ["customer upsert, split behind it", "customers", CUSTOMER, [anew("split"), split("upsert"), upsert]],
      [
        "customer upsert, split before it",
        "customers",
        CUSTOMER,
        [split("function"), made("return { payload: [msg.payload] };", "upsert"), upsert],
      ],
      [
        "customer upsert, split and joined again",
        "customers",
        CUSTOMER,
        [anew("split"), split("join"), { id: "join", type: "join", mode: "auto", wires: ["upsert"] }, upsert],
      ],
      [
        "customer upsert, its marks deleted by a change node",
        "customers",
        CUSTOMER,
        [
          {
            ...{ id: "function", type: "change", wires: ["upsert"] },
            rules: ["simulated", "receipt"].map((p) => ({ t: "delete", p, pt: "msg" })),
          },
          upsert,
        ],
      ],
    ] as const)
      it(`fails at a live ${what}`, async () => {
        const first = nodes[0].id;
        await load({ bloomreach: "simulator", voucherify: "live" }, receiving(kind, first), ...nodes);
        void flow.post(PATH, body, ownKeys());
        await refused();
      });

    it("fails also when live ones came later into the same list", async () => {
      await load(
        { bloomreach: "simulator", voucherify: "live" },
        receiving("customers", "function"),
        anew("join", "seen"),
        { id: "seen", type: "helper" },
        { id: "join", type: "join", mode: "custom", build: "array", property: "payload", count: 2, wires: ["flat"] },
        { ...made("return { payload: msg.payload.flat(), simulated: undefined };", "upsert"), id: "flat" },
        upsert,
      );
      await flow.post(PATH, CUSTOMER, ownKeys());
      await waitFor("the first of the list", () => flow.of(id("seen"))[0]);
      flow.node(id("join")).receive({ payload: [{ registered: "joe" }] });
      await refused();
    });

    it("fails also where Node-RED hooks are not to be had", async () => {
      await load(
        { bloomreach: "simulator", voucherify: "live" },
        receiving("customers", "function"),
        anew("upsert"),
        upsert,
      );
      flow.RED.hooks.remove("onReceive.bloomreach-voucherify-simulated");
      await flow.post(PATH, CUSTOMER, ownKeys());
      await refused();
    });

    it("fails at an event forward to a live Bloomreach as a code, whoever had asked", async () => {
      await load({ bloomreach: "live", voucherify: "simulator" }, publish("now", "function"), anew("forward"), forward);
      flow.node(id("publish")).receive({ payload: REQUEST });
      await refused();
    });

    it("fails at an event forward to a live Bloomreach when it was emitted again after accounts went live", async () => {
      const between = anew("forward");
      await load(
        { bloomreach: "live", voucherify: "simulator" },
        { ...publish("queue", "lost", "function"), wires: ["lost", "function"] },
        { id: "lost", type: "helper" },
        { ...between, func: "" },
        forward,
      );
      flow.node(id("publish")).receive({ payload: REQUEST });
      await waitFor("the code", () => flow.of(id("lost"))[0]);
      await flow.unload();
      await load({ bloomreach: "live", voucherify: "live" }, publish("queue", "function"), between, forward);
      await refused();
    });

    it("is delivered when it is none of the simulator's", async () => {
      await load(
        { bloomreach: "live", voucherify: "live" },
        receiving("customers", "function"),
        anew("split"),
        split("upsert"),
        upsert,
      );
      await flow.post(PATH, CUSTOMER, WEBHOOK_KEYS);
      await waitFor("the customer", () => live.customers.has("jane@example.com"));
    });
  });

  it("as events of bloomreach in: fails at an event forward to a live Voucherify", async () => {
    const intoVoucherify = { ...forward, sendTo: "voucherify" };
    await load({ bloomreach: "simulator", voucherify: "live" }, receiving("events", "forward"), intoVoucherify);
    await flow.post(PATH, [{ event: "review", customer: { registered: "jane" } }], ownKeys());
    await refused();
  });

  it("as a webhook of Voucherify: fails at an event forward to a live Bloomreach", async () => {
    const voucherify = { id: "in", type: "bv-voucherify-in", path: VOUCHERIFY_PATH, dropEchoes: false, kinds: [] };
    await load({ bloomreach: "live", voucherify: "simulator" }, { ...voucherify, wires: ["forward"] }, forward);
    const body = JSON.stringify(
      sampleWebhook("customer.redemption.succeeded", "project", { customer: { source_id: "jane" } }),
    );
    const post = async (secret: string): Promise<number> =>
      (await flow.post(VOUCHERIFY_PATH, body, { "x-voucherify-signature": signatureOf(body, secret) })).status;
    assert.equal(await post(PUBLISHED_SIGNING_SECRET), 401);
    assert.equal(await post(builtInKeys().signingSecret), 200);
    await refused();
  });

  for (const [what, node] of [
    ["voucherify publish, answer now", publish("now")],
    ["voucherify publish, queue", publish("queue")],
    ["voucherify lookup", { id: "lookup", type: "bv-voucherify-lookup", what: "vouchers" }],
  ] as const)
    for (const keep of [
      ["payload", "res", "simulated"],
      ["payload", "res"],
    ])
      it(`as a request: a live ${what} answers with a refusal (message of ${keep.join(", ")})`, async () => {
        await load(
          { bloomreach: "simulator", voucherify: "live" },
          receiving("requests", "rebuild"),
          { id: "rebuild", type: "rebuild", keep, wires: [node.id] },
          node,
        );
        const { status, body } = await flow.post(PATH, REQUEST, ownKeys());
        assert.deepEqual([status, body.success], [200, false]);
        assert.match(body.error ?? body.errors[0].description, /nothing of that is sent to a live account/);
        await refused();
      });

  it("as the reason to read activity: a live voucherify activity reads nothing", async () => {
    const activity: FlowNode = { id: "activity", type: "bv-voucherify-activity", kinds: [], days: 1 };
    await load({ bloomreach: "simulator", voucherify: "live" }, receiving("customers", "activity"), activity);
    await flow.post(PATH, CUSTOMER, ownKeys());
    await refused();
  });

  it("as activity: fails at an event forward to a live Bloomreach", async () => {
    const activity: FlowNode = { id: "activity", type: "bv-voucherify-activity", kinds: [], days: 1 };
    await load({ bloomreach: "live", voucherify: "simulator" }, { ...activity, wires: ["forward"] }, forward);
    const simulator = await builtInSimulator();
    const customer = simulator.customerOf("jane");
    const data = sampleEventData("customer.redemption.succeeded", {
      customer: { id: customer.id, source_id: "jane" },
    });
    simulator.activity.record(customer.id, {
      ...{ type: "customer.redemption.succeeded", data, source: { channel: "USER_PORTAL" } },
    });
    flow.node(id("activity")).receive({ payload: "jane" });
    await refused();
  });

  for (const answer of ["now", "queue"] as const)
    it(`as a code (${answer}): fails at an event forward to a live Bloomreach, whoever had asked`, async () => {
      await load({ bloomreach: "live", voucherify: "simulator" }, publish(answer, "forward"), forward);
      flow.node(id("publish")).receive({ payload: REQUEST });
      await refused();
    });

  it("waits in a queue and is not sent when its account goes live, nor by a replay of what failed", async () => {
    (await builtInSimulator()).setFaults({ seed: 1, rate500: 1 });
    const sides = { bloomreach: "live", voucherify: "simulator" } as const;
    await load(sides, receiving("customers", "upsert"), upsert);
    assert.equal((await flow.post(PATH, CUSTOMER, WEBHOOK_KEYS)).status, 200);
    await waitFor("a try", async () => (await builtInSimulator()).log.length > 0);

    await flow.unload();
    await load({ ...sides, voucherify: "live" }, receiving("customers", "upsert"), upsert);
    await refused();
    const { letters } = await delivery().failed.list({ node: id("upsert"), limit: 10 });
    assert.deepEqual([letters.length, letters[0]?.customer], [1, "jane@example.com"]);

    await delivery().replay([letters[0]!.id]);
    await waitFor("the second refusal", () => failures().length === 2);
    assert.deepEqual(live.log, []);

    // Where it came from it may go to.
    (await builtInSimulator()).setFaults(undefined);
    const again = await delivery().failed.list({ node: id("upsert"), limit: 10 });
    await flow.unload();
    await load(sides, receiving("customers", "upsert"), upsert);
    await delivery().replay([again.letters[0]!.id]);
    await waitFor("the delivery", async () => (await builtInSimulator()).customers.has("jane@example.com"));
  });

  it("was received before an account went live, and is refused when it is emitted again", async () => {
    await load(
      { bloomreach: "simulator", voucherify: "live" },
      receiving("customers", "drop", "rebuild"),
      { id: "rebuild", type: "rebuild", keep: ["payload", "receipt"], wires: ["late"] },
      { id: "late", type: "helper", wires: [] },
      { id: "drop", type: "helper", wires: ["upsert"] },
      upsert,
    );
    await flow.post(PATH, CUSTOMER, ownKeys());
    await waitFor("the message", () => flow.of(id("drop"))[0]);
    await flow.unload();
    await load({ bloomreach: "live", voucherify: "live" }, receiving("customers", "upsert"), upsert);
    await refused();
    assert.equal(failures()[0]!.replayed, true);
  });

  it("is all that is refused: live customers go on their way", async () => {
    await load({ bloomreach: "live", voucherify: "live" }, receiving("customers", "upsert"), upsert);
    await flow.post(PATH, CUSTOMER, WEBHOOK_KEYS);
    const message = await waitFor("the result", () => flow.of(id("result"))[0]);
    assert.equal("simulated" in message, false);
    assert.equal(live.customers.has("jane@example.com"), true);
  });

  it("goes from simulator to simulator as ever, and says what it is", async () => {
    await load({ bloomreach: "simulator", voucherify: "simulator" }, receiving("customers", "upsert"), upsert);
    await flow.post(PATH, CUSTOMER, ownKeys());
    const message = await waitFor("the result", () => flow.of(id("result"))[0]);
    assert.deepEqual([message.simulated, message.payload[0].status], [true, "delivered"]);
    assert.deepEqual(failures(), []);
  });
});
