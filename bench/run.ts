// npm run bench: our flow and a flow of core nodes, in one Node-RED, against one simulator, in the same run.
// Fails when one of 20 webhooks of 1,000 customers that arrive at once is answered later than Bloomreach waits.
import { Simulator } from "../src/simulator";
import { customerFlow, CUSTOMERS_PATH, TEST_KEYS, WEBHOOK_KEYS } from "../test/support/flows";
import { startNodeRed } from "../test/support/node-red-process";
import { waitFor } from "../test/support/wait-for";
import { CORE_PATH, coreFlow } from "./core-flow";

/** Bloomreach waits this long (documentation.bloomreach.com/engagement/docs/creating-api-endpoint-for-webhooks). */
const ANSWER_LIMIT_MS = 1_000;
const CASES = [
  { senders: 1, customers: 1 },
  { senders: 20, customers: 1 },
  { senders: 1, customers: 100 },
  { senders: 20, customers: 100 },
  { senders: 1, customers: 1_000 },
  { senders: 20, customers: 1_000 },
];

interface Measured {
  slowestAnswerMs: number;
  confirmedMs: number;
  requests: number;
}

async function main(): Promise<void> {
  const generous = { limit: 1_000_000, periodMs: 60_000 };
  const simulator = await Simulator.start({ keys: TEST_KEYS, rateLimit: generous, logCapacity: 100_000 });
  const ours = customerFlow(simulator.url, { account: { requests: 1_000_000 } });
  // The log says when a message's last customer was confirmed; anything else it would print costs time.
  const quiet = ours.flows.map((node) => {
    if (node.id === "result") return { ...node, complete: "delivery", targetType: "msg", tosidebar: false };
    return node.type === "debug" ? { ...node, active: false } : node;
  });
  const nodeRed = await startNodeRed({
    major: 4,
    flows: [...quiet, ...coreFlow(simulator.url, TEST_KEYS)],
    credentials: ours.credentials,
    settings: { apiMaxLength: "50mb" },
  });
  let slowest = 0;
  try {
    console.log(
      "senders x customers | answer (ms): ours, core, ratio | confirmed (ms): ours, core, ratio | requests: ours, core",
    );
    for (const { senders, customers } of CASES) {
      const finished = (): number => nodeRed.log().split("waiting: 0").length;
      const oursOnce = (times: number): Promise<Measured> => {
        const before = finished();
        return run(simulator, `${nodeRed.url}${CUSTOMERS_PATH}`, times, customers, () => finished() === before + times);
      };
      // The core flow answers when every customer is confirmed.
      const coreOnce = (times: number): Promise<Measured> =>
        run(simulator, `${nodeRed.url}${CORE_PATH}`, times, customers, () => true);
      // One unmeasured round each, so that neither side pays for the other's compilation.
      await oursOnce(1);
      await coreOnce(1);
      const our = await oursOnce(senders);
      const core = await coreOnce(senders);
      if (senders === 20 && customers === 1_000) slowest = our.slowestAnswerMs;
      console.log(
        [
          `${senders} x ${customers}`,
          compare(our.slowestAnswerMs, core.slowestAnswerMs),
          compare(our.confirmedMs, core.confirmedMs),
          `${our.requests}, ${core.requests}`,
        ].join(" | "),
      );
    }
  } finally {
    await nodeRed.remove();
    await simulator.stop();
  }
  if (slowest > ANSWER_LIMIT_MS) {
    console.error(
      `A webhook of 1,000 customers was answered after ${Math.round(slowest)} ms: more than ${ANSWER_LIMIT_MS} ms.`,
    );
    process.exitCode = 1;
  }
}

/** Sends `senders` webhooks at once; the times of the slowest answer and of the last confirmed customer. */
async function run(
  simulator: Simulator,
  url: string,
  senders: number,
  customers: number,
  confirmed: () => boolean,
): Promise<Measured> {
  simulator.reset();
  const started = performance.now();
  const answers = await Promise.all(
    Array.from({ length: senders }, async (_, sender) => {
      const body = JSON.stringify(Array.from({ length: customers }, (_customer, index) => customer(sender, index)));
      const response = await fetch(url, {
        method: "POST",
        headers: { "content-type": "application/json", ...WEBHOOK_KEYS },
        body,
      });
      if (response.status !== 200) throw new Error(`${url} answered ${response.status}.`);
      await response.arrayBuffer();
      return performance.now() - started;
    }),
  );
  await waitFor("every customer to be confirmed", confirmed, 120_000);
  if (simulator.customers.size !== senders * customers) throw new Error(`${url} lost customers.`);
  return {
    slowestAnswerMs: Math.max(...answers),
    confirmedMs: performance.now() - started,
    requests: simulator.log.length,
  };
}

const customer = (sender: number, index: number): object => ({
  registered: `customer-${sender}-${index}@example.com`,
  name: `Customer ${index}`,
  email: `customer-${sender}-${index}@example.com`,
  address: { city: "Katowice", country: "Poland" },
  metadata: { segment: "VIP", loyalty_points: 120 },
});

const compare = (ours: number, core: number): string =>
  `${Math.round(ours)}, ${Math.round(core)}, ${(core / ours).toFixed(1)}x`;

void main();
