import type { Omission } from "../mapping/values/omissions";

/** A custom event on its way to Voucherify. */
export interface CustomEvent {
  readonly sourceId: string;
  /** Its name. */
  readonly event: string;
  /** The exact JSON of the request (docs.voucherify.io/api-reference/events/track-custom-event). */
  readonly body: string;
  /** What Voucherify's events have no place for; absent where there is nothing. */
  readonly omitted?: readonly Omission[];
}
