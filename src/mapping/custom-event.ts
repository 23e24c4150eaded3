import { isJsonObject, type JsonObject, type JsonValue } from "../json";
import { isAbsentText } from "../schemas/absent";
import { readHardId } from "../schemas/hard-id";

/** The longest name of a custom event (docs.voucherify.io/api-reference/events/track-custom-event). */
const LONGEST_NAME = 300;

export type CustomEventReading =
  | { readonly ok: true; readonly sourceId: string; readonly event: string; readonly body: JsonObject }
  | { readonly ok: false; readonly reason: string };

/**
 * The body of `POST /v1/events` for an event of Bloomreach: `{ event, customer: { <Main Hard ID> }, metadata, referral, loyalty }`,
 * the shape of the hosted integration (support.voucherify.io/article/613-bloomreach-engagement-integration). Values that are
 * missing in Bloomreach are left out. Everything else of the event has no place in Voucherify.
 * @param hardId name of the Main Hard ID
 */
export function customEvent(record: JsonObject, hardId: string): CustomEventReading {
  const event = typeof record.event === "string" ? record.event.trim() : "";
  if (isAbsentText(event)) return { ok: false, reason: 'The event has no name: "event" must be a text.' };
  if (event.length > LONGEST_NAME)
    return { ok: false, reason: `The name of the event is longer than ${LONGEST_NAME} characters.` };
  const id = readHardId(isJsonObject(record.customer) ? record.customer : record, hardId);
  if (!id.ok) return { ok: false, reason: id.reason };
  const metadata = filled(record.metadata);
  const referral = filled(record.referral, ["code", "referrer_id"]);
  const loyalty = filled(record.loyalty, ["code"]);
  return {
    ok: true,
    sourceId: id.sourceId,
    event,
    body: {
      event,
      customer: { source_id: id.sourceId },
      ...(referral && typeof referral.code === "string" && { referral }),
      ...(loyalty && { loyalty }),
      ...(metadata && { metadata }),
    },
  };
}

/** The values of an object that are there; undefined when none is. */
function filled(object: JsonValue | undefined, keys?: readonly string[]): JsonObject | undefined {
  if (!isJsonObject(object)) return undefined;
  const entries = Object.entries(object).filter(
    ([key, value]) => value !== null && !isAbsentText(value) && (keys === undefined || keys.includes(key)),
  );
  return entries.length > 0 ? Object.fromEntries(entries) : undefined;
}
