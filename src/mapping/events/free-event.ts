import { isJsonObject, type JsonObject, type JsonValue } from "../../json";
import type { TrackingCommand } from "../../schemas/tracking";
import { idsOf } from "../customers/customer-ids";
import type { Omission } from "../values/omissions";
import { withinLimits } from "../values/size-limits";

/** Unix seconds have ten digits until the year 2286; what has more is milliseconds. */
const FIRST_MILLISECONDS = 100_000_000_000;

export type FreeEvent =
  | { readonly ok: true; readonly command: TrackingCommand; readonly omitted: readonly Omission[] }
  | { readonly ok: false; readonly reason: string };

/**
 * Bloomreach's command for any message: `{ <Main Hard ID> | customer_ids, event, properties, time }` is an event, the same
 * without `event` updates properties of the customer. Properties that Bloomreach has no room for are left out.
 * @param hardId name of the Main Hard ID in Bloomreach
 * @param receivedAt Unix ms: the time of an event that has none
 */
export function freeCommand(payload: JsonObject, hardId: string, receivedAt: number): FreeEvent {
  const customer_ids = idsOf(payload, hardId);
  if (Object.keys(customer_ids).length === 0)
    return {
      ok: false,
      reason: `The event has no customer: give "${hardId}" or "customer_ids" with an ID that has a letter or digit.`,
    };
  const name = payload.event ?? payload.event_type;
  const given = payload.properties ?? {};
  if (!isJsonObject(given)) return { ok: false, reason: '"properties" must be an object.' };
  const when = payload.time ?? payload.timestamp;
  const time = when === undefined || when === null || when === "" ? undefined : secondsOf(when);
  if (time === null) return { ok: false, reason: '"time" must be a Unix time or a date such as 2026-11-23T10:42:00Z.' };
  if (name === undefined || name === null) {
    if (Object.keys(given).length === 0)
      return { ok: false, reason: 'The message has neither "event" nor "properties", so there is nothing to send.' };
    const { properties, omitted } = withinLimits(given, "An update");
    if (Object.keys(properties).length === 0)
      return {
        ok: false,
        reason: `None of the properties can be sent. ${omitted[0]?.reason ?? "They have no values."}`,
      };
    const data = { customer_ids, properties, ...(time !== undefined && { update_timestamp: time }) };
    return { ok: true, command: { name: "customers", data }, omitted };
  }
  if (typeof name !== "string" || name.trim() === "")
    return { ok: false, reason: '"event" must be the name of the event, as a text.' };
  const timestamp = time ?? receivedAt / 1_000;
  const { properties, omitted } = withinLimits(given, "An event");
  return {
    ok: true,
    command: { name: "customers/events", data: { customer_ids, event_type: name.trim(), properties, timestamp } },
    omitted,
  };
}

/** Unix seconds of a time in seconds, milliseconds or ISO 8601; null when it is none. */
function secondsOf(time: JsonValue): number | null {
  const number = typeof time === "string" && /^\d+(\.\d+)?$/.test(time.trim()) ? Number(time) : time;
  if (typeof number === "number") {
    if (!Number.isFinite(number) || number <= 0) return null;
    return number >= FIRST_MILLISECONDS ? number / 1_000 : number;
  }
  const at = typeof number === "string" ? Date.parse(number) : NaN;
  return Number.isNaN(at) ? null : at / 1_000;
}
