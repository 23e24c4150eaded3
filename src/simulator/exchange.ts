import { randomBytes } from "node:crypto";
import type { IncomingHttpHeaders } from "node:http";
import { isJsonObject, type JsonValue } from "../json";

/** The most bytes of a body that Voucherify reads (docs.voucherify.io/guides/limits). */
export const MAX_BODY_BYTES = 10_485_760;

/** A request whose body has been read whole. */
export interface SimulatedRequest {
  readonly method: string;
  /** Path without the query string, still percent-encoded. */
  readonly path: string;
  readonly query: URLSearchParams;
  readonly headers: IncomingHttpHeaders;
  /** Size of the body that arrived; a body over `MAX_BODY_BYTES` was drained and not kept. */
  readonly bytes: number;
  /** The parsed body; undefined when it was empty, too large or not JSON. */
  readonly json: JsonValue | undefined;
}

/** What the simulator answers: JSON (`body`), or text of a content type (`text`, `type`). */
export interface SimulatedAnswer {
  readonly status: number;
  readonly body?: JsonValue;
  readonly text?: string;
  readonly type?: string;
  readonly headers?: Readonly<Record<string, string>>;
}

/** The source ids of the customers a request is about: in its JSON body, else in its path. */
export function customerIdsOf(json: JsonValue | undefined, path: string): string[] {
  const ids: string[] = [];
  for (const item of Array.isArray(json) ? json : [json]) {
    if (!isJsonObject(item)) continue;
    // An event or a publication names its customer; its own source id is something else.
    const { source_id } = isJsonObject(item.customer) ? item.customer : item;
    if (typeof source_id === "string") ids.push(source_id);
  }
  if (ids.length > 0) return ids;
  const inPath = /^\/v1\/customers\/([^/]+)$/.exec(path)?.[1];
  return inPath === undefined ? [] : [decodePathPart(inPath)];
}

/** Undoes percent-encoding; text that is not validly encoded stays as it is. */
export function decodePathPart(part: string): string {
  try {
    return decodeURIComponent(part);
  } catch {
    return part;
  }
}

/** A new id in Voucherify's style, such as `cust_` and 24 hexadecimal digits. */
export function newId(prefix: string): string {
  return prefix + randomBytes(12).toString("hex");
}
