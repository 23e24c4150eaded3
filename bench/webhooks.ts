import { type ChildProcess, fork } from "node:child_process";
import { once } from "node:events";
import { join } from "node:path";
import { Simulator } from "../src/simulator";
import { customerFlow, CUSTOMERS_PATH, TEST_KEYS } from "../test/support/flows";
import { startNodeRed } from "../test/support/node-red-process";
import { waitFor } from "../test/support/wait-for";
import { CORE_PATH, coreFlow } from "./core-flow";
import { median, printTable, quantile, whole } from "./figures";
import type { Sending, Sent } from "./senders";

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
  const senders = fork(join(__dirname, "senders.ts"), { execArgv: ["--import", "tsx"] });
  const problems: string[] = [];
  const rows: string[][] = [];
  try {
    for (const { senders: count, customers, rounds } of CASES) {
      const finished = (): number => nodeRed.log().split("waiting: 0").length;
      const oursOnce = (times: number): Promise<Measured> => {
        const before = finished();
        const sending = { url: `${nodeRed.url}${CUSTOMERS_PATH}`, senders: count, customers, rounds: times };
        return run(simulator, senders, sending, () => finished() >= before + count * times);
      };
      // The core flow answers when every customer is confirmed.
      const coreOnce = (times: number): Promise<Measured> =>
        run(
          simulator,
          senders,
          { url: `${nodeRed.url}${CORE_PATH}`, senders: count, customers, rounds: times },
          () => true,
        );
      // One unmeasured round each, so that neither side pays for the other's compilation.
      await oursOnce(1);
      await coreOnce(1);
      const our = await oursOnce(rounds.ours);
      const core = await coreOnce(rounds.core);
      rows.push([
        `${count} x ${whole(customers)}`,
        `${whole(our.answers.length)}, ${whole(core.answers.length)}`,
        less(median(our.answers), median(core.answers)),
        less(quantile(our.answers, 0.99), quantile(core.answers, 0.99)),
        more(perSecond(our), perSecond(core)),
        less(perThousand(our), perThousand(core)),
      ]);
      const slowest = Math.max(...our.answers);
      if (slowest > ANSWER_LIMIT_MS)
        problems.push(
          `One of ${count} x ${customers} webhooks was answered after ${whole(slowest)} ms: more than ${whole(ANSWER_LIMIT_MS)} ms.`,
        );
    }
  } finally {
    senders.kill();
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

/** Has the webhooks sent, and waits until every customer is confirmed. */
async function run(
  simulator: Simulator,
  senders: ChildProcess,
  sending: Sending,
  confirmed: () => boolean,
): Promise<Measured> {
  simulator.reset();
  const ended = once(senders, "exit").then(() => {
    throw new Error("The senders ended too early.");
  });
  senders.send(sending);
  const [{ answers, startedAt }] = (await Promise.race([once(senders, "message"), ended])) as [Sent];
  await waitFor("every customer to be confirmed", confirmed, 120_000);
  const confirmedMs = Date.now() - startedAt;
  const customers = sending.senders * sending.rounds * sending.customers;
  if (simulator.customers.size !== customers) throw new Error(`${sending.url} lost customers.`);
  return { answers, confirmedMs, requests: simulator.log.length, customers };
}
