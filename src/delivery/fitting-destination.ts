import type { Destination, LaneRecord, Settlement } from "./destination";
import type { RecordKind } from "./record-kind";

/** Reason key of a record that its node cannot send any more, or not yet. */
export const UNFIT = "does_not_fit";

/** Says in a sentence why a node cannot send a record as it works now; undefined when it can. */
export type WhyUnfit = (record: RecordKind & { readonly body: unknown }) => string | undefined;

/**
 * A destination that gets only what it can send. Records that wait may have been accepted when their node had other
 * settings, or by another release: they fail, so that they are kept and told, and hold up no other record.
 */
export class FittingDestination<Body> implements Destination<Body> {
  constructor(
    private readonly inner: Destination<Body>,
    private readonly whyUnfit: WhyUnfit,
  ) {}

  get batchLimits(): Destination<Body>["batchLimits"] {
    return this.inner.batchLimits;
  }

  get fillMs(): number {
    return this.inner.fillMs ?? 0;
  }

  get notesSending(): boolean {
    return this.inner.notesSending === true;
  }

  get merge(): Destination<Body>["merge"] {
    return this.inner.merge?.bind(this.inner);
  }

  async *deliver(batch: readonly LaneRecord<Body>[], signal: AbortSignal): AsyncGenerator<readonly Settlement[]> {
    const fitting: LaneRecord<Body>[] = [];
    const unfit: Settlement[] = [];
    for (const record of batch) {
      const reason = this.whyUnfit(record);
      if (reason === undefined) fitting.push(record);
      else unfit.push({ id: record.id, outcome: { status: "failed", key: UNFIT, reason } });
    }
    if (unfit.length > 0) yield unfit;
    if (fitting.length > 0) yield* this.inner.deliver(fitting, signal);
  }
}
