/**
 * What a record's body is, so that a node that works differently later (another destination, another release of the package)
 * knows whether it can still send it. Absent: the record was accepted by release 0.1.0, which wrote no kind.
 */
export interface RecordKind {
  /** For example `customer-update`. */
  readonly kind?: string;
  /** Rises when the body of a kind changes its shape. */
  readonly version?: number;
}

/** Whether two records may become one. */
export function areOfOneKind(one: RecordKind, other: RecordKind): boolean {
  return one.kind === other.kind && one.version === other.version;
}
