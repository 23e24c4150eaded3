import type { EventKind } from "../schemas/voucherify-event";

/** What to tick in the project's webhook; Voucherify writes these events without "customer." (docs.voucherify.io/api-reference/project-settings-webhooks). */
export const PROJECT_EVENTS = [
  "redemption.succeeded",
  "redemption.failed",
  "redemption.rollback.succeeded",
  "redemption.rollback.failed",
  "publication.succeeded",
  "customer.rewarded",
  "customer.rewarded.loyalty_points",
] as const;

/** What only a distribution sends (docs.voucherify.io/api-reference/distribution-webhooks). */
export const DISTRIBUTION_EVENTS: readonly EventKind[] = ["customer.reward_redemptions.completed"];

/** What no webhook brings, only the activity of a customer (docs.voucherify.io/api-reference/customers/list-customer-activity). */
export const ACTIVITY_EVENTS: readonly EventKind[] = [
  "customer.reward_redemptions.created",
  "customer.publication.failed",
  "customer.validation.succeeded",
  "customer.validation.failed",
];

/** Where Voucherify's webhooks come from, by region (docs.voucherify.io/api-reference/introduction-to-webhooks). */
export const SOURCE_ADDRESSES = [
  "Europe: 34.247.197.22, 63.32.191.141, 52.215.148.84",
  "United States: 100.25.106.67, 18.209.236.215, 34.192.255.99",
  "Asia (Singapore): 52.76.98.82, 54.169.8.101, 13.214.87.160",
] as const;
