import type { Node } from "node-red";
import type { JsonObject } from "../../../src/json";
import { EVENT_KINDS, type EventKind, type VoucherifyEvent } from "../../../src/schemas/voucherify-event";
import { eventPayload } from "../../../src/voucherify/event-message";
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

/**
 * The first output of an event: those of customers, of the kinds that were chosen; the second of everything else.
 * @param kinds empty: all twelve
 */
export function outputOf(
  { kind, customer }: VoucherifyEvent,
  kinds: ReadonlySet<EventKind>,
): "events" | "others" | "none" {
  if (kind === undefined || customer?.sourceId === undefined) return "others";
  return kinds.size === 0 || kinds.has(kind) ? "events" : "none";
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

/** The kinds that a user chose. */
export function chosenKinds(kinds: unknown): ReadonlySet<EventKind> {
  const chosen = Array.isArray(kinds) ? (kinds as unknown[]) : [];
  return new Set(EVENT_KINDS.filter((kind) => chosen.includes(kind)));
}
