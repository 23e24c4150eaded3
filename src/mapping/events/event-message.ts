import { isJsonObject, type JsonObject, type JsonValue } from "../../json";
import { EVENT_KINDS, type EventKind, type VoucherifyEvent } from "../../schemas/voucherify-event";

/** An event as it runs through flows: plain JSON, with the names that Voucherify uses. */
export function eventPayload({ kind, customer, ...event }: VoucherifyEvent): JsonObject {
  return {
    ...(kind && { kind }),
    type: event.type,
    id: event.id,
    ...(event.sameAs !== undefined && { same_as: event.sameAs }),
    created_at: event.createdAt,
    ...(customer && {
      customer: {
        ...(customer.id !== undefined && { id: customer.id }),
        ...(customer.sourceId !== undefined && { source_id: customer.sourceId }),
      },
    }),
    ...(event.causedBy !== undefined && { caused_by: event.causedBy }),
    data: event.data,
  };
}

/** The event of such a payload; undefined for anything else. */
export function eventOf(payload: JsonValue): VoucherifyEvent | undefined {
  if (!isJsonObject(payload)) return undefined;
  const { kind, type, id, same_as, created_at, customer, caused_by, data } = payload;
  if (typeof type !== "string" || typeof id !== "string" || typeof created_at !== "string" || !isJsonObject(data))
    return undefined;
  const person = isJsonObject(customer) ? customer : {};
  return {
    ...(isKind(kind) && { kind }),
    type,
    id,
    ...(typeof same_as === "string" && { sameAs: same_as }),
    createdAt: created_at,
    customer: {
      ...(typeof person.id === "string" && { id: person.id }),
      ...(typeof person.source_id === "string" && { sourceId: person.source_id }),
    },
    ...(typeof caused_by === "string" && { causedBy: caused_by }),
    data,
  };
}

/**
 * The event that a publication is, for a flow that has published itself: Voucherify's answer to the publication holds all
 * that its webhook would (docs.voucherify.io/api-reference/publications/create-publication). Undefined for anything else.
 */
export function publicationEvent(payload: JsonValue): VoucherifyEvent | undefined {
  if (!isJsonObject(payload) || payload.object !== "publication" || typeof payload.created_at !== "string")
    return undefined;
  const { id, created_at, customer_id, tracking_id, result, voucher, campaign, ...publication } = payload;
  const customer = isJsonObject(payload.customer) ? payload.customer : {};
  const sourceId = customer.source_id ?? tracking_id;
  const failed = result === "FAILURE";
  const kind = failed ? "customer.publication.failed" : "customer.publication.succeeded";
  const name = [id, payload.source_id].find((one) => typeof one === "string") ?? "";
  return {
    kind,
    type: kind,
    id: name,
    sameAs: `${kind} ${name}`,
    createdAt: created_at,
    customer: {
      ...(typeof customer_id === "string" && { id: customer_id }),
      ...(typeof sourceId === "string" && { sourceId }),
    },
    data: {
      customer,
      ...(voucher !== undefined && { voucher }),
      ...campaignIn(voucher, campaign),
      publication: { ...publication, ...(id !== undefined && { id }), result: result ?? "SUCCESS", created_at },
    },
  };
}

/** The campaign of the code; where there is no code, the one that was asked for. */
function campaignIn(voucher: JsonValue | undefined, campaign: JsonValue | undefined): JsonObject {
  if (isJsonObject(voucher) && voucher.campaign_id !== undefined)
    return { campaign: { id: voucher.campaign_id, name: voucher.campaign ?? null } };
  return isJsonObject(campaign) ? { campaign } : {};
}

function isKind(value: JsonValue | undefined): value is EventKind {
  return (EVENT_KINDS as readonly unknown[]).includes(value);
}
