import { isJsonObject, type JsonObject, type JsonValue } from "../../json";
import { COMMON_ID_KEYS } from "../../schemas/hard-id";
import { type BodyOutline, outlineOf } from "./body-outline";
import { parseLenient } from "./lenient-json";
import { MOST_RECORDS } from "./record-limits";
import type { RecordShape } from "./record-shapes";
import { excessPiece, type BodyPiece, type Pieces, salvage } from "./salvage";

const NOTHING = /\s*$/y;

/** The records of a body. */
interface BodyPieces extends Pieces {
  /** The body was a list of records, not one. */
  readonly batch: boolean;
}

/** Takes the body of a webhook apart into its records, as strictly as it can and as leniently as it must. Never throws. */
export function readPieces(text: string, hardId: string, shape: RecordShape): BodyPieces {
  const outline = outlineOf(text);
  const read = outline.isClosed
    ? outline.excess
      ? readParts(text, outline, hardId, shape)
      : readWhole(text, hardId, shape)
    : undefined;
  if (read) return read;
  const salvaged = salvage(text, hardId);
  return { ...salvaged, batch: salvaged.count > 1 };
}

/** Undefined when it is no JSON. */
function readWhole(text: string, hardId: string, shape: RecordShape): BodyPieces | undefined {
  const whole = parse(text);
  if (!whole.ok) return undefined;
  const list = listOf(whole.value, hardId, shape);
  const values = list ?? [whole.value];
  const pieces = values.slice(0, MOST_RECORDS).map((value): BodyPiece => ({ ok: true, value }));
  return { pieces, count: values.length, batch: list !== undefined };
}

/**
 * Reads each record by itself, where the body as a whole is too much to be parsed. Undefined when one of them is no JSON, because
 * then a quotation mark may have moved the borders of all others.
 */
function readParts(text: string, outline: BodyOutline, hardId: string, shape: RecordShape): BodyPieces | undefined {
  const { list, excess } = outline;
  if (!list || (!outline.isList && !isWrapper(text, list, hardId, shape)))
    return excess && excess !== "too_many_records"
      ? { pieces: [excessPiece(text, excess)], count: 1, batch: false }
      : undefined;
  const pieces: BodyPiece[] = [];
  for (const item of list.items) {
    const part = text.slice(item.start, item.end);
    const piece = item.excess ? excessPiece(part, item.excess) : parse(part);
    if (!piece.ok && "position" in piece) return undefined;
    pieces.push(piece);
  }
  return { pieces, count: list.count, batch: true };
}

/** Whether an object is there for the sake of the list in it. */
function isWrapper(
  text: string,
  { start, end }: NonNullable<BodyOutline["list"]>,
  hardId: string,
  shape: RecordShape,
): boolean {
  const around = `${text.slice(0, start)}[{}]${text.slice(end)}`;
  const { isClosed, excess } = outlineOf(around);
  if (!isClosed || excess) return false;
  const wrapper = parse(around);
  return wrapper.ok && listOf(wrapper.value, hardId, shape) !== undefined;
}

function parse(text: string): BodyPiece {
  const strict = parseStrict(text);
  if (strict) return strict;
  const lenient = parseLenient(text, NOTHING);
  return lenient.ok ? lenient : { ok: false, text, position: lenient.position };
}

function parseStrict(text: string): BodyPiece | undefined {
  try {
    return { ok: true, value: JSON.parse(text) as JsonValue };
  } catch {
    return undefined;
  }
}

/** The list of records that a body is, or wraps; undefined for a single record. */
function listOf(body: JsonValue, hardId: string, shape: RecordShape): readonly JsonValue[] | undefined {
  if (Array.isArray(body)) return body;
  if (!isJsonObject(body) || hasId(shape.idHolder(body), hardId)) return undefined;
  const lists = Object.values(body).filter((value) => Array.isArray(value) && value.some(isJsonObject));
  return lists.length === 1 ? (lists[0] as JsonValue[]) : undefined;
}

function hasId(record: JsonObject, hardId: string): boolean {
  return [hardId, ...COMMON_ID_KEYS].some((key) => Object.hasOwn(record, key));
}
