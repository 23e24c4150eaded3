import { setMaxListeners } from "node:events";
import { Agent as HttpAgent, ClientRequest } from "node:http";
import { Agent as HttpsAgent } from "node:https";
import axios, { type AxiosError } from "axios";
import { isNestedTooDeep, type JsonValue } from "../json";
import { isLoopback } from "./address";
import { type OwnKeys, Redaction } from "./redaction";

export interface HttpRequest {
  readonly method: "GET" | "POST" | "PUT" | "DELETE";
  readonly url: string;
  readonly headers: Readonly<Record<string, string>>;
  /** Sent as it is, so that a repeated request has the same bytes. */
  readonly body?: string;
  /** From the first byte to the last, connecting included, ms. */
  readonly timeoutMs: number;
  readonly signal?: AbortSignal;
  /** So long a request that has begun still waits for its answer after the signal was aborted, ms; 0 by default. */
  readonly graceMs?: number;
  /** What of its headers and its address must not come back with the answer. */
  readonly ownKeys?: OwnKeys;
}

/** Without our own keys, whatever the other side gives back. */
export interface HttpAnswer {
  readonly status: number;
  /** Names in lower case. */
  readonly headers: Readonly<Record<string, string>>;
  readonly text: string;
  /** The parsed body; undefined when it was not JSON, or nested deeper than any API's. */
  readonly json: JsonValue | undefined;
}

/** No answer came, or none that can be read. The message is a sentence for the user and never holds a header. */
export class TransportError extends Error {
  override readonly name = "TransportError";

  constructor(
    readonly kind: "timeout" | "network" | "aborted",
    message: string,
    /** The request did not leave whole: nobody can have done what it asked for. */
    readonly unsent = false,
  ) {
    super(message);
  }
}

/**
 * The `graceMs` of requests that change something, ms: most answers are there by then, and nobody waits for long when
 * Node-RED stops.
 */
export const GRACE_MS = 3_000;

/** The largest answer that is read; a bulk action with an error for every customer stays far below. */
const LARGEST_ANSWER = 20 * 2 ** 20;

// An idle connection is closed before the usual 60 s of load balancers: a request on a connection that the other side is
// closing at that moment would be lost.
// How many connections there are is for the budget to say: a request that has its turn must not wait for a socket.
const agentOptions = { keepAlive: true, timeout: 50_000 };
const client = axios.create({
  httpAgent: new HttpAgent(agentOptions),
  httpsAgent: new HttpsAgent(agentOptions),
  responseType: "text",
  transformRequest: (body: unknown) => body,
  transformResponse: (body: unknown) => body,
  validateStatus: () => true,
  // A redirected POST would become a GET, and would carry the keys to another host.
  maxRedirects: 0,
  maxContentLength: LARGEST_ANSWER,
  maxBodyLength: Infinity,
});

/**
 * Sends one request. Never throws because of an HTTP status.
 * The time limit is an abort signal: axios' own `timeout` does not fire while a proxy keeps a CONNECT waiting.
 * @throws TransportError when no complete answer came
 */
export async function sendHttp(request: HttpRequest): Promise<HttpAnswer> {
  const end = new RequestEnd(request);
  try {
    const { status, headers, data } = await client.request<string>({
      method: request.method,
      url: request.url,
      headers: { ...request.headers },
      ...(request.body !== undefined && { data: request.body }),
      signal: end.signal,
      // Else those of the environment: HTTP_PROXY, HTTPS_PROXY, ALL_PROXY, NO_PROXY. No proxy reaches this machine's own address.
      ...(isLoopback(request.url) && { proxy: false as const }),
    });
    const text = typeof data === "string" ? data : "";
    return { status, headers: flatten(headers), ...readable(text, status, request.ownKeys) };
  } catch (error) {
    throw transportError(error, request, end.isTimeout);
  } finally {
    end.release();
  }
}

/**
 * Ends a request that takes too long, or whose signal was aborted, `graceMs` after that unless it was aborted before the
 * request. One controller and one timer: `AbortSignal.timeout` and `AbortSignal.any` cost more than sending does.
 */
class RequestEnd {
  isTimeout = false;
  private readonly controller = new AbortController();
  private readonly limit: NodeJS.Timeout;
  private grace: NodeJS.Timeout | undefined;
  private readonly given: AbortSignal | undefined;
  private readonly onAbort: () => void;

  constructor({ timeoutMs, signal, graceMs = 0 }: HttpRequest) {
    this.given = signal;
    this.limit = setTimeout(() => {
      this.isTimeout = true;
      this.controller.abort();
    }, timeoutMs).unref();
    this.onAbort = () => {
      if (graceMs === 0) this.controller.abort();
      else this.grace = setTimeout(() => this.controller.abort(), graceMs);
    };
    if (!signal) return;
    if (signal.aborted) {
      this.controller.abort();
      return;
    }
    // Many requests can have one signal; Node.js would warn of a leak from the eleventh on.
    setMaxListeners(0, signal);
    signal.addEventListener("abort", this.onAbort, { once: true });
  }

  get signal(): AbortSignal {
    return this.controller.signal;
  }

  /** The request has ended: nothing waits for anything of it any more. */
  release(): void {
    clearTimeout(this.limit);
    clearTimeout(this.grace);
    this.given?.removeEventListener("abort", this.onAbort);
  }
}

function flatten(headers: object): Record<string, string> {
  const entries = Object.entries(headers).map(([name, value]) => [name.toLowerCase(), String(value)] as const);
  return Object.fromEntries(entries);
}

const NO_KEYS: OwnKeys = { secrets: [] };

/** The body, without what must not come back. */
function readable(text: string, status: number, keys: OwnKeys = NO_KEYS): Pick<HttpAnswer, "text" | "json"> {
  const redaction = Redaction.of(keys, status >= 200 && status < 300);
  const clean = redaction.text(text);
  const json = parse(text);
  return { text: clean, json: json === undefined || clean === text ? json : redaction.json(json) };
}

function parse(text: string): JsonValue | undefined {
  try {
    const json = JSON.parse(text) as JsonValue;
    return isNestedTooDeep(json) ? undefined : json;
  } catch {
    return undefined;
  }
}

/** Only what a user needs: the error of axios holds the request with its secret headers, and must not travel on. */
function transportError(error: unknown, { url, timeoutMs, signal }: HttpRequest, timedOut: boolean): TransportError {
  const host = URL.canParse(url) ? new URL(url).host : "The API base URL";
  const { code = "", message = "", request } = error as Partial<Omit<AxiosError, "request">> & { request?: unknown };
  // Part of a request is none: a server acts when it has the whole body.
  const unsent = !(request instanceof ClientRequest && request.writableFinished);
  if (signal?.aborted) return new TransportError("aborted", `The request to ${host} was given up.`, unsent);
  if (timedOut) return new TransportError("timeout", `${host} did not answer within ${timeoutMs / 1000} s.`, unsent);
  return new TransportError("network", `${host} ${reasonOf(code, message)}`, unsent);
}

function reasonOf(code: string, message: string): string {
  switch (code) {
    case "ECONNREFUSED":
      return "refused the connection: check the API base URL.";
    case "ENOTFOUND":
    case "EAI_AGAIN":
      return "was not found: check the API base URL and the network.";
    case "ECONNRESET":
    case "EPIPE":
      return "closed the connection before it answered.";
    case "ERR_INVALID_URL":
      return "is not a valid address: check it in the account.";
  }
  if (/maxContentLength/.test(message)) return "sent an answer that is too large to read.";
  if (/certificate|CERT|SSL|TLS/i.test(code + message)) return "has a certificate that this machine does not trust.";
  return `could not be reached${code ? ` (${code})` : ""}.`;
}
