import assert from "node:assert/strict";
import type { NodeAPI } from "node-red";
import eventForward from "../../nodes/event-forward";
import { Simulator } from "../../src/simulator";
import { FlowUnderTest, type Received } from "../support/flow-under-test";
import { BLOOMREACH_KEYS, type FlowNode, TEST_KEYS } from "../support/flows";
import { waitFor } from "../support/wait-for";

// eslint-disable-next-line @typescript-eslint/no-require-imports -- core nodes have no types
const links = require("@node-red/nodes/core/common/60-link.js") as (RED: NodeAPI) => void;

/** customer upsert -> event forward, whose account stores Voucherify's customer ID or not: the one switch. */
describe("the sync of Voucherify's customer ID", () => {
  const flow = new FlowUnderTest([eventForward, links]);
  let simulator: Simulator;
  // Above those of other files: what belongs to an id (budgets, queues) outlives a flow.
  let unique = 1_000;
  before(async () => {
    simulator = await Simulator.start({ keys: { ...TEST_KEYS, ...BLOOMREACH_KEYS }, asyncActionMs: 20 });
  });
  after(() => simulator.stop());
  beforeEach(() => {
    unique++;
    simulator.reset();
  });
  const id = (name: string): string => `${name}-${unique}`;
  /** Without a place, Node-RED takes a link for a config node. */
  const drawn = { z: "tab", x: 100, y: 100 };

  const load = (idSync: string, upsert: object = {}, account: object = {}): Promise<void> =>
    flow.load(
      [
        { id: "tab", type: "tab" },
        {
          ...{ id: id("bloomreach"), type: "bv-bloomreach-account", apiUrl: simulator.url, hardId: "registered" },
          ...{ projectToken: BLOOMREACH_KEYS.projectToken, idSync, idSyncName: "voucherify_id" },
        },
        {
          ...{ id: id("voucherify"), type: "bv-voucherify-account", apiUrl: simulator.url, hardId: "registered" },
          ...{ plan: "own", requests: 2_000, period: "minute", ...account },
        },
        {
          ...{ id: id("upsert"), type: "bv-customer-upsert", z: "tab", account: id("voucherify") },
          ...{ wires: [[id("results"), id("link out")]], ...upsert },
        },
        // The way behind a link counts like a wire.
        { ...{ id: id("link out"), type: "link out", mode: "link", links: [id("link in")] }, ...drawn, wires: [] },
        { ...{ id: id("link in"), type: "link in", links: [id("link out")] }, ...drawn, wires: [[id("forward")]] },
        {
          ...{ id: id("forward"), type: "bv-event-forward", z: "tab", sendTo: "bloomreach", account: id("bloomreach") },
          ...{ send: "both", names: {}, currency: "EUR", fillMs: 20, wires: [[id("stored")]] },
        },
        { id: id("results"), type: "helper", z: "tab" },
        { id: id("stored"), type: "helper", z: "tab" },
        { id: id("catch"), type: "catch", z: "tab", scope: null, wires: [[id("failures")]] },
        { id: id("failures"), type: "helper", z: "tab" },
      ] as FlowNode[],
      {
        [id("bloomreach")]: { apiKeyId: BLOOMREACH_KEYS.apiKeyId, apiSecret: BLOOMREACH_KEYS.apiSecret },
        [id("voucherify")]: TEST_KEYS,
      },
    );
  const people = ["ann", "bob", "cid"];
  const upsert = (): void =>
    flow.node(id("upsert")).receive({ payload: people.map((registered) => ({ registered, name: registered })) });
  const results = (): Received[] => flow.of(id("results")).flatMap(({ payload }) => payload as Received[]);
  const profileIds = (): Record<string, string>[] => [...simulator.bloomreach.book.profiles].map(({ ids }) => ids);
  const lists = (): number => simulator.log.filter(({ path }) => path.startsWith("/v1/customers?")).length;

  for (const as of ["soft", "hard"])
    it(`stores the IDs of customers that went in bulk, as a ${as} ID, with no second switch`, async () => {
      await load(as);
      upsert();
      await waitFor("all IDs", () => profileIds().length === people.length);
      const expected = people.map((registered) => ({
        registered,
        voucherify_id: simulator.customers.get(registered)?.id,
      }));
      assert.deepEqual(profileIds(), expected);
      assert.deepEqual(flow.of(id("failures")), []);
    });

  for (const [what, more, expected] of [
    ["costs no request where it is off", {}, 0],
    ["leaves the IDs that a flow of 0.1.0 reads for itself", { readIds: true }, 1],
  ] as const)
    it(`${what}`, async () => {
      await load("none", more);
      upsert();
      await waitFor("the results", () => results().length === people.length);
      assert.equal(lists(), expected);
      assert.equal(
        results().every(({ id }) => (id !== undefined) === expected > 0),
        true,
      );
    });

  it("tells Catch which customers have none, when Voucherify lets nobody read them", async () => {
    await load("soft");
    simulator.setFaults({ seed: 1, rate500: 1, only: { method: "GET", path: /^\/v1\/customers/ } });
    upsert();
    const { failed } = await waitFor("Catch", () => flow.of(id("failures"))[0]);
    simulator.setFaults(undefined);
    assert.deepEqual(
      failed.map(({ source_id }: Received) => source_id as string),
      people,
    );
    assert.match(failed[0].reason, /customer ann was not stored in Bloomreach, because it could not be read\. Send/);
  });

  it("tells Catch where the hosted gateway has sent them, which tells no IDs", async () => {
    await load("soft", {}, { transport: "gateway", gatewayUrl: simulator.url });
    upsert();
    const { failed } = await waitFor("Catch", () => flow.of(id("failures"))[0]);
    assert.match(failed[0].reason, /customer ann .* the hosted gateway tells no IDs/);
  });
});
