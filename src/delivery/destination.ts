import type { Outcome } from "./outcome";
import type { RecordKind } from "./record-kind";

/** A record as a lane hands it to its destination. */
export interface LaneRecord<Body> extends RecordKind {
  /** Unique within the lane. */
  readonly id: number;
  /** Whose record it is. No batch has two records with one key, and no two calls in flight have. */
  readonly key: string;
  readonly body: Body;
  /** How often it was sent without anybody knowing what became of it; also in an earlier life. Absent: never. */
  readonly lostAnswers?: number;
}

/** The outcome of one record. */
export interface Settlement {
  readonly id: number;
  readonly outcome: Outcome;
}

/**
 * Where a lane delivers to: it turns records into API calls and API answers into outcomes.
 * A destination keeps no records; whatever it does not settle stays in the lane.
 */
export interface Destination<Body> {
  /** The most records and the most bytes (of the accepted JSON) that one batch should hold; one record always goes. */
  readonly batchLimits: { readonly records: number; readonly bytes: number };

  /** How long a record may wait for others that fill its batch, in ms; 0 by default. */
  readonly fillMs?: number;

  /**
   * Sending a record twice does harm. It is written down before each call that its records are being sent, so that a crash
   * in the middle counts as a lost answer.
   */
  readonly notesSending?: boolean;

  /**
   * Makes one record of two updates of the same customer that wait together, the later one winning.
   * Absent where records must stay apart (events).
   */
  merge?(earlier: Body, later: Body): Body;

  /**
   * Delivers a batch in as many calls as it takes. Yields once for each call that settled something,
   * so that the lane can report and forget those records at once. Settles at least one record of every batch otherwise
   * than as `unsent`.
   * Throws `ConfigurationError` when nothing can be delivered until a human has acted; any other error
   * counts as `retry` for the records that were not yielded, with its message as the reason. Once the signal is aborted,
   * whatever was not yielded waits on untried.
   */
  deliver(batch: readonly LaneRecord<Body>[], signal: AbortSignal): AsyncIterable<readonly Settlement[]>;
}
