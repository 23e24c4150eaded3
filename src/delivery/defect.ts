import type { Failed } from "./outcome";

/** `key` of the outcome of a record that a mistake in the program made fail. */
export const DEFECT_KEY = "unexpected_error";

/** Whether an error is a mistake in the program (or in data that it did not expect), which no repetition mends. */
export function isDefect(error: unknown): boolean {
  return [TypeError, RangeError, ReferenceError, SyntaxError].some((kind) => error instanceof kind);
}

/**
 * The outcome of the record that met a mistake in the program.
 * @param wasDelivered the destination has it: only what was to follow went wrong
 */
export function failedByDefect(error: unknown, wasDelivered = false): Failed {
  const said = error instanceof Error && error.message ? error.message : String(error);
  const reason = wasDelivered
    ? `This was delivered, but a mistake in the program stopped what leaves by the output: ${said}. Report it; a replay would deliver it again.`
    : `A mistake in the program stopped this record: ${said}. Report it; after an update, replay the record.`;
  return { status: "failed", key: DEFECT_KEY, reason };
}
