import assert from "node:assert/strict";
import helper from "node-red-node-test-helper";
import eventForward from "../../nodes/event-forward";
import { builtInSimulator } from "../../nodes/lib/accounts/built-in-simulator";
import type { VoucherifyAccount } from "../../nodes/lib/accounts/voucherify-connection";
import voucherifyLookup from "../../nodes/voucherify-lookup";
import voucherifyPublish from "../../nodes/voucherify-publish";
import { Simulator } from "../../src/simulator";
import { FlowUnderTest, type Received } from "../support/flow-under-test";
import { type FlowNode, TEST_KEYS } from "../support/flows";
import { waitFor } from "../support/wait-for";

interface Check {
  readonly name: string;
  readonly ok: boolean | string;
  readonly sentence: string;
}

/** What the dialog of the voucherify account asks of Node-RED. */
describe("the dialog of a voucherify account", () => {
  const flow = new FlowUnderTest([eventForward, voucherifyPublish, voucherifyLookup]);
  let simulator: Simulator;
  // Above those of other files: what belongs to an id (budgets, queues) outlives a flow.
  let unique = 2_000;
  before(async () => {
    simulator = await Simulator.start({ keys: TEST_KEYS });
  });
  after(() => simulator.stop());
  beforeEach(() => {
    unique++;
    simulator.reset();
  });
  const id = (name: string): string => `${name}-${unique}`;

  const load = (nodes: readonly object[], account: object = {}): Promise<void> =>
    flow.load(
      [
        { id: "tab", type: "tab" },
        {
          ...{ id: id("account"), type: "bv-voucherify-account", apiUrl: simulator.url, hardId: "registered" },
          ...{ plan: "organization", ...account },
        },
        ...nodes.map((node, n) => ({ id: id(`node${n}`), z: "tab", account: id("account"), wires: [[]], ...node })),
      ] as FlowNode[],
      { [id("account")]: TEST_KEYS },
    );
  const ask = async (route: string, posted: object): Promise<Received> =>
    (await helper.request().post(`/bloomreach-voucherify/voucherify-account/${route}`).send(posted)).body as Received;
  const test = async (more: object = {}): Promise<Check[]> => {
    const posted = { id: id("account"), apiUrl: simulator.url, ...TEST_KEYS, plan: "organization", ...more };
    return (await ask("test", posted)).checks as Check[];
  };
  const bad = (checks: readonly Check[]): string[] => checks.flatMap(({ name, ok }) => (ok === false ? [name] : []));

  const upsert = { type: "bv-customer-upsert" };
  const publish = { type: "bv-voucherify-publish", answer: "now", campaign: "X", frequency: "send" };
  const lookup = (what: string): object => ({ type: "bv-voucherify-lookup", what, program: "", look: "both" });
  for (const [node, permission, line] of [
    [upsert, "read metadata schemas", "Read metadata schemas"],
    [upsert, "read async actions", "Read async actions"],
    [publish, "read publications", "Read publications"],
    [publish, "read customers", "Read customers"],
    [lookup("discount"), "read qualifications", "Check qualifications"],
    [lookup("discount"), "read vouchers", "Read vouchers"],
    [lookup("discount"), "read promotions", "Read promotions"],
    [lookup("vouchers"), "read customers", "Read customers"],
  ] as const)
    it(`names what is missing: ${permission}, for ${(node as { type: string }).type}`, async () => {
      await load([node]);
      assert.deepEqual(bad(await test()), []);
      simulator.deniedPermissions.add(permission);
      assert.deepEqual(bad(await test()), [line]);
    });

  for (const [permission, line] of [
    ["read loyalties v1", "Read loyalty programs (v1)"],
    ["read loyalties v2", "Read loyalty programs (v2)"],
  ] as const)
    it(`tells what is not found without ${permission}`, async () => {
      await load([lookup("points")]);
      simulator.deniedPermissions.add(permission);
      const check = (await test()).find(({ name }) => name === line);
      assert.equal(check?.ok, "unknown");
      assert.match(check.sentence, /^Not allowed\. Points /);
    });

  it("asks nothing of a permission that no deployed node uses, and writes nothing", async () => {
    await load([lookup("vouchers"), { ...upsert, account: "another" }, { ...publish, d: true }]);
    for (const permission of ["read async actions", "read publications", "read campaigns"] as const)
      simulator.deniedPermissions.add(permission);
    const checks = await test();
    assert.deepEqual(
      checks.map(({ name, ok }) => [name, ok]),
      [
        ["Region", true],
        ["Keys", true],
        ["Read customers", true],
        ["Not needed now", "unneeded"],
      ],
    );
    assert.match(checks.at(-1)!.sentence, /Read publications, .* No deployed node of this account uses them\.$/);
    assert.equal(simulator.customers.size, 0);
    assert.ok(simulator.log.every(({ method, path }) => method === "GET" || path === "/v1/qualifications"));
  });

  it("says which limit is in force: the plan's, then what Voucherify has told", async () => {
    await load([upsert], { plan: "business" });
    const sentence = async (): Promise<string> => (await ask("limit", { id: id("account") })).sentence as string;
    assert.equal(await sentence(), "In force: 100 requests a minute, by the plan, 70 of them for queued work.");
    flow.node(id("node0")).receive({ payload: { registered: "ann" } });
    await waitFor("the customer", () => simulator.customers.get("ann"));
    assert.match(
      await sentence(),
      /^In force: 2,000 requests a minute, 1,400 .* The plan says 100, Voucherify told 2,000\.$/,
    );
    const plan = (await test({ plan: "business" })).find(({ name }) => name === "Plan");
    assert.match(plan?.sentence ?? "", /allows 2,000 .* says 100: choose the plan that you have/);
    assert.deepEqual(await ask("limit", { id: "nobody" }), {});
  });

  for (const [plan, limit] of [
    [{ plan: "business" }, "100"],
    [{ plan: "organization" }, "2000"],
    [{ plan: "sandbox" }, "100"],
    [{ plan: "own", requests: "37", period: "hour" }, "37"],
  ] as const)
    it(`on the built-in simulator plays the plan ${JSON.stringify(plan)}`, async () => {
      await load([upsert], { apiUrl: "simulator", ...plan });
      const { budget, api } = (flow.node(id("account")) as unknown as VoucherifyAccount).connection;
      const { headers } = await api.listCustomers(1);
      assert.equal(headers["x-rate-limit-limit"], limit);
      assert.equal(headers["x-rate-limit-remaining"], String(Number(limit) - 1), "counted for this account alone");
      assert.equal(budget.state().inForce, Number(limit));
      const checks = await test({ apiUrl: "simulator", ...plan });
      assert.deepEqual(bad(checks), []);
      assert.ok(!checks.some(({ name }) => name === "Plan"));
    });
  after(async () => (await builtInSimulator()).reset());
});
