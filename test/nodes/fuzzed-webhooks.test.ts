import assert from "node:assert/strict";
import { createHmac } from "node:crypto";
import { Agent, request } from "node:http";
import voucherifyIn from "../../nodes/voucherify-in";
import { Simulator } from "../../src/simulator";
import { FlowUnderTest } from "../support/flow-under-test";
import { customerFlow, type FlowNode, TEST_KEYS, WEBHOOK_KEYS } from "../support/flows";
import { fuzzedBody } from "../support/fuzzed-bodies";
import { seeded } from "../support/seeded";

/** `FUZZED_BODIES` sends more, and `FUZZ_SEED` the same again. */
const COUNT = Number(process.env.FUZZED_BODIES ?? 1000);
const SEED = Number(process.env.FUZZ_SEED ?? 1 + (Date.now() % 1_000_000));
const SECRET = "test-signing-secret-81d0";
const AT_ONCE = 8;

describe("fuzzed webhooks", () => {
  const flow = new FlowUnderTest([voucherifyIn]);
  const agent = new Agent({ keepAlive: true, maxSockets: AT_ONCE });
  let simulator: Simulator;

  before(async () => {
    simulator = await Simulator.start({ keys: TEST_KEYS });
  });
  after(async () => {
    agent.destroy();
    await simulator.stop();
  });

  const receivers: FlowNode[] = ["customers", "events", "requests"].flatMap((kind) =>
    ["webhook", "customer"].map((output) => ({
      id: `in-${kind}-${output}`,
      type: "bv-bloomreach-in",
      z: "tab",
      account: "bloomreach",
      kind,
      output,
      path: `/bloomreach-engagement/${kind}/${output}`,
      eventKey: output === "customer" ? "id" : "",
      maxBytes: 10,
      wires: [kind === "requests" ? ["reply"] : ["upsert", "seen"]],
    })),
  );
  const signed = "/voucherify/webhooks";

  const post = (path: string, body: Buffer): Promise<{ status: number; text: string }> =>
    new Promise((resolve, reject) => {
      const signature = createHmac("sha256", SECRET).update(body).digest("hex");
      const headers = path === signed ? { "x-voucherify-signature": signature } : WEBHOOK_KEYS;
      const sent = request(flow.url + path, { method: "POST", headers, agent }, (answer) => {
        let text = "";
        answer.setEncoding("utf8").on("data", (part: string) => (text += part));
        answer.on("end", () => resolve({ status: answer.statusCode ?? 0, text }));
      });
      sent.on("error", reject).end(body);
    });

  it(`get 200: ${COUNT} with FUZZ_SEED=${SEED}`, async () => {
    const { flows, credentials } = customerFlow(simulator.url);
    const others = flows
      .filter(({ id }) => id !== "in")
      .map((node) => (node.type === "debug" ? { ...node, type: "helper" } : node));
    const webhooks = {
      id: "signed",
      type: "bv-voucherify-in",
      z: "tab",
      account: "voucherify",
      path: signed,
      dropEchoes: true,
      kinds: [],
      wires: [["seen", "upsert"], ["seen"]],
    };
    const helpers = [
      { id: "seen", type: "helper", z: "tab", wires: [] },
      { id: "reply", type: "helper", z: "tab", wires: [] },
    ];
    await flow.load([...others, ...receivers, webhooks, ...helpers] as FlowNode[], {
      ...credentials,
      signed: { secret: SECRET },
    });
    // What comes while the store is being opened for the first time may have to come again.
    await flow.delivery.usable(15_000);
    // A flow that answers a request; without an answer each would take 900 ms.
    flow
      .node("reply")
      .on("input", (message) =>
        (message as { res?: { answer(status: number, body: object): void } }).res?.answer(200, {}),
      );

    const unhandled: unknown[] = [];
    const note = (error: unknown): unknown => unhandled.push(error);
    process.on("unhandledRejection", note);
    try {
      const random = seeded(SEED);
      const paths = [...receivers.map(({ path }) => path as string), signed, signed];
      const wrong: string[] = [];
      let left = COUNT;
      const sender = async (): Promise<void> => {
        while (left-- > 0) {
          const path = paths[left % paths.length]!;
          const body = fuzzedBody(random);
          const { status, text } = await post(path, body);
          // Only a request that waits for its flow may be late, on a busy machine.
          const isLate = status === 500 && path.includes("/requests/") && text.includes('"retry_later"');
          if (status !== 200 && !isLate)
            wrong.push(`${status} ${path} ${text} ${body.toString("base64").slice(0, 1000)}`);
        }
      };
      await Promise.all(Array.from({ length: AT_ONCE }, sender));
      assert.deepEqual(wrong, []);
      assert.deepEqual(unhandled, []);
    } finally {
      process.off("unhandledRejection", note);
    }
  }).timeout(1_800_000);
});
