import type { Settlement } from "../../delivery/destination";
import { isJsonObject, type JsonObject } from "../../json";
import type { VoucherifyApi } from "../../voucherify/voucherify-api";
import type { CustomerItem } from "./customer-items";
import { judge } from "../voucherify-answers";

/** Clocks of two machines differ: what was updated this long before the request is looked at as well. */
const CLOCK_DIFFERENCE_MS = 60_000;
const PAGE = 100;
/** The highest page that Voucherify has. */
const LAST_PAGE = 99;
/** Who is not in the list, because Voucherify saw nothing to update, is read alone; so many of one bulk request. */
const MOST_SINGLE = 100;

/**
 * Adds Voucherify's own IDs to customers that a bulk request delivered, whose result does not tell them: reads the customers
 * updated since the request, a hundred in each call (docs.voucherify.io/api-reference/customers/list-customers), then those
 * whom the list does not have.
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
  const missing = [...wanted].filter((sourceId) => !ids.has(sourceId)).slice(0, MOST_SINGLE);
  for (const sourceId of missing) await readId(sourceId, ids, api, signal);
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
  let after = since - CLOCK_DIFFERENCE_MS;
  try {
    for (let page = 1; found.size < wanted.size; page++) {
      const judged = await judge(
        api.listCustomersUpdatedAfter({ after: new Date(after).toISOString(), page }, signal),
        "customers",
      );
      const json = judged.kind === "accepted" ? judged.answer.json : undefined;
      const customers = isJsonObject(json) && Array.isArray(json.customers) ? json.customers.filter(isJsonObject) : [];
      for (const { id, source_id } of customers)
        if (typeof id === "string" && typeof source_id === "string" && wanted.has(source_id)) found.set(source_id, id);
      if (customers.length < PAGE) break;
      if (page < LAST_PAGE) continue;
      const next = beforeLast(customers);
      // All that pages can show was updated in one millisecond: what is behind them cannot be listed.
      if (!(next > after)) break;
      [after, page] = [next, 0];
    }
  } catch {
    // The customers are delivered: that their IDs cannot be read now must not send them again.
    signal.throwIfAborted();
  }
  return found;
}

async function readId(
  sourceId: string,
  found: Map<string, string>,
  api: VoucherifyApi,
  signal: AbortSignal,
): Promise<void> {
  try {
    const judged = await judge(api.readCustomer(sourceId, signal), "customers");
    const json = judged.kind === "accepted" ? judged.answer.json : undefined;
    if (isJsonObject(json) && typeof json.id === "string") found.set(sourceId, json.id);
  } catch {
    signal.throwIfAborted();
  }
}

/** From where the list goes on behind its last page: those of the same millisecond may be among what is missing; Unix ms. */
function beforeLast(customers: readonly JsonObject[]): number {
  const { updated_at: at, created_at: made } = customers.at(-1) ?? {};
  return Date.parse([at, made].find((time) => typeof time === "string") ?? "") - 1;
}
