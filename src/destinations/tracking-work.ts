import { createHash } from "node:crypto";
import { independentKey } from "../delivery/record-key";
import { isJsonObject, type JsonObject, type JsonValue } from "../json";
import { freeCommand } from "../mapping/free-event";
import { idSyncCommand } from "../mapping/id-sync";
import type { Omission } from "../mapping/omissions";
import { commandsFor, type EventMapping } from "../mapping/voucherify-event";
import type { TrackingCommand } from "../schemas/tracking";
import { eventOf, publicationEvent } from "../voucherify/event-message";
import { type TrackingRecord, trackingRecord } from "./bloomreach-tracking";

/** One command on its way to Bloomreach, and what was left out of it. */
export interface TrackingWork extends TrackingRecord {
  omitted: JsonObject[];
}

/** What becomes of one item of a message. */
export type Forwarding =
  | { readonly kind: "records"; readonly records: { readonly key: string; readonly body: TrackingWork }[] }
  /** Nothing to send, and nothing wrong. */
  | { readonly kind: "held"; readonly reason: string }
  | { readonly kind: "failed"; readonly key: string; readonly reason: string };

/**
 * Makes Bloomreach's commands of what a flow brings: an event of Voucherify, a publication, the result of a customer upsert
 * (for its Voucherify ID), or any `{ customer ids, event, properties, time }`. The same item always gives the same bytes.
 * @param receivedAt time of an item that has none, Unix ms; must be the same when the item comes again
 */
export function forwardToBloomreach(item: JsonValue, mapping: EventMapping, receivedAt: number): Forwarding {
  if (!isJsonObject(item))
    return { kind: "failed", key: "not_an_object", reason: "An event must be an object with fields." };
  const event = eventOf(item) ?? publicationEvent(item);
  if (event) {
    const mapped = commandsFor(event, mapping);
    if (!mapped.ok) return { kind: "failed", key: "not_forwarded", reason: mapped.reason };
    return recordsOf(mapped.commands, mapping.hardId, mapped.omitted);
  }
  if (typeof item.source_id === "string" && (item.status === "delivered" || item.status === "held")) {
    if (!mapping.idSync) return { kind: "held", reason: "Sync of Voucherify's customer ID is off." };
    if (typeof item.id !== "string") return { kind: "held", reason: "Voucherify's customer ID is not known here." };
    const ids = { sourceId: item.source_id, voucherifyId: item.id };
    return recordsOf([idSyncCommand(ids, mapping.hardId, mapping.idSync)], mapping.hardId, []);
  }
  const free = freeCommand(item, mapping.hardId, receivedAt);
  if (!free.ok) return { kind: "failed", key: "not_an_event", reason: free.reason };
  return recordsOf([free.command], mapping.hardId, free.omitted);
}

function recordsOf(commands: readonly TrackingCommand[], hardId: string, omitted: readonly Omission[]): Forwarding {
  if (commands.length === 0) return { kind: "held", reason: "There was nothing to send." };
  const records = commands.map((command, place) => {
    const commandId = createHash("sha256").update(JSON.stringify(command)).digest("hex").slice(0, 24);
    const ids = command.data.customer_ids;
    const customer = ids[hardId] ?? Object.values(ids)[0] ?? "";
    const body = {
      ...trackingRecord(command, commandId),
      omitted: place === 0 ? omitted.map((one) => ({ ...one })) : [],
    };
    return { key: independentKey(customer, commandId), body };
  });
  return { kind: "records", records };
}
