import { isJsonObject, type JsonObject, type JsonValue } from "../json";
import type { CustomerCommand, TrackingCommand } from "../schemas/tracking";
import type { EventKind, VoucherifyEvent } from "../schemas/voucherify-event";
import { Attributes } from "./attributes";
import { DEFAULT_EVENT_NAMES } from "./event-names";
import { customerIds, type IdSync } from "./id-sync";
import { isUsableId } from "./customer-ids";
import { majorUnits } from "./money";
import type { Omission } from "./omissions";

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
  const properties = eventProperties(event, mapping.currency);
  const told = customerProperties(kind, event, mapping, at / 1_000);
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

/** The flat properties of an event; docs/events.md lists them. */
function eventProperties({ id, kind, data }: VoucherifyEvent, currency: string): Attributes {
  const all = new Attributes();
  const { redemption, redemption_rollback, publication, reward_redemption, validation, order, reward, balance } = data;
  const voucher = voucherOf(data);
  const money = (minor: JsonValue | undefined): number | undefined =>
    typeof minor === "number" ? majorUnits(minor, currency) : undefined;
  const subject = [redemption_rollback, redemption, publication, reward_redemption, validation].find(isJsonObject);

  all.add("voucherify_event_id", id);
  all.add("source", "voucherify");
  all.add(
    "status",
    at(redemption, "status") ?? at(reward_redemption, "state") ?? at(validation, "status") ?? at(publication, "result"),
  );
  all.add("voucher_code", textOf(codeOf(data)));
  all.add("voucher_id", at(voucher, "id"));
  all.add("voucher_type", at(voucher, "type"));
  all.add("voucher_value", money(at(at(voucher, "discount"), "amount_off") ?? at(at(voucher, "gift"), "amount")));
  all.add("voucher_percentage", at(at(voucher, "discount"), "percent_off"));
  all.add("campaign_id", at(data.campaign, "id") ?? at(voucher, "campaign_id"));
  all.add("campaign_name", at(data.campaign, "name") ?? at(voucher, "campaign"));
  all.add("promotion_tier_id", at(data.promotion_tier, "id"));
  all.add("promotion_tier_name", at(data.promotion_tier, "name"));
  all.add("redemption_id", at(redemption_rollback, "redemption") ?? at(redemption, "id"));
  all.add("redemption_rollback_id", at(redemption_rollback, "id"));
  all.add("rollback_reason", at(redemption_rollback, "reason"));
  all.add("publication_id", at(publication, "id"));
  all.add("reward_redemption_id", at(reward_redemption, "id"));
  all.add("validation_id", at(validation, "id"));
  all.add("order_id", at(order, "id"));
  all.add("order_source_id", textOf(at(order, "source_id")));
  const total = money(at(order, "total_amount") ?? at(order, "amount"));
  const discount = money(at(order, "total_applied_discount_amount") ?? at(order, "total_discount_amount"));
  all.add("total_price", total);
  all.add("total_discount", discount);
  if (
    [total, discount, money(at(at(voucher, "discount"), "amount_off")), money(at(at(voucher, "gift"), "amount"))].some(
      (one) => one !== undefined,
    )
  )
    all.add("local_currency", currency);
  all.add("failure_code", at(subject, "failure_code"));
  all.add("failure_message", at(subject, "failure_message"));
  all.add("points", at(balance, "points") ?? at(at(at(data.reward_assignment, "parameters"), "loyalty"), "points"));
  all.add("points_balance", at(balance, "balance"));
  all.add("reward_id", at(reward, "id"));
  all.add("reward_name", at(reward, "name"));
  all.add("earning_rule_id", at(data.earning_rule, "id"));
  all.addAll("metadata_", at(subject, "metadata"));
  if (kind === "customer.rewarded.loyalty_points") all.add("loyalty_tier", at(data.loyalty_tier, "name"));
  return all;
}

/** What an event says of the customer; undefined for nothing. */
function customerProperties(
  kind: EventKind,
  { data, customer }: VoucherifyEvent,
  { send, idSync }: EventMapping,
  at: number,
): JsonObject | undefined {
  const all = new Attributes();
  if (send !== "event") {
    if (kind === "customer.rewarded.loyalty_points") all.add("voucherify_points_balance", balanceOf(data));
    if (kind === "customer.publication.succeeded" || kind === "customer.reward_redemptions.completed")
      all.add("voucherify_last_code", textOf(codeOf(data)));
    if (kind === "customer.redemption.succeeded") all.add("voucherify_last_redemption", at);
  }
  if (idSync?.as === "property") all.add(idSync.name, customer?.id);
  return all.size > 0 ? all.toJson() : undefined;
}

/** The card in the data has the points before these were added. */
function balanceOf({ balance }: JsonObject): JsonValue | undefined {
  const value = isJsonObject(balance) ? (balance.balance ?? balance.total) : undefined;
  return typeof value === "number" ? value : undefined;
}

function voucherOf({ voucher, vouchers, reward }: JsonObject): JsonValue | undefined {
  const rewarded = isJsonObject(reward) && isJsonObject(reward.voucher) ? reward.voucher : undefined;
  const [first] = Array.isArray(vouchers) ? vouchers : [];
  return rewarded ?? (isJsonObject(voucher) ? voucher : isJsonObject(first) ? first : undefined);
}

function codeOf(data: JsonObject): JsonValue | undefined {
  const [first] = Array.isArray(data.vouchers) ? data.vouchers : [];
  return firstOf(voucherOf(data), "code") ?? (typeof first === "string" ? first : undefined);
}

function firstOf(object: JsonValue | undefined, key: string): JsonValue | undefined {
  return isJsonObject(object) && Object.hasOwn(object, key) ? object[key] : undefined;
}

/** A value of an object that may not be one; null counts as nothing. */
function at(object: JsonValue | undefined, key: string): JsonValue | undefined {
  return firstOf(object, key) ?? undefined;
}

/** Codes and order numbers stay texts, also those of digits. */
function textOf(value: JsonValue | undefined): string | undefined {
  return typeof value === "string" || typeof value === "number" ? String(value) : undefined;
}
