// A process of its own that sends requests: what Node-RED and the simulator work on must not hold up its clocks. Driven over
// IPC by bench/load-process.ts.
import { Agent, type OutgoingHttpHeaders, request } from "node:http";
import type { JsonValue } from "../src/json";
import { sampleWebhook } from "../src/simulator";
import { signatureOf } from "../src/simulator/scenario/voucherify-webhooks";

/** What each request asks for; no two bodies name the same customer. */
export type LoadBody =
  | { readonly kind: "customers" | "events" | "code-requests"; readonly records: number }
  | { readonly kind: "code-request" | "publication" | "voucherify-webhook" };

/** Some senders at once, each with one request after the other, until all are sent. */
export interface Load {
  readonly url: string;
  readonly headers: Readonly<Record<string, string>>;
  readonly body: LoadBody;
  readonly senders: number;
  readonly requests: number;
  /** At most so many a second, all senders together; as fast as they are answered by default. */
  readonly perSecond?: number;
  /** Of the webhooks that are signed. */
  readonly secret?: string;
}

/** What became of it; times are in ms. */
export interface Answered {
  /** Of each request, from its sending to its answer. */
  readonly answers: number[];
  /** From the first request to the last answer. */
  readonly lastedMs: number;
  /** Answers by status. */
  readonly statuses: Readonly<Record<number, number>>;
}

let unique = 0;

const customer = (): Record<string, JsonValue> => {
  const name = `${process.pid}-${unique++}`;
  return {
    registered: `customer-${name}@example.com`,
    name: `Customer ${name}`,
    email: `customer-${name}@example.com`,
    address: { city: "Katowice", country: "Poland" },
    metadata: { segment: "VIP", loyalty_points: 120 },
  };
};
const ask = (): JsonValue => ({
  customer: { source_id: `customer-${process.pid}-${unique++}` },
  send: `send-${unique}`,
});
const event = (): JsonValue => ({
  customer: { registered: `customer-${process.pid}-${unique++}@example.com` },
  event: "review_left",
  metadata: { stars: 5, product: `product-${unique}` },
});
const list = (count: number, item: () => JsonValue): JsonValue => Array.from({ length: count }, item);

function bodyOf(body: LoadBody): JsonValue {
  switch (body.kind) {
    case "customers":
      return list(body.records, customer);
    case "events":
      return list(body.records, event);
    case "code-requests":
      return list(body.records, ask);
    case "code-request":
      return ask();
    case "publication":
      return {
        customer: { source_id: `customer-${process.pid}-${unique++}` },
        campaign: { name: "Abandoned cart", count: 1 },
        source_id: `direct-${process.pid}-${unique}`,
      };
    case "voucherify-webhook":
      return sampleWebhook("customer.redemption.succeeded", "project", {
        customer: { source_id: `customer-${process.pid}-${unique++}@example.com` },
      });
  }
}

function send(agent: Agent, url: string, headers: OutgoingHttpHeaders, body: string): Promise<number> {
  return new Promise((resolve, reject) => {
    const outgoing = request(url, { method: "POST", agent, headers }, (response) => {
      response.resume();
      response.on("end", () => resolve(response.statusCode ?? 0));
      response.on("error", reject);
    });
    outgoing.on("error", reject);
    outgoing.end(body);
  });
}

async function play({ url, headers, body, senders, requests, perSecond, secret }: Load): Promise<Answered> {
  const bodies = Array.from({ length: requests }, () => JSON.stringify(bodyOf(body)));
  const answers: number[] = [];
  const statuses: Record<number, number> = {};
  // A server closes connections that were idle for some seconds: none is kept from one load to the next.
  const agent = new Agent({ keepAlive: true });
  const startedAt = performance.now();
  let next = 0;
  const sender = async (): Promise<void> => {
    for (let place = next++; place < requests; place = next++) {
      const due = perSecond === undefined ? 0 : startedAt + (place * 1_000) / perSecond - performance.now();
      if (due > 0) await new Promise((resolve) => setTimeout(resolve, due));
      const text = bodies[place]!;
      const signature = secret === undefined ? {} : { "x-voucherify-signature": signatureOf(text, secret) };
      const length = { "content-type": "application/json", "content-length": Buffer.byteLength(text) };
      const sent = performance.now();
      const status = await send(agent, url, { ...headers, ...signature, ...length }, text);
      answers.push(performance.now() - sent);
      statuses[status] = (statuses[status] ?? 0) + 1;
    }
  };
  await Promise.all(Array.from({ length: senders }, sender));
  const lastedMs = performance.now() - startedAt;
  agent.destroy();
  return { answers, lastedMs, statuses };
}

process.on("message", (load: Load) => {
  play(load).then(
    (answered) => process.send!(answered),
    (error: Error) => process.send!({ error: `${load.url}: ${error.message}` }),
  );
});
