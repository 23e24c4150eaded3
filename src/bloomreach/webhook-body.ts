import { isJsonObject, type JsonObject, type JsonValue } from "../json";
import { isAbsentText } from "../schemas/absent";
import { COMMON_ID_KEYS, readHardId } from "../schemas/hard-id";
import { type BodyOutline, outlineOf } from "./body-outline";
import { parseLenient } from "./lenient-json";
import { type Excess, explainExcess, MOST_RECORDS } from "./record-limits";
import { excessPiece, type Piece, type Pieces, salvage } from "./salvage";

/** A record that is not passed on, and why. */
export interface Rejection {
  /** Its place in the webhook, from 0. */
  readonly index: number;
  readonly code:
    | "invalid_json"
    | "not_an_object"
    | "missing_hard_id"
    | "missing_event"
    | "template_not_filled"
    | "too_many_records"
    | Excess;
  /** A sentence that says what to do. It names keys and places, never values. */
  readonly description: string;
  /** What came: the record, or its text when it was not JSON, or the beginning of its text when it was not even parsed. */
  readonly raw: JsonValue;
}

/** What kind of record a webhook brings. */
export interface RecordShape {
  /** For sentences: "customer". */
  readonly noun: string;
  /** Which of Bloomreach's templates writes it. */
  readonly template: string;
  /** The part of a record that has the customer's ID. */
  readonly idHolder: (record: JsonObject) => JsonObject;
  /**
   * Top-level fields that a template fills with fixed text: filled in Bloomreach's batch test too, so they tell of no customer
   * (paste-templates.ts, paste-requests.ts).
   */
  readonly fixedFields: readonly string[];
  /** What else is wrong with a record that has an ID. */
  readonly fault?: (
    record: JsonObject,
  ) => { readonly code: Rejection["code"]; readonly description: string } | undefined;
}

/** A customer: `{"registered": …, "name": …}`. */
export const CUSTOMER_RECORD: RecordShape = {
  noun: "customer",
  template: "Customer template",
  idHolder: (record) => record,
  fixedFields: [],
};

/**
 * A customer with something around it: `{"event": …, "customer": {"registered": …}, "metadata": …}`, the shape of the hosted
 * integration's event (support.voucherify.io/article/613-bloomreach-engagement-integration).
 */
export const EVENT_RECORD: RecordShape = {
  noun: "event",
  template: "webhook's template",
  idHolder: (record) => (isJsonObject(record.customer) ? record.customer : record),
  fixedFields: ["event"],
  fault: ({ event }) =>
    typeof event === "string" && !isAbsentText(event)
      ? undefined
      : { code: "missing_event", description: 'This event has no name: the template must have "event" with a text.' },
};

/** A request for a code or for information about a customer: `{"customer": {"source_id": …}, "campaign": {"name": …}}`. */
export const REQUEST_RECORD: RecordShape = {
  noun: "request",
  template: "webhook's template",
  idHolder: EVENT_RECORD.idHolder,
  fixedFields: ["campaign", "voucher", "channel", "send"],
};

/** What a webhook brought. */
export interface WebhookRecords {
  /** Records with a hard ID, exactly as parsed, in their order. `index` is the place in the webhook, from 0. */
  readonly records: readonly { readonly index: number; readonly record: JsonObject }[];
  /** The first ones, up to 1,000. */
  readonly rejected: readonly Rejection[];
  /** How many there are. */
  readonly rejectedCount: number;
  /**
   * True for Bloomreach's batch test, which carries no customer data: every value is blank or still a template, but for the fixed
   * texts of a lone record. There are neither records nor rejections then.
   */
  readonly test: boolean;
  /** None was accepted, and all for want of an ID: most likely its name is wrong, here or in the template. */
  readonly withoutId: boolean;
  /** The body was a list of records, not one. */
  readonly batch: boolean;
}

/** More than a person reads. */
const MOST_REJECTIONS = 1_000;

/**
 * Reads the body of a webhook: an array of records, one record, or an object whose only array of objects
 * holds the records (documentation.bloomreach.com/engagement/docs/batch-webhook-settings). UTF-8, with or without a
 * byte order mark. Broken JSON costs only the records that are broken; so does a record that is too deep or too much, which is
 * told before anything is parsed. An empty body has no records. Never throws.
 * @param hardId name of the Main Hard ID as configured on the account
 */
export function parseWebhookBody(raw: Buffer, hardId: string, shape: RecordShape = CUSTOMER_RECORD): WebhookRecords {
  const text = new TextDecoder().decode(raw).trim();
  const { pieces, count, batch } =
    text === "" ? { pieces: [], count: 0, batch: false } : readPieces(text, hardId, shape);
  const mayHoldTemplates = text.includes("{{");
  const records: { index: number; record: JsonObject }[] = [];
  const rejections = new Rejections();
  const told =
    mayHoldTemplates && pieces.some(({ ok }) => !ok)
      ? readPieces(text.replace(/"\{\{[^{}]*\}\}"|\{\{[^{}]*\}\}/g, '""'), hardId, shape) // bare templates are no JSON
      : { pieces, batch };
  if (isTest(told.pieces, told.batch, shape))
    return { records: [], rejected: [], rejectedCount: 0, test: true, withoutId: false, batch };
  // One text with {{ among others may be what a customer has written; in every record it is the template.
  const unfilled =
    mayHoldTemplates && pieces.every((piece) => piece.ok && isJsonObject(piece.value) && holdsTemplate(piece.value));
  let withoutId = 0;
  for (const [index, piece] of pieces.entries()) {
    const judged = judge(piece, index, hardId, shape);
    if ("code" in judged) {
      if (judged.code === "missing_hard_id") withoutId++;
      rejections.add(() => judged);
    } else if (unfilled) rejections.add(() => templateNotFilled(judged, shape));
    else records.push(judged);
  }
  rejections.addRest(pieces.length, count, (index) => tooManyRecords(index, shape));
  return {
    records,
    rejected: rejections.described,
    rejectedCount: rejections.count,
    test: false,
    withoutId: withoutId > 0 && withoutId === rejections.count && records.length === 0,
    batch,
  };
}

/**
 * What to do when every record of a webhook lacks its ID.
 * @param count of records, @param hardId the name that was looked for
 */
export function explainMissingIds(count: number, hardId: string, { noun, template }: RecordShape): string {
  return (
    `${count.toLocaleString("en-US")} ${noun}${count === 1 ? "" : "s"} without ID: is "${hardId}" the right name? Correct it here, ` +
    `as Main Hard ID of the bloomreach account, or there, in the ${template} in Bloomreach. Then run the scenario again.`
  );
}

class Rejections {
  readonly described: Rejection[] = [];
  count = 0;

  add(describe: () => Rejection): void {
    if (this.count++ < MOST_REJECTIONS) this.described.push(describe());
  }

  /** Every record from one place up to another. */
  addRest(from: number, to: number, describe: (index: number) => Rejection): void {
    for (let index = from; index < to && this.described.length < MOST_REJECTIONS; index++)
      this.described.push(describe(index));
    this.count += to - from;
  }
}

const NOTHING = /\s*$/y;

interface BodyPieces extends Pieces {
  readonly batch: boolean;
}

function readPieces(text: string, hardId: string, shape: RecordShape): BodyPieces {
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
  const pieces = values.slice(0, MOST_RECORDS).map((value): Piece => ({ ok: true, value }));
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
  const pieces: Piece[] = [];
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

function parse(text: string): Piece {
  const strict = parseStrict(text);
  if (strict) return strict;
  const lenient = parseLenient(text, NOTHING);
  return lenient.ok ? lenient : { ok: false, text, position: lenient.position };
}

function parseStrict(text: string): Piece | undefined {
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

function judge(
  piece: Piece,
  index: number,
  hardId: string,
  shape: RecordShape,
): { index: number; record: JsonObject } | Rejection {
  if (!piece.ok && "excess" in piece) {
    const { excess, text } = piece;
    return { index, code: excess, description: explainExcess(excess, shape.noun, shape.template), raw: text };
  }
  if (!piece.ok)
    return { index, code: "invalid_json", description: explainBreak(piece.position, shape), raw: piece.text };
  const { value } = piece;
  if (!isJsonObject(value)) {
    const description = `Each ${shape.noun} must be a JSON object, as the ${shape.template} writes it, and this is none.`;
    return { index, code: "not_an_object", description, raw: value };
  }
  const id = readHardId(shape.idHolder(value), hardId);
  if (!id.ok) return { index, code: "missing_hard_id", description: id.reason, raw: value };
  const fault = shape.fault?.(value);
  return fault ? { index, ...fault, raw: value } : { index, record: value };
}

/** The value is not quoted: it may be personal data. */
function explainBreak(position: number, { noun, template }: RecordShape): string {
  return (
    `This ${noun} is not valid JSON from character ${position + 1} on, most likely by a quotation mark inside a value. ` +
    `Paste the ${template} of the bloomreach in node anew: it prints values with | string | json, which no value breaks.`
  );
}

function templateNotFilled(
  { index, record }: { index: number; record: JsonObject },
  { template }: RecordShape,
): Rejection {
  return {
    index,
    code: "template_not_filled",
    description: `A value still holds a template that Bloomreach did not fill in: look for {{ in the ${template}.`,
    raw: record,
  };
}

function tooManyRecords(index: number, { noun }: RecordShape): Rejection {
  const most = MOST_RECORDS.toLocaleString("en-US");
  const description = `A webhook may bring ${most} ${noun}s, and this one comes after them: lower the batch size in Bloomreach.`;
  return { index, code: "too_many_records", description, raw: null };
}

function hasId(record: JsonObject, hardId: string): boolean {
  return [hardId, ...COMMON_ID_KEYS].some((key) => Object.hasOwn(record, key));
}

/** Bloomreach's batch test: nothing of any customer. Only a lone record may have fixed texts: many that have them are a real send. */
function isTest(pieces: readonly Piece[], batch: boolean, shape: RecordShape): boolean {
  const objects = pieces.map((piece) => (piece.ok && isJsonObject(piece.value) ? piece.value : undefined));
  if (objects.length === 0) return false;
  if (objects.every((record) => record !== undefined && isEmpty(record))) return true;
  const [lone] = objects;
  // A request that comes alone is tested with a customer, so that one without is a real one.
  return objects.length === 1 && lone !== undefined && (batch || shape !== REQUEST_RECORD) && isUnfilled(lone, shape);
}

function isEmpty(record: JsonObject): boolean {
  return Object.keys(record).length > 0 && leaves(record).every(isBlank);
}

/** Filled with nothing but the fixed texts of the template. */
function isUnfilled(record: JsonObject, { fixedFields }: RecordShape): boolean {
  const data = Object.entries(record).filter(([key, value]) => {
    const isFixed = fixedFields.includes(key) || (fixedFields.length > 0 && lacksTime(value));
    return !isFixed || endsWithTime(value);
  });
  return data.length > 0 && data.every(([, value]) => leaves(value).every(isBlank));
}

/** `send` and the key of an event end with the time of the event (Unix seconds) in a real send, and with nothing in a test. */
function endsWithTime(value: JsonValue): boolean {
  return typeof value === "string" && /-\d{9,}(\.\d+)?$/.test(value);
}

function lacksTime(value: JsonValue): boolean {
  return typeof value === "string" && value.includes("-") && isAbsentText(value.slice(value.lastIndexOf("-") + 1));
}

function isBlank(value: JsonValue): boolean {
  return value === null || isAbsentText(value) || (typeof value === "string" && value.includes("{{"));
}

function holdsTemplate(record: JsonObject): boolean {
  return leaves(record).some((value) => typeof value === "string" && value.includes("{{"));
}

/** What stands in a value that is neither a list nor an object. */
function leaves(root: JsonValue): JsonValue[] {
  const found: JsonValue[] = [];
  const waiting: JsonValue[] = [root];
  for (let value = waiting.pop(); value !== undefined; value = waiting.pop()) {
    if (typeof value === "object" && value !== null) for (const item of Object.values(value)) waiting.push(item);
    else found.push(value);
  }
  return found;
}
