import type { Node } from "node-red";
import type { JsonObject } from "../../../src/json";
import type { VoucherifyEvent } from "../../../src/schemas/voucherify-event";
import { eventPayload } from "../../../src/mapping/events/event-message";
import type { Handed } from "./reception";

/** How long a repeated event is known: by webhook, distribution or activity. */
export const SEEN_FOR_MS = 48 * 3_600_000;

/** Events of Voucherify as they are kept until the flow has taken them. */
export interface ReceivedEvents extends JsonObject {
  events: JsonObject[];
  /** What else stands on each message. */
  about: JsonObject;
}

/** What has to be kept of events. */
export function receivedEvents(events: readonly VoucherifyEvent[], about: JsonObject): ReceivedEvents {
  return { events: events.map(eventPayload), about };
}

/** Sends one message for each event; those that are none of a customer by the second output. */
export function emitEvents(node: Node, { events, about }: ReceivedEvents, handed: Handed): void {
  for (const payload of events) {
    const { kind, type, customer } = payload as { kind?: string; type: string; customer?: { source_id?: string } };
    const message = { ...structuredClone(about), ...handed, topic: kind ?? type, payload };
    if (kind !== undefined && customer?.source_id !== undefined) node.send([message, null]);
    else node.send([null, message]);
  }
}
