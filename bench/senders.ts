// A process of its own that sends webhooks: what the simulator works on must not hold up the senders' clocks.
import { WEBHOOK_KEYS } from "../test/support/flows";

/** Each sender sends `rounds` webhooks one after another; all senders at once. */
export interface Sending {
  readonly url: string;
  readonly senders: number;
  /** In each webhook. */
  readonly customers: number;
  readonly rounds: number;
}

/** What became of it; times are in ms. */
export interface Sent {
  /** Of each webhook, from its sending to its answer. */
  readonly answers: number[];
  /** Of the first webhook, Unix ms. */
  readonly startedAt: number;
}

const customer = (name: string): object => ({
  registered: `customer-${name}@example.com`,
  name: `Customer ${name}`,
  email: `customer-${name}@example.com`,
  address: { city: "Katowice", country: "Poland" },
  metadata: { segment: "VIP", loyalty_points: 120 },
});

async function send({ url, senders, customers, rounds }: Sending): Promise<Sent> {
  const bodies = Array.from({ length: senders }, (_sender, sender) =>
    Array.from({ length: rounds }, (_round, round) =>
      JSON.stringify(Array.from({ length: customers }, (_customer, index) => customer(`${sender}-${round}-${index}`))),
    ),
  );
  const headers = { "content-type": "application/json", ...WEBHOOK_KEYS };
  const answers: number[] = [];
  const startedAt = Date.now();
  await Promise.all(
    bodies.map(async (own) => {
      for (const body of own) {
        const sent = performance.now();
        const response = await fetch(url, { method: "POST", headers, body });
        if (response.status !== 200) throw new Error(`${url} answered ${response.status}.`);
        await response.arrayBuffer();
        answers.push(performance.now() - sent);
      }
    }),
  );
  return { answers, startedAt };
}

process.on("message", (sending: Sending) => void send(sending).then((sent) => process.send?.(sent)));
