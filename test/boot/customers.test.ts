import assert from "node:assert/strict";
import { Simulator } from "../../src/simulator";
import { customerFlow, CUSTOMERS_PATH, TEST_KEYS, WEBHOOK_KEYS } from "../support/flows";
import { type HttpReply, type NodeRedProcess, startNodeRed } from "../support/node-red-process";
import { waitFor } from "../support/wait-for";

/** The customer update of the integration's reference document, as Bloomreach renders it. */
const REFERENCE_CUSTOMER = {
  registered: "jane@example.com",
  name: "Jane Doe",
  description: "Buys on Fridays",
  email: "jane@example.com",
  phone: "+48 600 100 200",
  birthdate: "1990-05-17",
  address: {
    city: "Katowice",
    state: "Silesia",
    line_1: "ul. Mariacka 5",
    line_2: "",
    country: "Poland",
    postal_code: "40-014",
  },
  metadata: { segment: "VIP" },
};
const LANDED = {
  source_id: "jane@example.com",
  name: "Jane Doe",
  description: "Buys on Fridays",
  email: "jane@example.com",
  phone: "+48 600 100 200",
  birthdate: "1990-05-17",
  address: { city: "Katowice", state: "Silesia", line_1: "ul. Mariacka 5", country: "Poland", postal_code: "40-014" },
  metadata: { segment: "VIP" },
};

for (const major of [4, 5] as const)
  describe(`Customer updates through Node-RED ${major}`, () => {
    let simulator: Simulator;
    let nodeRed: NodeRedProcess;
    let accepted = 0;
    const post = async (body: object, headers: Record<string, string> = WEBHOOK_KEYS): Promise<HttpReply> => {
      const answer = await nodeRed.post(`${nodeRed.url}${CUSTOMERS_PATH}`, body, headers);
      if (answer.status === 200) accepted++;
      return answer;
    };
    const sent = (path: string): { bodyText?: string }[] =>
      simulator.log.filter((entry) => entry.path.startsWith(path));

    before(async () => {
      simulator = await Simulator.start({ keys: TEST_KEYS });
      nodeRed = await startNodeRed({ major, ...customerFlow(simulator.url) });
    });
    after(async () => {
      await nodeRed?.remove();
      await simulator?.stop();
    });
    beforeEach(() => simulator.reset());
    // What is still on its way would be lost with the simulator's reset, and sent again in the next test.
    afterEach(() => waitFor("every result", () => nodeRed.log().split("waiting: 0, total").length > accepted));

    it("delivers the reference document's customer exactly as mapped", async () => {
      const answer = await post(REFERENCE_CUSTOMER);
      assert.equal(answer.status, 200);
      const { request_id: requestId, ...counts } = JSON.parse(answer.text) as Record<string, unknown>;
      assert.deepEqual(counts, { success: true, accepted: 1, rejected: 0, errors: [] });
      assert.equal(typeof requestId, "string");
      await waitFor("the customer", () => simulator.customers.get("jane@example.com"));
      assert.deepEqual(
        sent("/v1/customers").map(({ bodyText }) => JSON.parse(bodyText ?? "") as unknown),
        [LANDED],
      );
    });

    it("delivers a batch in one bulk call, exactly as mapped", async () => {
      const batch = ["ann", "bob", "eve"].map((name) => ({ ...REFERENCE_CUSTOMER, registered: `${name}@example.com` }));
      assert.equal((await post(batch)).status, 200);
      await waitFor("the three customers", () => simulator.customers.size === 3);
      const [bulk, ...more] = sent("/v1/customers/bulk/async");
      assert.deepEqual(more, []);
      assert.deepEqual(
        JSON.parse(bulk?.bodyText ?? ""),
        batch.map(({ registered }) => ({ ...LANDED, source_id: registered })),
      );
    });

    it("spends one bulk call and at most three status reads on 1,000 customers", async () => {
      const batch = Array.from({ length: 1000 }, (_, index) => ({
        ...REFERENCE_CUSTOMER,
        registered: `customer-${index}@example.com`,
      }));
      assert.equal((await post(batch)).status, 200);
      await waitFor("1,000 customers", () => simulator.customers.size === 1000);
      await waitFor("the result", () => /settled: 1000, waiting: 0, total: 1000/.test(nodeRed.log()));
      assert.equal(sent("/v1/customers/bulk/async").length, 1);
      assert.ok(sent("/v1/async-actions/").length <= 3, "more than three status reads");
    });

    it("answers wrong keys with 401, sends no message, and keeps every secret to itself", async () => {
      const answer = await post(REFERENCE_CUSTOMER, { "application-id": "wrong", "secret-key": "wrong-secret" });
      assert.equal(answer.status, 401);
      const { text: flows } = await nodeRed.get(`${nodeRed.adminUrl}/flows`);
      const credentials = await Promise.all(
        ["bv-bloomreach-account/bloomreach", "bv-voucherify-account/voucherify"].map(
          async (node) => (await nodeRed.get(`${nodeRed.adminUrl}/credentials/${node}`)).text,
        ),
      );
      // The next webhook comes through after the refused one: had that made a message, it would be here by now.
      await post(REFERENCE_CUSTOMER);
      await waitFor("the accepted customer", () => simulator.customers.size === 1);
      assert.equal(sent("/v1/customers").length, 1);
      for (const secret of [TEST_KEYS.secretKey, WEBHOOK_KEYS["secret-key"], "wrong-secret"])
        for (const [place, text] of Object.entries({
          flows,
          credentials: credentials.join(),
          log: nodeRed.log(),
          answer: answer.text,
        }))
          assert.ok(!text.includes(secret), `${secret} is in the ${place}`);
    });

    it("goes on after the API reset the connection, failed and answered garbage", async () => {
      simulator.setFaults({ seed: 1, rateReset: 0.4, rateGarbage: 0.3, rate500: 0.3, times: 3 });
      await post(REFERENCE_CUSTOMER);
      await waitFor("the customer, after three faults", () => simulator.customers.get("jane@example.com"), 60_000);
      assert.equal((await nodeRed.get(`${nodeRed.adminUrl}/settings`)).status, 200);
    });
  });
