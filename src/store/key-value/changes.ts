import type { Change } from "../change";
import type { KeyValueOperation } from "./engine";

/** Operations as changes that others may hand on, and that nobody but this room looks into. */
export function asChanges(operations: readonly KeyValueOperation[]): readonly Change[] {
  return operations as unknown as readonly Change[];
}

/** What changes of this room are made of. */
export function operationsOf(changes: readonly Change[]): readonly KeyValueOperation[] {
  return changes as unknown as readonly KeyValueOperation[];
}
