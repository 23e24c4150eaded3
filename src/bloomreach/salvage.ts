import type { JsonValue } from "../json";
import { COMMON_ID_KEYS } from "../schemas/hard-id";
import { parseLenient } from "./lenient-json";

/** One record of a webhook body: parsed, or its text and the place (in characters, from 0) where it breaks. */
export type Piece =
  | { readonly ok: true; readonly value: JsonValue }
  | { readonly ok: false; readonly text: string; readonly position: number };

/** What separates: also a `\n` of the Root template that stayed a backslash and a letter. */
const SEPARATORS = "[\\s,]*(?:\\\\[nrt][\\s,]*){0,20}";
/** Nothing but separators may follow a record in the middle of the batch. */
const BETWEEN = new RegExp(`${SEPARATORS}$`, "y");
/** The last record of an array is followed by the array's end, if the body is whole. */
const ARRAY_END = new RegExp(`${SEPARATORS}(?:\\][\\s,]*)?$`, "y");
/** Inside an object that wraps the array, other properties may follow. */
const WRAPPED_END = new RegExp(`${SEPARATORS}(?:\\]|$)`, "y");

/**
 * Takes a broken batch apart and parses each record by itself, so that one unescaped quotation mark costs one record.
 * All records come from one Customer template, so they all begin with the same key
 * (documentation.bloomreach.com/engagement/docs/batch-webhook-settings): the text is cut wherever a new record begins
 * with that key. A text without a recognisable batch is one piece. Time grows with the length of the text only.
 * @param hardId name of the Main Hard ID: an object that has it is a record, not a wrapper
 */
export function salvage(text: string, hardId: string): Piece[] {
  const batch = findBatch(text, hardId);
  if (!batch) return [readPiece(text, BETWEEN)];
  const starts = recordStarts(text, batch);
  return starts.map((start, index) =>
    index + 1 < starts.length
      ? readPiece(text.slice(start, starts[index + 1]), BETWEEN)
      : readPiece(text.slice(start), batch.wrapped ? WRAPPED_END : ARRAY_END),
  );
}

interface Batch {
  /** Where the array's bracket is. */
  readonly at: number;
  /** The key with which every record begins, without its quotation marks. */
  readonly firstKey: string;
  readonly wrapped: boolean;
}

/** Keys with escapes are not looked for: nobody writes them in a template. */
const ARRAY_OF_OBJECTS = new RegExp(`\\[${SEPARATORS}\\{\\s*"([^"\\\\\\n]{1,200})"\\s*:`);

function findBatch(text: string, hardId: string): Batch | undefined {
  const found = ARRAY_OF_OBJECTS.exec(text);
  const firstKey = found?.[1];
  if (!found || firstKey === undefined) return undefined;
  const before = text.slice(0, found.index).trim();
  const wrapped = before !== "";
  if (
    wrapped &&
    (!before.startsWith("{") || [hardId, ...COMMON_ID_KEYS].some((key) => before.includes(JSON.stringify(key))))
  )
    return undefined;
  return { at: found.index, firstKey, wrapped };
}

/**
 * Places of the records' opening brackets: each object that begins with the first key, whatever stands before it (nothing
 * where the Root template has no separator, anything behind an unreadable stretch), but not one that is a value itself or stands in a text.
 */
function recordStarts(text: string, { at, firstKey }: Batch): number[] {
  const beginning = new RegExp(`\\{\\s*"${firstKey.replace(/[.*+?^${}()|[\]\\]/g, "\\$&")}"\\s*:`, "g");
  beginning.lastIndex = at;
  const starts: number[] = [];
  for (let match = beginning.exec(text); match; match = beginning.exec(text))
    if (!isValueAt(text, match.index)) starts.push(match.index);
  return starts;
}

/** Whether what begins at `start` follows a colon, or a quotation mark at once. */
function isValueAt(text: string, start: number): boolean {
  let before = start - 1;
  if (text[before] === '"') return true;
  while (before > 0 && " \t\r\n".includes(text.charAt(before))) before--;
  return text[before] === ":";
}

function readPiece(text: string, tail: RegExp): Piece {
  const reading = parseLenient(text, tail);
  return reading.ok ? reading : { ok: false, text, position: reading.position };
}
