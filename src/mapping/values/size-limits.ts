import type { JsonObject } from "../../json";
import type { Omission } from "./omissions";

/** Attributes of one event (documentation.bloomreach.com/engagement/docs/data-structure). */
const MOST_ATTRIBUTES = 255;
/** Bytes of one value (documentation.bloomreach.com/engagement/reference/add-event). */
const LARGEST_VALUE = 16 * 1024 - 1;
/** Bytes of all attributes: 800 KB for a request (same page), of which the IDs and the names of a command take some. */
const LARGEST_TOTAL = 796_000;

/** What one event, or one update of a customer, has still room for in Bloomreach. */
export class SizeLimits {
  private count = 0;
  private bytes = 0;

  /** @param what stands in the sentences: "An event" */
  constructor(private readonly what: "An event" | "An update") {}

  /** Takes the room of a value, or says in a sentence why there is none. @param json the value as it is sent */
  refusal(name: string, json: string): string | undefined {
    const bytes = Buffer.byteLength(json);
    if (bytes > LARGEST_VALUE) return "The value is larger than 16 KB, the most that Bloomreach takes.";
    if (this.count >= MOST_ATTRIBUTES) return `${this.what} in Bloomreach has at most ${MOST_ATTRIBUTES} attributes.`;
    const total = this.bytes + bytes + Buffer.byteLength(JSON.stringify(name)) + 2;
    if (total > LARGEST_TOTAL) return `${this.what} in Bloomreach has at most 800 KB.`;
    this.count++;
    this.bytes = total;
    return undefined;
  }
}

/** The properties that Bloomreach has room for, in their order and unchanged, and what was left out. */
export function withinLimits(
  properties: JsonObject,
  what: "An event" | "An update",
): { readonly properties: JsonObject; readonly omitted: Omission[] } {
  const limits = new SizeLimits(what);
  const omitted: Omission[] = [];
  const kept = Object.entries(properties).filter(([key, value]) => {
    // Flows can bring what JSON has no place for: it is not sent anyway.
    const json: string | undefined = JSON.stringify(value);
    if (json === undefined) return false;
    const reason = limits.refusal(key, json);
    if (reason !== undefined) omitted.push({ key: `properties.${key.slice(0, 200)}`, reason });
    return reason === undefined;
  });
  return { properties: Object.fromEntries(kept), omitted };
}
