import { isJsonObject, type JsonObject, type JsonValue } from "../../json";
import type { EventKind } from "../../schemas/voucherify-event";
import type { EventFacts } from "./event-facts";
import { POINTS } from "./kind-groups";

/** What an event says of the customer itself. */
export interface CustomerProperty {
  readonly name: string;
  readonly type: "text" | "number";
  readonly kinds: readonly EventKind[];
  readonly meaning: string;
  readonly sample: JsonValue;
  /** @param at Unix seconds of the event */
  readonly value: (data: JsonObject, facts: EventFacts, at: number) => JsonValue | undefined;
}

/** Every customer property that events write, the one for Voucherify's ID apart. */
export const CUSTOMER_PROPERTIES: readonly CustomerProperty[] = [
  {
    ...{ name: "voucherify_points_balance", type: "number", kinds: POINTS, sample: 1_000 },
    meaning: "loyalty points that the customer has after the event",
    // The card in the data has the points before these were added.
    value: ({ balance }) => {
      const points = isJsonObject(balance) ? (balance.balance ?? balance.total) : undefined;
      return typeof points === "number" ? points : undefined;
    },
  },
  {
    ...{ name: "voucherify_last_code", type: "text", sample: "0J4K-SPRING" },
    kinds: ["customer.publication.succeeded", "customer.reward_redemptions.completed"],
    meaning: "the code that the customer got last, the first one of several",
    value: (_data, { codes }) => codes[0],
  },
  {
    ...{ name: "voucherify_last_redemption", type: "number", kinds: ["customer.redemption.succeeded"] },
    sample: 1_709_566_376.409,
    meaning: "when the customer redeemed last, in Unix seconds",
    value: (_data, _facts, at) => at,
  },
];
