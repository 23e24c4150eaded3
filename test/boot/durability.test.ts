import assert from "node:assert/strict";
import { Simulator } from "../../src/simulator";
import { CustomerLoad } from "../support/customer-load";
import { customerFlow, type FlowNode, TEST_KEYS } from "../support/flows";
import { type NodeRedProcess, startNodeRed } from "../support/node-red-process";
import { seeded } from "../support/seeded";
import { waitFor } from "../support/wait-for";

const KILLS = 20;
const DEPLOYS = 12;
const CUSTOMERS = 20_000;
const SEED = 20_261_123;
const FAULTS = { seed: SEED, rate429: 0.05, rate500: 0.1, rateReset: 0.1, rateHang: 0.02 };

const pause = (ms: number): Promise<void> => new Promise((resolve) => setTimeout(resolve, ms));

/** Result, statuses and failures are not printed: 20,000 customers would fill the log. */
function quietFlow(url: string): { flows: FlowNode[]; credentials: Record<string, Record<string, string>> } {
  const { flows, credentials } = customerFlow(url, { account: { requests: 1_000_000 }, upsert: { concurrency: 4 } });
  return {
    flows: flows.map((node) => (node.type === "debug" ? { ...node, active: false, console: false } : node)),
    credentials,
  };
}

describe("200 means safe: customers of acknowledged webhooks arrive with their last state", () => {
  let simulator: Simulator;
  let nodeRed: NodeRedProcess;
  let load: CustomerLoad;
  const random = seeded(SEED);

  beforeEach(async () => {
    simulator = await Simulator.start({
      keys: TEST_KEYS,
      rateLimit: { limit: 1_000_000, periodMs: 60_000 },
      asyncActionMs: 100,
      faults: FAULTS,
      logCapacity: 100_000,
    });
    nodeRed = await startNodeRed({ major: 4, ...quietFlow(simulator.url) });
  });
  afterEach(async () => {
    await load?.stop();
    await nodeRed.remove();
    await simulator.stop();
  });

  /** Customers whose last acknowledged state is not (yet) in the simulator. */
  const missing = (): string[] =>
    [...load.acknowledged].flatMap(([id, name]) => (simulator.customers.get(id)?.name === name ? [] : [id]));

  const arrived = async (): Promise<void> => {
    simulator.setFaults(undefined);
    await waitFor("every customer to arrive", () => missing().length === 0, 120_000);
    assert.equal(load.acknowledged.size, CUSTOMERS);
    const calls = simulator.log.filter(({ method, path }) => method === "POST" && path.startsWith("/v1/customers"));
    const states = new Set<string>();
    const extra = { calls: 0, customers: 0 };
    for (const { bodyText = "[]" } of calls) {
      const customers = ([JSON.parse(bodyText)] as { source_id: string; name: string }[][]).flat();
      const again = customers.filter(({ source_id, name }) => states.has(`${source_id} ${name}`)).length;
      extra.customers += again;
      if (again === customers.length) extra.calls++;
      for (const { source_id, name } of customers) states.add(`${source_id} ${name}`);
    }
    console.log(
      `      ${load.accepted} webhooks accepted, ${load.repeated} tries not; ${calls.length} calls to Voucherify, ` +
        `${extra.calls} of them with nothing new (${extra.customers} customers sent again)`,
    );
  };

  it(`kill -9 at ${KILLS} moments, with 429, 500, resets and hangs`, async () => {
    load = new CustomerLoad(() => nodeRed.port, { customers: CUSTOMERS, perWebhook: 50, senders: 4, versions: 2 });
    const webhooks = (2 * CUSTOMERS) / 50;
    for (let kill = 1; kill <= KILLS; kill++) {
      const after = Math.floor(((kill - random()) * webhooks) / (KILLS + 1));
      await waitFor(`webhook ${after}`, () => load.accepted >= after, 180_000);
      await pause(random() * 400);
      await nodeRed.restart("SIGKILL");
    }
    await load.done();
    await arrived();
  });

  it(`${DEPLOYS} deploys of all three kinds under the same load`, async () => {
    load = new CustomerLoad(() => nodeRed.port, { customers: CUSTOMERS, perWebhook: 50, senders: 4, versions: 2 });
    const webhooks = (2 * CUSTOMERS) / 50;
    const { flows } = quietFlow(simulator.url);
    for (let deploy = 1; deploy <= DEPLOYS; deploy++) {
      const after = Math.floor(((deploy - random()) * webhooks) / (DEPLOYS + 1));
      await waitFor(`webhook ${after}`, () => load.accepted >= after, 180_000);
      // Each kind of deploy stops something else: everything, the changed tab, the changed node.
      const changed = deploy % 2 === 0 ? "in" : "upsert";
      const next = flows.map((node) => (node.id === changed ? { ...node, name: `Deploy ${deploy}` } : node));
      await nodeRed.deploy(next, (["full", "flows", "nodes"] as const)[deploy % 3]);
    }
    await load.done();
    await arrived();
    assert.deepEqual(
      [...load.refusals.keys()].filter((status) => status !== 500),
      [],
    );
  });
});
