import type { HttpAnswer } from "../http/http-client";
import { keptBody } from "../http/kept-body";
import { isJsonObject, type JsonValue } from "../json";

/** An answer that is no success, in words. */
export interface ExplainedAnswer {
  readonly statusCode: number;
  /** Voucherify's own `key`, or a short name made of the status. */
  readonly key: string;
  /** A sentence for the user. */
  readonly message: string;
  /** The body for `msg.response`: parsed, or the beginning of its text; at most 16 KB. */
  readonly body: JsonValue;
}

const LONGEST_TEXT = 500;

/**
 * Explains an error answer. Voucherify has three shapes (docs.voucherify.io/api-reference/errors): its own with `code`
 * and `key`, the gateway's with `statusCode` and `error`, and the one of 429, which has no `key`; a proxy in between may
 * answer anything.
 */
export function explainAnswer({ status, json, text }: HttpAnswer): ExplainedAnswer {
  const body = keptBody(json ?? cut(text.trim()));
  const field = (name: string): string => {
    const value = isJsonObject(json) && Object.hasOwn(json, name) ? json[name] : undefined;
    return typeof value === "string" ? cut(value.trim()) : "";
  };
  const parts = [field("message"), field("details")].filter((part, index, all) => part && all.indexOf(part) === index);
  const said = parts.length > 0 ? parts.join(": ") : field("error");
  return {
    statusCode: status,
    key: field("key") || `http_${status}`,
    message: `Voucherify answered ${status}: ${said || meaning(status)}`.replace(/([^.!?])$/, "$1."),
    body,
  };
}

function cut(text: string): string {
  return text.length > LONGEST_TEXT ? `${text.slice(0, LONGEST_TEXT)}…` : text;
}

function meaning(status: number): string {
  if (status < 300) return "the answer cannot be read";
  if (status === 401) return "the keys are wrong";
  if (status === 403) return "the keys lack a permission";
  if (status === 413) return "the request is too large";
  if (status === 429) return "too many requests";
  if (status >= 500) return "it has a problem of its own";
  return "the request was refused";
}
