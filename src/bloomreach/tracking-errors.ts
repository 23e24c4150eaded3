import type { HttpAnswer } from "../http/http-client";
import { isJsonObject, type JsonValue } from "../json";

const LONGEST_TEXT = 500;

/**
 * What an answer of the Tracking API says, whichever of its shapes it has: `error`, `errors` as a list of texts, as lists by
 * name or with a `description`, `message`, or no JSON at all
 * (documentation.bloomreach.com/engagement/reference/tracking-api-error-messages).
 */
export function saidBy({ json, text }: Pick<HttpAnswer, "json" | "text">): string {
  return cut(json === undefined ? text.trim() : textsOf(json).join(" "));
}

/** What one result of a batch says. */
export function saidByResult(result: JsonValue): string {
  return cut(textsOf(result).join(" "));
}

function textsOf(value: JsonValue | undefined): string[] {
  if (typeof value === "string") return value.trim() === "" ? [] : [value.trim()];
  if (Array.isArray(value)) return value.flatMap(textsOf);
  if (!isJsonObject(value)) return [];
  const named = ["error", "errors", "message", "description"].flatMap((key) => textsOf(value[key]));
  // `errors` may hold lists by the name of a field.
  return named.length > 0 ? named : Object.values(value).filter(Array.isArray).flatMap(textsOf);
}

function cut(text: string): string {
  return text.length > LONGEST_TEXT ? `${text.slice(0, LONGEST_TEXT)}…` : text;
}

/** Bloomreach knows the key and refuses what it may do. */
export function isMissingPermission(said: string): boolean {
  return /not authorized|no permission/i.test(said);
}

/** The project or its key is not known: no command is to blame. */
export function isUnknownProject(said: string): boolean {
  return /could not authenticate|invalid project|access key/i.test(said);
}
