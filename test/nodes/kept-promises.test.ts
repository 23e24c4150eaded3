import assert from "node:assert/strict";
import { createHmac } from "node:crypto";
import { join } from "node:path";
import { setTimeout as pause } from "node:timers/promises";
import FakeTimers from "@sinonjs/fake-timers";
import voucherifyIn from "../../nodes/voucherify-in";
import { durableDelivery } from "../../nodes/lib/delivery/durable-delivery";
import { LevelStore } from "../../src/store/level/level-store";
import { Simulator } from "../../src/simulator";
import { sampleWebhook } from "../../src/simulator/scenario/voucherify-webhooks";
import { FlowUnderTest } from "../support/flow-under-test";
import { BLOOMREACH_KEYS, CUSTOMERS_PATH, type FlowNode, TEST_KEYS, WEBHOOK_KEYS } from "../support/flows";
import { seeded } from "../support/seeded";
import { waitFor } from "../support/wait-for";

const HOUR = 3_600_000;
const SECRET = "test-signing-secret-81d0";

/** What the flow under test can be seen to keep, through webhooks, messages and files. */
describe("what was accepted, in a running flow", () => {
  const flow = new FlowUnderTest([voucherifyIn]);
  let simulator: Simulator;
  before(async () => {
    simulator = await Simulator.start({ keys: TEST_KEYS });
  });
  after(() => simulator.stop());

  const account = (): FlowNode => ({
    id: "voucherify",
    type: "bv-voucherify-account",
    apiUrl: simulator.url,
    hardId: "registered",
    plan: "own",
    requests: 100_000,
    period: "minute",
  });
  const loadCustomers = (): Promise<void> =>
    flow.load(
      [
        { id: "tab", type: "tab" },
        account(),
        { id: "bloomreach", type: "bv-bloomreach-account", apiUrl: simulator.url, hardId: "registered" },
        {
          id: "in",
          type: "bv-bloomreach-in",
          z: "tab",
          account: "bloomreach",
          kind: "customers",
          path: CUSTOMERS_PATH,
          output: "webhook",
          maxBytes: 10,
          wires: [["kept-upsert"]],
        },
        {
          id: "kept-upsert",
          type: "bv-customer-upsert",
          z: "tab",
          account: "voucherify",
          emptyValues: "keep",
          wires: [[]],
        },
      ],
      {
        voucherify: TEST_KEYS,
        bloomreach: {
          ...BLOOMREACH_KEYS,
          webhookApplicationId: WEBHOOK_KEYS["application-id"],
          webhookSecretKey: WEBHOOK_KEYS["secret-key"],
        },
      },
    );
  /** As Bloomreach does: again after a 500, which a busy machine may answer. */
  const customer = (id: string): Promise<boolean> =>
    waitFor(`the webhook of ${id}`, async () => {
      const { status } = await flow.post(CUSTOMERS_PATH, [{ registered: id, first_name: "Ann" }], WEBHOOK_KEYS);
      assert.ok(status === 200 || status === 500, String(status));
      return status === 200;
    });

  it("is delivered and leaves nothing behind, when single webhooks come at any moment", async function () {
    this.timeout(60_000);
    await loadCustomers();
    const random = seeded(11);
    const ids = Array.from({ length: 100 }, (_, number) => `customer-${number}`);
    const answers: Promise<boolean>[] = [];
    for (const id of ids) {
      answers.push(customer(id));
      await pause(random() * 60);
    }
    await Promise.all(answers);
    await waitFor("all customers", () => ids.every((id) => simulator.customers.has(id)));
    const store = LevelStore.open(join(flow.RED.settings.userDir!, "bloomreach-voucherify", "queue"));
    const left = async (): Promise<number> =>
      (await store.readKeys({ gte: "lane/kept-upsert/", lt: "lane/kept-upsert0" })).length;
    await waitFor("an empty queue on disk", async () => (await left()) === 0);
    const report = (await durableDelivery(flow.RED).report()).find(({ node }) => node === "kept-upsert");
    assert.deepEqual([report?.waiting, report?.inFlight], [0, 0]);
    assert.equal(await left(), 0);
  });

  it("is known for 48 hours: a repeated event of Voucherify makes one message", async () => {
    await flow.load(
      [
        { id: "tab", type: "tab" },
        account(),
        {
          id: "events-in",
          type: "bv-voucherify-in",
          z: "tab",
          account: "voucherify",
          path: "/voucherify/kept",
          dropEchoes: true,
          kinds: [],
          wires: [["events"], []],
        },
        { id: "events", type: "helper", z: "tab" },
      ],
      { voucherify: TEST_KEYS, "events-in": { secret: SECRET } },
    );
    const text = JSON.stringify(sampleWebhook("customer.redemption.succeeded", "project"));
    const send = async (): Promise<unknown> => {
      const signature = createHmac("sha256", SECRET).update(text).digest("hex");
      const { status, body } = await flow.post("/voucherify/kept", text, { "x-voucherify-signature": signature });
      assert.equal(status, 200);
      return body.ignored;
    };
    const clock = FakeTimers.install({ now: Date.now(), toFake: ["Date"] });
    try {
      assert.equal(await send(), undefined);
      clock.setSystemTime(Date.now() + 48 * HOUR - 1);
      assert.equal(await send(), "repeated");
      clock.setSystemTime(Date.now() + 1);
      assert.equal(await send(), undefined);
    } finally {
      clock.uninstall();
    }
  });
});
