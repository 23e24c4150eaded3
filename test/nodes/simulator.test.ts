import assert from "node:assert/strict";
import { builtInSimulator } from "../../nodes/lib/accounts/built-in-simulator";
import simulatorNode from "../../nodes/simulator";
import voucherifyActivity from "../../nodes/voucherify-activity";
import voucherifyIn from "../../nodes/voucherify-in";
import voucherifyPublish from "../../nodes/voucherify-publish";
import type { JsonObject } from "../../src/json";
import { EVENT_KINDS, type EventKind } from "../../src/schemas/voucherify-event";
import { formsOf } from "../../src/simulator";
import { FlowUnderTest, type Received } from "../support/flow-under-test";
import type { FlowNode } from "../support/flows";
import { waitFor } from "../support/wait-for";

const ANNA = "anna.kowalska@example.com";
const REQUESTS = "/bloomreach-engagement/publications";
const EVENTS = "/bloomreach-engagement/create-event-bulk";
const MAIL = "Your code: {% if webhook['voucher.code'] %}{{ webhook['voucher.code'] }}{% else %}{% abort %}{% endif %}";

describe("simulator node", function () {
  this.timeout(20_000);
  const flow = new FlowUnderTest([simulatorNode, voucherifyIn, voucherifyActivity, voucherifyPublish]);
  afterEach(async () => (await builtInSimulator()).reset());

  const load = (...nodes: FlowNode[]): Promise<void> =>
    flow.load([{ id: "tab", type: "tab" }, ...accounts, ...nodes.map((node) => ({ ...node, z: "tab" }))]);
  const accounts: FlowNode[] = [
    { id: "bloomreach", type: "bv-bloomreach-account", apiUrl: "simulator", hardId: "registered" },
    {
      id: "voucherify",
      type: "bv-voucherify-account",
      apiUrl: "simulator",
      hardId: "registered",
      plan: "organization",
    },
  ];
  const played = { id: "simulator", type: "bv-simulator", account: "bloomreach", batchSize: 1000, mess: "none" };
  const helper = (id: string): FlowNode => ({ id, type: "helper" });

  /** Triggers the simulator once; returns the message that leaves it. */
  const play = async (message: JsonObject = {}): Promise<Received> => {
    const before = flow.of("played").length;
    flow.node("simulator").receive({ ...message });
    await waitFor("the log of the sending", () => flow.of("played").length > before);
    return flow.of("played").at(-1)!;
  };

  describe("as Bloomreach that asks for codes", () => {
    const loadRequests = (simulator: object): Promise<void> =>
      load(
        { ...played, plays: "requests", path: REQUESTS, campaign: "Abandoned cart", wires: [["played"]], ...simulator },
        {
          id: "simulator-in",
          type: "bv-bloomreach-in",
          account: "bloomreach",
          kind: "requests",
          path: REQUESTS,
          wires: [["publish"]],
        },
        {
          id: "publish",
          type: "bv-voucherify-publish",
          account: "voucherify",
          answer: "now",
          frequency: "send",
          wires: [[]],
        },
        helper("played"),
      );

    it("shows each customer's e-mail with the own code, and another code for the next message", async () => {
      await loadRequests({ send: "single", count: 5, email: MAIL });
      const { payload, email } = await play();
      assert.deepEqual(
        payload.map(({ statusCode }: Received) => statusCode as number),
        [200, 200, 200, 200, 200],
      );
      assert.deepEqual(
        email,
        payload.map(({ body }: Received) => `Your code: ${body.voucher.code}`),
      );
      assert.equal(new Set(email).size, 5);
      const next = (await play()).email as string[];
      assert.equal(new Set([...(email as string[]), ...next]).size, 10);
    });

    it("sends no e-mail to a customer who got no code, as the guard says", async () => {
      await loadRequests({ send: "single", count: 1, email: MAIL, campaign: "No such campaign" });
      const { payload, email } = await play();
      assert.deepEqual([payload[0].statusCode, payload[0].body.success, email], [200, false, [null]]);
    });

    it("asks for the customers of the message", async () => {
      await loadRequests({ send: "single", count: 3, email: MAIL });
      const { email } = await play({ payload: [{ customer_ids: { registered: "jane" }, properties: {} }] });
      assert.equal(email.length, 1);
      assert.ok((await builtInSimulator()).customers.has("jane"));
    });

    it("a batch has answers, and no e-mail", async () => {
      await loadRequests({ send: "batch", count: 5, email: MAIL });
      const { payload, email } = await play();
      assert.match(payload[0].body.error ?? payload[0].body.message, /Queue/);
      assert.equal(email, undefined);
    });
  });

  it("as Bloomreach it sends events by the pasted template, each with a key of its own", async () => {
    await load(
      { ...played, plays: "events", path: EVENTS, event: "app_opened", send: "batch", count: 4, wires: [["played"]] },
      {
        id: "simulator-in",
        type: "bv-bloomreach-in",
        account: "bloomreach",
        kind: "events",
        path: EVENTS,
        wires: [["events"]],
      },
      helper("events"),
      helper("played"),
    );
    await play();
    await play();
    await waitFor("both webhooks", () => flow.of("events").length === 2);
    const events = flow.of("events").flatMap(({ payload }) => payload as JsonObject[]);
    assert.deepEqual([...new Set(events.map(({ event }) => event))], ["app_opened"]);
    assert.equal(new Set(events.map(({ event_key }) => event_key)).size, 8);
  });

  describe("as Voucherify", () => {
    const loadWebhooks = (kind: EventKind, form: string): Promise<void> =>
      load(
        { ...played, plays: "voucherify", path: "/voucherify/webhooks", kind, form, wires: [["played", "activity"]] },
        {
          id: "simulator-in",
          type: "bv-voucherify-in",
          account: "voucherify",
          path: "/voucherify/webhooks",
          wires: [["got"], []],
        },
        // Only what comes as activity goes there in a flow; a webhook's log has nothing new to read.
        { id: "activity", type: "bv-voucherify-activity", account: "voucherify", days: 1, wires: [["got"]] },
        helper("got"),
        helper("played"),
      );

    for (const kind of EVENT_KINDS)
      for (const form of formsOf(kind).length > 0 ? formsOf(kind) : ["project"])
        it(`${kind} reaches the flow as ${formsOf(kind).length > 0 ? `a ${form} webhook` : "activity"}`, async () => {
          await loadWebhooks(kind, form);
          const { payload } = await play({ payload: { customer: "jane" } });
          const way = formsOf(kind).length > 0 ? { way: form, statusCode: 200 } : { way: "activity" };
          assert.deepEqual(payload, { kind, customer: { source_id: "jane" }, ...way });
          await waitFor("the event", () => flow.of("got").length > 0);
          assert.equal(flow.of("got")[0]?.event?.kind ?? flow.of("got")[0]?.payload?.kind, kind);
        });

    it("says in which forms a kind comes", async () => {
      await loadWebhooks("customer.redemption.failed", "raw");
      flow.node("simulator").receive({});
      const failed = flow.node("simulator") as unknown as { error: { lastCall?: { args: [unknown] } } };
      await waitFor("the error", () => Boolean(failed.error.lastCall));
      assert.match(String(failed.error.lastCall?.args[0]), /Choose another form in this simulator node: project\./);
    });

    it("tells of a sample customer when the message names none", async () => {
      await loadWebhooks("customer.rewarded", "project");
      assert.equal((await play()).payload.customer.source_id, ANNA);
    });
  });
});
