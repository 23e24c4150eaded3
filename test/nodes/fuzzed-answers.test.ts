import assert from "node:assert/strict";
import eventForward from "../../nodes/event-forward";
import voucherifyActivity from "../../nodes/voucherify-activity";
import voucherifyLookup from "../../nodes/voucherify-lookup";
import voucherifyPublish from "../../nodes/voucherify-publish";
import { Simulator } from "../../src/simulator";
import { FlowUnderTest } from "../support/flow-under-test";
import { BLOOMREACH_KEYS, type FlowNode, TEST_KEYS, WEBHOOK_KEYS } from "../support/flows";
import { seeded } from "../support/seeded";
import { waitFor } from "../support/wait-for";
import { WildApi } from "../support/wild-api";

/** Messages for each node. `FUZZED_MESSAGES` sends more, and `FUZZ_SEED` the same again. */
const COUNT = Number(process.env.FUZZED_MESSAGES ?? 10);
const SEED = Number(process.env.FUZZ_SEED ?? 1 + (Date.now() % 1_000_000));

interface Taker extends FlowNode {
  /** The `number`th message. */
  readonly payload: (number: number) => unknown;
}

const customer = (number: number): object => ({ registered: `wild-${number}`, name: "Ann", metadata: { stars: "5" } });
const event = (number: number): object => ({ ...customer(number), event: "review" });
const request = (number: number): object => ({ customer: { source_id: `wild-${number}` }, send: `send-${number}` });

describe("fuzzed answers of the APIs, in a running flow", () => {
  const flow = new FlowUnderTest([eventForward, voucherifyActivity, voucherifyLookup, voucherifyPublish]);
  let simulator: Simulator;
  let wild: WildApi;
  before(async () => {
    simulator = await Simulator.start({ keys: { ...TEST_KEYS, ...BLOOMREACH_KEYS } });
    wild = await WildApi.start(simulator.url, seeded(SEED), { hasLimits: false });
  });
  after(async () => {
    wild.stop();
    await simulator.stop();
  });

  const account = { account: "voucherify" };
  const publish = { type: "bv-voucherify-publish", campaign: "Abandoned cart", ...account };
  const lookup = { type: "bv-voucherify-lookup", cacheSeconds: 0, ...account };
  /** They keep what they take. */
  const delivering: Taker[] = [
    { id: "wild-upsert", type: "bv-customer-upsert", ...account, payload: customer },
    { id: "wild-gateway", type: "bv-customer-upsert", account: "wild-by-gateway", payload: customer },
    { id: "wild-to-bloomreach", type: "bv-event-forward", account: "bloomreach", fillMs: 0, payload: event },
    {
      id: "wild-to-voucherify",
      type: "bv-event-forward",
      sendTo: "voucherify",
      voucherifyAccount: "voucherify",
      payload: event,
    },
    { id: "wild-queue", ...publish, answer: "queue", payload: request },
  ];
  const asking: Taker[] = [
    { id: "wild-now", ...publish, answer: "now", payload: request },
    { id: "wild-points", ...lookup, what: "points", payload: request },
    { id: "wild-discount", ...lookup, what: "discount", payload: request },
    { id: "wild-vouchers", ...lookup, what: "vouchers", payload: request },
    { id: "wild-activity", type: "bv-voucherify-activity", ...account, payload: (number) => `wild-${number}` },
  ];
  const takers = [...delivering, ...asking];
  const answering = asking.slice(0, 4);

  const load = (): Promise<void> => {
    const voucherify = {
      type: "bv-voucherify-account",
      apiUrl: wild.url,
      hardId: "registered",
      plan: "own",
      requests: 1e6,
    };
    return flow.load(
      [
        { id: "tab", type: "tab" },
        { id: "voucherify", ...voucherify },
        { id: "wild-by-gateway", ...voucherify, transport: "gateway", gatewayUrl: wild.url },
        {
          id: "bloomreach",
          type: "bv-bloomreach-account",
          apiUrl: wild.url,
          projectToken: BLOOMREACH_KEYS.projectToken,
          hardId: "registered",
        },
        ...answering.map(({ id }) => ({
          id: `${id}-in`,
          type: "bv-bloomreach-in",
          z: "tab",
          account: "bloomreach",
          kind: "requests",
          path: `/bloomreach-engagement/${id}`,
          wires: [[id]],
        })),
        ...takers.map(({ payload: _payload, ...node }) => ({ ...node, z: "tab", wires: [[`${node.id}-out`]] })),
        ...takers.map(({ id }) => ({ id: `${id}-out`, type: "helper", z: "tab" })),
        { id: "wild-catch", type: "catch", z: "tab", scope: null, wires: [["caught"]] },
        { id: "wild-complete", type: "complete", z: "tab", scope: takers.map(({ id }) => id), wires: [["completed"]] },
        ...["caught", "completed"].map((id) => ({ id, type: "helper", z: "tab" })),
      ] as FlowNode[],
      {
        voucherify: TEST_KEYS,
        "wild-by-gateway": TEST_KEYS,
        bloomreach: {
          apiKeyId: BLOOMREACH_KEYS.apiKeyId,
          apiSecret: BLOOMREACH_KEYS.apiSecret,
          webhookApplicationId: WEBHOOK_KEYS["application-id"],
          webhookSecretKey: WEBHOOK_KEYS["secret-key"],
        },
      },
    );
  };
  const give = (id: string, message: object): void =>
    (flow.node(id) as unknown as { receive(message: object): void }).receive(message);
  /** What was told of the messages of a node, by output and Catch: its numbers. */
  const told = (id: string): Set<number> => {
    const caught = flow.of("caught").filter(({ error }) => error.source.id === id);
    const numbers = [...flow.of(`${id}-out`), ...caught].map(({ number }) => number as number);
    return new Set(numbers);
  };

  it(`leave every message told of or waiting, and no webhook with a stop code: ${COUNT} each with FUZZ_SEED=${SEED}`, async () => {
    const unhandled: unknown[] = [];
    const note = (error: unknown): unknown => unhandled.push(error);
    process.on("unhandledRejection", note);
    process.on("warning", note);
    try {
      await load();
      for (let number = 0; number < COUNT; number++) {
        for (const { id, payload } of takers) give(id, { number, payload: payload(number) });
        const statuses = answering.map(async ({ id }) => {
          const { status } = await flow.post(`/bloomreach-engagement/${id}`, request(COUNT + number), WEBHOOK_KEYS);
          assert.ok(status === 200 || status === 500, `${id} answered ${status}`);
        });
        await Promise.all(statuses);
      }
      // The six tries of a code that is answered now take 16 s.
      for (const { id } of asking)
        await waitFor(
          `the end of all messages of ${id}`,
          () => {
            const done = flow.of("completed").filter(({ complete }) => complete.source.id === id);
            const ended = new Set([...told(id), ...done.map(({ number }) => number as number)]);
            return Array.from({ length: COUNT }, (_, number) => number).every((number) => ended.has(number));
          },
          60_000,
        );
      const { delivery } = flow;
      for (const { id } of delivering)
        await waitFor(`all messages of ${id}, told of or waiting`, async () => {
          const report = (await delivery.report()).find(({ node }) => node === id);
          return told(id).size + (report?.waiting ?? 0) === COUNT;
        });
      assert.deepEqual(
        unhandled.filter((one) => (one as Error).name !== "MaxListenersExceededWarning"),
        [],
      );
    } finally {
      process.off("unhandledRejection", note);
      process.off("warning", note);
    }
  }).timeout(1_800_000);
});
