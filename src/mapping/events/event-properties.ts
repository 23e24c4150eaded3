import type { JsonValue } from "../../json";
import { EVENT_KINDS, type EventKind } from "../../schemas/voucherify-event";
import { type EventFacts, textOf, valueAt } from "./event-facts";
import {
  REDEMPTIONS,
  ROLLBACKS,
  REWARD_REDEMPTIONS,
  PUBLICATIONS,
  VALIDATIONS,
  REWARDED,
  POINTS,
  WITH_VOUCHER,
  WITH_ORDER,
  FAILED,
} from "./kind-groups";

/** One flat property of our events in Bloomreach. Names are final: a tracked property cannot be renamed there. */
export interface EventProperty {
  /** The name; with `<key>` at its end, the beginning of names. */
  readonly name: string;
  readonly type: "text" | "number" | "list of texts" | "as in Voucherify";
  /** The kinds that can have it. */
  readonly kinds: readonly EventKind[];
  /** What it is, its unit among it; Markdown. */
  readonly meaning: string;
  /** When it is there; Markdown. */
  readonly when: string;
  readonly sample: JsonValue;
  /** An object for a property whose name ends with `<key>`. */
  readonly value: (facts: EventFacts) => JsonValue | undefined;
}

const ALWAYS = "always";
const IF_TOLD = "when Voucherify tells it";
const IF_ORDER = "when there is an order";

/** Every property, in the order in which they are sent. `docs/events.md` is made of this table. */
export const EVENT_PROPERTIES: readonly EventProperty[] = [
  {
    ...{
      name: "voucherify_event_id",
      type: "text",
      kinds: EVENT_KINDS,
      when: ALWAYS,
      sample: "evcus_0e2905d4db185a04ad",
    },
    meaning:
      "Voucherify's ID of the event; of what voucherify publish sends on, the ID of the publication or (refused) of the request",
    value: ({ id }) => id,
  },
  {
    ...{ name: "source", type: "text", kinds: EVENT_KINDS, when: ALWAYS, sample: "voucherify" },
    meaning: "always `voucherify`",
    value: () => "voucherify",
  },
  {
    ...{ name: "status", type: "text", kinds: EVENT_KINDS.filter((kind) => !POINTS.includes(kind)), when: ALWAYS },
    sample: "SUCCEEDED",
    meaning:
      "`SUCCEEDED`, `FAILED` (redemptions), `SUCCESS`, `FAILURE` (publications), `VALID`, `INVALID` (validations), `CREATED`, `COMPLETED` (reward redemptions)",
    value: ({ data: { redemption, reward_redemption, validation, publication } }) =>
      valueAt(redemption, "status") ??
      valueAt(reward_redemption, "state") ??
      valueAt(validation, "status") ??
      valueAt(publication, "result"),
  },
  {
    ...{
      name: "voucher_code",
      type: "text",
      kinds: EVENT_KINDS,
      when: "when it is about a code",
      sample: "0J4K-SPRING",
    },
    meaning: "the code, the first one of several; a text, also when it has digits alone",
    value: ({ codes }) => codes[0],
  },
  {
    ...{ name: "voucher_codes", type: "list of texts", kinds: [...PUBLICATIONS, ...VALIDATIONS] },
    ...{ when: "when there are several codes", sample: ["0J4K-SPRING", "8F2M-SPRING"] },
    meaning: "every code, the first one too",
    value: ({ codes, isOfSeveral }) => (isOfSeveral && codes.length > 1 ? [...codes] : undefined),
  },
  {
    ...{ name: "voucher_count", type: "number", kinds: [...PUBLICATIONS, ...VALIDATIONS] },
    ...{ when: "when there are several codes", sample: 2 },
    meaning: "how many codes there are",
    value: ({ isOfSeveral, codeCount }) => (isOfSeveral && codeCount > 1 ? codeCount : undefined),
  },
  {
    ...{
      name: "voucher_id",
      type: "text",
      kinds: WITH_VOUCHER,
      when: IF_TOLD,
      sample: "v_hjQhSsitD6lAATASbRV1Ef7dUCjpy0iw",
    },
    meaning: "Voucherify's ID of the code",
    value: ({ voucher, related }) => valueAt(voucher, "id") ?? related("voucher"),
  },
  {
    ...{ name: "voucher_type", type: "text", kinds: WITH_VOUCHER, when: IF_TOLD, sample: "DISCOUNT_VOUCHER" },
    meaning: "`DISCOUNT_VOUCHER`, `GIFT_VOUCHER` or `LOYALTY_CARD`",
    value: ({ voucher }) => valueAt(voucher, "type"),
  },
  {
    ...{ name: "voucher_value", type: "number", kinds: WITH_VOUCHER, sample: 5 },
    when: "when the code takes off an amount, or is a gift card",
    meaning: "the amount, in units of `local_currency` such as 12.34",
    value: ({ voucherValue }) => voucherValue,
  },
  {
    ...{ name: "voucher_percentage", type: "number", kinds: WITH_VOUCHER, sample: 15 },
    when: "when the code takes off a percentage",
    meaning: "per cent, 0 to 100",
    value: ({ voucher }) => valueAt(valueAt(voucher, "discount"), "percent_off"),
  },
  {
    ...{
      name: "campaign_id",
      type: "text",
      kinds: EVENT_KINDS,
      when: IF_TOLD,
      sample: "camp_AQZ1GLRlbGaC2dETd31VbJQ9",
    },
    meaning: "Voucherify's ID of the campaign",
    value: ({ data, voucher, promotion, redeemable }) =>
      valueAt(data.campaign, "id") ??
      valueAt(voucher, "campaign_id") ??
      valueAt(valueAt(promotion, "campaign"), "id") ??
      valueAt(redeemable, "campaign_id"),
  },
  {
    ...{ name: "campaign_name", type: "text", kinds: EVENT_KINDS, when: IF_TOLD, sample: "Abandoned cart" },
    meaning: "name of the campaign",
    value: ({ data, voucher, promotion, redeemable }) =>
      valueAt(data.campaign, "name") ??
      valueAt(voucher, "campaign") ??
      valueAt(valueAt(promotion, "campaign"), "name") ??
      valueAt(redeemable, "campaign_name"),
  },
  {
    ...{ name: "promotion_tier_id", type: "text", kinds: [...REDEMPTIONS, ...VALIDATIONS] },
    ...{ when: "when it is about a promotion", sample: "promo_63fYCt81Aw0h7lzyRkrGZh9p" },
    meaning: "Voucherify's ID of the promotion, the first one of several",
    value: ({ promotion, related }) => valueAt(promotion, "id") ?? related("promotion_tier"),
  },
  {
    ...{ name: "promotion_tier_name", type: "text", kinds: [...REDEMPTIONS, ...VALIDATIONS] },
    ...{ when: "when it is about a promotion and Voucherify tells its name", sample: "10 % from 50 EUR" },
    meaning: "name of the promotion",
    value: ({ promotion }) => valueAt(promotion, "name"),
  },
  {
    ...{ name: "redemption_id", type: "text", kinds: [...REDEMPTIONS, ...REWARDED], when: IF_TOLD },
    sample: "r_0e2907cc52498573ee",
    meaning: "Voucherify's ID of the redemption; of a rollback, of the redemption that it takes back",
    value: ({ data }) => valueAt(data.redemption_rollback, "redemption") ?? valueAt(data.redemption, "id"),
  },
  {
    ...{
      name: "redemption_rollback_id",
      type: "text",
      kinds: ROLLBACKS,
      when: ALWAYS,
      sample: "rr_0ea6cfa7b5d2c1ee10",
    },
    meaning: "Voucherify's ID of the rollback",
    value: ({ data }) => valueAt(data.redemption_rollback, "id"),
  },
  {
    ...{ name: "rollback_reason", type: "text", kinds: ROLLBACKS, when: "when a reason was given" },
    sample: "Customer returned the goods",
    meaning: "why it was taken back",
    value: ({ data }) => valueAt(data.redemption_rollback, "reason"),
  },
  {
    ...{
      name: "publication_id",
      type: "text",
      kinds: [...PUBLICATIONS, ...REWARD_REDEMPTIONS, ...POINTS],
      when: IF_TOLD,
    },
    sample: "pub_wTfqQlLXnV5VCaBaswHnTOpdjAr8L4l7",
    meaning: "Voucherify's ID of the publication; a refused request of voucherify publish has none",
    value: ({ data }) => valueAt(data.publication, "id"),
  },
  {
    ...{ name: "reward_redemption_id", type: "text", kinds: REWARD_REDEMPTIONS, when: ALWAYS },
    sample: "rewr_N5xhKgV5tJBmJxrtb5YB7V3q",
    meaning: "Voucherify's ID of the reward redemption",
    value: ({ data }) => valueAt(data.reward_redemption, "id"),
  },
  {
    ...{ name: "validation_id", type: "text", kinds: VALIDATIONS, when: ALWAYS, sample: "valid_0e3ac5685ba431c104" },
    meaning: "Voucherify's ID of the validation",
    value: ({ data }) => valueAt(data.validation, "id"),
  },
  {
    ...{ name: "order_id", type: "text", kinds: WITH_ORDER, when: IF_ORDER, sample: "ord_8GGVSci7FUPX1UX94qBHQPSE" },
    meaning: "Voucherify's ID of the order",
    value: ({ order }) => valueAt(order, "id"),
  },
  {
    ...{ name: "order_source_id", type: "text", kinds: WITH_ORDER, sample: "order-1042" },
    when: "when there is an order with a number of the shop",
    meaning: "the shop's number of the order, as a text",
    value: ({ order }) => textOf(valueAt(order, "source_id")),
  },
  {
    ...{ name: "total_price", type: "number", kinds: WITH_ORDER, when: IF_ORDER, sample: 111.06 },
    meaning: "total of the order after discounts, in units of `local_currency` such as 12.34",
    value: ({ totalPrice }) => totalPrice,
  },
  {
    ...{ name: "total_discount", type: "number", kinds: WITH_ORDER, sample: 12.34 },
    when: "when there is an order with a discount",
    meaning: "all discounts of the order, in units of `local_currency` such as 12.34",
    value: ({ totalDiscount }) => totalDiscount,
  },
  {
    ...{ name: "local_currency", type: "text", kinds: WITH_VOUCHER, when: "when there is an amount of money" },
    sample: "EUR",
    meaning: "currency of the amounts (ISO 4217), the one chosen in event forward",
    value: ({ currency, voucherValue, totalPrice, totalDiscount }) =>
      [voucherValue, totalPrice, totalDiscount].some((amount) => amount !== undefined) ? currency : undefined,
  },
  {
    ...{ name: "failure_code", type: "text", kinds: FAILED, when: IF_TOLD, sample: "quantity_exceeded" },
    meaning: "why it failed, as a key that is the same for every customer",
    value: ({ failure }) => failure.code,
  },
  {
    ...{
      name: "failure_message",
      type: "text",
      kinds: FAILED,
      when: IF_TOLD,
      sample: "Voucher has been redeemed too often",
    },
    meaning: "why it failed, as a sentence",
    value: ({ failure }) => failure.message,
  },
  {
    ...{ name: "points", type: "number", kinds: [...REWARD_REDEMPTIONS, ...REWARDED, ...POINTS], when: IF_TOLD },
    sample: 150,
    meaning: "loyalty points: added, or (reward redemptions) what the reward costs",
    value: ({ data }) =>
      valueAt(data.balance, "points") ??
      valueAt(valueAt(valueAt(data.reward_assignment, "parameters"), "loyalty"), "points"),
  },
  {
    ...{
      name: "points_balance",
      type: "number",
      kinds: [...REWARD_REDEMPTIONS, ...REWARDED, ...POINTS],
      when: IF_TOLD,
    },
    sample: 1_000,
    meaning: "loyalty points that the customer has after it",
    value: ({ data }) => valueAt(data.balance, "balance"),
  },
  {
    ...{ name: "reward_id", type: "text", kinds: [...REWARD_REDEMPTIONS, ...REWARDED], when: ALWAYS },
    sample: "rew_oOrlSAeYmfh6gYGOH7JMYVzv",
    meaning: "Voucherify's ID of the reward",
    value: ({ data }) => valueAt(data.reward, "id"),
  },
  {
    ...{
      name: "reward_name",
      type: "text",
      kinds: [...REWARD_REDEMPTIONS, ...REWARDED],
      when: ALWAYS,
      sample: "Thermal bottle",
    },
    meaning: "name of the reward",
    value: ({ data }) => valueAt(data.reward, "name"),
  },
  {
    ...{ name: "earning_rule_id", type: "text", kinds: POINTS, when: ALWAYS, sample: "ern_FQxftbKUq9E93k00Z3qkC0sX" },
    meaning: "Voucherify's ID of the rule that gave the points",
    value: ({ data }) => valueAt(data.earning_rule, "id"),
  },
  {
    ...{ name: "metadata_<key>", type: "as in Voucherify", kinds: EVENT_KINDS, sample: "newsletter" },
    when: "for each metadata of the redemption, publication or reward redemption",
    meaning: 'its value, unless that is an object; in the name "_" stands for what is no letter or digit',
    value: ({ subject }) => valueAt(subject, "metadata"),
  },
  {
    ...{ name: "loyalty_tier", type: "text", kinds: POINTS, when: "when the customer is in a tier", sample: "Gold" },
    meaning: "name of the tier",
    value: ({ data }) => valueAt(data.loyalty_tier, "name"),
  },
];
