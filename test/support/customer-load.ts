import { Agent, request as httpRequest } from "node:http";
import { CUSTOMERS_PATH, WEBHOOK_KEYS } from "./flows";

/** A webhook of the load: the customers in it and the version of their data. */
interface LoadedWebhook {
  readonly customers: readonly { readonly registered: string; readonly name: string }[];
}

/**
 * Sends webhooks as a Bloomreach scenario does: several at a time, each again until it is answered with 200. The webhooks
 * of one sender follow each other, so that the last version of each of its customers is known.
 */
export class CustomerLoad {
  /** The last acknowledged version of each customer, by source id. */
  readonly acknowledged = new Map<string, string>();
  /** Webhooks answered with 200, and tries that were not. */
  accepted = 0;
  repeated = 0;
  /** Statuses of the answers that were not 200, and how often each came. */
  readonly refusals = new Map<number, number>();
  private readonly agent = new Agent({ keepAlive: true });
  private readonly senders: Promise<void>[];
  private stopped = false;

  /**
   * @param port gives the port of the moment
   * @param plan how many customers there are, how many of them come in one webhook, how many senders there are, and how
   *   many versions of each customer come one after the other
   */
  constructor(
    private readonly port: () => number,
    plan: { customers: number; perWebhook: number; senders: number; versions: number },
  ) {
    const { customers, perWebhook, senders, versions } = plan;
    const perSender = customers / senders;
    this.senders = Array.from({ length: senders }, async (_, sender) => {
      for (let version = 1; version <= versions; version++)
        for (let first = 0; first < perSender && !this.stopped; first += perWebhook)
          await this.deliver({
            customers: Array.from({ length: Math.min(perWebhook, perSender - first) }, (_, n) => ({
              registered: `customer-${sender}-${first + n}@example.com`,
              name: `Version ${version}`,
            })),
          });
    });
  }

  /** Resolves when every webhook was accepted. */
  async done(): Promise<void> {
    await Promise.all(this.senders);
    this.agent.destroy();
  }

  /** No more webhooks; what is on its way ends. */
  async stop(): Promise<void> {
    this.stopped = true;
    await this.done();
  }

  private async deliver({ customers }: LoadedWebhook): Promise<void> {
    const body = JSON.stringify(customers);
    while (!this.stopped) {
      const status = await this.post(body);
      if (status === 200) {
        for (const { registered, name } of customers) this.acknowledged.set(registered, name);
        this.accepted++;
        return;
      }
      this.repeated++;
      if (status !== undefined) this.refusals.set(status, (this.refusals.get(status) ?? 0) + 1);
      await new Promise((resolve) => setTimeout(resolve, 25));
    }
  }

  /** The status, undefined when no answer came. */
  private post(body: string): Promise<number | undefined> {
    return new Promise((resolve) => {
      const request = httpRequest({
        ...{ host: "127.0.0.1", port: this.port(), method: "POST", path: CUSTOMERS_PATH, agent: this.agent },
        headers: { "content-type": "application/json", "content-length": Buffer.byteLength(body), ...WEBHOOK_KEYS },
        signal: AbortSignal.timeout(20_000),
      });
      request.on("response", (answer) => {
        answer.resume();
        answer.on("error", () => resolve(undefined));
        answer.on("end", () => resolve(answer.statusCode));
      });
      request.on("error", () => resolve(undefined));
      request.end(body);
    });
  }
}
