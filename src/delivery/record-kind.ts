import type { RecordKind } from "../store/kept-record";

export type { RecordKind } from "../store/kept-record";

/** Whether two records may become one. */
export function areOfOneKind(one: RecordKind, other: RecordKind): boolean {
  return one.kind === other.kind && one.version === other.version;
}
