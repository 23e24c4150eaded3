import type { CustomerBook, StoredCustomer } from "./customer-book";

type TimeField = "created_at" | "updated_at";

const LAST_PAGE = 99;

/**
 * The customers that the query of `GET /v1/customers` asks for, and the page of them, or what is wrong with the query
 * (docs.voucherify.io/api-reference/customers/list-customers). Newest first by default. A customer that was never updated
 * has no `updated_at`; Voucherify does not say whether such a one is found by it, here it is, by the time of its creation.
 */
export function findCustomers(
  book: CustomerBook,
  query: URLSearchParams,
): { readonly customers: readonly StoredCustomer[]; readonly page: number } | string {
  const page = Number(query.get("page") ?? 1);
  if (!Number.isInteger(page) || page < 1 || page > LAST_PAGE)
    return `Property .page should be integer between 1 and ${LAST_PAGE}`;
  const order = query.get("order") ?? "-created_at";
  const [, descending, field] = /^(-?)(created_at|updated_at|source_id)$/.exec(order) ?? [];
  if (field === undefined) return "Property .order should be equal to one of the allowed values";
  let customers = [...book.customers.values()];
  for (const by of ["created_at", "updated_at"] as const) {
    const [after, before] = [query.get(`${by}[after]`), query.get(`${by}[before]`)];
    if (Number.isNaN(Date.parse(after ?? "2000-01-01")) || Number.isNaN(Date.parse(before ?? "2000-01-01")))
      return `Property .${by} should be in ISO 8601 format`;
    if (after !== null) customers = customers.filter((customer) => timeOf(customer, by) > Date.parse(after));
    if (before !== null) customers = customers.filter((customer) => timeOf(customer, by) < Date.parse(before));
  }
  if (field === "source_id") customers.sort((a, b) => (a.source_id < b.source_id ? -1 : 1));
  else customers.sort((a, b) => timeOf(a, field as TimeField) - timeOf(b, field as TimeField));
  return { customers: descending ? customers.reverse() : customers, page };
}

function timeOf({ created_at, updated_at }: StoredCustomer, field: TimeField): number {
  return Date.parse(field === "updated_at" && typeof updated_at === "string" ? updated_at : created_at);
}
