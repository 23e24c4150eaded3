import { randomUUID } from "node:crypto";
import type { IncomingHttpHeaders, IncomingMessage, ServerResponse } from "node:http";
import type { Duplex } from "node:stream";
import type { NodeAPI } from "node-red";
import { retryLaterAnswer, unknownPathAnswer } from "../../../src/bloomreach/webhook-answer";
import { STOP_CODES } from "../../../src/webhooks/stop-codes";
import { answerBrokenRequests, type LatestRequest } from "../../../src/webhooks/broken-requests";
import { deliveryLife } from "../delivery/delivery-life";
import { durableDelivery } from "../delivery/durable-delivery";
import { expressApp, type ExpressApp, rootApp, useFirst } from "./express-stack";
import { pathOwner } from "./path-owners";
import { processOwned } from "../runtime/process-owned";
import { Readiness } from "./readiness";
import { RememberedPaths } from "../../../src/webhooks/remembered-paths";
import { BodyMemory, readBody, type RequestBody } from "../../../src/webhooks/request-body";
import { storePlace } from "../delivery/store-place";
import { lacksHost, routeUnusualRequests } from "../../../src/webhooks/unusual-requests";
import { joinPath, meantPath, normalizePath, pathProblem } from "../../../src/webhooks/webhook-path";

/** Everything below it is ours, whichever nodes there are. */
const PREFIX = "/bloomreach-engagement";
/** Tells load balancers and the like whether a webhook can be kept now; needs no keys. */
const READY_PATH = `${PREFIX}/ready`;
/** How long a request waits between two lives of its node; Bloomreach waits 1,000 ms for an answer. */
const HOLD_MS = 800;
const HANDLER_LIMIT_MS = 10_000;
/** The most bytes kept of a request while no node says how many it takes. */
const UNCLAIMED_MAX_BYTES = 32 * 2 ** 20;
/** The most bytes of bodies in memory, of all requests together, unless a node takes larger ones. */
const MEMORY_BYTES = 64 * 2 ** 20;

/** A request as a node gets it. */
export interface WebhookRequest {
  readonly method: string;
  /** Full path as the node claimed it, `httpNodeRoot` included. */
  readonly path: string;
  /** Names in lower case. */
  readonly headers: IncomingHttpHeaders;
  readonly query: URLSearchParams;
  /** The exact bytes; empty when `tooLarge`. */
  readonly body: Buffer;
  readonly tooLarge: boolean;
  readonly requestId: string;
}

/** The node's answer; `body` is sent as JSON. A status that would stop a campaign is sent as 500. */
export interface WebhookAnswer {
  readonly status: number;
  readonly body: object;
}

export type WebhookHandler = (request: WebhookRequest) => Promise<WebhookAnswer>;

/** What is known of a request before its body. */
export type WebhookHead = Pick<WebhookRequest, "method" | "headers" | "requestId">;

export interface ClaimOptions {
  readonly maxBytes: number;
  /** The answer to a request of which no byte must be kept, because its keys are wrong. */
  readonly refusal?: (head: WebhookHead) => WebhookAnswer | undefined;
  /** Whether a request on any path has the node's keys, and may be told the valid paths. */
  readonly knows?: (headers: IncomingHttpHeaders) => boolean;
  /** Called when the path turns out to belong to somebody else once all flows have started; the claim is over then. */
  readonly onRefused?: (reason: string) => void;
}

/** `release` ends the claim; `removed` is the first argument of the node's close handler. */
export type ClaimResult = { ok: true; release(removed: boolean): void } | { ok: false; reason: string };

export interface WebhookRoutes {
  /** False when no webhook can arrive at all, for example with `httpNodeRoot: false`. */
  readonly enabled: boolean;
  /**
   * Receives requests of every method on `path` (as typed into the node, without `httpNodeRoot`).
   * Requests are handed over only while flows run, because a message sent while nodes are being built reaches nobody.
   * Of two nodes with one path, the one that Node-RED creates first has it: at a start and at a full deploy that is
   * the one that stands first in the flow file, at other deploys the one that had it before. The other gets a reason.
   */
  claim(path: string, handler: WebhookHandler, options: ClaimOptions): ClaimResult;
  /** Who else answers on `path`, in words; undefined when it is free. */
  pathOwner(path: string): string | undefined;
}

interface Claim extends ClaimOptions {
  readonly fullPath: string;
  readonly handler: WebhookHandler;
}

/**
 * The webhook routes of this process. They are installed when a node file loads, which is before Node-RED listens, and
 * outlive deploys. Every node file gets the same object. Never throws: without routes, claims give the reason.
 */
export function webhookRoutes(RED: NodeAPI): WebhookRoutes {
  if (RED.settings.httpNodeRoot === false)
    return noRoutes(
      "No webhook can arrive because Node-RED's HTTP endpoints are switched off: set httpNodeRoot in settings.js and restart Node-RED.",
    );
  try {
    const app = rootApp(expressApp(RED.httpNode));
    const installed = processOwned<WeakMap<ExpressApp, WebhookRoutes>>("webhook-routes");
    const byApp = installed.get("by-app") ?? new WeakMap<ExpressApp, WebhookRoutes>();
    installed.set("by-app", byApp);
    const routes = byApp.get(app) ?? new ProcessRoutes(RED, app);
    byApp.set(app, routes);
    return routes;
  } catch (error) {
    const reason = `Webhooks cannot be received: ${(error as Error).message}`;
    RED.log.error(reason);
    return noRoutes(reason);
  }
}

function noRoutes(reason: string): WebhookRoutes {
  return { enabled: false, claim: () => ({ ok: false, reason }), pathOwner: () => undefined };
}

class ProcessRoutes implements WebhookRoutes {
  readonly enabled = true;
  private readonly claims = new Map<string, Claim>();
  private readonly remembered: RememberedPaths;
  /** Requests between two lives of their node; each looks again when called. */
  private readonly held = new Set<() => void>();
  private readonly pending = new WeakMap<Duplex, ServerResponse>();
  private readonly latest = new WeakMap<Duplex, LatestRequest>();
  private readonly memory = new BodyMemory(() =>
    Math.max(MEMORY_BYTES, ...[...this.claims.values()].map(({ maxBytes }) => maxBytes)),
  );
  private readonly readiness: Readiness;
  private flowsRun = false;

  constructor(
    private readonly RED: NodeAPI,
    app: ExpressApp,
  ) {
    this.remembered = new RememberedPaths(storePlace(RED).pathsFile, (sentence) => RED.log.warn(sentence));
    this.readiness = new Readiness(() => durableDelivery(RED));
    useFirst(app, (request: IncomingMessage, response: ServerResponse, next: () => void) => {
      const key = this.keyOf(request.url ?? "");
      this.latest.set(request.socket, { request, isOurs: key !== undefined });
      if (key !== undefined) void deliveryLife().answering(this.serve(key, request, response));
      else if (lacksHost(request)) response.writeHead(400, { connection: "close" }).end();
      else next();
    });
    routeUnusualRequests(RED.server, (url) => this.keyOf(url) !== undefined);
    RED.events.on("flows:stopping", () => (this.flowsRun = false));
    RED.events.on("flows:started", () => this.onFlowsStarted());
    answerBrokenRequests(
      RED.server,
      this.pending,
      this.latest,
      (url) => this.keyOf(url) !== undefined,
      () => retryLaterAnswer(randomUUID()).body,
    );
  }

  pathOwner(path: string): string | undefined {
    return this.ownerOf(normalizePath(this.fullPath(path)));
  }

  claim(path: string, handler: WebhookHandler, options: ClaimOptions): ClaimResult {
    const fullPath = this.fullPath(path);
    const key = normalizePath(fullPath);
    const reason = pathProblem(path) ?? this.foreignReason(key);
    if (reason !== undefined) return { ok: false, reason };
    if (this.claims.has(key))
      return { ok: false, reason: `Another node already receives on ${path}. Give each node its own path.` };

    const claim: Claim = { ...options, fullPath, handler };
    this.claims.set(key, claim);
    this.remembered.keep(key);
    this.wakeHeld();
    return {
      ok: true,
      release: (removed) => {
        if (this.claims.get(key) !== claim) return;
        this.claims.delete(key);
        if (removed) this.remembered.markRemoved(key);
      },
    };
  }

  private ownerOf(key: string): string | undefined {
    if (this.isReadyPath(key)) return "the health check of this package";
    return pathOwner(this.RED, key);
  }

  private isReadyPath(key: string): boolean {
    return key === normalizePath(this.fullPath(READY_PATH));
  }

  /** Why nobody may claim this path; a path of somebody else is forgotten, so that its owner gets its requests. */
  private foreignReason(key: string): string | undefined {
    const owner = this.ownerOf(key);
    if (owner === undefined) return undefined;
    this.remembered.forget(key);
    return `The path ${key} already belongs to ${owner}. Choose another one, for example one that starts with ${PREFIX}/.`;
  }

  /** Only now every `http in` has its route, and every path of the last run its node, if it still has one. */
  private onFlowsStarted(): void {
    this.flowsRun = true;
    for (const key of this.remembered.all()) {
      const claim = this.claims.get(key);
      const reason = this.foreignReason(key);
      if (reason !== undefined) {
        this.claims.delete(key);
        claim?.onRefused?.(reason);
      } else if (!claim) this.remembered.markRemoved(key);
    }
    this.wakeHeld();
  }

  private fullPath(path: string): string {
    return joinPath(this.RED.httpNode.path(), path);
  }

  /** The path that a request is for, when it is ours to answer: one that is somebody's if there is one in any spelling. */
  private keyOf(url: string): string | undefined {
    const spellings = [normalizePath(url), meantPath(url)];
    return (
      spellings.find((key) => this.isPath(key) || this.isReadyPath(key)) ??
      spellings.find((key) => this.isBelowPrefix(key))
    );
  }

  private isPath(key: string): boolean {
    return this.claims.has(key) || this.remembered.has(key);
  }

  /** Also where only a dot, a semicolon or the like follows. */
  private isBelowPrefix(key: string): boolean {
    const prefix = normalizePath(this.fullPath(PREFIX));
    return key.startsWith(prefix) && !/^[\w-]/.test(key.slice(prefix.length));
  }

  /** Answers one request, exactly once, unless its client hangs up. Never rejects. */
  private async serve(key: string, request: IncomingMessage, response: ServerResponse): Promise<void> {
    this.pending.set(request.socket, response);
    response.on("close", () => {
      if (this.pending.get(request.socket) === response) this.pending.delete(request.socket);
    });
    response.on("error", () => undefined);
    const requestId = randomUUID();
    let body: RequestBody | undefined;
    try {
      const claim = this.claims.get(key);
      const refusal = claim && this.refusalOf(claim, request, requestId);
      const most = refusal || !this.isPath(key) ? 0 : (claim?.maxBytes ?? UNCLAIMED_MAX_BYTES);
      body = await readBody(request, { most, memory: this.memory });
      if (!body) return;
      const answer = refusal ?? (await this.answer(key, request, body, requestId));
      if (body.isCut) response.setHeader("connection", "close");
      send(response, STOP_CODES.includes(answer.status) ? { ...answer, status: 500 } : answer);
    } catch (error) {
      this.RED.log.error(`A webhook on ${key} was answered with 500: ${(error as Error).message}`);
      send(response, retryLaterAnswer(requestId));
    } finally {
      body?.release();
    }
  }

  private refusalOf(claim: Claim, request: IncomingMessage, requestId: string): WebhookAnswer | undefined {
    return claim.refusal?.({ method: request.method ?? "", headers: request.headers, requestId });
  }

  private async answer(
    key: string,
    request: IncomingMessage,
    body: RequestBody,
    requestId: string,
  ): Promise<WebhookAnswer> {
    if (this.isReadyPath(key) && (request.method === "GET" || request.method === "HEAD"))
      return this.readiness.answer(await this.untilFlowsRun());
    if (!this.isPath(key)) {
      const isKnown = [...this.claims.values()].some(({ knows }) => knows?.(request.headers));
      return unknownPathAnswer(isKnown ? this.remembered.inUse() : undefined, requestId);
    }
    const claim = body.isCut ? undefined : await this.nextClaim(key);
    if (!claim || request.socket.destroyed) return retryLaterAnswer(requestId);
    // It may be another one than when the request began.
    const refusal = this.refusalOf(claim, request, requestId);
    if (refusal) return refusal;
    const tooLarge = body.size > claim.maxBytes;
    if (!tooLarge && !body.bytes) return retryLaterAnswer(requestId);
    return withinLimit(
      claim.handler({
        method: request.method ?? "",
        path: claim.fullPath,
        headers: request.headers,
        query: new URLSearchParams(/\?([^#]*)/.exec(request.url ?? "")?.[1]),
        body: tooLarge || !body.bytes ? Buffer.alloc(0) : body.bytes,
        tooLarge,
        requestId,
      }),
    );
  }

  /** The claim of this path as soon as flows run; undefined when there is none within `HOLD_MS`. */
  private nextClaim(key: string): Promise<Claim | undefined> {
    return this.soon(() => (this.flowsRun ? this.claims.get(key) : undefined));
  }

  /** False when they do not run within `HOLD_MS`, which a deploy does not take. */
  private async untilFlowsRun(): Promise<boolean> {
    return (await this.soon(() => this.flowsRun || undefined)) ?? false;
  }

  /** What `find` finds, now or when flows or claims change; undefined when there is nothing within `HOLD_MS`. */
  private soon<Found>(find: () => Found | undefined): Promise<Found | undefined> {
    return new Promise((resolve) => {
      const look = (): void => {
        const found = find();
        if (found !== undefined) settle(found);
      };
      const settle = (found: Found | undefined): void => {
        clearTimeout(timer);
        this.held.delete(look);
        resolve(found);
      };
      const timer = setTimeout(() => settle(undefined), HOLD_MS);
      this.held.add(look);
      look();
    });
  }

  private wakeHeld(): void {
    for (const look of [...this.held]) look();
  }
}

async function withinLimit(answer: Promise<WebhookAnswer>): Promise<WebhookAnswer> {
  let timer: NodeJS.Timeout | undefined;
  const limit = new Promise<never>((_, reject) => {
    timer = setTimeout(() => reject(new Error("its node gave no answer within 10 seconds")), HANDLER_LIMIT_MS);
  });
  return Promise.race([answer, limit]).finally(() => clearTimeout(timer));
}

function send(response: ServerResponse, { status, body }: WebhookAnswer): void {
  if (response.headersSent || response.destroyed) return;
  const text = JSON.stringify(body);
  response.writeHead(status, { "content-type": "application/json", "content-length": Buffer.byteLength(text) });
  response.end(text);
}
