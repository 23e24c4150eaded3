import { isJsonObject, type JsonObject, type JsonValue } from "../json";

/** The most of an answer that is kept with a failed record or put on a message, bytes of JSON. @internal its tests fill it */
export const LARGEST_KEPT = 16 * 1024;
/** A field that is longer gives way in an answer that is too large. */
const LARGEST_FIELD = 1_000;
/** What is nested deeper cannot be copied safely. */
const DEEPEST = 100;

/**
 * What is kept of an API's answer: all of it up to 16 KB, of a larger one the beginning (of an object its short fields, such as
 * `code`, `key` and `message`) with a mark that it was cut.
 */
export function keptBody(body: JsonValue): JsonValue {
  if (isDeeper(body, DEEPEST)) return "(not kept: the answer is nested too deeply)";
  const text = JSON.stringify(body);
  const bytes = Buffer.byteLength(text);
  if (bytes <= LARGEST_KEPT) return body;
  const mark = `(cut: the answer had ${bytes} bytes)`;
  if (isJsonObject(body)) return shortFields(body, mark);
  return beginning(typeof body === "string" ? body : text, mark);
}

function shortFields(body: JsonObject, mark: string): JsonObject {
  const kept: [string, JsonValue][] = [["cut", mark]];
  let room = LARGEST_KEPT - sizeOf(["cut", mark]);
  for (const [name, value] of Object.entries(body)) {
    const short =
      typeof value === "string" && value.length > LARGEST_FIELD ? `${value.slice(0, LARGEST_FIELD)}…` : value;
    const size = sizeOf([name, short]);
    if (name === "cut" || size > 2 * LARGEST_FIELD || size > room) continue;
    kept.push([name, short]);
    room -= size;
  }
  return Object.fromEntries(kept);
}

function beginning(text: string, mark: string): string {
  for (let length = Math.min(text.length, LARGEST_KEPT); ; length = Math.floor(length / 2)) {
    const cut = `${text.slice(0, length)}… ${mark}`;
    if (sizeOf(cut) <= LARGEST_KEPT) return cut;
  }
}

function sizeOf(value: JsonValue): number {
  return Buffer.byteLength(JSON.stringify(value));
}

function isDeeper(value: JsonValue, left: number): boolean {
  if (typeof value !== "object" || value === null) return false;
  return left === 0 || Object.values(value).some((one: JsonValue) => isDeeper(one, left - 1));
}
