import assert from "node:assert/strict";
import { WebhookReply } from "../../nodes/lib/runtime/webhook-reply";
import eventForward from "../../nodes/event-forward";
import voucherifyActivity from "../../nodes/voucherify-activity";
import voucherifyLookup from "../../nodes/voucherify-lookup";
import voucherifyPublish from "../../nodes/voucherify-publish";
import { Simulator } from "../../src/simulator";
import { FlowUnderTest, type Received } from "../support/flow-under-test";
import { BLOOMREACH_KEYS, type FlowNode, TEST_KEYS } from "../support/flows";
import { waitFor } from "../support/wait-for";

/** Deeper than Node-RED's cloneMessage and JSON.stringify can go. */
const LEVELS = 5_000;
const SENTENCE = /has more than 100 objects or lists inside each other, or one that holds itself/;

function nested(levels: number): object {
  let value: object = {};
  for (let level = 1; level < levels; level++) value = { inner: value };
  return value;
}

function circular(): object {
  const value: Record<string, unknown> = { registered: "jane", source_id: "jane" };
  value.self = [value];
  return value;
}

describe("a message of a flow that nests too deep", () => {
  const flow = new FlowUnderTest([eventForward, voucherifyActivity, voucherifyLookup, voucherifyPublish]);
  let simulator: Simulator;
  before(async () => {
    simulator = await Simulator.start({ keys: { ...TEST_KEYS, ...BLOOMREACH_KEYS } });
  });
  after(() => simulator.stop());

  const account = { account: "voucherify" };
  const takers: FlowNode[] = [
    { id: "deep-upsert", type: "bv-customer-upsert", ...account },
    { id: "deep-to-bloomreach", type: "bv-event-forward", sendTo: "bloomreach", account: "bloomreach" },
    { id: "deep-to-voucherify", type: "bv-event-forward", sendTo: "voucherify", voucherifyAccount: "voucherify" },
    { id: "deep-publish-now", type: "bv-voucherify-publish", answer: "now", ...account },
    { id: "deep-publish-queue", type: "bv-voucherify-publish", answer: "queue", ...account },
    { id: "deep-lookup", type: "bv-voucherify-lookup", what: "points", ...account },
    { id: "deep-activity", type: "bv-voucherify-activity", ...account },
  ];
  const load = (isCompleteWatched = true): Promise<void> =>
    flow.load(
      [
        { id: "tab", type: "tab" },
        {
          id: "voucherify",
          type: "bv-voucherify-account",
          apiUrl: simulator.url,
          hardId: "registered",
          plan: "own",
          requests: 100_000,
          period: "minute",
        },
        {
          id: "bloomreach",
          type: "bv-bloomreach-account",
          apiUrl: simulator.url,
          projectToken: BLOOMREACH_KEYS.projectToken,
          hardId: "registered",
        },
        // Two wires, so that Node-RED copies what leaves.
        ...takers.map((node) => ({ ...node, z: "tab", wires: [["sent", "sent-too"]] })),
        { id: "deep-catch", type: "catch", z: "tab", scope: null, wires: [["caught"]] },
        {
          id: "deep-complete",
          type: "complete",
          z: "tab",
          scope: isCompleteWatched ? takers.map(({ id }) => id) : [],
          wires: [["completed"]],
        },
        ...["sent", "sent-too", "caught", "completed"].map((id) => ({ id, type: "helper", z: "tab" })),
      ] as FlowNode[],
      {
        voucherify: TEST_KEYS,
        bloomreach: { apiKeyId: BLOOMREACH_KEYS.apiKeyId, apiSecret: BLOOMREACH_KEYS.apiSecret },
      },
    );
  const give = (id: string, message: object): void =>
    (flow.node(id) as unknown as { receive(message: object): void }).receive(message);
  const caught = (id: string): Promise<Received> =>
    waitFor(`the failure of ${id}`, () => flow.of("caught").find(({ error }) => error.source.id === id));

  for (const { id } of takers) {
    for (const [what, payload] of [
      ["a payload of 5,000 levels", nested(LEVELS)],
      ["a list with one", [{ registered: "jane" }, nested(LEVELS)]],
      ["a payload that holds itself", circular()],
    ] as const)
      it(`${id}: ${what} is told to Catch in a sentence`, async () => {
        await load();
        const reply = new WebhookReply("request-1");
        give(id, { payload, res: reply });
        const { error, key } = await caught(id);
        assert.match(error.message, SENTENCE);
        assert.equal(key, "nested_too_deep");
        const answer = await reply.answered;
        assert.equal(answer.status, 200);
        assert.match(JSON.stringify(answer.body), SENTENCE);
      });
  }

  it("comes to Catch with what can be copied: the other items of a list, and a payload that holds itself", async () => {
    await load();
    give("deep-upsert", { payload: [{ registered: "jane" }, nested(LEVELS)], note: "stays" });
    give("deep-lookup", { payload: circular() });
    const { payload, note, error } = await caught("deep-upsert");
    assert.deepEqual([payload, note], [[{ registered: "jane" }, null], "stays"]);
    assert.match(error.message, /^msg\.payload\[1\] has/);
    const kept = (await caught("deep-lookup")).payload;
    assert.equal(kept.self[0], kept);
  });

  for (const isCompleteWatched of [true, false])
    it(`in another property: the record is delivered and told of ${isCompleteWatched ? "with" : "without"} Complete`, async () => {
      await load(isCompleteWatched);
      const customer = `deep-${isCompleteWatched}`;
      give("deep-upsert", { payload: { registered: customer }, note: "stays", more: nested(LEVELS) });
      for (const id of ["sent", "sent-too"]) {
        const [message] = await waitFor(`what ${id} gets`, () => flow.of(id).length > 0 && flow.of(id));
        assert.equal(message!.payload[0].source_id, customer);
        assert.deepEqual([message!.note, message!.more], ["stays", null]);
      }
      if (isCompleteWatched) await waitFor("Complete", () => flow.of("completed")[0]);
      assert.ok(simulator.customers.has(customer));
    });

  it("in another property, of a node that keeps nothing: Complete and Catch are told", async () => {
    await load();
    simulator.customerOf("deep-jane");
    give("deep-activity", { payload: "deep-jane", more: nested(LEVELS) });
    give("deep-lookup", { payload: {}, more: nested(LEVELS) });
    await waitFor("Complete", () => flow.of("completed")[0]);
    assert.match((await caught("deep-lookup")).error.message, /no Main Hard ID/);
  });
});
