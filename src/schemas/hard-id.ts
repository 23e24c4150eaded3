import type { JsonObject, JsonValue } from "../json";
import { isAbsentText } from "./absent";
import { exactNumberText } from "./number-text";

/** The key that is accepted whatever the Main Hard ID is called. */
const SOURCE_ID = "source_id";
/** What the vendor's own payloads write in its place (support.voucherify.io/article/613-bloomreach-engagement-integration). */
const PLACEHOLDER = "main_hard_id";
/** Keys that can hold the ID besides the one named as the Main Hard ID. */
export const COMMON_ID_KEYS: readonly string[] = [SOURCE_ID, PLACEHOLDER];

/** Names that people give to a customer's ID: `registered`, `id`, `email_id`, `customerId`. */
const ID_NAME = /^(registered|id|[\w.-]{1,60}(_id|Id|ID))$/;

/** The customer's ID and the key it was read from, or a sentence that names keys and never a value. */
export type HardIdReading =
  | { readonly ok: true; readonly sourceId: string; readonly key: string }
  | { readonly ok: false; readonly reason: string };

/**
 * Reads the ID that becomes a customer's `source_id` in Voucherify: the value of the key named as the Main Hard ID,
 * else of `source_id`, else of the vendor's `main_hard_id`. A value counts when it is text or a number with at least one letter or digit, as Bloomreach asks
 * of a hard ID (support.bloomreach.com, article 19231102135453), and no leftover of a template.
 * @param hardId name of the Main Hard ID as configured on the account
 */
export function readHardId(record: JsonObject, hardId: string): HardIdReading {
  const keys = [...new Set([hardId, SOURCE_ID, ...(Object.hasOwn(record, PLACEHOLDER) ? [PLACEHOLDER] : [])])];
  const faults: string[] = [];
  for (const key of keys) {
    const reading = readId(ownValue(record, key));
    if (reading.ok) return { ...reading, key };
    faults.push(reading.fault);
  }
  return { ok: false, reason: `This customer has no Main Hard ID: ${tell(keys, faults)}${hint(record, keys)}` };
}

const NO_VALUE = "has no value";

function readId(value: JsonValue | undefined): { ok: true; sourceId: string } | { ok: false; fault: string } {
  if (value === null || isAbsentText(value)) return { ok: false, fault: NO_VALUE };
  if (typeof value !== "string" && typeof value !== "number")
    return { ok: false, fault: "is neither text nor a number" };
  const sourceId = typeof value === "string" ? value.trim() : exactNumberText(value);
  if (sourceId === undefined) return { ok: false, fault: "is a number too long to be exact (put quotes around it)" };
  if (sourceId.includes("{{")) return { ok: false, fault: "holds a template that Bloomreach did not fill in" };
  if (!/[\p{L}\p{N}]/u.test(sourceId)) return { ok: false, fault: "holds no letter or digit" };
  return { ok: true, sourceId };
}

function tell(keys: readonly string[], faults: readonly string[]): string {
  if (keys.length > 1 && faults.every((fault) => fault === NO_VALUE)) {
    return `neither ${keys.map((key) => `"${key}"`).join(" nor ")} has a value.`;
  }
  return `${keys.map((key, index) => `"${key}" ${faults[index]}`).join(", and ")}.`;
}

/** A filled key that looks like an ID most likely is the Main Hard ID under another name. */
function hint(record: JsonObject, keys: readonly string[]): string {
  const other = Object.keys(record).find(
    (key) => !keys.includes(key) && ID_NAME.test(key) && readId(ownValue(record, key)).ok,
  );
  if (other === undefined) return "";
  return ` It has "${other}": use one name in the payload and as Main Hard ID of the account.`;
}

function ownValue(record: JsonObject, key: string): JsonValue | undefined {
  return Object.hasOwn(record, key) ? record[key] : undefined;
}
