import { randomBytes } from "node:crypto";
import type { JsonObject, JsonValue } from "../../json";
import type { EventKind } from "../../schemas/voucherify-event";

/** What a sample event is about. */
export interface SampleSubject {
  /** Voucherify's id and the source id, and whatever else Voucherify knows of the customer. */
  readonly customer?: JsonObject;
  /** ISO 8601; now by default. */
  readonly createdAt?: string;
}

/**
 * The data of an event of any kind, as the activity of a customer holds them, with ids in Voucherify's style that are new
 * each time (docs.voucherify.io/api-reference/customer/redemption-succeeded and its neighbours).
 */
export function sampleEventData(kind: EventKind, { customer: known, createdAt }: SampleSubject = {}): JsonObject {
  const at = createdAt ?? new Date().toISOString();
  const customer: JsonObject = {
    id: id("cust_"),
    source_id: "anna.kowalska@example.com",
    name: "Anna Kowalska",
    email: "anna.kowalska@example.com",
    metadata: { segment: "VIP" },
    object: "customer",
    ...known,
  };
  return SAMPLES[kind]({ customer, at });
}

interface Scene {
  readonly customer: JsonObject;
  readonly at: string;
}

type Sample = (scene: Scene) => JsonObject;

const redemptionFailure = { failure_code: "no_applicable_redeemables", failure_message: "No applicable redeemables" };
const rollbackFailure = { failure_code: "already_rolled_back", failure_message: "Already rolled back" };

const SAMPLES: Readonly<Record<EventKind, Sample>> = {
  "customer.redemption.succeeded": (scene) => ({
    ...bought(scene),
    redemption: redemptionOf(scene, { id: id("r_"), result: "SUCCESS", status: "SUCCEEDED" }),
  }),
  "customer.redemption.failed": (scene) => ({
    customer: scene.customer,
    order: null,
    campaign: null,
    voucher: null,
    holder: null,
    promotion_tier: null,
    redemption: redemptionOf(scene, { id: id("rf_"), result: "FAILURE", status: "FAILED", ...redemptionFailure }),
  }),
  "customer.redemption.rollback.succeeded": (scene) =>
    rolledBack(scene, "rr_", { result: "SUCCESS", status: "SUCCEEDED" }),
  "customer.redemption.rollback.failed": (scene) =>
    rolledBack(scene, "rrf_", { result: "FAILURE", status: "FAILED", ...rollbackFailure }),
  "customer.reward_redemptions.created": (scene) => rewardRedemption(scene, "CREATED"),
  "customer.reward_redemptions.completed": (scene) => rewardRedemption(scene, "COMPLETED"),
  "customer.publication.succeeded": (scene) => {
    const voucher = coupon(scene);
    return {
      customer: scene.customer,
      campaign: campaignOf(voucher, "DISCOUNT_COUPONS"),
      publication: publicationOf(scene, { result: "SUCCESS", voucher, vouchers_id: [voucher.id!] }),
      voucher,
    };
  },
  "customer.publication.failed": (scene) => ({
    customer: scene.customer,
    campaign: campaignOf(coupon(scene), "DISCOUNT_COUPONS"),
    publication: publicationOf(scene, {
      result: "FAILURE",
      failure_code: "no_voucher_suitable_for_publication",
      failure_message: "Couldn't find any voucher suitable for publication",
      vouchers_id: [],
    }),
  }),
  "customer.rewarded": (scene) => {
    const voucher = loyaltyCard(scene);
    return {
      ...loyalty(scene, voucher),
      redemption: redemptionOf(scene, { id: id("r_"), result: "SUCCESS", status: "SUCCEEDED", amount: 50 }),
      reward: rewardOf(),
      referral_tier: null,
      balance: null,
      custom_event: null,
      customer_event: null,
    };
  },
  "customer.rewarded.loyalty_points": (scene) => {
    const voucher = loyaltyCard(scene);
    return {
      ...loyalty(scene, voucher),
      loyalty_tier: null,
      earning_rule: {
        id: id("ern_"),
        event: "order.paid",
        loyalty: { type: "FIXED", points: 150 },
        object: "earning_rule",
      },
      balance: {
        type: "loyalty_card",
        total: 1_000,
        object: "balance",
        points: 150,
        balance: 1_000,
        operation_type: "AUTOMATIC",
        related_object: { id: voucher.id!, type: "voucher" },
      },
      order: orderOf(scene),
      event: { id: id("evcus_"), type: "customer.order.paid", category: "EFFECT", created_at: scene.at },
    };
  },
  "customer.validation.succeeded": (scene) => validated(scene, "VALID"),
  "customer.validation.failed": (scene) => validated(scene, "INVALID"),
};

function bought(scene: Scene): JsonObject {
  const voucher = coupon(scene);
  return {
    customer: scene.customer,
    order: orderOf(scene),
    campaign: campaignOf(voucher, "DISCOUNT_COUPONS"),
    voucher,
    holder: scene.customer,
    promotion_tier: null,
    promotion_stack: null,
  };
}

function rolledBack(scene: Scene, prefix: string, outcome: JsonObject): JsonObject {
  const redemption = redemptionOf(scene, { id: id("r_"), result: "SUCCESS", status: "ROLLED_BACK" });
  const rollback: JsonObject = {
    id: id(prefix),
    date: scene.at,
    customer_id: scene.customer.id ?? null,
    redemption: redemption.id!,
    reason: "Customer returned the goods",
    ...outcome,
    object: "redemption_rollback",
  };
  return { ...bought(scene), redemption, redemption_rollback: rollback };
}

function rewardRedemption(scene: Scene, state: "CREATED" | "COMPLETED"): JsonObject {
  const voucher = loyaltyCard(scene);
  const assignment = id("rewa_");
  const source = id("r_");
  return {
    ...loyalty(scene, voucher),
    reward_redemption: {
      id: id("rewr_"),
      state,
      source_id: source,
      source_type: "redemption",
      created_at: scene.at,
      updated_at: null,
      voucher_id: voucher.id!,
      campaign_id: voucher.campaign_id!,
      customer_id: scene.customer.id ?? null,
      reward_assignment_id: assignment,
    },
    reward: { ...rewardOf(), assignment_id: assignment },
    reward_assignment: {
      id: assignment,
      parameters: { loyalty: { points: 50 } },
      related_object_id: voucher.campaign_id!,
      related_object_type: "campaign",
      object: "reward_assignment",
    },
    source: { id: source, type: "redemption" },
    balance: null,
  };
}

function validated(scene: Scene, status: "VALID" | "INVALID"): JsonObject {
  const redeemable = { id: code(), type: "voucher" };
  return {
    customer: scene.customer,
    validation: {
      id: id("valid_"),
      session_id: id("ssn_"),
      status,
      created_at: scene.at,
      customer_id: scene.customer.id ?? null,
      redeemables: status === "VALID" ? [redeemable] : [],
      skipped_redeemables: [],
      inapplicable_redeemables: status === "VALID" ? [] : [redeemable],
    },
  };
}

function loyalty({ customer }: Scene, voucher: JsonObject): JsonObject {
  return { customer, holder: customer, voucher, campaign: campaignOf(voucher, "LOYALTY_PROGRAM") };
}

function redemptionOf({ customer, at }: Scene, rest: JsonObject): JsonObject {
  return {
    customer_id: customer.id ?? null,
    tracking_id: id("track_"),
    date: at,
    ...rest,
    customer,
    metadata: {},
    object: "redemption",
  };
}

function publicationOf({ customer, at }: Scene, rest: JsonObject): JsonObject {
  return {
    id: id("pub_"),
    object: "publication",
    created_at: at,
    customer_id: customer.id ?? null,
    tracking_id: customer.source_id ?? null,
    metadata: {},
    channel: "API",
    source_id: null,
    ...rest,
    customer,
  };
}

function orderOf({ customer, at }: Scene): JsonObject {
  return {
    id: id("ord_"),
    source_id: `order-${randomBytes(3).toString("hex")}`,
    status: "PAID",
    customer_id: customer.id ?? null,
    referrer_id: null,
    amount: 12_340,
    total_discount_amount: 1_234,
    total_amount: 11_106,
    items: [{ product_id: id("prod_"), quantity: 2, price: 6_170, object: "order_item" }],
    metadata: {},
    created_at: at,
    object: "order",
  };
}

function coupon({ customer, at }: Scene): JsonObject {
  return {
    id: id("v_"),
    code: code(),
    discount: { type: "PERCENT", percent_off: 10, effect: "APPLY_TO_ORDER" },
    type: "DISCOUNT_VOUCHER",
    campaign: "Abandoned cart",
    campaign_id: id("camp_"),
    is_referral_code: false,
    holder_id: customer.id ?? null,
    active: true,
    created_at: at,
    redemption: { quantity: 1, redeemed_quantity: 0 },
    expiration_date: null,
    metadata: {},
    object: "voucher",
  };
}

function loyaltyCard({ customer, at }: Scene): JsonObject {
  return {
    id: id("v_"),
    code: code(),
    loyalty_card: { points: 850, balance: 850 },
    type: "LOYALTY_CARD",
    campaign: "Loyalty programme",
    campaign_id: id("camp_"),
    is_referral_code: false,
    holder_id: customer.id ?? null,
    active: true,
    created_at: at,
    redemption: { quantity: null, redeemed_quantity: 0, redeemed_points: 0 },
    metadata: {},
    object: "voucher",
  };
}

function campaignOf({ campaign, campaign_id }: JsonObject, type: string): JsonObject {
  return {
    id: campaign_id!,
    name: campaign!,
    campaign_type: type,
    type: "AUTO_UPDATE",
    active: true,
    object: "campaign",
  };
}

function rewardOf(): JsonObject {
  const product: JsonValue = { id: id("prod_"), source_id: "thermal-bottle", name: "Thermal bottle" };
  return {
    assignment_id: id("rewa_"),
    id: id("rew_"),
    name: "Thermal bottle",
    type: "MATERIAL",
    product,
    object: "reward",
  };
}

function id(prefix: string): string {
  return prefix + randomBytes(9).toString("hex");
}

function code(): string {
  return randomBytes(4).toString("hex").toUpperCase();
}
