import assert from "node:assert/strict";
import type { Node, NodeAPI, NodeDef } from "node-red";
import { registerNode } from "../../nodes/lib/runtime/register-node";
import { Simulator } from "../../src/simulator";
import { FlowUnderTest } from "../support/flow-under-test";
import { customerFlow, CUSTOMERS_PATH, type FlowNode, TEST_KEYS, WEBHOOK_KEYS } from "../support/flows";
import { waitFor } from "../support/wait-for";

interface MadeUpDef extends NodeDef {
  version: number;
  waitMs: number;
  wait?: number;
}
/** What nodes of the made-up type were constructed with. */
const constructed = new Map<string, MadeUpDef>();

/** A type whose second version has a unit in the name of its property. */
function madeUp(RED: NodeAPI): void {
  function MadeUp(this: Node, def: MadeUpDef): void {
    RED.nodes.createNode(this, def);
    constructed.set(this.id, def);
    this.on("input", (message, send, done) => {
      send(message);
      done();
    });
  }
  const migrations = {
    "bv-made-up": [({ wait }: { wait?: unknown }) => ({ wait: undefined, waitMs: Number(wait) * 1_000 })],
  };
  registerNode(RED, "bv-made-up", MadeUp, { migrations });
}

describe("nodes that another release has saved", () => {
  const flow = new FlowUnderTest([madeUp]);
  let simulator: Simulator;
  before(async () => {
    simulator = await Simulator.start({ keys: TEST_KEYS });
  });
  after(() => simulator.stop());

  /** The flow of customers; what tests read goes to helpers. */
  const load = (changes: Parameters<typeof customerFlow>[1]): Promise<void> => {
    const { flows, credentials } = customerFlow(simulator.url, changes);
    const asHelper = (node: FlowNode): FlowNode => (node.type === "debug" ? { ...node, type: "helper" } : node);
    const ours = flows.filter(({ type }) => type !== "status").map(asHelper);
    // Queues and budgets belong to ids, and other tests run in this process too.
    const [own, secrets] = JSON.parse(
      JSON.stringify([ours, credentials]).replace(/"(in|upsert|bloomreach|voucherify)"(?=[,:\]}])/g, '"saved-$1"'),
    ) as [FlowNode[], typeof credentials];
    return flow.load(own, secrets);
  };
  const send = (): Promise<{ status: number; body: Record<string, unknown> }> =>
    flow.post(CUSTOMERS_PATH, [{ registered: "ann" }], WEBHOOK_KEYS);

  it("an earlier one: a node is constructed with the properties of this release, and works", async () => {
    await flow.load([
      { id: "tab", type: "tab" },
      { id: "old", type: "bv-made-up", z: "tab", wait: 3, wires: [["behind"]] },
      { id: "behind", type: "helper", z: "tab" },
    ]);
    const { version, wait, waitMs, name } = constructed.get("old") ?? {};
    assert.deepEqual({ version, wait, waitMs, name }, { version: 2, wait: undefined, waitMs: 3_000, name: undefined });
    flow.node("old").receive({ payload: "x" });
    await waitFor("the message", () => flow.of("behind").length === 1);
  });

  it("a newer one: a delivery node sends nothing and says why, on its status and at Catch", async () => {
    await load({ upsert: { version: 2 } });
    assert.equal(flow.status("saved-upsert"), "customer-upsert.status.newer");
    assert.equal((await send()).status, 200);
    await waitFor("Catch", () => flow.of("failed").length === 1);
    const [{ error }] = flow.of("failed") as [{ error: { message: string } }];
    assert.match(error.message, /saved by a newer release .*version 2 .* reads up to 1.* Install that release again/);
    assert.deepEqual(flow.of("result"), []);
    assert.deepEqual(simulator.log, []);
  });

  it("a newer one: a webhook is neither taken nor given a stop code", async () => {
    await load({ in: { version: 2 } });
    assert.equal(flow.status("saved-in"), "bloomreach-in.status.newer");
    assert.equal((await send()).status, 500);
  });

  it("a newer one: an account counts as missing", async () => {
    await load({ account: { version: 2 } });
    assert.equal(flow.status("saved-upsert"), "customer-upsert.status.no-account");
  });

  it("this one: everything goes on", async () => {
    await load({ in: { version: 1 }, upsert: { version: 1 }, account: { version: 1 } });
    assert.equal((await send()).status, 200);
    await waitFor("the result", () => flow.of("result").length >= 1);
  });
});
