import assert from "node:assert/strict";
import helper from "node-red-node-test-helper";
import { WebhookReply } from "../../nodes/lib/runtime/webhook-reply";
import voucherifyLookup from "../../nodes/voucherify-lookup";
import { Simulator } from "../../src/simulator";
import { FlowUnderTest } from "../support/flow-under-test";
import { type FlowNode, TEST_KEYS, WEBHOOK_KEYS } from "../support/flows";
import { waitFor } from "../support/wait-for";

const PATH = "/bloomreach-engagement/lookups";
const PROGRAM_V2 = "lprg_simulator0001";

describe("voucherify lookup", () => {
  const flow = new FlowUnderTest([voucherifyLookup]);
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

  const id = (name: string): string => `${name}${unique}`;
  /** "in -> lookup -> result" with Catch. */
  const load = (lookup: object = {}, keys: object = TEST_KEYS, account: object = {}): Promise<void> =>
    flow.load(
      [
        { id: "tab", type: "tab" },
        {
          id: id("bloomreach"),
          type: "bv-bloomreach-account",
          apiUrl: "https://api.exponea.com",
          hardId: "registered",
        },
        {
          id: id("lookup-account"),
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
          wires: [[id("lookup")]],
        },
        {
          id: id("lookup"),
          type: "bv-voucherify-lookup",
          z: "tab",
          account: id("lookup-account"),
          what: "points",
          program: "",
          look: "both",
          currency: "EUR",
          cacheSeconds: 60,
          wires: [[id("result")]],
          ...lookup,
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
        [id("lookup-account")]: keys,
      },
    );
  const ask = (body: object = { customer: { source_id: "jane" } }): ReturnType<FlowUnderTest["post"]> =>
    flow.post(PATH, body, WEBHOOK_KEYS);
  const results = (): ReturnType<FlowUnderTest["of"]> => flow.of(id("result"));
  const failures = (): ReturnType<FlowUnderTest["of"]> => flow.of(id("failure"));
  const status = (): string => flow.status(id("lookup"));
  const paths = (): string[] => simulator.log.map(({ method, path }) => `${method} ${path.split("?")[0]}`);

  /** A customer of the simulated project, as an upsert makes one. */
  const customer = async (sourceId: string) => {
    await call("POST", "/v1/customers", { source_id: sourceId });
    return simulator.customers.get(sourceId)!;
  };
  const call = async (method: string, path: string, body: object): Promise<void> => {
    const headers = {
      "content-type": "application/json",
      "x-app-id": TEST_KEYS.applicationId,
      "x-app-token": TEST_KEYS.secretKey,
    };
    const response = await fetch(simulator.url + path, { method, headers, body: JSON.stringify(body) });
    assert.equal(response.status, 200);
  };
  const publish = async (campaign: string): Promise<void> => {
    await call("POST", "/v1/publications", { customer: { source_id: "jane" }, campaign: { name: campaign } });
  };

  describe("points", () => {
    it("answers the points of a v1 program with one request, and goes on", async () => {
      const card = simulator.wallet.addPoints(await customer("jane"), 250);
      await load({ program: "Loyalty programme" });
      const before = simulator.log.length;
      const answer = {
        found: true,
        points: 250,
        points_pending: 20,
        points_expiring: 50,
        points_expire_on: "2027-01-31",
        tier: "",
        card_code: card.code,
      };
      assert.deepEqual(await ask(), { status: 200, body: answer });
      const message = await waitFor("the message", () => results()[0]);
      assert.deepEqual([message.payload, message.answered], [answer, true]);
      assert.deepEqual(paths().slice(before), ["GET /v1/customers/jane/redeemables"]);
      assert.match(status(), /found$/);
      assert.deepEqual(failures(), []);
    });

    it("takes API v2 for a program of v2, by its ID or its name", async () => {
      simulator.wallet.addPoints(await customer("jane"), 80);
      for (const program of [PROGRAM_V2, "VIP programme"]) {
        unique++;
        await load({ program });
        const { body } = await ask();
        assert.deepEqual([body.found, body.points, body.tier], [true, 80, "Gold"], program);
        await helper.unload();
      }
    });

    it("reads all programs when none is chosen; the card that both API versions tell of counts once", async () => {
      simulator.wallet.addPoints(await customer("jane"), 80);
      await load();
      const { body } = await ask();
      assert.deepEqual([body.points, body.points_pending, body.tier], [80, 20, "Gold"]);
    });

    it("answers found: false to an unknown customer, a customer without a card, an unknown program", async () => {
      await customer("john");
      for (const program of ["", "Loyalty programme", PROGRAM_V2, "lprg_unheard", "unheard"]) {
        unique++;
        await load({ program });
        for (const source_id of ["jane", "john"])
          assert.deepEqual(await ask({ customer: { source_id } }), { status: 200, body: { found: false } }, program);
        assert.match(status(), /none$/);
        assert.deepEqual(failures(), []);
        await helper.unload();
      }
    });
  });

  describe("newest discount", () => {
    it("looks in the customer's codes", async () => {
      await publish("Abandoned cart");
      await load({ what: "discount", look: "wallet" });
      const [code] = simulator.campaigns.vouchers.keys();
      assert.deepEqual((await ask()).body, {
        found: true,
        discount_code: code,
        discount_text: "15 % off",
        valid_until: "",
        campaign: "Abandoned cart",
      });
    });

    it("looks in open promotions, which have no code", async () => {
      simulator.campaigns.add({
        name: "Free delivery week",
        type: "PROMOTION",
        discount: { type: "AMOUNT", amount_off: 499 },
        expirationDate: "2099-01-31T00:00:00.000Z",
      });
      await load({ what: "discount", look: "open" });
      assert.deepEqual((await ask()).body, {
        found: true,
        discount_code: "",
        discount_text: "4.99 EUR off",
        discount_amount: 4.99,
        valid_until: "2099-01-31T00:00:00.000Z",
        campaign: "Free delivery week",
      });
    });

    it("answers found: false to a customer who has no code", async () => {
      await load({ what: "discount", look: "wallet" });
      assert.deepEqual(await ask(), { status: 200, body: { found: false } });
    });
  });

  describe("vouchers", () => {
    it("lists what the customer has, without the loyalty card", async () => {
      simulator.wallet.addPoints(await customer("jane"), 5);
      await publish("Abandoned cart");
      await publish("Anniversary gift");
      await load({ what: "vouchers", currency: "PLN" });
      const { body } = await ask();
      assert.deepEqual(
        [body.found, body.count, body.discount_text, body.discount_amount, body.campaign],
        [true, 2, "50 PLN gift", 50, "Anniversary gift"],
      );
      assert.deepEqual(
        body.vouchers.map(({ campaign }: { campaign: string }) => campaign),
        ["Anniversary gift", "Abandoned cart"],
      );
    });
  });

  it("asks once for equal questions at one moment and within the time that answers are kept", async () => {
    simulator.wallet.addPoints(await customer("jane"), 5);
    await load({ program: "Loyalty programme" });
    const before = simulator.log.length;
    await Promise.all([ask(), ask(), ask()]);
    await ask({ registered: "jane" });
    assert.equal(simulator.log.length - before, 1);
    await ask({ customer: { registered: "john" } });
    assert.equal(simulator.log.length - before, 3);
  });

  it("asks every time when nothing is to be kept", async () => {
    simulator.wallet.addPoints(await customer("jane"), 5);
    await load({ program: "Loyalty programme", cacheSeconds: 0 });
    const before = simulator.log.length;
    await ask();
    simulator.wallet.addPoints(simulator.customers.get("jane")!, 5);
    assert.equal((await ask()).body.points, 10);
    assert.equal(simulator.log.length - before, 2);
  });

  it("works without a webhook: the answer leaves, and nobody was answered", async () => {
    simulator.wallet.addPoints(await customer("jane"), 5);
    await load({ program: PROGRAM_V2 });
    flow.node(id("lookup")).receive({ payload: { customer_no: "jane" }, hardId: "customer_no", own: 1 });
    const message = await waitFor("the message", () => results()[0]);
    assert.deepEqual([message.payload.points, message.answered, message.own], [5, false, 1]);
  });

  it("sends what came too late on, and is no error", async () => {
    simulator.wallet.addPoints(await customer("jane"), 5);
    await load({ program: PROGRAM_V2 });
    const reply = new WebhookReply("request");
    flow.node(id("lookup")).receive({ payload: { customer: { source_id: "jane" } }, res: reply });
    assert.ok(reply.answer(500, {}), "the limit comes before the answer");
    const message = await waitFor("the late message", () => results()[0]);
    assert.deepEqual([message.payload.points, message.answered], [5, false]);
    assert.match(status(), /late$/);
    assert.deepEqual(failures(), []);
  });

  it("refuses a batch with a sentence", async () => {
    await load();
    const { status: http, body } = await ask([{ customer: { source_id: "a" } }, { customer: { source_id: "b" } }]);
    assert.deepEqual([http, body.success, body.found, body.key], [200, false, false, "batch"]);
    assert.match(body.error, /one customer in each webhook/);
    assert.equal((await waitFor("Catch", () => failures()[0])).payload.length, 2);
    assert.equal(simulator.log.length, 0);
  });

  it("refuses a payload without a customer", async () => {
    await load();
    flow.node(id("lookup")).receive({ payload: "hello" });
    assert.match((await waitFor("Catch", () => failures()[0])).error.message, /msg\.payload must be/);
    flow.node(id("lookup")).receive({ payload: { customer: {} } });
    assert.match((await waitFor("Catch", () => failures()[1])).error.message, /neither "registered" nor "source_id"/);
  });

  for (const [name, error, faults] of [
    ["its limit is reached", 429, { seed: 1, rate429: 1 }],
    ["it has a problem of its own", 500, { seed: 1, rate500: 1 }],
  ] as const)
    it(`answers 500 when Voucherify says that ${name}`, async () => {
      await load({ program: PROGRAM_V2 });
      simulator.setFaults(faults);
      const { status: http, body } = await ask();
      assert.deepEqual([http, body.success, body.errors[0].code], [500, false, "retry"]);
      const failure = await waitFor("Catch", () => failures()[0]);
      assert.deepEqual([failure.statusCode, failure.payload], [error, { customer: { source_id: "jane" } }]);
      assert.match(status(), /retry$/);
    });

  it("answers 500 after a lost connection, and the repeated webhook gets the answer", async () => {
    simulator.wallet.addPoints(await customer("jane"), 5);
    await load({ program: PROGRAM_V2 });
    simulator.setFaults({ seed: 1, rateReset: 1 });
    assert.equal((await ask()).status, 500);
    simulator.setFaults(undefined);
    assert.deepEqual([(await ask()).body.points, failures().length], [5, 1]);
  });

  it("answers 500 and names the remedy when the keys are wrong", async () => {
    await load({}, { applicationId: "wrong", secretKey: "wrong-secret-5f1c" });
    const { status: http, body } = await ask();
    assert.deepEqual([http, body.errors[0].code], [500, "paused"]);
    const failure = await waitFor("Catch", () => failures()[0]);
    assert.equal(failure.statusCode, 401);
    assert.match(failure.error.message, /Check the Application ID and the Secret key/);
    assert.match(status(), /paused/);
    assert.doesNotMatch(JSON.stringify([body, failure.error]), /wrong-secret/);
  });

  it("refuses messages without an account", async () => {
    await load({ account: "" });
    flow.node(id("lookup")).receive({ payload: { customer: { source_id: "jane" } } });
    assert.match((await waitFor("Catch", () => failures()[0])).error.message, /Choose a voucherify account/);
  });

  it("offers the programs of both versions in one list", async () => {
    await load();
    const list = async (account: string): Promise<unknown> => {
      const response = await helper
        .request()
        .post("/bloomreach-voucherify/voucherify-lookup/programs")
        .send({ account })
        .expect(200);
      return response.body as unknown;
    };
    assert.deepEqual(await list(id("lookup-account")), {
      programs: [
        { id: "Loyalty programme", name: "Loyalty programme", version: 1 },
        { id: PROGRAM_V2, name: "VIP programme", version: 2 },
      ],
    });
    assert.match(JSON.stringify(await list("none")), /Deploy the voucherify account first/);
  });
});
