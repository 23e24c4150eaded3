import { isJsonObject, type JsonObject, type JsonValue } from "../../json";
import { readHardId } from "../../schemas/hard-id";
import { holdsTemplate, isTest } from "./batch-test";
import { readPieces } from "./body-pieces";
import { type Excess, explainExcess, MOST_RECORDS } from "./record-limits";
import { CUSTOMER_RECORD, type RecordShape } from "./record-shapes";
import type { BodyPiece } from "./salvage";

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

function judge(
  piece: BodyPiece,
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
