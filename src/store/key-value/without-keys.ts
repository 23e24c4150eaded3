import { type JsonValue, shallow } from "../../json";

/** Names, without "-", "_" and capitals, of properties that carry keys, and of requests, whose headers do. */
const KEY_NAMES = new Set([
  "applicationid",
  "secretkey",
  "xappid",
  "xapptoken",
  "authorization",
  "proxyauthorization",
  "cookie",
  "req",
  "res",
]);

/**
 * A copy without any property, at any depth, that may hold a key of an account. Queues of the first release can hold values that
 * are nested too deep for recursion: what lies too deep becomes null.
 */
export function withoutKeys<Value extends JsonValue>(value: Value): Value {
  return kept(shallow(value)) as Value;
}

function kept(value: JsonValue): JsonValue {
  if (typeof value !== "object" || value === null) return value;
  if (Array.isArray(value)) return value.map(kept);
  const entries = Object.entries(value).filter(([name]) => !KEY_NAMES.has(name.replace(/[-_]/g, "").toLowerCase()));
  return Object.fromEntries(entries.map(([name, one]) => [name, kept(one)]));
}
