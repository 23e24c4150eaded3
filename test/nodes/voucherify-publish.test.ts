import assert from "node:assert/strict";
import voucherifyPublish from "../../nodes/voucherify-publish";
import { install } from "@sinonjs/fake-timers";
import { Simulator } from "../../src/simulator";
import { FlowUnderTest } from "../support/flow-under-test";
import { type FlowNode, TEST_KEYS, WEBHOOK_KEYS } from "../support/flows";
import { waitFor } from "../support/wait-for";

// eslint-disable-next-line @typescript-eslint/no-require-imports -- core nodes have no types
const httpNodes = require("@node-red/nodes/core/network/21-httpin.js");
const PATH = "/bloomreach-engagement/publications";

describe("voucherify publish", () => {
  const flow = new FlowUnderTest([voucherifyPublish, httpNodes]);
  let simulator: Simulator;
  let unique = 0;

  before(async () => {
    simulator = await Simulator.start({ keys: TEST_KEYS });
  });
  after(() => simulator.stop());
  beforeEach(() => {
    unique++;
    simulator.reset();
  });

  /** "in -> publish -> result" with Catch; every test has nodes of its own, because queues outlive them. */
  const load = (publish: object = {}, keys: object = TEST_KEYS, account: object = {}): Promise<void> => {
    const id = (name: string): string => `${name}${unique}`;
    return flow.load(
      [
        { id: "tab", type: "tab" },
        {
          id: id("bloomreach"),
          type: "bv-bloomreach-account",
          apiUrl: "https://api.exponea.com",
          hardId: "registered",
        },
        {
          id: id("publish-account"),
          type: "bv-voucherify-account",
          apiUrl: simulator.url,
          hardId: "registered",
          plan: "own",
          requests: 2000,
          period: "minute",
          ...account,
        },
        {
          id: id("in"),
          type: "bv-bloomreach-in",
          z: "tab",
          account: id("bloomreach"),
          kind: "requests",
          path: PATH,
          wires: [[id("publish")]],
        },
        {
          id: id("publish"),
          type: "bv-voucherify-publish",
          z: "tab",
          account: id("publish-account"),
          answer: "now",
          campaign: "",
          frequency: "send",
          channel: "Bloomreach",
          currency: "EUR",
          wires: [[id("result")]],
          ...publish,
        },
        { id: id("result"), type: "helper", z: "tab" },
        { id: id("catch"), type: "catch", z: "tab", scope: null, wires: [[id("failure")]] },
        { id: id("failure"), type: "helper", z: "tab" },
      ] as FlowNode[],
      {
        [id("bloomreach")]: {
          webhookApplicationId: WEBHOOK_KEYS["application-id"],
          webhookSecretKey: WEBHOOK_KEYS["secret-key"],
        },
        [id("publish-account")]: keys,
      },
    );
  };
  const ask = (body: object | string): ReturnType<FlowUnderTest["post"]> => flow.post(PATH, body, WEBHOOK_KEYS);
  const results = (): ReturnType<FlowUnderTest["of"]> => flow.of(`result${unique}`);
  const failures = (): ReturnType<FlowUnderTest["of"]> => flow.of(`failure${unique}`);
  const status = (): string => flow.status(`publish${unique}`);
  const reference = (sourceId = "jane", more: object = {}): object => ({
    customer: { source_id: sourceId },
    campaign: { name: "Abandoned cart" },
    ...more,
  });

  describe("answer now", () => {
    it("answers the reference payload with Voucherify's object and helpers, and goes on", async () => {
      await load();
      const { status: http, body } = await ask(reference());
      assert.equal(http, 200);
      const [code] = simulator.campaigns.vouchers.keys();
      assert.deepEqual(
        [body.success, body.voucher.code, body.voucher_code, body.discount_text, body.object],
        [true, code, code, "15 % off", "publication"],
      );
      const message = await waitFor("the message", () => results()[0]);
      assert.deepEqual([message.answered, message.payload.voucher_code, message.topic], [true, code, "requests"]);
      assert.match(status(), /published$/);
      assert.deepEqual(failures(), []);
    });

    it("gives a repeated webhook the same code, and a new send a new one", async () => {
      await load();
      const codes = [];
      for (const send of ["1", "1", "2"]) codes.push((await ask(reference("jane", { send }))).body.voucher_code);
      assert.equal(codes[0], codes[1]);
      assert.notEqual(codes[0], codes[2]);
      assert.equal(simulator.campaigns.vouchers.size, 2);
    });

    it("makes one call of two identical webhooks at the same moment", async () => {
      await load();
      const [first, second] = await Promise.all([ask(reference()), ask(reference())]);
      assert.equal(first.body.voucher_code, second.body.voucher_code);
      assert.equal(simulator.log.filter(({ path }) => path.startsWith("/v1/publications")).length, 1);
    });

    it("finds the code of a lost answer within the same webhook", async () => {
      await load();
      simulator.setFaults({ seed: 1, rateLost: 1, times: 1, only: { method: "POST" } });
      const { status: http, body } = await ask(reference());
      assert.deepEqual([http, simulator.campaigns.vouchers.size], [200, 1]);
      assert.equal(body.voucher_code, [...simulator.campaigns.vouchers.keys()][0]);
    });

    for (const [name, body, key] of [
      ["an empty campaign", reference("jane", { campaign: "Sold out" }), "no_voucher_suitable_for_publication"],
      ["an unknown campaign", reference("jane", { campaign: "Nothing" }), "not_found"],
      ["an expired campaign", reference("jane", { campaign: "Last summer" }), "voucher_expired"],
      ["a disabled campaign", reference("jane", { campaign: "Switched off" }), "voucher_disabled"],
      ["a code that is taken", { customer: { source_id: "joe" }, voucher: "TAKEN" }, "voucher_already_published"],
      ["no campaign", { customer: { source_id: "jane" } }, "missing_vouchers"],
    ] as const)
      it(`answers ${name} so that a scenario can branch, and Catch has it`, async () => {
        await load();
        const taken = simulator.campaigns.take(simulator.campaigns.find("Abandoned cart")!, "cust_other", 1)![0]!;
        const sent = JSON.stringify(body).replace("TAKEN", taken.code);
        const { status: http, body: answer } = await ask(sent);
        assert.deepEqual([http, answer.success, answer.key], [200, false, key]);
        assert.match(answer.error, /\w{3,}.*\.$/);
        const failure = await waitFor("the failure", () => failures()[0]);
        assert.equal(failure.error.message, answer.error);
        assert.deepEqual(failure.payload, JSON.parse(sent));
        assert.match(status(), /refused$/);
        assert.deepEqual(results(), []);
      });

    it("refuses a batch with the way out", async () => {
      await load();
      const { status: http, body } = await ask([reference("a"), reference("b")]);
      assert.deepEqual([http, body.success], [200, false]);
      assert.equal(body.error, "A batch cannot give each customer its own code: use Queue.");
      assert.equal(simulator.log.length, 0);
    });

    it("answers 500 over the limit, so that Bloomreach sends the request again", async () => {
      await load();
      simulator.setFaults({ seed: 1, rate429: 1, times: 1 });
      const first = await ask(reference("jane", { send: "1" }));
      assert.deepEqual([first.status, first.body.success], [500, false]);
      assert.match((await waitFor("the failure", () => failures()[0])).error.message, /429/);
    });

    it("answers 500 with wrong keys, pauses nothing for ever, and shows why", async () => {
      await load({}, { applicationId: "wrong", secretKey: "wrong" });
      assert.equal((await ask(reference())).status, 500);
      assert.match(status(), /paused$/);
      assert.equal((await waitFor("the failure", () => failures()[0])).statusCode, 401);
    });

    it("lets a code that comes too late leave by the output, not as an error", async () => {
      await load();
      simulator.setFaults({ seed: 1, rate500: 1, times: 3 });
      const { status: http } = await ask(reference());
      assert.equal(http, 500);
      const message = await waitFor("the late code", () => results()[0], 10_000);
      assert.equal(message.answered, false);
      assert.ok(message.payload.voucher_code);
      assert.deepEqual(failures(), []);
      const again = await ask(reference());
      assert.equal(again.body.voucher_code, message.payload.voucher_code);
    });

    it("gives codes to test customers only, when the account has some", async () => {
      await load({}, TEST_KEYS, { testCustomers: "joe" });
      const { body } = await ask(reference());
      assert.deepEqual([body.success, body.key, body.not_sent], [false, "held", 1]);
      const testMode = "voucherify-publish.status.test-mode-not-sent";
      assert.equal(flow.status(`publish${unique}`), testMode);
      assert.equal((await ask(reference("joe"))).body.success, true);
      assert.equal(flow.status(`publish${unique}`), `${testMode}: voucherify-publish.status.published`);
    });

    it("works without a waiting webhook", async () => {
      await load({ campaign: "Mass mailing" });
      flow.node(`publish${unique}`).receive({ payload: { registered: "jane" } });
      const message = await waitFor("the code", () => results()[0]);
      assert.deepEqual([message.answered, message.payload.discount_text], [false, "10 EUR off"]);
    });
  });

  describe("queue", () => {
    it("answers a batch when it is safe, and sends one message for each code", async () => {
      await load({ answer: "queue" });
      const { status: http, body } = await ask(["a", "b", "c"].map((id) => reference(id)));
      assert.deepEqual([http, body.success, body.accepted, body.rejected], [200, true, 3, 0]);
      await waitFor("three codes", () => results().length === 3);
      const codes = results().map(({ payload }) => payload.voucher_code as string);
      assert.equal(new Set(codes).size, 3);
      assert.deepEqual(results()[2]!.delivery, { settled: 3, waiting: 0, total: 3 });
    });

    it("sends on what has no code as a failed publication, and keeps it", async () => {
      await load({ answer: "queue" });
      await ask([reference("a", { campaign: "Sold out" }), reference("b")]);
      await waitFor("both results", () => results().length === 2);
      const failed = results().find(({ payload }) => payload.result === "FAILURE")!.payload;
      assert.deepEqual(
        [failed.object, failed.failure_code, failed.customer.source_id, failed.campaign.name],
        ["publication", "no_voucher_suitable_for_publication", "a", "Sold out"],
      );
      assert.equal(failures().length, 1);
    });

    it("says when all will be done, while the limit makes codes wait", async () => {
      await load({ answer: "queue" }, TEST_KEYS, { requests: 10 });
      await ask(Array.from({ length: 20 }, (_none, n) => reference(`customer-${n}`)));
      await waitFor("the finish time", () => flow.status(`publish${unique}`).endsWith("throttled"));
      await waitFor("what goes at once", () => results().length === 7);
      assert.ok(flow.status(`publish${unique}`).endsWith("throttled"));
    });

    it("tells a webhook how many are not sent in test mode", async () => {
      await load({ answer: "queue" }, TEST_KEYS, { testCustomers: "a" });
      const { body } = await ask(["a", "b", "c"].map((id) => reference(id)));
      assert.deepEqual([body.success, body.accepted, body.not_sent, body.rejected], [true, 1, 2, 0]);
      assert.match(body.message, /^Test mode: 2 not sent\./);
      const nobody = await ask([reference("b", { send: "other" })]);
      assert.deepEqual([nobody.body.success, nobody.body.accepted, nobody.body.not_sent], [false, 0, 1]);
    });

    it("tells a webhook of which nothing can be done", async () => {
      await load({ answer: "queue" });
      const { body } = await ask([{ customer: { source_id: "a" } }]);
      assert.deepEqual([body.success, body.accepted, body.rejected], [false, 0, 1]);
      assert.equal(body.errors[0].code, "missing_vouchers");
    });
  });

  describe("queue: a repeated request", () => {
    const queue = { answer: "queue" };
    const many = (send?: string): object[] =>
      Array.from({ length: 50 }, (_none, n) => reference(`c${n}`, { ...(send !== undefined && { send }) }));
    const calls = (): number =>
      simulator.log.filter(({ method, path }) => method === "POST" && path.startsWith("/v1/publications")).length;
    const codes = (): string[] => results().map(({ payload }) => payload.voucher_code as string);
    const letters = async (): Promise<string[]> =>
      (await flow.delivery.failed.list({ node: `publish${unique}`, limit: 100 })).letters.map(({ id }) => id);

    it("publishes nothing, sends nothing on, and is counted", async () => {
      await load(queue);
      const first = await ask(many("7"));
      assert.deepEqual([first.body.accepted, first.body.repeated], [50, 0]);
      // As if its answer had been lost: Bloomreach sends it again at once, and once more later.
      const second = await ask(many("7"));
      await waitFor("all codes", () => results().length === 50);
      const third = await ask(many("7"));
      for (const { status: http, body } of [second, third])
        assert.deepEqual([http, body.success, body.accepted, body.rejected, body.repeated], [200, true, 0, 0, 50]);
      assert.ok(status().endsWith("repeated"));
      const last = await ask([...many("7").slice(0, 3), reference("new", { send: "7" })]);
      assert.deepEqual([last.body.accepted, last.body.repeated], [1, 3]);
      await waitFor("the new one", () => results().length === 51);
      assert.deepEqual(results()[50]!.delivery, { settled: 1, waiting: 0, total: 1, repeated: 3 });
      assert.deepEqual([calls(), simulator.campaigns.vouchers.size, new Set(codes()).size], [51, 51, 51]);
      assert.deepEqual(failures(), []);
    });

    it("is known after a deploy, in the same webhook, and by each node for itself", async () => {
      await load(queue);
      const twice = [reference("jane", { send: "1" }), reference("jane", { send: "1", metadata: { attempt: 2 } })];
      assert.deepEqual((await ask(twice)).body.repeated, 1);
      await waitFor("the code", () => results().length === 1);
      await flow.unload();
      await load(queue);
      assert.deepEqual((await ask(twice)).body.repeated, 2);
      await flow.unload();
      await load({ ...queue, id: `other${unique}` });
      flow.node(`other${unique}`).receive({ payload: twice[0] });
      await waitFor("the code again", () => results().length === 1);
    });

    for (const frequency of ["day", "year", "always"])
      it(`with another send under "${frequency}" gets the earlier code and goes on with it`, async () => {
        await load({ ...queue, frequency });
        await ask(reference("jane", { send: "1" }));
        await waitFor("the code", () => results().length === 1);
        const { body } = await ask(reference("jane", { send: "2" }));
        assert.deepEqual([body.accepted, body.repeated], [1, 0]);
        await waitFor("the code again", () => results().length === 2);
        assert.equal(codes()[0], codes()[1]);
        assert.equal(simulator.campaigns.vouchers.size, 1);
      });

    it("may come again when it failed, and is a repetition again when it is tried again", async () => {
      await load(queue);
      const soldOut = reference("jane", { send: "1", campaign: "Sold out" });
      for (const count of [1, 2]) {
        assert.deepEqual((await ask(soldOut)).body.accepted, 1);
        await waitFor("the failure", async () => (await letters()).length === count);
      }
      // As if the campaign had been filled; trying again makes it wait, and paused keys keep it there.
      simulator.setFaults({ seed: 1, rate500: 1 });
      assert.equal((await flow.delivery.replay((await letters()).slice(0, 1))).replayed, 1);
      assert.deepEqual((await ask(soldOut)).body.repeated, 1);
      simulator.setFaults(undefined);
    });

    it("may come again when it was erased, or deleted with the queue of its node", async () => {
      const node = `publish${unique}`;
      const requests = [reference("jane", { send: "1" }), reference("joe", { send: "1" })];
      await load(queue, { applicationId: "wrong", secretKey: "wrong" });
      assert.equal((await ask(requests)).body.accepted, 2);
      await waitFor("the pause", () => status().endsWith("paused"));
      await flow.delivery.erase("jane");
      let { body } = await ask(requests);
      assert.deepEqual([body.accepted, body.repeated], [1, 1]);
      await flow.unload();
      await load({ ...queue, id: `other${unique}` });
      await waitFor(
        "the removal",
        async () => !(await flow.delivery.report()).find((one) => one.node === node)?.exists,
      );
      assert.deepEqual(await flow.delivery.discardQueue(node), { discarded: 2 });
      await flow.unload();
      await load(queue);
      ({ body } = await ask(requests));
      assert.deepEqual([body.accepted, body.repeated], [2, 0]);
      await waitFor("both", () => results().length === 2);
    });

    it("of a scheduled scenario, whose send is the same each time, may come again an hour later", async () => {
      const clock = install({ now: Date.UTC(2026, 10, 24, 12), toFake: ["Date"] });
      try {
        await load(queue);
        const scheduled = reference("jane", { send: "scenario-action-" });
        await ask(scheduled);
        assert.deepEqual((await ask(scheduled)).body.repeated, 1);
        clock.setSystemTime(Date.now() + 3_600_000);
        assert.deepEqual((await ask(scheduled)).body.repeated, 0);
      } finally {
        clock.uninstall();
      }
    });

    it("without a send is known by its body, for ten minutes; then its code goes on again", async () => {
      const clock = install({ now: Date.UTC(2026, 10, 24, 12), toFake: ["Date"] });
      try {
        await load(queue);
        await ask(reference("jane"));
        await waitFor("the code", () => results().length === 1);
        assert.deepEqual((await ask(reference("jane"))).body.repeated, 1);
        assert.deepEqual((await ask(reference("jane", { metadata: { page: "2" } }))).body.repeated, 0);
        await waitFor("the code of another body", () => results().length === 2);
        clock.setSystemTime(Date.now() + 10 * 60_000 - 1_000);
        assert.deepEqual((await ask(reference("jane"))).body.repeated, 1);
        clock.setSystemTime(Date.now() + 2_000);
        assert.deepEqual((await ask(reference("jane"))).body.repeated, 0);
        await waitFor("the code again", () => results().length === 3);
        assert.equal(new Set(codes()).size, 1);
      } finally {
        clock.uninstall();
      }
    });
  });

  it("leaves the answer to a core http response node, when that is faster", async () => {
    const id = `publish${unique}`;
    await flow.load(
      [
        { id: "tab", type: "tab" },
        { id: "b", type: "bv-bloomreach-account", apiUrl: "simulator", hardId: "registered" },
        {
          id: `in${id}`,
          type: "bv-bloomreach-in",
          z: "tab",
          account: "b",
          kind: "requests",
          path: PATH,
          wires: [["answer"]],
        },
        { id: "answer", type: "http response", z: "tab", statusCode: "", headers: {}, wires: [] },
      ] as FlowNode[],
      { b: { webhookApplicationId: WEBHOOK_KEYS["application-id"], webhookSecretKey: WEBHOOK_KEYS["secret-key"] } },
    );
    const { status: http, body } = await ask(reference());
    assert.deepEqual([http, body], [200, reference()]);
  });
});
