import { createHash } from "node:crypto";
import { independentKey } from "../../delivery/record-key";
import { isJsonObject, type JsonObject, type JsonValue } from "../../json";
import { freeCommand } from "../../mapping/events/free-event";
import { idSyncCommand } from "../../mapping/customers/id-sync-commands";
import type { Omission } from "../../mapping/values/omissions";
import { commandsFor, type EventMapping } from "../../mapping/events/event-commands";
import type { TrackingCommand } from "../../schemas/tracking";
import { eventOf, publicationEvent } from "../../mapping/events/event-message";
import { type TrackingRecord, trackingRecord } from "./tracking-record";

/** One command on its way to Bloomreach, and what was left out of it. */
export interface TrackingWork extends TrackingRecord {
  omitted: JsonObject[];
}

/** What becomes of one item of a message. */
export type Forwarding =
  | { readonly kind: "records"; readonly records: { readonly key: string; readonly body: TrackingWork }[] }
  /** Nothing to send, and nothing wrong. */
  | { readonly kind: "held"; readonly reason: string; readonly named?: Named }
  | { readonly kind: "failed"; readonly key: string; readonly reason: string; readonly named?: Named };

/** Whose an item was, where that is known. */
interface Named {
  readonly source_id: string;
}

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
  if (typeof item.source_id === "string" && UPSERTED.has(item.status))
    return forwardId({ ...item, source_id: item.source_id }, mapping);
  const free = freeCommand(item, mapping.hardId, receivedAt);
  if (!free.ok) return { kind: "failed", key: "not_an_event", reason: free.reason };
  return recordsOf([free.command], mapping.hardId, free.omitted);
}

/**
 * What customer upsert says of a customer, and event forward of an event: in Voucherify, taken by the hosted gateway, or not
 * sent in test mode.
 */
const UPSERTED = new Set<JsonValue | undefined>(["delivered", "accepted", "held"]);

/** Stores the ID of a customer that a customer upsert has sent; its want is no success. */
function forwardId(
  { source_id, status, id, event }: JsonObject & { readonly source_id: string },
  { idSync, hardId }: EventMapping,
): Forwarding {
  const named = { source_id };
  if (!idSync) return { kind: "held", named, reason: "Sync of Voucherify's customer ID is off." };
  if (event !== undefined) return { kind: "held", named, reason: "The result of an event has no ID to store." };
  if (typeof id === "string")
    return recordsOf([idSyncCommand({ sourceId: source_id, voucherifyId: id }, hardId, idSync)], hardId, []);
  if (status === "held")
    return { kind: "held", named, reason: "The customer was not sent to Voucherify, so there is no ID to store." };
  const key = "voucherify_id_unknown";
  const cause =
    status === "accepted"
      ? 'the hosted gateway tells no IDs. In the voucherify account, under Advanced, let customers go by "Voucherify\'s API".'
      : "it could not be read. Send this customer from Bloomreach once more: a repeated update does no harm.";
  return {
    kind: "failed",
    named,
    key,
    reason: `Voucherify's ID of the customer ${source_id} was not stored in Bloomreach, because ${cause}`,
  };
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
