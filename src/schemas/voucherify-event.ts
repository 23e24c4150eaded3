import type { JsonObject } from "../json";

/**
 * The kinds of Voucherify events that Bloomreach is told of, by the names that the activity of a customer gives them
 * (docs.voucherify.io/api-reference/customers, list customer activity).
 */
export const EVENT_KINDS = [
  "customer.redemption.succeeded",
  "customer.redemption.failed",
  "customer.redemption.rollback.succeeded",
  "customer.redemption.rollback.failed",
  "customer.reward_redemptions.created",
  "customer.reward_redemptions.completed",
  "customer.publication.succeeded",
  "customer.publication.failed",
  "customer.rewarded",
  "customer.rewarded.loyalty_points",
  "customer.validation.succeeded",
  "customer.validation.failed",
] as const;

export type EventKind = (typeof EVENT_KINDS)[number];

/** One event of Voucherify, in one shape whichever way it came: project webhook, distribution or customer activity. */
export interface VoucherifyEvent {
  /** Undefined for everything that is none of the twelve. */
  readonly kind?: EventKind;
  /** As Voucherify wrote it. */
  readonly type: string;
  /** Voucherify's id of the event; another one for the same thing in a webhook and in the activity. */
  readonly id: string;
  /** Kind and id of the object that it is about: the same by whichever way it came. Undefined where no object has an id. */
  readonly sameAs?: string;
  /** ISO 8601, as Voucherify wrote it. */
  readonly createdAt: string;
  readonly customer?: { readonly id?: string; readonly sourceId?: string };
  /** Application key that caused it, if one did. */
  readonly causedBy?: string;
  readonly data: JsonObject;
}
