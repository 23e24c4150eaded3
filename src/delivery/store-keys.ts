import type { JsonValue } from "../json";
import type { DurableStore } from "./durable-store";

/** So many values are read at one go, where nobody says how many are needed. */
const PAGE = 500;

/** A number in a key: sixteen digits, so that keys sort as the numbers do. */
export function padded(number: number): string {
  return String(number).padStart(16, "0");
}

/** Everything in a range, in order, page by page. @throws StoreUnavailableError */
export async function* readAll(
  store: DurableStore,
  range: { readonly gte: string; readonly lt: string },
  pageSize = PAGE,
): AsyncGenerator<readonly [key: string, value: JsonValue]> {
  for (let { gte } = range; ;) {
    const page = await store.read({ gte, lt: range.lt, limit: pageSize });
    yield* page;
    if (page.length < pageSize) return;
    gte = `${page.at(-1)![0]}\0`;
  }
}
