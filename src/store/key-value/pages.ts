import type { JsonValue } from "../../json";
import type { KeyRange, KeyValueEngine, KeyValueEntry } from "./engine";

/** So many values are read at one go, where nobody says how many are needed. */
const PAGE = 500;
/** So many keys: they are small. */
const KEY_PAGE = 10_000;

type Range = Pick<KeyRange, "gte" | "lt">;

/** A number in a key: sixteen digits, so that keys sort as the numbers do. */
export function padded(number: number): string {
  return String(number).padStart(16, "0");
}

/** Everything in a range that can be read, in order. @throws StoreUnavailableError */
export async function* readAll(
  engine: KeyValueEngine,
  range: Range,
  pageSize = PAGE,
): AsyncGenerator<readonly [key: string, value: JsonValue]> {
  for await (const page of readPages(engine, range, pageSize)) yield* readable(page);
}

/**
 * Everything in a range, in order, as many entries at one go. Damaged values are among them, as undefined: a page without
 * them would be short, and what lies behind must not be hidden by that.
 * @throws StoreUnavailableError
 */
export async function* readPages(
  engine: KeyValueEngine,
  range: Range,
  pageSize = PAGE,
): AsyncGenerator<readonly KeyValueEntry[]> {
  for (let { gte } = range; gte < range.lt;) {
    const page = await engine.read({ gte, lt: range.lt, limit: pageSize });
    if (page.length > 0) yield page;
    if (page.length < pageSize) return;
    gte = behind(page.at(-1)![0]);
  }
}

/** The entries whose value can be read. */
export function readable(page: readonly KeyValueEntry[]): (readonly [key: string, value: JsonValue])[] {
  return page.filter((entry): entry is readonly [string, JsonValue] => entry[1] !== undefined);
}

/** All keys in a range, in order, page by page; what they stand for may be damaged. @throws StoreUnavailableError */
export async function* keyPages(
  engine: KeyValueEngine,
  range: Range,
  pageSize = KEY_PAGE,
): AsyncGenerator<readonly string[]> {
  for (let { gte } = range; gte < range.lt;) {
    const page = await engine.readKeys({ gte, lt: range.lt, limit: pageSize });
    if (page.length > 0) yield page;
    if (page.length < pageSize) return;
    gte = behind(page.at(-1)!);
  }
}

/** How many keys there are in a range. @throws StoreUnavailableError */
export async function countKeys(engine: KeyValueEngine, range: Range): Promise<number> {
  let count = 0;
  for await (const page of keyPages(engine, range)) count += page.length;
  return count;
}

function behind(key: string): string {
  return `${key}\0`;
}
