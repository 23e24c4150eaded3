import type { EventKind } from "../../schemas/voucherify-event";

/** What Voucherify's events are called in Bloomreach, where a tracked event can never be renamed. */
export const DEFAULT_EVENT_NAMES: Readonly<Record<EventKind, string>> = {
  "customer.redemption.succeeded": "voucherify_redemption_succeeded",
  "customer.redemption.failed": "voucherify_redemption_failed",
  "customer.redemption.rollback.succeeded": "voucherify_redemption_rollback_succeeded",
  "customer.redemption.rollback.failed": "voucherify_redemption_rollback_failed",
  "customer.reward_redemptions.created": "voucherify_reward_redemption_created",
  "customer.reward_redemptions.completed": "voucherify_reward_redemption_completed",
  "customer.publication.succeeded": "voucherify_publication_succeeded",
  "customer.publication.failed": "voucherify_publication_failed",
  "customer.rewarded": "voucherify_customer_rewarded",
  "customer.rewarded.loyalty_points": "voucherify_loyalty_points_rewarded",
  "customer.validation.succeeded": "voucherify_validation_succeeded",
  "customer.validation.failed": "voucherify_validation_failed",
};
