import { isJsonObject, type JsonObject, type JsonValue } from "../../json";
import type { Omission } from "./omissions";
import { SizeLimits } from "./size-limits";

/** Longer names help nobody; Bloomreach names no limit. */
const LONGEST_NAME = 200;

/** Collects the flat attributes of an event or a customer, within Bloomreach's limits; notes what has no place. */
export class Attributes {
  private readonly values = new Map<string, JsonValue>();
  private readonly limits = new SizeLimits("An event");
  readonly omitted: Omission[] = [];

  /** Adds a value, unless there is none. @param key any text; becomes a name of letters, digits and "_" */
  add(key: string, value: JsonValue | undefined): void {
    if (value === undefined || value === null || (typeof value === "number" && !Number.isFinite(value))) return;
    const name = nameOf(key);
    if (this.values.has(name)) return this.omit(key, `Another value has the name "${name}" already.`);
    if (isJsonObject(value) || (Array.isArray(value) && value.some((item) => typeof item === "object")))
      return this.omit(key, "Only texts, numbers, true or false, and lists of them can be used in Bloomreach.");
    const refusal = this.limits.refusal(name, JSON.stringify(value));
    if (refusal !== undefined) return this.omit(key, refusal);
    this.values.set(name, value);
  }

  /** Adds every value of an object, its keys behind a prefix. */
  addAll(prefix: string, object: JsonValue | undefined): void {
    if (isJsonObject(object)) for (const [key, value] of Object.entries(object)) this.add(`${prefix}${key}`, value);
  }

  get size(): number {
    return this.values.size;
  }

  toJson(): JsonObject {
    // Not by assignment: a key `__proto__` would change the object instead of being in it.
    return Object.fromEntries(this.values);
  }

  private omit(key: string, reason: string): void {
    this.omitted.push({ key: nameOf(key), reason });
  }
}

/** Bloomreach takes ASCII names only (documentation.bloomreach.com/engagement/docs/tracking). */
function nameOf(key: string): string {
  const plain = key.normalize("NFD").replace(/\p{M}/gu, "");
  return plain.replace(/[^A-Za-z0-9_]/g, "_").slice(0, LONGEST_NAME) || "_";
}
