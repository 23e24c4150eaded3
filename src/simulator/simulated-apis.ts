import { createServer, type IncomingMessage, type Server, type ServerResponse } from "node:http";
import type { AddressInfo } from "node:net";
import type { JsonValue } from "../json";
import type { MetadataSchema } from "../schemas/voucherify";
import type { ActivityBook } from "./voucherify/customers/activity-book";
import { SimulatedBloomreach } from "./bloomreach/simulated-bloomreach";
import type { CampaignBook } from "./voucherify/campaigns";
import type { CustomEventBook } from "./voucherify/customers/custom-events";
import { answerControl } from "./control";
import type { StoredCustomer } from "./voucherify/customers/customer-book";
import { customerIdsOf, MAX_BODY_BYTES, type SimulatedAnswer, type SimulatedRequest } from "./exchange";
import { type FaultKind, FaultPlan, type Faults } from "./faults";
import { SimulatedGateway } from "./voucherify/simulated-gateway";
import { makeSimulatorKeys, type SimulatorKeys } from "./keys";
import type { PublicationBook } from "./voucherify/publications";
import type { SimulatedRateLimit } from "./voucherify/rate-counter";
import { type LoggedRequest, RequestLog } from "./request-log";
import { SimulatedVoucherify } from "./voucherify/simulated-voucherify";
import type { KeyPermission } from "./voucherify/voucherify-permissions";
import type { Wallet } from "./voucherify/wallet";

/** How a simulator is started. */
export interface SimulatorOptions {
  /** TCP port on 127.0.0.1; 0 (default) takes any free one. */
  readonly port?: number;
  /** Faults from the start; see `setFaults`. */
  readonly faults?: Faults;
  /** Requests per period, 2,000 per minute by default (Voucherify's Organization plan). */
  readonly rateLimit?: SimulatedRateLimit;
  /** A counter of their own for bulk requests; by default they count as API calls. */
  readonly bulkRateLimit?: SimulatedRateLimit;
  /** How long a bulk request is worked on, in ms; 200 by default. */
  readonly asyncActionMs?: number;
  /** Keys to have instead of random ones. */
  readonly keys?: Partial<SimulatorKeys>;
  /**
   * Voucherify's hosted integration for Bloomreach, below `/bloomreach-engagement/`: the name of its Main Hard ID
   * ("registered" by default) and how many calls it takes a day (144,000 by default).
   */
  readonly gateway?: { readonly hardId?: string; readonly dailyCalls?: number };
  /** How many requests the log keeps; 10,000 by default. */
  readonly logCapacity?: number;
}

/**
 * Plays the APIs of Voucherify and Bloomreach Engagement on 127.0.0.1, so that flows can be tried without an account:
 * `/v1/...` is Voucherify, `/track/...` is Bloomreach, `/` is a page that shows what arrived.
 */
export class Simulator {
  private readonly server: Server;
  private readonly voucherify: SimulatedVoucherify;
  private readonly gateway: SimulatedGateway;
  /** The simulated Bloomreach project: its customers with their events, and what its API group may not write. */
  readonly bloomreach: SimulatedBloomreach;
  /** The only keys that it knows. */
  readonly keys: SimulatorKeys;
  private readonly requestLog: RequestLog;
  private faults: FaultPlan | undefined;

  private constructor(private readonly options: SimulatorOptions) {
    this.keys = { ...makeSimulatorKeys(), ...options.keys };
    this.voucherify = new SimulatedVoucherify({
      keys: this.keys,
      rateLimit: options.rateLimit ?? { limit: 2_000, periodMs: 60_000 },
      bulkRateLimit: options.bulkRateLimit,
      asyncActionMs: options.asyncActionMs ?? 200,
    });
    this.bloomreach = new SimulatedBloomreach(this.keys);
    const { book, schemas, events } = this.voucherify;
    const setup = {
      keys: this.keys,
      hardId: "registered",
      dailyCalls: 144_000,
      ...options.gateway,
    };
    this.gateway = new SimulatedGateway(setup, book, schemas, events);
    this.requestLog = new RequestLog(options.logCapacity ?? 10_000);
    this.setFaults(options.faults);
    this.server = createServer((request, response) => void this.serve(request, response));
    // A server that closes idle connections early cuts requests of clients that keep connections: a fault nobody set.
    this.server.keepAliveTimeout = 600_000;
  }

  /** Starts a simulator; resolves when it listens. Rejects with a sentence when the port is taken. */
  static async start(options: SimulatorOptions = {}): Promise<Simulator> {
    const simulator = new Simulator(options);
    await new Promise<void>((resolve, reject) => {
      simulator.server.once("error", (error: NodeJS.ErrnoException) =>
        reject(
          error.code === "EADDRINUSE"
            ? new Error(`Port ${options.port} is in use by another program. Choose another port.`)
            : error,
        ),
      );
      simulator.server.listen(options.port ?? 0, "127.0.0.1", resolve);
    });
    return simulator;
  }

  /** The address to use as API URL, without a slash at the end. */
  get url(): string {
    return `http://127.0.0.1:${(this.server.address() as AddressInfo).port}`;
  }

  /** The newest API requests, oldest first. */
  get log(): LoggedRequest[] {
    return this.requestLog.entries;
  }

  /** The customers of the simulated Voucherify project, by source id. */
  get customers(): ReadonlyMap<string, StoredCustomer> {
    return this.voucherify.book.customers;
  }

  /** The customer of the simulated Voucherify project with this source id; created when there is none. */
  customerOf(sourceId: string): StoredCustomer {
    const known = this.customers.get(sourceId);
    if (known) return known;
    const made = this.voucherify.book.upsert(sourceId, {});
    if ("error" in made) throw new Error(made.error.message);
    return made.customer;
  }

  /** The metadata schemas of the simulated project, by resource or nested name; change them to try other projects. */
  get metadataSchemas(): Map<string, MetadataSchema> {
    return this.voucherify.schemas;
  }

  /** The campaigns of the simulated project and the codes they gave out; add some to try other projects. */
  get campaigns(): CampaignBook {
    return this.voucherify.campaigns;
  }

  /** What was published, succeeded or not. */
  get publications(): PublicationBook {
    return this.voucherify.publications;
  }

  /** The custom events that were tracked, their schemas and what they earn; change these to try other projects. */
  get events(): CustomEventBook {
    return this.voucherify.events;
  }

  /** What customers did and got; record events to try others. */
  get activity(): ActivityBook {
    return this.voucherify.activity;
  }

  /** Loyalty cards, vouchers of customers. */
  get wallet(): Wallet {
    return this.voucherify.wallet;
  }

  /** What the Voucherify key may not do, as with a role that allows less: such a call is answered 403. */
  get deniedPermissions(): Set<KeyPermission> {
    return this.voucherify.denied;
  }

  /** Disturbs requests from now on, or no longer (undefined). */
  setFaults(faults: Faults | undefined): void {
    this.faults = faults && new FaultPlan(faults);
  }

  /** As freshly started: no customers, no log, full limits, the schemas and faults of the start. */
  reset(): void {
    this.voucherify.clear();
    this.bloomreach.clear();
    this.gateway.clear();
    this.requestLog.clear();
    this.setFaults(this.options.faults);
  }

  /** Lets the process end while the simulator still listens. */
  unref(): this {
    this.server.unref();
    this.server.on("connection", (socket) => socket.unref());
    return this;
  }

  /** Stops listening and cuts every connection at once. */
  async stop(): Promise<void> {
    this.voucherify.clear();
    await new Promise<void>((resolve) => {
      this.server.close(() => resolve());
      this.server.closeAllConnections();
    });
  }

  private async serve(message: IncomingMessage, response: ServerResponse): Promise<void> {
    const method = message.method ?? "GET";
    const target = message.url ?? "/";
    const [path = "/", query = ""] = target.split("?", 2);
    const isApi = /^\/(v1|v2|track|data|bloomreach-engagement)\//.test(path);
    const entry = isApi ? this.requestLog.add(method, target, message.headers) : undefined;
    // Nobody is left to answer when this fails: the client cut the connection while it sent.
    const body = await readBody(message).catch(() => undefined);
    if (!body) return;

    const json = parse(body.text);
    const request: SimulatedRequest = {
      method,
      path,
      query: new URLSearchParams(query),
      headers: message.headers,
      bytes: body.bytes,
      json,
    };
    if (!entry) return reply(response, answerControl(request, this));
    const customerIds = customerIdsOf(json, path);
    this.requestLog.addBody(entry, body.bytes, body.text, customerIds);
    entry.fault = this.faults?.next(method, path, customerIds);
    if (entry.fault) return this.disturb(entry, request, response);
    this.finish(entry, response, this.answer(request));
  }

  private answer(request: SimulatedRequest): SimulatedAnswer {
    try {
      if (request.path.startsWith("/bloomreach-engagement/")) return this.gateway.answer(request);
      return /^\/(track|data)\//.test(request.path) ? this.bloomreach.answer(request) : this.voucherify.answer(request);
    } catch {
      // For example metadata nested so deeply that the check of it cannot end.
      return INTERNAL_ERROR;
    }
  }

  private disturb(entry: LoggedRequest, request: SimulatedRequest, response: ServerResponse): void {
    const play: Record<FaultKind, () => void> = {
      "429": () => this.finish(entry, response, this.voucherify.faultRejection(request)),
      "500": () => this.finish(entry, response, INTERNAL_ERROR),
      "503": () => this.finish(entry, response, UNAVAILABLE),
      garbage: () => this.finish(entry, response, GARBAGE),
      reset: () => response.socket?.resetAndDestroy(),
      hang: () => undefined,
      lost: () => {
        this.answer(request);
        response.socket?.resetAndDestroy();
      },
      slow: () => {
        const answer = this.answer(request);
        setTimeout(() => this.finish(entry, response, answer), this.faults?.slowMs);
      },
    };
    if (entry.fault) play[entry.fault]();
  }

  private finish(entry: LoggedRequest, response: ServerResponse, answer: SimulatedAnswer): void {
    entry.status = answer.status;
    reply(response, answer);
  }
}

const INTERNAL_ERROR: SimulatedAnswer = { status: 500, body: { code: 500, message: "Internal Server Error" } };
const UNAVAILABLE: SimulatedAnswer = { status: 503, text: "no healthy upstream", type: "text/plain" };
const GARBAGE: SimulatedAnswer = { status: 200, text: "<html><body>Gateway is being updated", type: "text/html" };

/** Reads a body whole; one that is too large is drained and not kept. */
async function readBody(message: IncomingMessage): Promise<{ text: string; bytes: number }> {
  const chunks: Buffer[] = [];
  let bytes = 0;
  for await (const chunk of message as AsyncIterable<Buffer>) {
    bytes += chunk.length;
    if (bytes <= MAX_BODY_BYTES) chunks.push(chunk);
    else chunks.length = 0;
  }
  return { text: Buffer.concat(chunks).toString("utf8"), bytes };
}

function parse(text: string): JsonValue | undefined {
  if (text === "") return undefined;
  try {
    return JSON.parse(text) as JsonValue;
  } catch {
    return undefined;
  }
}

function reply(response: ServerResponse, { status, body, text, type, headers }: SimulatedAnswer): void {
  const content = text ?? (body === undefined ? "" : JSON.stringify(body));
  response.writeHead(status, {
    ...headers,
    "content-type": type ?? "application/json; charset=utf-8",
    "content-length": Buffer.byteLength(content),
  });
  response.end(content);
}
