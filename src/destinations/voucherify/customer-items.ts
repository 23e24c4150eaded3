import { setImmediate } from "node:timers/promises";
import type { LaneRecord, Settlement } from "../../delivery/destination";
import type { Outcome } from "../../delivery/outcome";
import type { EmptyValues } from "../../mapping/values/presence";
import { mapCustomer, type Omission } from "../../mapping/customers/customer";
import type { CustomerMetadataSchema } from "../../schemas/voucherify";
import { LARGEST_BODY } from "../../voucherify/voucherify-api";
import type { CustomerUpdate } from "../customer-update";

/** So many customers are mapped at one go: some ten milliseconds. */
const SLICE = 1_000;

/** A customer ready to be sent. */
export interface CustomerItem {
  readonly record: LaneRecord<CustomerUpdate>;
  readonly sourceId: string;
  readonly json: string;
  /** Of `json`. */
  readonly bytes: number;
  readonly omitted: readonly Omission[];
  readonly hasUndefinedKeys: boolean;
  /** It was mapped once more after Voucherify had refused its metadata. */
  readonly fittedAgain?: true;
}

/** Maps one customer with what Voucherify has defined now. */
export function itemOf(
  record: LaneRecord<CustomerUpdate>,
  emptyValues: EmptyValues,
  schema: CustomerMetadataSchema,
): CustomerItem {
  const { sourceId, hardId, record: given } = record.body;
  const { customer, omitted, undefinedKeys } = mapCustomer(given, sourceId, hardId, { emptyValues, schema });
  const json = JSON.stringify(customer);
  const bytes = Buffer.byteLength(json);
  return { record, sourceId, json, bytes, omitted, hasUndefinedKeys: undefinedKeys.length > 0 };
}

/** Maps many; webhooks that come meanwhile are answered between the slices. */
export async function itemsOf(
  records: readonly LaneRecord<CustomerUpdate>[],
  emptyValues: EmptyValues,
  schema: CustomerMetadataSchema,
): Promise<CustomerItem[]> {
  const items: CustomerItem[] = [];
  for (const record of records) {
    if (items.length > 0 && items.length % SLICE === 0) await setImmediate();
    items.push(itemOf(record, emptyValues, schema));
  }
  return items;
}

/** The body of a bulk request: a bare JSON array (docs.voucherify.io/api-reference/customers). */
export function bulkBody(items: readonly CustomerItem[]): string {
  return `[${items.map(({ json }) => json).join(",")}]`;
}

/** Sorts items into those of one bulk request, in order, those for which it has no room, and those that fit into none. */
export function fillBulk(items: readonly CustomerItem[]): {
  fitting: CustomerItem[];
  rest: CustomerItem[];
  tooLarge: CustomerItem[];
} {
  const sorted = { fitting: [] as CustomerItem[], rest: [] as CustomerItem[], tooLarge: [] as CustomerItem[] };
  let bytes = "[".length;
  for (const item of items) {
    // Each brings the comma or the bracket behind it.
    if (item.bytes > LARGEST_BODY) sorted.tooLarge.push(item);
    else if (sorted.fitting.length > 0 && bytes + item.bytes + 1 > LARGEST_BODY) sorted.rest.push(item);
    else {
      sorted.fitting.push(item);
      bytes += item.bytes + 1;
    }
  }
  return sorted;
}

/** The outcome of a customer that Voucherify has now. @param id Voucherify's own, where it told it */
export function deliveredItem({ sourceId, omitted }: CustomerItem, id?: string): Outcome {
  return {
    status: "delivered",
    result: {
      source_id: sourceId,
      ...(id !== undefined && { id }),
      ...(omitted.length > 0 && { omitted: omitted.map(({ key, reason }) => ({ key, reason })) }),
    },
  };
}

/** The same outcome for each of the items. */
export function settleAll(items: readonly CustomerItem[], outcome: Outcome): Settlement[] {
  return items.map(({ record: { id } }) => ({ id, outcome }));
}
