import type { EventKind, VoucherifyEvent } from "../../schemas/voucherify-event";
import { Attributes } from "../values/attributes";
import { factsOf } from "./event-facts";
import { EVENT_PROPERTIES } from "./event-properties";

/** Ends a name in the table that is the beginning of names. */
const KEY = "<key>";

/** The flat properties of an event, each where the table says that its kind can have it. @param currency ISO 4217 */
export function eventProperties(event: VoucherifyEvent & { readonly kind: EventKind }, currency: string): Attributes {
  const all = new Attributes();
  const facts = factsOf(event, currency);
  for (const { name, kinds, value } of EVENT_PROPERTIES) {
    if (!kinds.includes(event.kind)) continue;
    if (name.endsWith(KEY)) all.addAll(name.slice(0, -KEY.length), value(facts));
    else all.add(name, value(facts));
  }
  return all;
}
