import type { JsonValue } from "../../json";
import type { MetadataProperty } from "../../schemas/voucherify";

/** More allowed values than these do not help in a sentence. */
const MOST_VALUES_TOLD = 10;

/**
 * Checks a value that already has its type against the limits of its definition. Bounds apply to numbers, lengths to
 * text, allowed and forbidden values to everything.
 * @returns `undefined` when it fits, else the end of the sentence "… must be"
 */
export function brokenLimit(value: JsonValue, property: MetadataProperty): string | undefined {
  const { eq = [], ne = [] } = property;
  if (eq.length > 0 && !eq.includes(value)) return `one of the allowed values (${tell(eq)})`;
  if (ne.includes(value)) return `other than the forbidden values (${tell(ne)})`;
  if (typeof value === "number") return brokenBound(value, property);
  return typeof value === "string" ? brokenLength(value.length, property) : undefined;
}

function brokenBound(value: number, { lt, lte, gt, gte }: MetadataProperty): string | undefined {
  if (lt !== undefined && value >= lt) return `less than ${lt}`;
  if (lte !== undefined && value > lte) return `at most ${lte}`;
  if (gt !== undefined && value <= gt) return `greater than ${gt}`;
  if (gte !== undefined && value < gte) return `at least ${gte}`;
  return undefined;
}

function brokenLength(length: number, property: MetadataProperty): string | undefined {
  const { minLength, maxLength, exactLength } = property;
  if (minLength !== undefined && length < minLength) return `at least ${minLength} characters long`;
  if (maxLength !== undefined && length > maxLength) return `at most ${maxLength} characters long`;
  if (exactLength !== undefined && length !== exactLength) return `exactly ${exactLength} characters long`;
  return undefined;
}

/** These values stand in Voucherify's schema, so they are nobody's personal data. */
function tell(values: readonly JsonValue[]): string {
  const told = values
    .slice(0, MOST_VALUES_TOLD)
    .map((value) => (typeof value === "string" ? value : JSON.stringify(value)));
  return told.join(", ") + (values.length > MOST_VALUES_TOLD ? ", …" : "");
}
