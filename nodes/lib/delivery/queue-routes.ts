import { pipeline } from "node:stream/promises";
import type { Request, RequestHandler, Response } from "express";
import type { NodeAPI } from "node-red";
import { StoreUnavailableError } from "../../../src/store/durable-store";
import type { QueueDesk, ReplayResult } from "../../../src/delivery/desk/queue-desk";
import { isJsonObject, type JsonObject } from "../../../src/json";
import { jsonOnly } from "../runtime/json-only";
import type { PlaceReport } from "./store-place";

const ROOT = "/bloomreach-voucherify/queues";
/** So many letters fit on one page, and so many are replayed at one go. */
const PAGE = 200;
const DEFAULT_PAGE = 50;
/** An answer names so many refused letters; more only have to be counted. */
const MOST_REFUSED = 100;

/** A request that cannot be answered as it is; the message is a sentence for the user. */
class RefusedRequest extends Error {
  constructor(
    readonly status: 400 | 404 | 409,
    message: string,
  ) {
    super(message);
  }
}

/** Which dead letters a request is about. */
type Selection = { readonly ids: readonly string[] } | { readonly node: string | undefined };

/**
 * Adds the admin routes below `/bloomreach-voucherify/queues`: what people see of the queues needs the permission
 * `bloomreach-voucherify.read`, what they do there `bloomreach-voucherify.write`. Errors are answered `{ error: sentence }`.
 * @param desk opens the queues, when somebody asks for them
 * @param place where they are kept
 */
export function addQueueRoutes(RED: NodeAPI, desk: () => Promise<QueueDesk>, place: () => PlaceReport): void {
  const get = (
    path: string,
    answer: (queues: QueueDesk, request: Request, response: Response) => Promise<object | undefined>,
  ): void => {
    const handler = answering(async (request, response) => answer(await desk(), request, response));
    RED.httpAdmin.get(ROOT + path, RED.auth.needsPermission("bloomreach-voucherify.read"), handler);
  };
  const post = (path: string, act: (queues: QueueDesk, posted: JsonObject) => Promise<object>): void => {
    const handler = answering(async ({ body }: { body?: unknown }) =>
      act(await desk(), isJsonObject(body) ? body : {}),
    );
    RED.httpAdmin.post(ROOT + path, RED.auth.needsPermission("bloomreach-voucherify.write"), jsonOnly, handler);
  };

  get("", async (queues) => {
    if (queues.problem !== undefined) return { problem: queues.problem, queues: [], place: place() };
    return { queues: await queues.report(), place: place() };
  });

  get("/failed", (queues, { query }) => {
    const limit = query.limit === undefined ? DEFAULT_PAGE : Number(query.limit);
    if (!Number.isInteger(limit) || limit < 1 || limit > PAGE)
      throw new RefusedRequest(400, `Ask for 1 to ${PAGE} records a page ("limit").`);
    return queues.failed.list({ node: text(query.node), after: text(query.after), limit });
  });

  get("/failed/export", async (queues, { query }, response) => {
    const letters = queues.failed.all(text(query.node))[Symbol.asyncIterator]();
    const first = await letters.next(); // a store that does not work is told before the download has begun
    response.setHeader("Content-Type", "application/x-ndjson; charset=utf-8");
    response.setHeader("Content-Disposition", 'attachment; filename="failed.jsonl"');
    const all = async function* (): AsyncGenerator<string> {
      for (let next = first; !next.done; next = await letters.next()) yield `${JSON.stringify(next.value)}\n`;
    };
    await pipeline(all, response).catch(() => undefined); // the download is cut off, which the browser tells
    return undefined;
  });

  get("/failed/:id", async (queues, { params }) => {
    const [letter] = await queues.failed.read([String(params.id)]);
    if (!letter) throw new RefusedRequest(404, "This record is not kept any more.");
    return letter;
  });

  get("/find", (queues, { query }) => {
    const requestId = text(query.request_id);
    if (requestId === undefined)
      throw new RefusedRequest(400, 'Give the "request_id" that a webhook was answered with.');
    return queues.find(requestId);
  });

  post("/failed/replay", (queues, posted) => {
    const selection = selectionOf(posted);
    return "ids" in selection ? queues.replay(selection.ids) : replayAll(queues, selection.node);
  });

  post("/failed/discard", async (queues, posted) => {
    const selection = selectionOf(posted);
    const discarded = "ids" in selection ? queues.discard(selection.ids) : queues.discardAll(selection.node);
    return { discarded: await discarded };
  });

  post("/discard", async (queues, { node }) => {
    const id = text(node);
    if (id === undefined) throw new RefusedRequest(400, 'Give the "node" whose queue is to be discarded.');
    const result = await queues.discardQueue(id);
    if ("refused" in result) throw new RefusedRequest(409, result.refused);
    return result;
  });

  post("/erase", (queues, { hardId }) => {
    const customer = text(hardId);
    if (customer === undefined) throw new RefusedRequest(400, 'Give the "hardId" of the customer.');
    return queues.erase(customer);
  });
}

/** Page by page, and only what had failed before: what fails again meanwhile would come round for ever. */
async function replayAll(queues: QueueDesk, node: string | undefined): Promise<ReplayResult> {
  const startedAt = Date.now();
  const refused: ReplayResult["refused"][number][] = [];
  let replayed = 0;
  let after: string | undefined;
  do {
    const { letters, next } = await queues.failed.list({ node, after, limit: PAGE });
    const ids = letters.filter(({ failedAt }) => failedAt < startedAt).map(({ id }) => id);
    if (ids.length > 0) {
      const result = await queues.replay(ids);
      replayed += result.replayed;
      refused.push(...result.refused.slice(0, MOST_REFUSED - refused.length));
    }
    after = ids.length === letters.length ? next : undefined;
  } while (after !== undefined);
  return { replayed, refused };
}

/** Answers with what the work returns, if anything, or with why it did not work. */
function answering(work: (request: Request, response: Response) => Promise<object | undefined>): RequestHandler {
  return (request, response) => {
    response.setHeader("Cache-Control", "no-store"); // it is about people
    Promise.resolve()
      .then(() => work(request, response))
      .then((body) => body && response.json(body))
      .catch((error: unknown) => {
        const status =
          error instanceof RefusedRequest ? error.status : error instanceof StoreUnavailableError ? 503 : 500;
        response.status(status).json({ error: error instanceof Error ? error.message : String(error) });
      });
  };
}

/** Exactly one of `{ ids }`, `{ node }` and `{ all: true }`, so that a slip of the pen never means everything. */
function selectionOf(posted: JsonObject): Selection {
  const { ids } = posted;
  if (Object.keys(posted).length === 1) {
    if (Array.isArray(ids) && ids.length <= PAGE && ids.every((id) => typeof id === "string")) return { ids };
    if (posted.all === true) return { node: undefined };
    const node = text(posted.node);
    if (node !== undefined) return { node };
  }
  throw new RefusedRequest(400, `Give either "ids" (a list of at most ${PAGE}), or a "node", or "all": true.`);
}

/** What was sent as text; undefined for everything else and for empty text. */
function text(sent: unknown): string | undefined {
  return typeof sent === "string" && sent.trim() !== "" ? sent.trim() : undefined;
}
