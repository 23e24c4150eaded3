import { webhookUrl } from "../../webhooks/webhook-address";
import type { EventKind } from "../../schemas/voucherify-event";

/** What to tick in the project's webhook; Voucherify writes these events without "customer." (docs.voucherify.io/api-reference/project-settings-webhooks). */
const PROJECT_EVENTS = [
  "redemption.succeeded",
  "redemption.failed",
  "redemption.rollback.succeeded",
  "redemption.rollback.failed",
  "publication.succeeded",
  "customer.rewarded",
  "customer.rewarded.loyalty_points",
] as const;

/** What only a distribution sends (docs.voucherify.io/api-reference/distribution-webhooks). */
const DISTRIBUTION_EVENTS: readonly EventKind[] = ["customer.reward_redemptions.completed"];

/** What no webhook brings, only the activity of a customer (docs.voucherify.io/api-reference/customers/list-customer-activity). */
const ACTIVITY_EVENTS: readonly EventKind[] = [
  "customer.reward_redemptions.created",
  "customer.publication.failed",
  "customer.validation.succeeded",
  "customer.validation.failed",
];

/** Where Voucherify's webhooks come from, by region (docs.voucherify.io/api-reference/introduction-to-webhooks). */
const SOURCE_ADDRESSES = [
  "Europe: 34.247.197.22, 63.32.191.141, 52.215.148.84",
  "United States: 100.25.106.67, 18.209.236.215, 34.192.255.99",
  "Asia (Singapore): 52.76.98.82, 54.169.8.101, 13.214.87.160",
] as const;

/**
 * What a user enters in Voucherify.
 * @param place `publicUrl` "" where the user gave none: then the address of the editor stands in its place, with a note
 */
export function webhookSetup(place: {
  readonly publicUrl: string;
  readonly editorOrigin: string;
  readonly httpNodeRoot: string;
  readonly path: string;
}): object {
  const { publicUrl, editorOrigin, httpNodeRoot, path } = place;
  return {
    url: webhookUrl({ publicUrl: publicUrl || editorOrigin, httpNodeRoot, path }),
    urlNote: publicUrl ? "" : "Type the public https address of this Node-RED: Voucherify cannot reach a private one.",
    projectEvents: PROJECT_EVENTS,
    distributionEvents: DISTRIBUTION_EVENTS,
    activityEvents: ACTIVITY_EVENTS,
    addresses: SOURCE_ADDRESSES,
  };
}
