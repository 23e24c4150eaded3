import type { JsonValue } from "../../json";
import { isAbsentText } from "../../schemas/absent";

export { isAbsentText };

/** "When Bloomreach has no value": keep Voucherify's (not sent), or clear it (sent as null). */
export type EmptyValues = "keep" | "clear";

/**
 * What becomes of a value before anybody looks at its type: a missing key is never sent, JSON null is always sent as
 * null, and a text that stands for "no value" follows the setting.
 */
export function presence(value: JsonValue | undefined, emptyValues: EmptyValues): "value" | "null" | "nothing" {
  if (value === undefined) return "nothing";
  if (value === null) return "null";
  if (!isAbsentText(value)) return "value";
  return emptyValues === "clear" ? "null" : "nothing";
}
