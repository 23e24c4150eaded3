import { Simulator } from "../src/simulator";
import { customerFlow, CUSTOMERS_PATH, TEST_KEYS, WEBHOOK_KEYS } from "../test/support/flows";
import { startNodeRed } from "../test/support/node-red-process";
import { waitFor } from "../test/support/wait-for";
import { CORE_PATH, coreFlow } from "./core-flow";
import { median, printTable, quantile, whole } from "./figures";

/** Bloomreach waits this long (documentation.bloomreach.com/engagement/docs/creating-api-endpoint-for-webhooks). */
const ANSWER_LIMIT_MS = 1_000;

/**
 * How often the senders send one webhook each. Ours sends at least a hundred webhooks, so that a p99 is more than the slowest
 * one; the core flow takes minutes for that where webhooks are large, and sends fewer there.
 */
const CASES = [
  { senders: 1, customers: 1, rounds: { ours: 200, core: 200 } },
  { senders: 20, customers: 1, rounds: { ours: 20, core: 20 } },
  { senders: 1, customers: 100, rounds: { ours: 100, core: 100 } },
  { senders: 20, customers: 100, rounds: { ours: 10, core: 5 } },
  { senders: 1, customers: 1_000, rounds: { ours: 100, core: 10 } },
  { senders: 20, customers: 1_000, rounds: { ours: 5, core: 1 } },
];

interface Measured {
  /** ms, of each webhook. */
  readonly answers: number[];
  /** From the first webhook to the last confirmed customer. */
  readonly confirmedMs: number;
  readonly requests: number;
  readonly customers: number;
}

/**
 * Our flow and a flow of core nodes, in one Node-RED, against one simulator, in the same run. Returns what is wrong: a webhook
 * of ours that was answered later than Bloomreach waits.
 */
export async function compareWebhooks(): Promise<string[]> {
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
  const problems: string[] = [];
  const rows: string[][] = [];
  try {
    for (const { senders, customers, rounds } of CASES) {
      const finished = (): number => nodeRed.log().split("waiting: 0").length;
      const oursOnce = (times: number): Promise<Measured> => {
        const before = finished();
        const all = senders * times;
        return run(
          simulator,
          `${nodeRed.url}${CUSTOMERS_PATH}`,
          { senders, customers, rounds: times },
          () => finished() >= before + all,
        );
      };
      // The core flow answers when every customer is confirmed.
      const coreOnce = (times: number): Promise<Measured> =>
        run(simulator, `${nodeRed.url}${CORE_PATH}`, { senders, customers, rounds: times }, () => true);
      // One unmeasured round each, so that neither side pays for the other's compilation.
      await oursOnce(1);
      await coreOnce(1);
      const our = await oursOnce(rounds.ours);
      const core = await coreOnce(rounds.core);
      rows.push([
        `${senders} x ${whole(customers)}`,
        `${whole(our.answers.length)}, ${whole(core.answers.length)}`,
        less(median(our.answers), median(core.answers)),
        less(quantile(our.answers, 0.99), quantile(core.answers, 0.99)),
        more(perSecond(our), perSecond(core)),
        less(perThousand(our), perThousand(core)),
      ]);
      const slowest = Math.max(...our.answers);
      if (slowest > ANSWER_LIMIT_MS)
        problems.push(
          `One of ${senders} x ${customers} webhooks was answered after ${whole(slowest)} ms: more than ${whole(ANSWER_LIMIT_MS)} ms.`,
        );
    }
  } finally {
    await nodeRed.remove();
    await simulator.stop();
  }
  console.log(
    "\nEach cell: ours, core nodes (how many times better ours is). Of fewer than 100 webhooks, p99 is the slowest.",
  );
  printTable(
    [
      "senders x customers in a webhook",
      "webhooks",
      "answer, median (ms)",
      "answer, p99 (ms)",
      "confirmed a second",
      "requests to Voucherify for 1,000 customers",
    ],
    rows,
  );
  return problems;
}

const less = (ours: number, core: number): string => `${whole(ours)}, ${whole(core)} (${(core / ours).toFixed(1)}x)`;
const more = (ours: number, core: number): string => `${whole(ours)}, ${whole(core)} (${(ours / core).toFixed(1)}x)`;
const perSecond = ({ customers, confirmedMs }: Measured): number => (customers / confirmedMs) * 1_000;
const perThousand = ({ customers, requests }: Measured): number => (requests / customers) * 1_000;

/** Each sender sends `rounds` webhooks one after another; all senders at once. */
async function run(
  simulator: Simulator,
  url: string,
  { senders, customers, rounds }: { senders: number; customers: number; rounds: number },
  confirmed: () => boolean,
): Promise<Measured> {
  simulator.reset();
  const answers: number[] = [];
  const started = performance.now();
  await Promise.all(
    Array.from({ length: senders }, async (_, sender) => {
      for (let round = 0; round < rounds; round++) {
        const body = JSON.stringify(
          Array.from({ length: customers }, (_customer, index) => customer(`${sender}-${round}-${index}`)),
        );
        const sent = performance.now();
        const response = await fetch(url, {
          method: "POST",
          headers: { "content-type": "application/json", ...WEBHOOK_KEYS },
          body,
        });
        if (response.status !== 200) throw new Error(`${url} answered ${response.status}.`);
        await response.arrayBuffer();
        answers.push(performance.now() - sent);
      }
    }),
  );
  await waitFor("every customer to be confirmed", confirmed, 120_000);
  const confirmedMs = performance.now() - started;
  const sent = senders * rounds * customers;
  if (simulator.customers.size !== sent) throw new Error(`${url} lost customers.`);
  return { answers, confirmedMs, requests: simulator.log.length, customers: sent };
}

const customer = (name: string): object => ({
  registered: `customer-${name}@example.com`,
  name: `Customer ${name}`,
  email: `customer-${name}@example.com`,
  address: { city: "Katowice", country: "Poland" },
  metadata: { segment: "VIP", loyalty_points: 120 },
});
