import assert from "node:assert/strict";
import { Simulator } from "../../src/simulator";
import { customerFlow, CUSTOMERS_PATH, TEST_KEYS, WEBHOOK_KEYS } from "../support/flows";
import { type NodeRedProcess, startNodeRed } from "../support/node-red-process";
import { waitFor } from "../support/wait-for";

const [applicationId, secretKey] = [WEBHOOK_KEYS["application-id"], WEBHOOK_KEYS["secret-key"]];
const basic = `Basic ${Buffer.from(`${applicationId}:${secretKey}`).toString("base64")}`;

for (const major of [4, 5] as const)
  describe(`What Bloomreach gets from Node-RED ${major}`, () => {
    let simulator: Simulator;
    let nodeRed: NodeRedProcess;
    const send = async (
      body: string | undefined,
      headers: Record<string, string> = WEBHOOK_KEYS,
      path = CUSTOMERS_PATH,
      method = "POST",
    ): Promise<{ status: number; json: Record<string, unknown> }> => {
      const answer = await fetch(nodeRed.url + path, { method, headers, ...(body !== undefined && { body }) });
      return { status: answer.status, json: JSON.parse((await answer.text()) || "{}") as Record<string, unknown> };
    };

    before(async () => {
      simulator = await Simulator.start({ keys: TEST_KEYS });
      const { flows, credentials } = customerFlow(simulator.url);
      // A second node with the same path, and one that makes a message of each customer.
      const [, first] = flows;
      const twin = { ...first!, id: "twin", wires: [[]] };
      const each = { ...first!, id: "each", path: "/own/path", output: "customer", wires: [["result"]] };
      nodeRed = await startNodeRed({ major, flows: [...flows, twin, each], credentials });
    });
    after(async () => {
      await nodeRed?.remove();
      await simulator?.stop();
    });

    for (const [style, headers] of [
      ["application-id and secret-key", WEBHOOK_KEYS],
      ["X-App-Id and X-App-Token", { "X-App-Id": applicationId, "X-App-Token": secretKey }],
      ["Basic", { authorization: basic }],
    ] as [string, Record<string, string>][])
      it(`a connection test with ${style} is answered 200, by GET and by POST with an empty body`, async () => {
        assert.equal((await send(undefined, headers, CUSTOMERS_PATH, "GET")).status, 200);
        assert.equal((await send("", headers)).status, 200);
      });

    it("no keys, and keys that are not whole: 401", async () => {
      for (const headers of [{}, { "application-id": applicationId }, { ...WEBHOOK_KEYS, "secret-key": "" }])
        assert.equal((await send("[]", headers as Record<string, string>)).status, 401);
    });

    it("a quotation mark that breaks one of three customers costs only that one", async () => {
      const batch = `[{"registered": "q1"},\n{"registered": "q2", "name": "Ann "Annie" Lee"},\n{"registered": "q3"}]`;
      const { status, json } = await send(batch);
      assert.equal(status, 200);
      assert.deepEqual([json.success, json.accepted, json.rejected], [true, 2, 1]);
      assert.equal((json.errors as { index: number; code: string }[])[0]?.index, 1);
      assert.ok(!JSON.stringify(json).includes("Annie"), "the answer repeats no personal data");
      await waitFor("the two others", () => simulator.customers.has("q1") && simulator.customers.has("q3"));
    });

    it("a batch test without data is no update", async () => {
      const { status, json } = await send('[{"registered": ""}, {"registered": "{{ customer_ids.registered }}"}]');
      assert.equal(status, 200);
      assert.match(JSON.stringify(json), /Test received\. Bloomreach sends no customer data in a batch test\./);
    });

    it("nothing but rejected customers: success false, still 200, both keys named", async () => {
      const { status, json } = await send('[{"customer_id": "17", "name": "Ann"}]');
      assert.deepEqual([status, json.success, json.accepted, json.rejected], [200, false, 0, 1]);
      assert.match(JSON.stringify(json.errors), /registered.*source_id/);
    });

    it("more than 10 MB: 200, success false, and what to do", async () => {
      const { status, json } = await send(" ".repeat(11 * 1_048_576));
      assert.deepEqual([status, json.success], [200, false]);
      assert.match(JSON.stringify(json.errors), /10 MB.*batch size/);
    });

    it("an unknown path below our prefix: 500 with the valid ones", async () => {
      const { status, json } = await send("[]", WEBHOOK_KEYS, "/bloomreach-engagement/unknown");
      assert.equal(status, 500);
      assert.ok(JSON.stringify(json).includes(CUSTOMERS_PATH));
    });

    it("the second node with one path says so, the first goes on", async () => {
      assert.match(nodeRed.log(), /Another node already receives on \/bloomreach-engagement\/upsert-customer-bulk/);
      assert.equal((await send('[{"registered": "twin"}]')).status, 200);
      await waitFor("the customer", () => simulator.customers.has("twin"));
    });

    it("one message for each customer has parts to join them", async () => {
      await send('[{"registered": "p1"}, {"registered": "p2"}]', WEBHOOK_KEYS, "/own/path");
      await waitFor("the second part", () => /index: 1, count: 2/.test(nodeRed.log()));
    });
  });
