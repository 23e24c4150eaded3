import { createServer, type IncomingMessage, type Server, type ServerResponse } from "node:http";
import { once } from "node:events";
import type { AddressInfo } from "node:net";
import type { JsonValue } from "../../src/json";

const STATUSES = [
  ...[
    200, 201, 202, 204, 206, 299, 301, 302, 304, 307, 400, 401, 402, 403, 404, 405, 408, 409, 410, 412, 413, 415, 418,
  ],
  ...[422, 425, 429, 431, 451, 499, 500, 501, 502, 503, 504, 505, 520, 599, 600, 999],
];
const KEYS = [
  "not_found",
  "duplicate_source_id",
  "metadata_validation_failed",
  "api_calls_cycle",
  "__proto__",
  "",
  "x",
];
const TIMES = ["", "abc", "-1", "0", "1", "1.5", "NaN", "Infinity", "99999999999999", "Wed, 21 Oct 2015 07:28:00 GMT"];
const NAMES = [
  "retry-after",
  "x-rate-limit-limit",
  "x-rate-limit-remaining",
  "x-rate-limit-retry",
  "x-rate-limit-reset",
];

/**
 * An API that answers as none should: each answer of the one behind it is passed on, or damaged by a way that `random` chooses (status,
 * headers, shape, size, depth, an end too soon).
 */
export class WildApi {
  /** How many requests got an answer, or a cut connection. */
  answers = 0;

  private constructor(
    private readonly server: Server,
    private readonly behind: string,
    private readonly random: () => number,
    private readonly hasLimits: boolean,
  ) {
    server.on("request", (request, response) => {
      void this.serve(request, response).catch(() => response.destroy());
    });
  }

  /** @param hasLimits it also says, with 429 and in headers, when to ask again: a minute or a day later */
  static async start(behind: string, random: () => number, { hasLimits = true } = {}): Promise<WildApi> {
    const server = createServer().listen(0, "127.0.0.1");
    await once(server, "listening");
    return new WildApi(server, behind, random, hasLimits);
  }

  get url(): string {
    return `http://127.0.0.1:${(this.server.address() as AddressInfo).port}`;
  }

  stop(): void {
    this.server.closeAllConnections();
    this.server.close();
  }

  private one<T>(list: readonly T[]): T {
    return list[Math.floor(this.random() * list.length)]!;
  }

  private async serve(request: IncomingMessage, response: ServerResponse): Promise<void> {
    const chunks: Buffer[] = [];
    for await (const chunk of request) chunks.push(chunk as Buffer);
    const { method = "GET", headers, url = "" } = request;
    const isRead = method === "GET" || method === "HEAD";
    const good = await fetch(this.behind + url, {
      method,
      headers: Object.entries(headers).flatMap(([name, value]): [string, string][] =>
        ["host", "connection", "content-length"].includes(name) || typeof value !== "string" ? [] : [[name, value]],
      ),
      ...(!isRead && { body: Buffer.concat(chunks) }),
    });
    const text = await good.text();
    this.answers++;
    if (this.random() < 0.3) return void this.end(response, good.status, text);
    this.one([
      () => this.end(response, this.one(STATUSES), text),
      () => this.end(response, good.status, this.bent(text)),
      () => this.end(response, good.status, this.bent(text)),
      () => this.end(response, this.one(STATUSES), JSON.stringify(this.value(0))),
      () => this.end(response, this.one(STATUSES), JSON.stringify(this.refusal())),
      () => this.end(response, this.one([400, 404, 409, 422, 429]), JSON.stringify(this.refusal())),
      () => this.end(response, good.status, text.slice(0, Math.floor(this.random() * text.length))),
      () =>
        this.end(
          response,
          this.one([200, good.status, this.one(STATUSES)]),
          this.one(["", "null", "[]", "{}", '""', "0"]),
        ),
      () =>
        this.end(response, this.one(STATUSES), "<html><body>Bad gateway</body></html>", {
          "content-type": "text/html",
        }),
      () => this.end(response, this.one([good.status, this.one(STATUSES)]), this.deep()),
      () => this.end(response, good.status, text, { "content-encoding": "gzip" }),
      () => response.destroy(),
      () => {
        response.writeHead(good.status, { "content-length": text.length + 100 });
        response.write(text.slice(0, text.length / 2), () => response.destroy());
      },
    ])();
  }

  private end(response: ServerResponse, status: number, text: string, more: Record<string, string> = {}): void {
    const headers: Record<string, string> = { "content-type": "application/json", ...more };
    if (this.hasLimits) while (this.random() < 0.3) headers[this.one(NAMES)] = this.one(TIMES);
    if (this.random() < 0.1) headers.location = this.one(["/elsewhere", "http://127.0.0.1:1/", "::"]);
    response.writeHead(status === 429 && !this.hasLimits ? 409 : status, headers).end(text);
  }

  /** The same JSON with up to three values that do not belong there. */
  private bent(text: string): string {
    let json: JsonValue;
    try {
      json = JSON.parse(text) as JsonValue;
    } catch {
      return text;
    }
    for (let count = 1 + Math.floor(this.random() * 3); count > 0; count--) {
      let holder = json as Record<string, JsonValue>;
      for (;;) {
        const keys = typeof holder === "object" && holder !== null ? Object.keys(holder) : [];
        if (keys.length === 0) break;
        const key = this.one(keys);
        const inner = holder[key]!;
        if (typeof inner === "object" && inner !== null && this.random() < 0.7) holder = inner as typeof holder;
        else {
          if (this.random() < 0.2) delete holder[key];
          else holder[key] = this.value(0);
          break;
        }
      }
    }
    return JSON.stringify(json);
  }

  private value(depth: number): JsonValue {
    if (depth < 3 && this.random() < 0.3)
      return Array.from({ length: Math.floor(this.random() * 4) }, () => this.value(depth + 1));
    if (depth < 3 && this.random() < 0.3)
      return Object.fromEntries(
        ["id", "object", "errors", "results", "data", "__proto__", "key", "voucher", "customer"]
          .filter(() => this.random() < 0.4)
          .map((key) => [key, this.value(depth + 1)]),
      );
    return this.one<JsonValue>([
      null,
      true,
      false,
      0,
      -1,
      1e308,
      2 ** 60,
      "",
      "x",
      "DONE",
      "9".repeat(40),
      "é\u0000",
      "x".repeat(50_000),
      [],
      {},
    ]);
  }

  /** An error as Voucherify and Bloomreach write one, more or less. */
  private refusal(): JsonValue {
    return {
      code: this.one<JsonValue>([400, "400", null, this.value(1)]),
      key: this.one<JsonValue>([...KEYS, this.value(1)]),
      message: this.one<JsonValue>(["Refused", this.value(1)]),
      details: this.one<JsonValue>(["because", "metadata.stars must be a number", this.value(1)]),
      errors: this.value(1),
    };
  }

  private deep(): string {
    const levels = this.one([150, 5_000, 100_000]);
    return this.one([
      "[".repeat(levels) + "]".repeat(levels),
      '{"errors":'.repeat(levels) + "1" + "}".repeat(levels),
      `{"key":"x","message":"m","details":${"[".repeat(levels)}${"]".repeat(levels)}}`,
      "[".repeat(levels),
    ]);
  }
}
