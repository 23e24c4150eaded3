import { isJsonObject, type JsonObject, type JsonValue } from "../../json";
import type { EventKind, VoucherifyEvent } from "../../schemas/voucherify-event";
import { majorUnits } from "../values/money";

/** What is read from an event's data in more than one property. */
export interface EventFacts {
  readonly id: string;
  readonly data: JsonObject;
  /** ISO 4217. */
  readonly currency: string;
  /** What the event is about: the redemption, publication, validation and so on. */
  readonly subject: JsonObject | undefined;
  readonly voucher: JsonObject | undefined;
  readonly promotion: JsonObject | undefined;
  /** Of a validation, or of a redemption that failed: the first code or promotion that it decided on. */
  readonly redeemable: JsonObject | undefined;
  /** All that are told, the main one first. */
  readonly codes: readonly string[];
  /** How many codes there are; more than `codes` where Voucherify tells only the first of them. */
  readonly codeCount: number;
  /** Publications and validations: they can have several codes that count the same. */
  readonly isOfSeveral: boolean;
  readonly order: JsonObject | undefined;
  /** In major units, as the next two. */
  readonly voucherValue: number | undefined;
  readonly totalPrice: number | undefined;
  readonly totalDiscount: number | undefined;
  readonly failure: { readonly code?: JsonValue; readonly message?: JsonValue };
  /** The id of what a redemption was for, where it is of this type. */
  readonly related: (type: "voucher" | "promotion_tier") => JsonValue | undefined;
}

/** @param currency ISO 4217 of the project's amounts */
export function factsOf(
  { id, kind, data }: VoucherifyEvent & { readonly kind: EventKind },
  currency: string,
): EventFacts {
  const { redemption, redemption_rollback, publication, reward_redemption, validation } = data;
  const subject = [redemption_rollback, redemption, publication, reward_redemption, validation].find(isJsonObject);
  const redeemables = redeemablesOf(kind, subject);
  const vouchers = vouchersOf(data, kind);
  const voucher = vouchers.find(isJsonObject);
  const codes = codesOf([
    ...vouchers,
    ...redeemables.filter((one) => !isPromotion(one)).map((one) => valueAt(one, "id")),
  ]);
  const money = (minor: JsonValue | undefined): number | undefined =>
    typeof minor === "number" ? majorUnits(minor, currency) : undefined;
  const order = hasOrder(kind) && isJsonObject(data.order) ? data.order : undefined;
  const ids = valueAt(publication, "vouchers_id");
  return {
    id,
    data,
    currency,
    subject,
    voucher,
    promotion: [data.promotion_tier, valueAt(redemption, "promotion_tier"), redeemables.find(isPromotion)].find(
      isJsonObject,
    ),
    redeemable: redeemables[0],
    codes,
    codeCount: Math.max(codes.length, Array.isArray(ids) ? ids.length : 0),
    isOfSeveral: kind.startsWith("customer.publication.") || kind.startsWith("customer.validation."),
    order,
    voucherValue: money(
      valueAt(valueAt(voucher, "discount"), "amount_off") ?? valueAt(valueAt(voucher, "gift"), "amount"),
    ),
    totalPrice: money(valueAt(order, "total_amount") ?? valueAt(order, "amount")),
    totalDiscount: money(valueAt(order, "total_applied_discount_amount") ?? valueAt(order, "total_discount_amount")),
    failure: [subject, ...redeemables].map(failureIn).find(({ code, message }) => code ?? message) ?? {},
    related: (type) =>
      valueAt(redemption, "related_object_type") === type ? valueAt(redemption, "related_object_id") : undefined,
  };
}

function hasOrder(kind: EventKind): boolean {
  return kind.startsWith("customer.redemption.") || kind === "customer.rewarded.loyalty_points";
}

/**
 * Vouchers as objects or codes, the main one first. The code of a reward comes before the card that paid for it; a failed
 * redemption may name its voucher inside the redemption alone; a publication with several has them in `vouchers`.
 */
function vouchersOf({ voucher, vouchers, reward, redemption, publication }: JsonObject, kind: EventKind): JsonValue[] {
  const isPublished = kind.startsWith("customer.publication.");
  return [
    valueAt(reward, "voucher"),
    voucher,
    ...listOf(vouchers),
    ...(kind.startsWith("customer.redemption.") ? [valueAt(redemption, "voucher")] : []),
    ...(isPublished ? [valueAt(publication, "voucher"), ...listOf(valueAt(publication, "vouchers"))] : []),
  ].filter((one) => isJsonObject(one) || typeof one === "string");
}

function codesOf(vouchers: readonly (JsonValue | undefined)[]): string[] {
  const codes = vouchers.map((one) => textOf(isJsonObject(one) ? valueAt(one, "code") : one));
  return [...new Set(codes.filter((code) => code !== undefined))];
}

/**
 * What a validation decided on, the deciding ones first: `{ id, type }`, where the id of a voucher is its code
 * (docs.voucherify.io/api-reference/customers/list-customer-activity); with `result` where Voucherify tells why.
 */
function redeemablesOf(kind: EventKind, subject: JsonObject | undefined): JsonObject[] {
  if (kind === "customer.validation.succeeded") return listOf(valueAt(subject, "redeemables")).filter(isJsonObject);
  if (kind !== "customer.validation.failed" && kind !== "customer.redemption.failed") return [];
  const lists = ["inapplicable_redeemables", "skipped_redeemables", "redeemables"];
  return lists.flatMap((list) => listOf(valueAt(subject, list)).filter(isJsonObject));
}

function isPromotion(redeemable: JsonObject): boolean {
  const type = redeemable.type ?? redeemable.object;
  if (typeof type === "string") return type.startsWith("promotion");
  return typeof redeemable.id === "string" && redeemable.id.startsWith("promo_");
}

/** Why something failed: in its own words, or as the validation of a redeemable tells it. */
function failureIn(object: JsonObject | undefined): EventFacts["failure"] {
  const result = valueAt(object, "result");
  const [error, details] = [valueAt(object, "error") ?? valueAt(result, "error"), valueAt(result, "details")];
  const code = valueAt(object, "failure_code") ?? valueAt(error, "key") ?? valueAt(details, "key");
  const message = valueAt(object, "failure_message") ?? valueAt(error, "message") ?? valueAt(details, "message");
  return { ...(code !== undefined && { code }), ...(message !== undefined && { message }) };
}

function listOf(value: JsonValue | undefined): JsonValue[] {
  return Array.isArray(value) ? value : [];
}

/** A value of an object that may not be one; null counts as nothing. */
export function valueAt(object: JsonValue | undefined, key: string): JsonValue | undefined {
  return isJsonObject(object) && Object.hasOwn(object, key) ? (object[key] ?? undefined) : undefined;
}

/** Codes and order numbers stay texts, also those of digits. */
export function textOf(value: JsonValue | undefined): string | undefined {
  return typeof value === "string" || typeof value === "number" ? String(value) : undefined;
}
