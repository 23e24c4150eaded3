import type { JsonValue } from "../../json";
import { COMMON_ID_KEYS } from "../../schemas/hard-id";
import { JsonScanner } from "../../schemas/json-scanner";
import { parseLenient } from "./lenient-json";
import { type Excess, MOST_NAMES, MOST_RECORDS, RecordLimits } from "./record-limits";

/**
 * One record of a webhook body: parsed, or its text and the place (in characters, from 0) where it breaks, or the beginning of its
 * text and what it has too much of.
 */
export type BodyPiece =
  | { readonly ok: true; readonly value: JsonValue }
  | { readonly ok: false; readonly text: string; readonly position: number }
  | { readonly ok: false; readonly text: string; readonly excess: Excess };

/** The records of a body in their order: the first ones, up to `MOST_RECORDS`. */
export interface Pieces {
  readonly pieces: readonly BodyPiece[];
  /** How many records there are. */
  readonly count: number;
}

/** So much is told of a record that was not even parsed, in characters. */
const TOLD_OF_EXCESS = 1_000;

/** A record that is not parsed. */
export function excessPiece(text: string, excess: Excess): BodyPiece {
  // Copied, because a part of a text keeps the whole text in memory.
  const told = Buffer.from(text.slice(0, TOLD_OF_EXCESS)).toString();
  return { ok: false, text: text.length > TOLD_OF_EXCESS ? `${told}…` : told, excess };
}

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
export function salvage(text: string, hardId: string): Pieces {
  const read = pieceReader(text);
  const batch = findBatch(text, hardId);
  if (!batch) return { pieces: [read(0, text.length, BETWEEN)], count: 1 };
  const { starts, count } = recordStarts(text, batch);
  const pieces = starts
    .slice(0, MOST_RECORDS)
    .map((start, index) =>
      index + 1 < starts.length
        ? read(start, starts[index + 1]!, BETWEEN)
        : read(start, text.length, batch.wrapped ? WRAPPED_END : ARRAY_END),
    );
  return { pieces, count };
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
 * where the Root template has no separator, anything behind an unreadable stretch), but not one that is a value itself or
 * stands in a text. Those of the records that are read, and of one more, where the last of them ends.
 */
function recordStarts(text: string, { at, firstKey }: Batch): { starts: number[]; count: number } {
  const beginning = new RegExp(`\\{\\s*"${firstKey.replace(/[.*+?^${}()|[\]\\]/g, "\\$&")}"\\s*:`, "g");
  beginning.lastIndex = at;
  const starts: number[] = [];
  let count = 0;
  for (let match = beginning.exec(text); match; match = beginning.exec(text)) {
    if (isValueAt(text, match.index)) continue;
    count++;
    if (starts.length <= MOST_RECORDS) starts.push(match.index);
  }
  return { starts, count };
}

/** Whether what begins at `start` follows a colon, or a quotation mark at once. */
function isValueAt(text: string, start: number): boolean {
  let before = start - 1;
  if (text[before] === '"') return true;
  while (before > 0 && " \t\r\n".includes(text.charAt(before))) before--;
  return text[before] === ":";
}

/** Reads the records of one text, one after the other. */
function pieceReader(text: string): (start: number, end: number, tail: RegExp) => BodyPiece {
  const scanner = new JsonScanner(text, MOST_NAMES);
  const limits = new RecordLimits();
  return (start, end, tail) => {
    const piece = text.slice(start, end);
    scanner.at = start;
    scanner.passValue(end);
    const excess = limits.excess(scanner);
    if (excess) return excessPiece(piece, excess);
    const reading = parseLenient(piece, tail);
    return reading.ok ? reading : { ok: false, text: piece, position: reading.position };
  };
}
