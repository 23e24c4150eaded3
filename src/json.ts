/** Any value that JSON can carry. */
export type JsonValue = string | number | boolean | null | JsonValue[] | JsonObject;

/** A JSON object. Keys come from outside: read them with `Object.hasOwn`, never with `in`. */
export interface JsonObject {
  [key: string]: JsonValue;
}

/** True for a JSON object, false for arrays, null and scalars. */
export function isJsonObject(value: unknown): value is JsonObject {
  return typeof value === "object" && value !== null && !Array.isArray(value);
}

/**
 * How many objects and lists may stand inside each other. No template and no API writes more than about ten levels. Recursion over
 * a value (Node-RED's cloneMessage, JSON.stringify, structuredClone) overflows the call stack at a few thousand.
 */
export const MOST_LEVELS = 100;

/**
 * Whether a value nests deeper than `MOST_LEVELS`, so that nothing may recurse over it; one that holds itself has no end. Looks from level
 * to level, without recursion. What says itself how it is written as JSON (a date) has no levels.
 */
export function isNestedTooDeep(value: unknown): boolean {
  let level = new Set([value].filter(hasLevels));
  for (let levels = 0; level.size > 0; levels++) {
    if (levels === MOST_LEVELS) return true;
    const next = new Set<object>();
    for (const one of level) for (const inner of Object.values(one)) if (hasLevels(inner)) next.add(inner);
    level = next;
  }
  return false;
}

function hasLevels(value: unknown): value is object {
  if (typeof value !== "object" || value === null || ArrayBuffer.isView(value)) return false;
  return typeof (value as { toJSON?: unknown }).toJSON !== "function";
}

/** The value, without what nests deeper than `MOST_LEVELS`: null stands in its place. The same one where nothing does. */
export function shallow<Value extends JsonValue>(value: Value): Value {
  return isNestedTooDeep(value) ? (cutBelow(value, MOST_LEVELS) as Value) : value;
}

function cutBelow(value: JsonValue, levels: number): JsonValue {
  if (typeof value !== "object" || value === null) return value;
  if (levels === 0) return null;
  if (Array.isArray(value)) return value.map((one) => cutBelow(one, levels - 1));
  return Object.fromEntries(Object.entries(value).map(([key, one]) => [key, cutBelow(one, levels - 1)]));
}
