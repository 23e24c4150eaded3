import { forgetSeen, hashOfSeen, rememberSeen } from "./seen-events";
import type { StoreOperation } from "../store/durable-store";

/** By what a repeated request is known, and for how long (ms). */
export interface Repetition {
  readonly key: string;
  readonly forMs: number;
}

/** The same as it is kept with the record: the key as a hash, because it holds IDs of customers. */
export interface KeptRepetition {
  readonly seen: string;
  readonly forMs: number;
}

/** What is kept of it with a record. */
export function keptRepetition({ key, forMs }: Repetition): KeptRepetition {
  return { seen: hashOfSeen(key), forMs };
}

interface Repeatable {
  readonly repetition?: KeptRepetition;
}

/** What must be written when records end without being delivered (failed, deleted, erased): the same may come again. */
export function mayComeAgain(records: readonly Repeatable[]): StoreOperation[] {
  return records.flatMap(({ repetition }) => (repetition ? [forgetSeen(repetition.seen)] : []));
}

/** What must be written when records that had ended wait once more. @param now Unix ms */
export function mayNotComeAgain(records: readonly Repeatable[], now: number): StoreOperation[] {
  return records.flatMap(({ repetition }) => (repetition ? rememberSeen(repetition.seen, now + repetition.forMs) : []));
}
