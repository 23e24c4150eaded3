import { randomUUID } from "node:crypto";
import type { IncomingMessage, ServerResponse } from "node:http";
import type { Duplex } from "node:stream";
import type { NodeAPI } from "node-red";
import { answerBrokenRequests, type LatestRequest } from "../../../src/webhooks/broken-requests";
import { type ClaimOptions, ClaimedPaths, type ClaimResult, type PathClaim } from "../../../src/webhooks/claimed-paths";
import { HeldRequests } from "../../../src/webhooks/held-requests";
import { RememberedPaths } from "../../../src/webhooks/remembered-paths";
import { BodyMemory, readBody, type RequestBody } from "../../../src/webhooks/request-body";
import { lacksHost, routeUnusualRequests } from "../../../src/webhooks/unusual-requests";
import {
  harmless,
  retryLaterAnswer,
  unknownPathAnswer,
  type WebhookAnswer,
} from "../../../src/webhooks/webhook-answer";
import type { WebhookHandler } from "../../../src/webhooks/webhook-request";
import { deliveryLife } from "../delivery/delivery-life";
import { durableDelivery } from "../delivery/durable-delivery";
import { storePlace } from "../delivery/store-place";
import { processOwned } from "../runtime/process-owned";
import { expressApp, type ExpressApp, rootApp, useFirst } from "./express-stack";
import { pathOwner } from "./path-owners";
import { Readiness } from "./readiness";

const HANDLER_LIMIT_MS = 10_000;
/** The most bytes kept of a request while no node says how many it takes. */
const UNCLAIMED_MAX_BYTES = 32 * 2 ** 20;
/** The most bytes of bodies in memory, of all requests together, unless a node takes larger ones. */
const MEMORY_BYTES = 64 * 2 ** 20;

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
  private readonly paths: ClaimedPaths;
  private readonly held = new HeldRequests();
  private readonly pending = new WeakMap<Duplex, ServerResponse>();
  private readonly latest = new WeakMap<Duplex, LatestRequest>();
  private readonly memory = new BodyMemory(() => Math.max(MEMORY_BYTES, this.paths.mostBytes()));
  private readonly readiness: Readiness;
  private flowsRun = false;

  constructor(
    private readonly RED: NodeAPI,
    app: ExpressApp,
  ) {
    const remembered = new RememberedPaths(storePlace(RED).pathsFile, (sentence) => RED.log.warn(sentence));
    this.paths = new ClaimedPaths(
      () => RED.httpNode.path(),
      remembered,
      (key) => pathOwner(RED, key),
    );
    this.readiness = new Readiness(() => durableDelivery(RED));
    const isOurs = (url: string): boolean => this.paths.keyOf(url) !== undefined;
    useFirst(app, (request: IncomingMessage, response: ServerResponse, next: () => void) => {
      const key = this.paths.keyOf(request.url ?? "");
      this.latest.set(request.socket, { request, isOurs: key !== undefined });
      if (key !== undefined) void deliveryLife().answering(this.serve(key, request, response));
      else if (lacksHost(request)) response.writeHead(400, { connection: "close" }).end();
      else next();
    });
    routeUnusualRequests(RED.server, isOurs);
    RED.events.on("flows:stopping", () => (this.flowsRun = false));
    RED.events.on("flows:started", () => {
      this.flowsRun = true;
      this.paths.flowsStarted();
      this.held.wake();
    });
    answerBrokenRequests(RED.server, this.pending, this.latest, isOurs, () => retryLaterAnswer(randomUUID()).body);
  }

  pathOwner(path: string): string | undefined {
    return this.paths.ownerOf(path);
  }

  claim(path: string, handler: WebhookHandler, options: ClaimOptions): ClaimResult {
    const result = this.paths.claim(path, handler, options);
    this.held.wake();
    return result;
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
      const claim = this.paths.get(key);
      const refusal = claim && refusalOf(claim, request, requestId);
      const most = refusal || !this.paths.isPath(key) ? 0 : (claim?.maxBytes ?? UNCLAIMED_MAX_BYTES);
      body = await readBody(request, { most, memory: this.memory });
      if (!body) return;
      const answer = refusal ?? (await this.answer(key, request, body, requestId));
      if (body.isCut) response.setHeader("connection", "close");
      send(response, harmless(answer));
    } catch (error) {
      this.RED.log.error(`A webhook on ${key} was answered with 500: ${(error as Error).message}`);
      send(response, retryLaterAnswer(requestId));
    } finally {
      body?.release();
    }
  }

  private async answer(
    key: string,
    request: IncomingMessage,
    body: RequestBody,
    requestId: string,
  ): Promise<WebhookAnswer> {
    if (this.paths.isReadyPath(key) && (request.method === "GET" || request.method === "HEAD"))
      return this.readiness.answer(await this.untilFlowsRun());
    if (!this.paths.isPath(key)) return unknownPathAnswer(this.paths.openedBy(request.headers), requestId);
    const claim = body.isCut ? undefined : await this.nextClaim(key);
    if (!claim || request.socket.destroyed) return retryLaterAnswer(requestId);
    // It may be another one than when the request began.
    const refusal = refusalOf(claim, request, requestId);
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

  /** The claim of this path as soon as flows run; undefined when there is none within the time of a deploy. */
  private nextClaim(key: string): Promise<PathClaim | undefined> {
    return this.held.soon(() => (this.flowsRun ? this.paths.get(key) : undefined));
  }

  /** False when they do not run within the time of a deploy. */
  private async untilFlowsRun(): Promise<boolean> {
    return (await this.held.soon(() => this.flowsRun || undefined)) ?? false;
  }
}

function refusalOf(claim: PathClaim, request: IncomingMessage, requestId: string): WebhookAnswer | undefined {
  return claim.refusal?.({ method: request.method ?? "", headers: request.headers, requestId });
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
