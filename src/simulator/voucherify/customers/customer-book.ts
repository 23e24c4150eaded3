import { isJsonObject, type JsonObject } from "../../../json";
import type { MetadataSchema } from "../../../schemas/voucherify";
import { knownFields } from "./customer-payload";
import { newId } from "../../exchange";
import { checkMetadata } from "./metadata-rules";
import { metadataInvalid, type VoucherifyError } from "../voucherify-errors";

/** A customer as the simulator keeps it: what was sent, and what Voucherify adds itself. */
export type StoredCustomer = JsonObject & {
  readonly id: string;
  readonly source_id: string;
  readonly metadata: JsonObject;
  readonly created_at: string;
};

/**
 * The simulated project's customers.
 *
 * An update leaves fields that it does not name unchanged. Voucherify does not document whether an update merges
 * `address` and `metadata` key by key, nor what `null` does; the simulator merges, and keeps `null` as the value.
 */
export class CustomerBook {
  /** By source id, oldest first. */
  readonly customers = new Map<string, StoredCustomer>();
  private readonly sourceIds = new Map<string, string>();

  constructor(private readonly schemas: ReadonlyMap<string, MetadataSchema>) {}

  /** Finds a customer by Voucherify's id or by source id. */
  find(id: string): StoredCustomer | undefined {
    return this.customers.get(this.sourceIds.get(id) ?? id);
  }

  /** Creates the customer or updates the one with this source id. The payload's fields must have been checked. */
  upsert(sourceId: string, payload: JsonObject): { customer: StoredCustomer } | { error: VoucherifyError } {
    const before = this.customers.get(sourceId);
    const now = new Date().toISOString();
    const metadata = { ...before?.metadata, ...(isJsonObject(payload.metadata) ? payload.metadata : {}) };
    const problems = checkMetadata(metadata, this.schemas, "customer");
    if (problems.length > 0) return { error: metadataInvalid(problems.join("; ")) };

    const fields = knownFields(payload);
    if (isJsonObject(before?.address) && isJsonObject(fields.address))
      fields.address = { ...before.address, ...fields.address };
    const customer: StoredCustomer = {
      ...before,
      id: before?.id ?? newId("cust_"),
      source_id: sourceId,
      ...fields,
      metadata,
      created_at: before?.created_at ?? now,
      ...(before && { updated_at: now }),
      object: "customer",
    };
    this.customers.set(sourceId, customer);
    this.sourceIds.set(customer.id, sourceId);
    return { customer };
  }

  clear(): void {
    this.customers.clear();
    this.sourceIds.clear();
  }
}

/** The customer as an API answer shows it, with the read-only parts of a customer who has bought nothing. */
export function customerAnswer(customer: StoredCustomer): JsonObject {
  return {
    ...customer,
    summary: {
      redemptions: {
        total_redeemed: 0,
        total_failed: 0,
        total_succeeded: 0,
        total_rolled_back: 0,
        total_rollback_failed: 0,
        total_rollback_succeeded: 0,
        gift: { redeemed_amount: 0, amount_to_go: 0 },
        loyalty_card: { redeemed_points: 0, points_to_go: 0 },
      },
      orders: { total_amount: 0, total_count: 0, average_amount: 0, last_order_amount: 0 },
    },
    loyalty: { points: 0, referred_customers: 0, campaigns: {} },
    referrals: { total: 0, campaigns: [] },
    system_metadata: {},
  };
}
