import { isJsonObject, type JsonObject, type JsonValue } from "../../json";
import { worthOf } from "./discount";

/** What a webhook is answered when there is nothing to tell. */
export const NOT_FOUND = { found: false } as const satisfies JsonObject;

/** A customer's card in a loyalty program of either API version. */
export interface PointsCard {
  readonly code: string;
  /** Points that can be spent. */
  readonly points: number;
  readonly pending: number;
  /** How many points expire next, and the day; 0 and "" when none do. */
  readonly expiring: number;
  readonly expireOn: string;
  /** Name of the tier; "" without one. API v1 does not tell it with the card. */
  readonly tier: string;
}

/** So many vouchers are in one answer: Bloomreach reads at most 64 KB. */
const MOST_VOUCHERS = 20;
/** Points on such a card cannot be spent. */
const DEAD_CARDS: readonly JsonValue[] = ["DISABLED", "EXPIRED"];

/**
 * The loyalty cards among a customer's redeemables, which is what API v1 knows of points
 * (docs.voucherify.io/api-reference/customers/list-customers-redeemables: `balance` can be spent).
 * @param program name or id of a campaign; "" takes all
 */
export function cardsOfWallet(wallet: JsonObject, program: string): PointsCard[] {
  return heldVouchers(wallet)
    .filter(({ status }) => !DEAD_CARDS.includes(status))
    .map(({ voucher }) => voucher)
    .filter((voucher) => program === "" || [voucher.campaign, voucher.campaign_id].includes(program))
    .flatMap(({ code, loyalty_card: card }) =>
      isJsonObject(card)
        ? [
            {
              code: textOf(code),
              points: numberOf(card.balance ?? card.points),
              pending: numberOf(card.pending_points),
              ...expiration(card.next_expiration_points, card.next_expiration_date),
              tier: "",
            },
          ]
        : [],
    );
}

/** The cards of a membership in API v2 (docs.voucherify.io/build/loyalty-overview). */
export function cardsOfMembership(membership: JsonObject): PointsCard[] {
  return objectsOf(membership.cards).flatMap(({ card, tier_progress }) => {
    if (!isJsonObject(card)) return [];
    const balance = objectOf(card.balance);
    const next = objectOf(card.next_expiration);
    return [
      {
        code: textOf(card.code),
        points: numberOf(balance.points),
        pending: numberOf(balance.pending_points),
        ...expiration(next.points, next.date),
        tier: textOf(objectOf(objectOf(objectOf(tier_progress).current).tier).name),
      },
    ];
  });
}

/**
 * All points of some cards: summed, with the next day on which some expire; code and tier are those of the first. A card
 * that both API versions tell of counts once.
 */
export function pointsAnswer(told: readonly PointsCard[]): JsonObject {
  const cards = [...new Map(told.map((card) => [card.code, card])).values()];
  const [first] = cards;
  if (!first) return NOT_FOUND;
  const expireOn = cards
    .map((card) => card.expireOn)
    .reduce((next, day) => (day && (!next || day < next) ? day : next));
  return {
    found: true,
    points: sum(cards.map(({ points }) => points)),
    points_pending: sum(cards.map(({ pending }) => pending)),
    points_expiring: sum(cards.filter((card) => card.expireOn === expireOn).map(({ expiring }) => expiring)),
    points_expire_on: expireOn,
    tier: cards.find(({ tier }) => tier)?.tier ?? "",
    card_code: first.code,
  };
}

/**
 * The newest redeemable of a qualification that is a discount or a gift, not a loyalty card for example
 * (docs.voucherify.io/api-reference/qualifications/check-eligibility: newest first).
 */
export function newestDiscount({ redeemables }: JsonObject): JsonObject | undefined {
  return objectsOf(objectOf(redeemables).data).find(
    ({ result }) => isJsonObject(result) && (isJsonObject(result.discount) || isJsonObject(result.gift)),
  );
}

/**
 * A discount that a customer may use. A promotion applies by itself, and has no code.
 * @param details the voucher or the promotion tier itself, which knows until when it is valid
 * @param currency ISO 4217 of the project
 */
export function discountAnswer(redeemable: JsonObject, details: JsonObject | undefined, currency: string): JsonObject {
  return {
    found: true,
    discount_code: redeemable.object === "voucher" ? textOf(redeemable.id) : "",
    ...worthInWords(objectOf(redeemable.result), currency),
    valid_until: textOf(details?.expiration_date) || textOf(objectOf(details?.campaign).expiration_date),
    campaign: textOf(redeemable.campaign_name) || textOf(redeemable.name),
  };
}

/**
 * The vouchers that a customer has been given and can still use, newest first, with the fields of the newest one on top.
 * The code of a referral program belongs to the friends of the customer, and is left out.
 * @param currency ISO 4217 of the project
 */
export function vouchersAnswer(wallet: JsonObject, currency: string): JsonObject {
  const vouchers = heldVouchers(wallet)
    .filter(({ status, role, voucher }) => status === "ACTIVE" && role !== "REFERRER" && !voucher.loyalty_card)
    .map(({ voucher }) => ({
      discount_code: textOf(voucher.code),
      ...worthInWords(voucher, currency),
      valid_until: textOf(voucher.expiration_date),
      campaign: textOf(voucher.campaign),
    }));
  const [newest] = vouchers;
  if (!newest) return NOT_FOUND;
  return { found: true, ...newest, count: vouchers.length, vouchers: vouchers.slice(0, MOST_VOUCHERS) };
}

interface HeldVoucher {
  readonly voucher: JsonObject;
  readonly status: JsonValue;
  readonly role: JsonValue;
}

function heldVouchers({ data }: JsonObject): HeldVoucher[] {
  return objectsOf(data).flatMap(({ redeemable, holder_role: role = null }) => {
    const { voucher, status = null } = objectOf(redeemable);
    return isJsonObject(voucher) ? [{ voucher, status, role }] : [];
  });
}

function worthInWords(holder: JsonObject, currency: string): JsonObject {
  const { text, amount } = worthOf(holder, currency);
  return { discount_text: text, ...(amount !== undefined && { discount_amount: amount }) };
}

function expiration(points: JsonValue | undefined, day: JsonValue | undefined): { expiring: number; expireOn: string } {
  const expiring = numberOf(points);
  return expiring > 0 ? { expiring, expireOn: textOf(day) } : { expiring: 0, expireOn: "" };
}

function sum(numbers: readonly number[]): number {
  return numbers.reduce((total, one) => total + one, 0);
}

function objectsOf(value: JsonValue | undefined): JsonObject[] {
  return Array.isArray(value) ? value.filter(isJsonObject) : [];
}

function objectOf(value: JsonValue | undefined): JsonObject {
  return isJsonObject(value) ? value : {};
}

function textOf(value: JsonValue | undefined): string {
  return typeof value === "string" ? value : "";
}

function numberOf(value: JsonValue | undefined): number {
  return typeof value === "number" ? value : 0;
}
