import { isJsonObject, type JsonObject, type JsonValue } from "../../json";
import { exponentOf, majorUnits } from "../values/money";

/** What a code is worth, in words and as a number. */
export interface Worth {
  /** "15 % off", "12.34 EUR off", "50 EUR gift", "2 pieces free"; "" when nobody can say. */
  readonly text: string;
  /** In the currency's own units; undefined where it is no amount. */
  readonly amount?: number;
}

const NOTHING: Worth = { text: "" };

/**
 * Says what a voucher, or the result of a qualification, is worth
 * (docs.voucherify.io/api-reference/vouchers/voucher-object: `discount`, `gift`; amounts in the small unit).
 * @param currency ISO 4217 of the project
 */
export function worthOf({ discount, gift }: JsonObject, currency: string): Worth {
  if (isJsonObject(gift)) {
    const balance = gift.balance ?? gift.amount;
    return typeof balance === "number" ? amountWorth(balance, currency, "gift") : NOTHING;
  }
  return isJsonObject(discount) ? worthOfDiscount(discount, currency) : NOTHING;
}

function worthOfDiscount(discount: JsonObject, currency: string): Worth {
  switch (discount.type) {
    case "PERCENT":
      return typeof discount.percent_off === "number" ? { text: `${discount.percent_off} % off` } : NOTHING;
    case "AMOUNT":
      return typeof discount.amount_off === "number" ? amountWorth(discount.amount_off, currency, "off") : NOTHING;
    case "FIXED": {
      if (typeof discount.fixed_amount !== "number") return NOTHING;
      const { text, amount } = amountWorth(discount.fixed_amount, currency, "");
      return { text: `for ${text}`, ...(amount !== undefined && { amount }) };
    }
    case "UNIT":
      return unitWorth(discount.unit_off, discount.product);
    default:
      return NOTHING;
  }
}

function amountWorth(minor: number, currency: string, word: string): Worth {
  const amount = majorUnits(minor, currency);
  const digits = Number.isInteger(amount) ? String(amount) : amount.toFixed(exponentOf(currency));
  return { text: `${digits} ${currency} ${word}`.trim(), amount };
}

function unitWorth(count: JsonValue | undefined, product: JsonValue | undefined): Worth {
  if (typeof count !== "number") return NOTHING;
  const name = isJsonObject(product) && typeof product.name === "string" ? product.name : "";
  return { text: name ? `${count} x ${name} free` : `${count} ${count === 1 ? "piece" : "pieces"} free` };
}
