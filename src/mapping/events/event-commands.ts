import type { JsonObject } from "../../json";
import type { CustomerCommand, TrackingCommand } from "../../schemas/tracking";
import type { EventKind, VoucherifyEvent } from "../../schemas/voucherify-event";
import { Attributes } from "../values/attributes";
import { factsOf } from "./event-facts";
import { DEFAULT_EVENT_NAMES } from "./event-names";
import { CUSTOMER_PROPERTIES } from "./customer-properties";
import { eventProperties } from "./flat-properties";
import { customerIds, type IdSync } from "../customers/id-sync-commands";
import { isUsableId } from "../customers/customer-ids";
import type { Omission } from "../values/omissions";

/** How Voucherify's events become Bloomreach's. */
export interface EventMapping {
  readonly send: "event" | "properties" | "both";
  /** Own event names; the others have their usual ones. */
  readonly names: Partial<Record<EventKind, string>>;
  /** Name of the Main Hard ID in Bloomreach, whose value is the source id. */
  readonly hardId: string;
  /** ISO 4217 of the project. */
  readonly currency: string;
  readonly idSync?: IdSync;
}

type KnownEvent = VoucherifyEvent & { readonly kind: EventKind };

export type MappedEvent =
  | { readonly ok: true; readonly commands: TrackingCommand[]; readonly omitted: Omission[] }
  /** @property reason a sentence that names no value */
  | { readonly ok: false; readonly reason: string };

/**
 * Bloomreach's commands for an event of Voucherify: the event, with flat properties and its own time, and what it says of the
 * customer. The same event always gives the same bytes, so that Bloomreach removes a repetition
 * (documentation.bloomreach.com/engagement/docs/imports-technical-reference, event deduplication).
 */
export function commandsFor(event: VoucherifyEvent, mapping: EventMapping): MappedEvent {
  const { kind, customer } = event;
  if (kind === undefined)
    return { ok: false, reason: `Events of the type "${event.type}" are not sent to Bloomreach.` };
  const sourceId = customer?.sourceId?.trim() ?? "";
  if (!isUsableId(sourceId))
    return { ok: false, reason: "The event has no customer with a source ID, so Bloomreach cannot know whose it is." };
  const at = Date.parse(event.createdAt);
  if (Number.isNaN(at)) return { ok: false, reason: "The event has no time that can be read." };
  const ids = idsOf(sourceId, customer?.id, mapping);
  const known = { ...event, kind };
  const properties = eventProperties(known, mapping.currency);
  const told = customerProperties(known, mapping, at / 1_000);
  const commands: TrackingCommand[] = [];
  if (mapping.send !== "properties")
    commands.push({
      name: "customers/events",
      data: {
        customer_ids: ids,
        event_type: mapping.names[kind]?.trim() || DEFAULT_EVENT_NAMES[kind],
        properties: properties.toJson(),
        timestamp: at / 1_000,
      },
    });
  if (told)
    commands.push({ name: "customers", data: { customer_ids: ids, properties: told, update_timestamp: at / 1_000 } });
  return { ok: true, commands, omitted: mapping.send === "properties" ? [] : properties.omitted };
}

function idsOf(
  sourceId: string,
  voucherifyId: string | undefined,
  { hardId, idSync }: EventMapping,
): CustomerCommand["data"]["customer_ids"] {
  return idSync && voucherifyId !== undefined
    ? customerIds({ sourceId, voucherifyId }, hardId, idSync)
    : { [hardId]: sourceId };
}

/** What an event says of the customer; undefined for nothing. */
function customerProperties(
  event: KnownEvent,
  { send, idSync, currency }: EventMapping,
  at: number,
): JsonObject | undefined {
  const all = new Attributes();
  if (send !== "event") {
    const facts = factsOf(event, currency);
    for (const { name, kinds, value } of CUSTOMER_PROPERTIES)
      if (kinds.includes(event.kind)) all.add(name, value(event.data, facts, at));
  }
  if (idSync?.as === "property") all.add(idSync.name, event.customer?.id);
  return all.size > 0 ? all.toJson() : undefined;
}
