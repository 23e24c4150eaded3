import assert from "node:assert/strict";
import { Simulator } from "../../src/simulator";
import { customerFlow, CUSTOMERS_PATH, TEST_KEYS, WEBHOOK_KEYS } from "../support/flows";
import { type NodeRedProcess, startNodeRed } from "../support/node-red-process";
import { waitFor } from "../support/wait-for";

const UPDATES = 12;

describe("Order of one customer, and nobody waits for another", () => {
  let simulator: Simulator;
  let nodeRed: NodeRedProcess;

  before(async () => {
    simulator = await Simulator.start({ keys: TEST_KEYS, asyncActionMs: 20 });
    nodeRed = await startNodeRed({ major: 4, ...customerFlow(simulator.url, { upsert: { concurrency: 4 } }) });
  });
  after(async () => {
    await nodeRed?.remove();
    await simulator?.stop();
  });

  const send = async (registered: string, name: string): Promise<void> => {
    const response = await fetch(`${nodeRed.url}${CUSTOMERS_PATH}`, {
      method: "POST",
      headers: { "content-type": "application/json", ...WEBHOOK_KEYS },
      body: JSON.stringify([{ registered, name }]),
    });
    assert.equal(response.status, 200);
  };

  it("seeded faults on one customer: its updates arrive in order, the others before its last one", async () => {
    // Every call about this customer is disturbed, until enough of them were.
    const faults = { seed: 7, rate429: 0.25, rate500: 0.35, rateReset: 0.3, rateGarbage: 0.1 };
    simulator.setFaults({ ...faults, only: { method: "POST", customer: "troubled" }, times: 6 });
    const others: string[] = [];
    for (let update = 1; update <= UPDATES; update++) {
      await send("troubled", `Version ${update}`);
      await send(`other-${update}`, "Other");
      others.push(`other-${update}`);
      await waitFor("the other customer", () => simulator.customers.has(`other-${update}`));
    }
    await waitFor("the last update", () => simulator.customers.get("troubled")?.name === `Version ${UPDATES}`, 60_000);

    const writes = simulator.log.filter(({ method }) => method === "POST");
    const versions = writes.flatMap(({ bodyText = "[]", status, fault }) =>
      status === 0 || status >= 400 || fault
        ? []
        : ([JSON.parse(bodyText)] as { source_id: string; name: string }[][])
            .flat()
            .filter(({ source_id }) => source_id === "troubled")
            .map(({ name }) => Number(name.replace("Version ", ""))),
    );
    assert.ok(versions.length > 0);
    assert.deepEqual(
      versions,
      [...versions].sort((a, b) => a - b),
    );
    assert.equal(versions.at(-1), UPDATES);
    const disturbed = writes.filter(({ fault }) => fault !== undefined).length;
    assert.equal(disturbed, 6, "the faults took place");
    // The log shows it: the first customers of others came in while the troubled one was still tried.
    const lastFault = writes.findLastIndex(({ fault }) => fault !== undefined);
    const before = writes.slice(0, lastFault).flatMap(({ customerIds, fault }) => (fault ? [] : (customerIds ?? [])));
    assert.ok(others.some((id) => before.includes(id)));
    console.log(`      ${versions.length} calls for ${UPDATES} updates, ${disturbed} disturbed`);
  });
});
