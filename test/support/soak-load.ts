import { request as httpRequest } from "node:http";
import { setTimeout as pause } from "node:timers/promises";
import type { JsonObject } from "../../src/json";

/** A try to send a webhook that did not get 200. Times are Unix ms. */
export interface Refusal {
  readonly path: string;
  readonly sentAt: number;
  readonly endedAt: number;
  /** Absent when no answer came. */
  readonly status?: number;
  readonly error?: string;
}

/** No answer after this is no answer, however busy the machine is. */
const ANSWER_LIMIT_MS = 60_000;

/**
 * Sends webhooks as Bloomreach and Voucherify do: each again until it is answered with 200. Several kinds at the same
 * time, each at its own pace with random gaps, each on a connection of its own: one that is kept can be closed by the other
 * side at the moment in which it is used again, which would look like a webhook without an answer.
 */
export class SoakLoad {
  readonly refusals: Refusal[] = [];
  /** Webhooks that were answered with 200. */
  accepted = 0;
  private readonly open = new Set<Promise<void>>();
  private readonly senders: Promise<void>[] = [];
  private isStopped = false;

  constructor(
    private readonly port: () => number,
    private readonly random: () => number,
  ) {}

  /** Sends something again and again, on average every `everyMs`, whether the last one was answered or not. */
  repeat(everyMs: number, send: (n: number) => Promise<void>): void {
    this.senders.push(
      (async () => {
        for (let n = 0; !this.isStopped; n++) {
          const sent: Promise<void> = send(n).finally(() => this.open.delete(sent));
          this.open.add(sent);
          await pause(this.random() * 2 * everyMs);
        }
      })(),
    );
  }

  /** Resolves with the body of the answer 200. */
  async insist(path: string, body: string, headers: Record<string, string>): Promise<JsonObject> {
    for (;;) {
      const sentAt = Date.now();
      const { status, text = "", error } = await this.post(path, body, headers);
      if (status === 200) {
        this.accepted++;
        return JSON.parse(text) as JsonObject;
      }
      const how = { ...(status !== undefined && { status }), ...(error !== undefined && { error }) };
      this.refusals.push({ path, sentAt, endedAt: Date.now(), ...how });
      await pause(100 + this.random() * 400);
    }
  }

  /** Sends nothing new, and waits until everything was answered with 200. */
  async stop(): Promise<void> {
    this.isStopped = true;
    await Promise.all(this.senders);
    await Promise.all(this.open);
  }

  private post(
    path: string,
    body: string,
    headers: Record<string, string>,
  ): Promise<{ status?: number; text?: string; error?: string }> {
    return new Promise((resolve) => {
      const request = httpRequest({
        ...{ host: "127.0.0.1", port: this.port(), method: "POST", path, agent: false },
        headers: { "content-type": "application/json", "content-length": Buffer.byteLength(body), ...headers },
        signal: AbortSignal.timeout(ANSWER_LIMIT_MS),
      });
      const fail = (error: NodeJS.ErrnoException): void => resolve({ error: error.code ?? error.message });
      request.on("response", (answer) => {
        const chunks: Buffer[] = [];
        answer.on("data", (chunk: Buffer) => chunks.push(chunk));
        answer.on("error", fail);
        answer.on("end", () =>
          resolve({
            ...(answer.statusCode !== undefined && { status: answer.statusCode }),
            text: Buffer.concat(chunks).toString(),
          }),
        );
      });
      request.on("error", fail);
      request.end(body);
    });
  }
}
