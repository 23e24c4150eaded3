import { isJsonObject, type JsonObject, type JsonValue } from "../../json";
import { isAbsentText } from "../../schemas/absent";
import { type RecordShape, REQUEST_RECORD } from "./record-shapes";
import type { BodyPiece } from "./salvage";

/** Bloomreach's batch test: nothing of any customer. Only a lone record may have fixed texts: many that have them are a real send. */
export function isTest(pieces: readonly BodyPiece[], batch: boolean, shape: RecordShape): boolean {
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

/** Whether a value of the record is still a template. */
export function holdsTemplate(record: JsonObject): boolean {
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
