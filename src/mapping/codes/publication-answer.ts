import { isJsonObject, type JsonObject } from "../../json";
import { worthOf } from "./discount";

/** Bloomreach reads at most 64 KB (documentation.bloomreach.com/engagement/docs/using-webhook-responses). */
const MOST_BYTES = 60_000;

/**
 * What a webhook is answered for a publication: Voucherify's own object, so that `{{ webhook['voucher.code'] }}` works as with
 * Voucherify's API, and flat helpers in words.
 * @param currency ISO 4217 of the project
 */
export function publicationAnswer(publication: JsonObject, currency: string): JsonObject {
  const voucher = isJsonObject(publication.voucher) ? publication.voucher : {};
  const { text, amount } = worthOf(voucher, currency);
  const helpers: JsonObject = {
    success: true,
    voucher_code: codeOf(publication) ?? "",
    discount_text: text,
    ...(amount !== undefined && { discount_amount: amount }),
    valid_until: typeof voucher.expiration_date === "string" ? voucher.expiration_date : "",
  };
  const whole = { ...publication, ...helpers };
  if (bytesOf(whole) <= MOST_BYTES) return whole;
  // Only metadata can be that large.
  const smaller = { ...without(whole, ["metadata", "customer"]), voucher: without(voucher, ["metadata"]) };
  return bytesOf(smaller) <= MOST_BYTES ? smaller : { ...helpers, voucher: { code: helpers.voucher_code! } };
}

function without(object: JsonObject, keys: readonly string[]): JsonObject {
  return Object.fromEntries(Object.entries(object).filter(([key]) => !keys.includes(key)));
}

/** The code that a publication gave; undefined when it gave none. */
function codeOf({ voucher, vouchers }: JsonObject): string | undefined {
  if (isJsonObject(voucher) && typeof voucher.code === "string") return voucher.code;
  const [first] = Array.isArray(vouchers) ? vouchers : [];
  return typeof first === "string" ? first : undefined;
}

function bytesOf(value: JsonObject): number {
  return Buffer.byteLength(JSON.stringify(value));
}
