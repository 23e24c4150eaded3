import { isJsonObject, type JsonObject, type JsonValue } from "../json";
import { EVENT_KINDS, type EventKind, type VoucherifyEvent } from "../schemas/voucherify-event";

/** What every way that an event comes by writes around the event's data. */
export interface EventWrapping {
  readonly type: string;
  readonly id: string;
  /** When it happened, from the best source to the worst; the first one that is a time counts. */
  readonly times: readonly (JsonValue | undefined)[];
  /** Id of the object that it is about, where the wrapping names it. */
  readonly entityId?: JsonValue;
  readonly source?: JsonValue;
  /** Unix ms, for an event that tells no time. */
  readonly readAt: number;
}

/** One event out of its data and what was around it. @param kind undefined for none of the twelve */
export function eventFrom(data: JsonObject, kind: EventKind | undefined, wrapping: EventWrapping): VoucherifyEvent {
  const { type, id, times, entityId, source, readAt } = wrapping;
  const customer = customerOf(data, entityId);
  const sameAs = kind && sameAsOf(kind, data, entityId);
  const causedBy = textAt(source, "api_key", "app_id");
  return {
    ...(kind && { kind }),
    type,
    id,
    ...(sameAs !== undefined && { sameAs }),
    createdAt: [...times, timeIn(data, kind)].find(isTime) ?? new Date(readAt).toISOString(),
    ...(customer && { customer }),
    ...(causedBy !== undefined && { causedBy }),
    data,
  };
}

/** Kinds by the names that project webhooks give them, where these are others. */
const PROJECT_TYPES: Readonly<Record<string, EventKind>> = {
  "redemption.succeeded": "customer.redemption.succeeded",
  "redemption.failed": "customer.redemption.failed",
  "redemption.rollback.succeeded": "customer.redemption.rollback.succeeded",
  "redemption.rollback.failed": "customer.redemption.rollback.failed",
  "publication.succeeded": "customer.publication.succeeded",
};

/** The kind of a type as webhooks and the activity of customers write it. */
export function kindOfType(type: string): EventKind | undefined {
  if (Object.hasOwn(PROJECT_TYPES, type)) return PROJECT_TYPES[type];
  return EVENT_KINDS.find((kind) => kind === type);
}

/**
 * The kind of an event that came without its type, by the objects it holds. Only where no other event of Voucherify looks
 * the same: orders and referrals hold redemptions too, but also a `referrer`; manual distributions hold a `distribution`.
 */
export function kindByShape(data: JsonObject): EventKind | undefined {
  if (Object.hasOwn(data, "referrer") || Object.hasOwn(data, "distribution")) return undefined;
  if (idAt(data, "redemption_rollback")?.startsWith("rr_")) return "customer.redemption.rollback.succeeded";
  if (idAt(data, "redemption_rollback")?.startsWith("rrf_")) return "customer.redemption.rollback.failed";
  if (isJsonObject(data.reward_redemption))
    return data.reward_redemption.state === "COMPLETED" ? "customer.reward_redemptions.completed" : undefined;
  if (idAt(data, "earning_rule")?.startsWith("ern_") && isJsonObject(data.balance))
    return "customer.rewarded.loyalty_points";
  if (idAt(data, "reward")?.startsWith("rew_")) return "customer.rewarded";
  if (idAt(data, "publication")?.startsWith("pub_")) {
    const failed = textAt(data, "publication", "result") === "FAILURE";
    return failed ? "customer.publication.failed" : "customer.publication.succeeded";
  }
  if (idAt(data, "redemption")?.startsWith("r_")) return "customer.redemption.succeeded";
  if (idAt(data, "redemption")?.startsWith("rf_")) return "customer.redemption.failed";
  return undefined;
}

/** The object that an event of a kind is about, and how its ids begin. */
const OBJECTS: Readonly<Partial<Record<EventKind, { readonly name: string; readonly prefix: string }>>> = {
  "customer.redemption.succeeded": { name: "redemption", prefix: "r_" },
  "customer.redemption.failed": { name: "redemption", prefix: "rf_" },
  "customer.redemption.rollback.succeeded": { name: "redemption_rollback", prefix: "rr_" },
  "customer.redemption.rollback.failed": { name: "redemption_rollback", prefix: "rrf_" },
  "customer.reward_redemptions.created": { name: "reward_redemption", prefix: "rewr_" },
  "customer.reward_redemptions.completed": { name: "reward_redemption", prefix: "rewr_" },
  "customer.publication.succeeded": { name: "publication", prefix: "pub_" },
  "customer.publication.failed": { name: "publication", prefix: "pub_" },
  "customer.validation.succeeded": { name: "validation", prefix: "valid_" },
  "customer.validation.failed": { name: "validation", prefix: "valid_" },
};

/**
 * Kind and object id. Webhook and activity give the same event different event ids, but write the same object into it.
 * Undefined where no id tells the event from every other one.
 */
function sameAsOf(kind: EventKind, data: JsonObject, entityId: JsonValue | undefined): string | undefined {
  const object = OBJECTS[kind];
  // What a user has made of the data in the payload designer may leave the object out; then the wrapping may name it.
  const entity = object && typeof entityId === "string" && entityId.startsWith(object.prefix) ? entityId : undefined;
  const id = object ? (idAt(data, object.name) ?? entity) : rewardedFor(kind, data);
  return id === undefined ? undefined : `${kind} ${id}`;
}

/** A reward is no object with an id of its own: what it was given for, by which rule, and to whom tell it from others. */
function rewardedFor(kind: EventKind, data: JsonObject): string | undefined {
  const isPoints = kind === "customer.rewarded.loyalty_points";
  const cause = isPoints ? idAt(data, "event") : (idAt(data, "redemption") ?? idAt(data, "custom_event"));
  const rule = isPoints
    ? idAt(data, "earning_rule")
    : (textAt(data, "reward", "assignment_id") ?? idAt(data, "reward"));
  if (cause === undefined || rule === undefined) return undefined;
  const others = [
    idAt(data, "customer"),
    idAt(data, "voucher"),
    idAt(data, isPoints ? "loyalty_tier" : "referral_tier"),
  ];
  return [cause, rule, ...others].filter((id) => id !== undefined).join("+");
}

/** The customer of an event; some leave out the object and name it inside another one. */
function customerOf(data: JsonObject, entityId: JsonValue | undefined): VoucherifyEvent["customer"] {
  for (const place of [data, data.redemption_rollback, data.redemption, data.publication]) {
    const id = textAt(place, "customer", "id");
    const sourceId = textAt(place, "customer", "source_id");
    if (id !== undefined || sourceId !== undefined)
      return { ...(id !== undefined && { id }), ...(sourceId !== undefined && { sourceId }) };
  }
  return typeof entityId === "string" && entityId.startsWith("cust_") ? { id: entityId } : undefined;
}

function timeIn(data: JsonObject, kind: EventKind | undefined): JsonValue | undefined {
  const object = kind && OBJECTS[kind] && data[OBJECTS[kind].name];
  return [textAt(object, "date"), textAt(object, "created_at"), data.created_at].find(isTime);
}

function isTime(value: JsonValue | undefined): value is string {
  return typeof value === "string" && !Number.isNaN(Date.parse(value));
}

function idAt(data: JsonObject, name: string): string | undefined {
  return textAt(data, name, "id");
}

/** The text at a path of keys; undefined where there is none, or a blank one. */
function textAt(value: JsonValue | undefined, ...path: readonly string[]): string | undefined {
  for (const key of path) value = isJsonObject(value) && Object.hasOwn(value, key) ? value[key] : undefined;
  return typeof value === "string" && value.trim() !== "" ? value : undefined;
}
