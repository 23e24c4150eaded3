import { heldForTest, isHeld, type JudgedItem } from "./judged";
import { isJsonObject, type JsonValue } from "../../json";
import { customEvent } from "../../mapping/events/custom-event";
import { type ConfirmedRecord, type DeliveredResult, omissionsOf, resultsOf } from "./delivered-result";
import type { CustomEvent } from "../custom-event";

/**
 * Says whether an event of Bloomreach can be delivered, or why it needs no call.
 * @param hardId name of the Main Hard ID
 * @param testCustomers when not empty, only events of these `source_id`s are delivered
 */
export function judgeCustomEvent(
  item: JsonValue,
  hardId: string,
  testCustomers: ReadonlySet<string>,
): JudgedItem<CustomEvent> {
  if (!isJsonObject(item))
    return { failed: true, result: { key: "not_an_object", reason: "An event must be an object with fields." } };
  const reading = customEvent(item, hardId);
  if (!reading.ok) return { failed: true, result: { key: "not_an_event", reason: reading.reason } };
  const { sourceId, event, body, omitted } = reading;
  if (isHeld(testCustomers, sourceId)) return heldForTest(sourceId);
  const told = omitted.length > 0 && { omitted };
  return { records: [{ key: sourceId, body: { sourceId, event, body: JSON.stringify(body), ...told } }] };
}

/** What a message says of events that were delivered. */
export function deliveredEvents(delivered: readonly ConfirmedRecord<unknown>[]): DeliveredResult {
  const payload = resultsOf(delivered);
  return {
    payload,
    omitted: payload.flatMap(({ source_id = null, event = null, omitted }) =>
      omissionsOf({ source_id, event }, omitted),
    ),
  };
}
