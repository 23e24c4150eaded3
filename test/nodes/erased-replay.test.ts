import assert from "node:assert/strict";
import { readdirSync, readFileSync } from "node:fs";
import { join } from "node:path";
import eventForward from "../../nodes/event-forward";
import { Simulator } from "../../src/simulator";
import { FlowUnderTest } from "../support/flow-under-test";
import { BLOOMREACH_KEYS, type FlowNode, TEST_KEYS, WEBHOOK_KEYS } from "../support/flows";
import { waitFor } from "../support/wait-for";

/* eslint-disable @typescript-eslint/no-require-imports -- core nodes have no types */
const functionNode = require("@node-red/nodes/core/function/10-function.js");
const splitNode = require("@node-red/nodes/core/sequence/17-split.js");
/* eslint-enable @typescript-eslint/no-require-imports */

const PATH = "/erased-replay";
const PERSON = "erase-2b81@example.com";

describe("a webhook that is emitted again after an erase", () => {
  const flow = new FlowUnderTest([eventForward, functionNode, splitNode]);
  let simulator: Simulator;
  let unique = 0;
  before(async () => {
    simulator = await Simulator.start({ keys: { ...TEST_KEYS, ...BLOOMREACH_KEYS } });
  });
  after(() => simulator.stop());
  beforeEach(() => {
    unique++;
    simulator.reset();
  });

  const id = (name: string): string => `${name}-erased${unique}`;
  const deploy = async (output: "webhook" | "customer", between: readonly object[]): Promise<void> => {
    await flow.unload();
    const chain = [
      { id: "in", type: "bv-bloomreach-in", path: PATH, kind: "events", eventKey: "", output },
      ...between,
      { id: "forward", type: "bv-event-forward", sendTo: "voucherify" },
    ] as FlowNode[];
    await flow.load(
      [
        { id: "tab", type: "tab" },
        { id: id("bloomreach"), type: "bv-bloomreach-account", apiUrl: simulator.url, hardId: "registered" },
        {
          ...{ id: id("voucherify"), type: "bv-voucherify-account", apiUrl: simulator.url, hardId: "registered" },
          ...{ plan: "own", requests: 2000, period: "minute" },
        },
        ...chain.map((node, place) => ({
          ...{ z: "tab", account: id("bloomreach"), voucherifyAccount: id("voucherify"), ...node, id: id(node.id) },
          wires: [place + 1 < chain.length ? [id(chain[place + 1]!.id)] : []],
        })),
      ] as FlowNode[],
      {
        [id("bloomreach")]: {
          webhookApplicationId: WEBHOOK_KEYS["application-id"],
          webhookSecretKey: WEBHOOK_KEYS["secret-key"],
        },
        [id("voucherify")]: TEST_KEYS,
      },
    );
  };
  const post = async (...events: object[]): Promise<void> => {
    assert.equal((await flow.post(PATH, events, WEBHOOK_KEYS)).status, 200);
  };
  const review = (registered: string, metadata: object = {}): object => ({
    ...{ event: "review", customer: { registered }, metadata },
  });
  const arrived = (): string[] => simulator.events.events.map(({ customer }) => customer).sort();

  const split = { id: "split", type: "split", arraySplt: 1 };
  const adds = {
    ...{ id: "adds", type: "function", outputs: 1, timeout: 0, initialize: "", finalize: "", libs: [] },
    func: "for (const one of [msg.payload].flat()) one.metadata.by = 'flow'; return msg;",
  };
  for (const [what, output, between, mentions] of [
    ["as a list", "webhook", [], true],
    ["one by one", "customer", [], true],
    ["split", "webhook", [split], true],
    ["changed by a function node", "webhook", [adds], false],
    ["one by one, changed by a function node", "customer", [adds], false],
  ] as const)
    it(`${what}: sends the others once, and loses none`, async () => {
      await deploy(output, between);
      const mention = mentions ? { referrer: PERSON, referrer_id: PERSON } : {};
      await post(review(PERSON), review("anna", mention), review("bert"), review("bert"));
      await waitFor("the events", () => arrived().length === 4);
      const { received } = await flow.delivery.erase(PERSON);
      assert.equal(received, 1);
      const folder = flow.queueFolder;
      assert.ok(readdirSync(folder).every((name) => !readFileSync(join(folder, name)).includes(PERSON)));
      await deploy(output, between);
      // What is emitted again goes before what comes now.
      await post(review("joe"));
      await waitFor("the new event", () => arrived().includes("joe"));
      assert.deepEqual(arrived(), [PERSON, "anna", "bert", "bert", "joe"].sort());
    });

  it("delivers what the erase met half-way, once", async () => {
    // All that reaches the node before the stop is what "bert" did.
    const only = {
      ...adds,
      id: "only",
      func: "if (msg.payload.customer.registered !== 'bert') return null; return msg;",
    };
    await deploy("customer", [only]);
    await post(review(PERSON), review("anna", { referrer: PERSON }), review("bert"));
    await waitFor("the one event", () => arrived().length === 1);
    await flow.delivery.erase(PERSON);
    await deploy("customer", [{ ...only, func: "return msg;" }]);
    await post(review("joe"));
    await waitFor("the new event", () => arrived().includes("joe"));
    assert.deepEqual(arrived(), ["anna", "bert", "joe"]);
  });
});
