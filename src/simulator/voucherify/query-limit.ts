/** The query's `limit`, 10 when there is none, undefined when it is not a whole number from 1 to 100. */
export function readLimit(query: URLSearchParams): number | undefined {
  const limit = Number(query.get("limit") ?? 10);
  return Number.isInteger(limit) && limit >= 1 && limit <= 100 ? limit : undefined;
}
