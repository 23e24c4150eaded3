import { isJsonObject, type JsonObject, type JsonValue } from "../../json";
import { ADDRESS_FIELDS } from "../../schemas/voucherify";
import { type EmptyValues, presence } from "../values/presence";

/**
 * Makes one record of two that wait for the same customer, so that delivering it leaves Voucherify as delivering both
 * in turn would: the later one wins key by key, in `address` and `metadata` too. What would not be sent does not win:
 * an absent text when Voucherify's value is kept, anything but an object where address or metadata should be one. An
 * address that is cleared as a whole counts as each of its fields cleared.
 */
export function mergeCustomers(earlier: JsonObject, later: JsonObject, emptyValues: EmptyValues): JsonObject {
  return mergeKeys(earlier, later, emptyValues, (key, before, after) => {
    if (key === "metadata") return mergeObjects(before, after, emptyValues);
    if (key === "address") return mergeObjects(expand(before, emptyValues), expand(after, emptyValues), emptyValues);
    return after;
  });
}

function mergeKeys(
  earlier: JsonObject,
  later: JsonObject,
  emptyValues: EmptyValues,
  both: (key: string, before: JsonValue, after: JsonValue) => JsonValue,
): JsonObject {
  const merged = new Map(Object.entries(earlier));
  for (const [key, after] of Object.entries(later)) {
    const before = merged.get(key);
    if (before === undefined) merged.set(key, after);
    else if (presence(after, emptyValues) !== "nothing") merged.set(key, both(key, before, after));
  }
  // Not by assignment: a key `__proto__` would change the object instead of being in it.
  return Object.fromEntries(merged);
}

function mergeObjects(before: JsonValue, after: JsonValue, emptyValues: EmptyValues): JsonValue {
  if (!isJsonObject(before)) return after;
  return isJsonObject(after) ? mergeKeys(before, after, emptyValues, (_key, _before, value) => value) : before;
}

function expand(address: JsonValue, emptyValues: EmptyValues): JsonValue {
  if (presence(address, emptyValues) !== "null") return address;
  return Object.fromEntries(ADDRESS_FIELDS.map((field) => [field, null]));
}
