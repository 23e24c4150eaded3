/** Stands in a record's key between the customer and what else it says. No ID of a customer holds it. */
export const KEY_SEPARATOR = "\u0000";

/** Whose record it is. */
export function customerOf(key: string): string {
  return key.split(KEY_SEPARATOR, 1)[0]!;
}
