/**
 * The text of a number, or `undefined` where the text would lie: not finite, or a whole number so long that JSON
 * parsing has already rounded it (beyond 2^53). An ID or card number sent without quotes must not become another one.
 */
export function exactNumberText(value: number): string | undefined {
  if (!Number.isFinite(value) || (Number.isInteger(value) && !Number.isSafeInteger(value))) return undefined;
  return String(value);
}
