import type { Change } from "../store/change";
import type { KeptRepetition } from "../store/kept-record";
import { hashOfSeen, type SeenEvents } from "../store/seen-events";

/** By what a repeated request is known, and for how long (ms). */
export interface Repetition {
  readonly key: string;
  readonly forMs: number;
}

/** What is kept of it with a record. */
export function keptRepetition({ key, forMs }: Repetition): KeptRepetition {
  return { seen: hashOfSeen(key), forMs };
}

interface Repeatable {
  readonly repetition?: KeptRepetition;
}

/** What must be written when records have failed: the same may come again. */
export function mayComeAgain(seen: SeenEvents, records: readonly Repeatable[]): Change[] {
  return records.flatMap(({ repetition }) => (repetition ? seen.forgetting(repetition.seen) : []));
}

/** What must be written when records that had failed wait once more. @param now Unix ms */
export function mayNotComeAgain(seen: SeenEvents, records: readonly Repeatable[], now: number): Change[] {
  return records.flatMap(({ repetition }) =>
    repetition ? seen.remembering(repetition.seen, now + repetition.forMs) : [],
  );
}
