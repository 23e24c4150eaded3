import { isJsonObject, type JsonObject, type JsonValue } from "../../json";
import { isAbsentText } from "../../schemas/absent";
import { COMMON_ID_KEYS, readHardId } from "../../schemas/hard-id";
import { mustBe, type Omission, Omissions } from "../values/omissions";

/** The longest name of a custom event (docs.voucherify.io/api-reference/events/track-custom-event). */
const LONGEST_NAME = 300;
/** By this name bloomreach in knows a repeated webhook: it is no part of the event, and is used up. */
const EVENT_KEY = "event_key";
const FIELDS: readonly string[] = ["event", "customer", "metadata", "referral", "loyalty", EVENT_KEY];

export type CustomEventReading =
  | {
      readonly ok: true;
      readonly sourceId: string;
      readonly event: string;
      readonly body: JsonObject;
      readonly omitted: readonly Omission[];
    }
  | { readonly ok: false; readonly reason: string };

/**
 * The body of `POST /v1/events` for an event of Bloomreach: `{ event, customer: { <Main Hard ID> }, metadata, referral, loyalty }`,
 * the shape of the hosted integration (support.voucherify.io/article/613-bloomreach-engagement-integration). Values that are
 * missing in Bloomreach are left out. Everything else of the event has no place in Voucherify, and is reported.
 * @param hardId name of the Main Hard ID
 */
export function customEvent(record: JsonObject, hardId: string): CustomEventReading {
  const event = typeof record.event === "string" ? record.event.trim() : "";
  if (isAbsentText(event)) return { ok: false, reason: 'The event has no name: "event" must be a text.' };
  if (event.length > LONGEST_NAME)
    return { ok: false, reason: `The name of the event is longer than ${LONGEST_NAME} characters.` };
  const customer = isJsonObject(record.customer) ? record.customer : undefined;
  const id = readHardId(customer ?? record, hardId);
  if (!id.ok) return { ok: false, reason: id.reason };
  const omissions = new Omissions();
  const idKeys = [hardId, ...COMMON_ID_KEYS];
  report(omissions, record, "", [...FIELDS, ...(customer ? [] : idKeys)], AS_METADATA);
  report(omissions, customer, "customer.", idKeys, AS_CUSTOMER_UPDATE);
  const metadata = filled(record, "metadata", omissions);
  const referral = filled(record, "referral", omissions, ["code", "referrer_id"]);
  const loyalty = filled(record, "loyalty", omissions, ["code"]);
  const isReferred = referral !== undefined && typeof referral.code === "string";
  if (referral && !isReferred) omissions.add("referral", 'A referral needs a "code" that is a text.');
  return {
    ok: true,
    sourceId: id.sourceId,
    event,
    body: {
      event,
      customer: { source_id: id.sourceId },
      ...(isReferred && { referral }),
      ...(loyalty && { loyalty }),
      ...(metadata && { metadata }),
    },
    omitted: omissions.list(),
  };
}

const AS_METADATA = (key: string): string =>
  `"${key}" is no part of an event in Voucherify: put it under metadata if it belongs to the event.`;
const AS_CUSTOMER_UPDATE = (key: string): string =>
  `An event names its customer by the ID alone: send "${key}" as a customer update, with customer upsert.`;

/** Reports every value of an object that is there under none of the known keys. */
function report(
  omissions: Omissions,
  object: JsonObject | undefined,
  prefix: string,
  known: readonly string[],
  reason: (key: string) => string,
): void {
  for (const [key, value] of Object.entries(object ?? {}))
    if (!known.includes(key) && isThere(value)) omissions.add(`${prefix}${key}`, reason(`${prefix}${key}`));
}

/** The values of an object that are there; undefined when none is. */
function filled(
  record: JsonObject,
  field: string,
  omissions: Omissions,
  keys?: readonly string[],
): JsonObject | undefined {
  const object = record[field];
  if (!isJsonObject(object)) {
    if (object !== undefined && isThere(object)) omissions.add(field, mustBe(`"${field}"`, "an object", object));
    return undefined;
  }
  if (keys)
    report(
      omissions,
      object,
      `${field}.`,
      keys,
      (key) => `Voucherify does not take "${key}": ${field} has ${keys.join(" and ")}.`,
    );
  const entries = Object.entries(object).filter(
    ([key, value]) => isThere(value) && (keys === undefined || keys.includes(key)),
  );
  return entries.length > 0 ? Object.fromEntries(entries) : undefined;
}

/** Not null, and not what Bloomreach writes where it has no value. */
function isThere(value: JsonValue): boolean {
  return value !== null && !isAbsentText(value);
}
