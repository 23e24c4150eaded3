/** What a status shows. Counts are records, times are Unix ms. */
export interface LaneState {
  /** Not settled yet, those in flight included. */
  readonly waiting: number;
  readonly inFlight: number;
  /** Since the lane was made. */
  readonly delivered: number;
  readonly failed: number;
  /** When the next of those that were not accepted is tried again. */
  readonly retryingUntil?: number;
  /** A human must act; nothing is lost meanwhile. */
  readonly paused?: { readonly reason: string; readonly since: number; readonly nextProbe: number };
}
