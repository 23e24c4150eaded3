import type { JsonValue } from "../json";

/** What Bloomreach's Jinja templates leave behind where a customer has no value. Upper and lower case count. */
const ABSENT_TEXTS: ReadonlySet<string> = new Set(["", "None", "null", "undefined"]);

/**
 * True when there is no value: the key is missing, or a text that Jinja leaves for one (`""`, `None`, `null`,
 * `undefined`, spaces around it ignored). False for JSON `null`, which is a value that somebody chose.
 */
export function isAbsentText(value: JsonValue | undefined): boolean {
  return value === undefined || (typeof value === "string" && ABSENT_TEXTS.has(value.trim()));
}
