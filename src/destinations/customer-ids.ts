import type { Settlement } from "../delivery/destination";
import { isJsonObject } from "../json";
import type { VoucherifyApi } from "../voucherify/voucherify-api";
import type { CustomerItem } from "./customer-batch";
import { judge } from "./voucherify-answers";

/** Clocks of two machines differ: what was updated this long before the request is looked at as well. */
const CLOCK_DIFFERENCE_MS = 60_000;
const PAGE = 100;
/** The highest page that Voucherify has. */
const LAST_PAGE = 99;

/**
 * Adds Voucherify's own IDs to customers that a bulk request delivered, whose result does not tell them: reads the customers
 * updated since the request, a hundred in each call (docs.voucherify.io/api-reference/customers/list-customers).
 * @param since when the request was sent, Unix ms
 * @returns the same settlements; without an ID where it was not found, or could not be read now: the customer is delivered
 */
export async function withIds(
  settlements: readonly Settlement[],
  items: readonly CustomerItem[],
  { api, since }: { readonly api: VoucherifyApi; readonly since: number },
  signal: AbortSignal,
): Promise<readonly Settlement[]> {
  const wanted = new Set<string>();
  const sourceIds = new Map(items.map(({ record, sourceId }) => [record.id, sourceId]));
  for (const { id, outcome } of settlements) if (outcome.status === "delivered") wanted.add(sourceIds.get(id) ?? "");
  const ids = await readIds(wanted, api, since, signal);
  return settlements.map(({ id, outcome }) => {
    const found = ids.get(sourceIds.get(id) ?? "");
    if (outcome.status !== "delivered" || found === undefined) return { id, outcome };
    return { id, outcome: { ...outcome, result: { ...outcome.result, id: found } } };
  });
}

async function readIds(
  wanted: ReadonlySet<string>,
  api: VoucherifyApi,
  since: number,
  signal: AbortSignal,
): Promise<Map<string, string>> {
  const found = new Map<string, string>();
  const after = new Date(since - CLOCK_DIFFERENCE_MS).toISOString();
  try {
    for (let page = 1; page <= LAST_PAGE && found.size < wanted.size; page++) {
      const judged = await judge(api.listCustomersUpdatedAfter({ after, page }, signal), "customers");
      const json = judged.kind === "accepted" ? judged.answer.json : undefined;
      const customers = isJsonObject(json) && Array.isArray(json.customers) ? json.customers.filter(isJsonObject) : [];
      for (const { id, source_id } of customers)
        if (typeof id === "string" && typeof source_id === "string" && wanted.has(source_id)) found.set(source_id, id);
      if (customers.length < PAGE) break;
    }
  } catch {
    // The customers are delivered: that their IDs cannot be read now must not send them again.
    signal.throwIfAborted();
  }
  return found;
}
