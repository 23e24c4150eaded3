import assert from "node:assert/strict";
import { durableDelivery } from "../../nodes/lib/delivery/durable-delivery";
import type { Delivery } from "../../src/delivery/delivery";
import type { JsonValue } from "../../src/json";
import { Simulator } from "../../src/simulator";
import { FlowUnderTest } from "../support/flow-under-test";
import { CUSTOMERS_PATH, customerFlow, type FlowNode, WEBHOOK_KEYS } from "../support/flows";
import { waitFor } from "../support/wait-for";

/** Its own, because what is kept for a node is emitted to the next one of this id, in another file too. */
const IN = "bloomreach-in-under-test";

describe("bloomreach in", () => {
  const flow = new FlowUnderTest([]);
  let simulator: Simulator;

  before(async () => {
    simulator = await Simulator.start({
      keys: { applicationId: "test-application-id", secretKey: "test-secret-key-5f1c" },
    });
  });
  after(() => simulator.stop());

  const load = (): Promise<void> => {
    const { flows, credentials } = customerFlow(simulator.url, { in: { wires: [["upsert", "seen"]] } });
    const nodes = flows.map((node): FlowNode => ({
      ...node,
      ...(node.type === "debug" && { type: "helper" }),
      ...(node.id === "in" && { id: IN }),
    }));
    return flow.load([...nodes, { id: "seen", type: "helper", z: "tab", wires: [] }], credentials);
  };
  const send = (body: string): ReturnType<FlowUnderTest["post"]> => flow.post(CUSTOMERS_PATH, body, WEBHOOK_KEYS);
  const delivery = (): Delivery => durableDelivery(flow.RED);
  const nested = (levels: number): JsonValue => {
    let value: JsonValue = [];
    for (let level = 0; level < levels; level++) value = [value];
    return value;
  };

  it("answers only when the webhook is on disk", async () => {
    await load();
    await send('{"registered": "first"}');
    const { inbox } = delivery();
    const receive = inbox.receive.bind(inbox);
    let release = (): void => undefined;
    const held = new Promise<void>((resolve) => (release = resolve));
    let isAsked = false;
    inbox.receive = async (...entry) => {
      isAsked = true;
      await held;
      return receive(...entry);
    };
    try {
      let isAnswered = false;
      const answer = send('{"registered": "second"}').finally(() => (isAnswered = true));
      await waitFor("the writing", () => isAsked);
      await flow.post(CUSTOMERS_PATH, "", WEBHOOK_KEYS); // a whole round trip
      assert.equal(isAnswered, false);
      release();
      assert.equal((await answer).status, 200);
    } finally {
      inbox.receive = receive;
    }
  });

  it("delivers the good customers beside one that is nested too deep", async () => {
    await load();
    const deep = `{"registered": "deep", "metadata": ${"[".repeat(4000)}${"]".repeat(4000)}}`;
    const { status, body } = await send(`[{"registered": "good-1"}, ${deep}, {"registered": "good-2"}]`);
    assert.deepEqual([status, body.accepted, body.rejected], [200, 2, 1]);
    assert.equal(body.errors[0].code, "nested_too_deep");
    await waitFor("both", () => simulator.customers.get("good-1") && simulator.customers.get("good-2"));
    assert.equal(simulator.customers.get("deep"), undefined);
  });

  it("sets aside what an earlier release has kept and nobody can copy, and goes on", async () => {
    await load();
    await send('{"registered": "before"}');
    const message = {
      records: [{ registered: "deep", x: nested(4000) }],
      hardId: "registered",
      webhook: { request_id: "old" },
    };
    await delivery().inbox.receive({ node: IN, receivedAt: Date.now(), requestId: "old", message });
    await flow.unload();
    await load();
    const failure = await waitFor(
      "the failure",
      () => flow.of("failed").find(({ topic }) => topic === "not_emitted"),
      10_000,
    );
    assert.match(failure.error.message, /could not be handed to the flow/);
    assert.ok(String(failure.payload).startsWith('{"records":[{"registered":"deep"'));
    const { letters } = await delivery().deadLetters.list({ node: IN, limit: 10 });
    assert.deepEqual(
      letters.map(({ requestId, reasonKey }) => [requestId, reasonKey]),
      [["old", "not_emitted"]],
    );
    assert.equal(await delivery().inbox.find("old"), undefined);
    assert.equal((await send('{"registered": "after"}')).status, 200);
    await waitFor("the next", () => simulator.customers.get("after"));
  });

  it("says in the answer, the status and at Catch that all customers lack an ID, as under a wrong name", async () => {
    await load();
    const customers = Array.from({ length: 1_000 }, (_none, place) => ({ registered: "", name: `Customer ${place}` }));
    const { status, body } = await send(JSON.stringify(customers));
    assert.deepEqual([status, body.success, body.accepted, body.rejected], [200, false, 0, 1_000]);
    const question = '1,000 customers without ID: is "registered" the right name? Correct it here';
    assert.ok(body.message.startsWith(question), body.message);
    assert.equal(body.errors[0].code, "missing_hard_id");
    assert.equal(flow.status(IN), "bloomreach-in.status.no-id-customers-many");
    const failure = await waitFor("the failure", () => flow.of("failed")[0]);
    assert.ok(failure.error.message.startsWith(question), failure.error.message);
    assert.equal(failure.payload.length, 1_000);
  });

  it("tells of the customers without ID in a batch where others have one", async () => {
    await load();
    const { body } = await send('[{"registered": "ann"}, {"registered": "", "name": "Bob"}]');
    assert.deepEqual([body.success, body.accepted, body.rejected, body.message], [true, 1, 1, undefined]);
    assert.equal(flow.status(IN), "bloomreach-in.status.some-without-id");
  });

  it("takes a body without any value for Bloomreach's test", async () => {
    await load();
    const { body } = await send('[{"registered": "", "name": "None"}]');
    assert.equal(body.message, "Test received. Bloomreach sends no customer data in a batch test.");
    assert.equal(flow.status(IN), "bloomreach-in.status.test");
  });
});
