import { JsonScanner } from "../../schemas/json-scanner";
import { type Excess, MOST_NAMES, MOST_RECORDS, RecordLimits } from "./record-limits";

const COMMA = 0x2c;
const OPEN_LIST = 0x5b;
const CLOSE_LIST = 0x5d;
const OPEN_OBJECT = 0x7b;
const CLOSE_OBJECT = 0x7d;

/** In so many properties of an object a list of records is looked for. */
const MOST_MEMBERS = 1_000;

/** A list as it stands in a body. */
export interface ListOutline {
  /** Places of its opening bracket, and behind its closing one. */
  readonly start: number;
  readonly end: number;
  /** The first ones, up to `MOST_RECORDS`. */
  readonly items: readonly { readonly start: number; readonly end: number; readonly excess?: Excess }[];
  /** How many there are. */
  readonly count: number;
}

/** What can be said of a body before it is parsed. */
export interface BodyOutline {
  /** All brackets and texts are closed, so that it may be JSON. */
  readonly isClosed: boolean;
  /** What it has too much of to be parsed in one: as a record, or in one of its records. */
  readonly excess: Excess | "too_many_records" | undefined;
  /** The body, if it is a list; otherwise the largest list with objects that stands right in it. */
  readonly list: ListOutline | undefined;
  readonly isList: boolean;
}

/** Looks over the body of a webhook in one pass. */
export function outlineOf(text: string): BodyOutline {
  const scanner = new JsonScanner(text, MOST_NAMES);
  const first = scanner.peek();
  if (first !== OPEN_LIST) {
    const isWhole = scanner.passValue() && Number.isNaN(scanner.peek());
    const excess = new RecordLimits().excess(scanner);
    const list = isWhole && excess && first === OPEN_OBJECT ? largestListIn(text) : undefined;
    return { isClosed: isWhole, excess, list, isList: false };
  }
  const list = passList(scanner);
  const isClosed = list !== undefined && Number.isNaN(scanner.peek());
  const hasTooMany = list && list.count > MOST_RECORDS ? "too_many_records" : undefined;
  return { isClosed, excess: list?.items.find(({ excess }) => excess)?.excess ?? hasTooMany, list, isList: true };
}

function largestListIn(text: string): ListOutline | undefined {
  const scanner = new JsonScanner(text, MOST_NAMES);
  let largest: ListOutline | undefined;
  scanner.peek();
  scanner.at++;
  for (let members = 0; members < MOST_MEMBERS && scanner.passName(); members++, scanner.at++) {
    if (scanner.peek() === OPEN_LIST) {
      const list = passList(scanner);
      const holdsObjects = list?.items.some(({ start }) => text.charCodeAt(start) === OPEN_OBJECT);
      if (list && holdsObjects && list.end - list.start > (largest ? largest.end - largest.start : 0)) largest = list;
    } else scanner.passValue();
    if (scanner.peek() !== COMMA) break;
  }
  return largest;
}

/** The list whose bracket comes next; undefined when it does not end, or what stands in it has no commas in between. */
function passList(scanner: JsonScanner): ListOutline | undefined {
  const limits = new RecordLimits();
  const items: { start: number; end: number; excess?: Excess }[] = [];
  let count = 0;
  const listStart = scanner.at++;
  for (let isItemNext = true; ;) {
    const code = scanner.peek();
    const start = scanner.at;
    if (code === CLOSE_LIST) return { start: listStart, end: ++scanner.at, items, count };
    if (code === COMMA) scanner.at++;
    else if (!isItemNext || code === CLOSE_OBJECT || Number.isNaN(code) || !scanner.passValue()) return undefined;
    else if (count++ < MOST_RECORDS) {
      const excess = limits.excess(scanner);
      items.push({ start, end: scanner.at, ...(excess && { excess }) });
    }
    isItemNext = code === COMMA;
  }
}
