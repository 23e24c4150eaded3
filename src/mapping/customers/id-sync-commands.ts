import type { CustomerCommand, CustomerIds } from "../../schemas/tracking";

/** Where Bloomreach stores Voucherify's customer ID ("Bloomreach Hard/Soft ID for storing Voucherify Customer's ID"). */
export interface IdSync {
  readonly as: "hard" | "soft" | "property";
  /** Name of the ID or of the property. */
  readonly name: string;
}

/** Both IDs of a customer. */
export interface KnownIds {
  /** The Main Hard ID. */
  readonly sourceId: string;
  /** Voucherify's own, `cust_…`. */
  readonly voucherifyId: string;
}

/**
 * The IDs by which a command names a customer: a second one in the same object ties it to the profile, which is the only way
 * the Tracking API has (documentation.bloomreach.com/engagement/docs/customer-identification).
 * @param hardId name of the Main Hard ID in Bloomreach
 */
export function customerIds({ sourceId, voucherifyId }: KnownIds, hardId: string, sync: IdSync): CustomerIds {
  return { [hardId]: sourceId, ...(sync.as !== "property" && { [sync.name]: voucherifyId }) };
}

/** Stores Voucherify's customer ID. A command without properties would be refused, so an ID is a property as well. */
export function idSyncCommand(ids: KnownIds, hardId: string, sync: IdSync): CustomerCommand {
  const property = sync.as === "property" ? sync.name : "voucherify_customer_id";
  return {
    name: "customers",
    data: { customer_ids: customerIds(ids, hardId, sync), properties: { [property]: ids.voucherifyId } },
  };
}
