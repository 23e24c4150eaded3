import { isJsonObject, type JsonObject, type JsonValue } from "../../../json";
import type { MetadataSchema } from "../../../schemas/voucherify";
import type { ActivityBook } from "./activity-book";
import { type CampaignBook, campaignAnswer, type Voucher, voucherAnswer } from "../campaigns";
import type { CustomerBook, StoredCustomer } from "./customer-book";
import { checkCustomerFields } from "./customer-payload";
import { newId, type SimulatedAnswer } from "../../exchange";
import { checkMetadata } from "./metadata-rules";
import * as errors from "../voucherify-errors";
import type { Wallet } from "../wallet";

/** A custom event that was tracked. */
export interface TrackedEvent {
  readonly id: string;
  /** Its name. */
  readonly type: string;
  /** Source id of the customer. */
  readonly customer: string;
  readonly metadata: JsonObject;
  /** ISO 8601. */
  readonly createdAt: string;
}

/** A request that `problemOf` has nothing to say against. */
interface EventPayload {
  readonly event: string;
  readonly customer: JsonObject;
  readonly metadata?: JsonObject;
  readonly referral?: { readonly code: string } | null;
  readonly loyalty?: { readonly code: string } | null;
}

/** Events that are kept. */
const KEPT = 20_000;
const LONGEST_NAME = 300;

/** Where custom events go to, besides their own book. */
export interface EventSurroundings {
  readonly customers: CustomerBook;
  readonly campaigns: CampaignBook;
  readonly wallet: Wallet;
  readonly activity: ActivityBook;
}

/**
 * The custom events of the simulated project (docs.voucherify.io/api-reference/events/track-custom-event). Nothing tells
 * a repeated request from a second event, so both count, as in Voucherify.
 */
export class CustomEventBook {
  /** Oldest first. */
  readonly events: TrackedEvent[] = [];
  /** Metadata schemas of events by event name; an event without one may carry anything. Tests may add some. */
  readonly schemas = new Map<string, MetadataSchema>();
  /** Points that the loyalty programme gives for an event, by event name. */
  readonly earningRules = new Map<string, number>();

  constructor(private readonly around: EventSurroundings) {
    this.clear();
  }

  /** `POST /v1/events`. */
  track(body: JsonValue | undefined): SimulatedAnswer {
    const problem = problemOf(body);
    if (problem !== undefined) return invalid(problem);
    const { event, customer: person, metadata = {}, referral, loyalty } = body as unknown as EventPayload;
    const problems = checkMetadata(metadata, this.schemas, event);
    if (problems.length > 0) return errors.badRequest(errors.metadataInvalid(problems.join("; ")));
    const { vouchers } = this.around.campaigns;
    const unknown = [referral?.code, loyalty?.code].find((code) => code !== undefined && !vouchers.has(code));
    if (unknown !== undefined) return errors.notFound("voucher", unknown);
    const found = this.customerOf(person);
    if ("refusal" in found) return found.refusal;
    const { customer } = found;
    this.keep(customer, event, metadata, loyalty ? vouchers.get(loyalty.code) : undefined);
    return {
      status: 200,
      body: {
        object: "event",
        type: event,
        customer: simpleCustomer(customer),
        referral: null,
        loyalty: null,
        metadata,
      },
    };
  }

  /** Keeps an event, shows it in the customer's activity and gives the points that it earns. @param card gets the points */
  keep(customer: StoredCustomer, type: string, metadata: JsonObject, card?: Voucher): void {
    const createdAt = new Date().toISOString();
    const event = { id: newId("event_"), type, customer: customer.source_id, metadata, createdAt };
    this.events.push(event);
    if (this.events.length > KEPT) this.events.shift();
    const shown = { id: event.id, object: "event", type, customer: { id: customer.id }, referral: null, loyalty: null };
    const person = simpleCustomer(customer);
    const activityId = this.around.activity.record(customer.id, {
      type: "customer.custom_event",
      createdAt,
      data: {
        event: { ...shown, metadata, created_at: createdAt },
        event_schema: null,
        customer: person,
        referral: null,
        loyalty: null,
      },
    });
    const points = this.earningRules.get(type);
    if (points !== undefined) this.reward(customer, { id: activityId, type, points, createdAt, card });
  }

  clear(): void {
    this.events.length = 0;
    this.schemas.clear();
    this.earningRules.clear();
    this.earningRules.set("review_left", 50);
  }

  private customerOf(person: JsonObject): { customer: StoredCustomer } | { refusal: SimulatedAnswer } {
    const { customers } = this.around;
    const known = typeof person.id === "string" ? customers.find(person.id) : undefined;
    if (typeof person.id === "string" && known?.id !== person.id)
      return { refusal: errors.notFound("customer", person.id) };
    const sourceId = known?.source_id ?? person.source_id;
    if (typeof sourceId !== "string")
      return { refusal: invalid("Property .customer should have required property 'source_id'") };
    const stored = customers.upsert(sourceId, person);
    return "error" in stored ? { refusal: errors.badRequest(stored.error) } : stored;
  }

  /** Voucherify gives the points itself, so that the call's keys are not the event's source. */
  private reward(
    customer: StoredCustomer,
    cause: { id: string; type: string; points: number; createdAt: string; card: Voucher | undefined },
  ): void {
    const { wallet, activity } = this.around;
    const { points, createdAt } = cause;
    if (cause.card) cause.card.points += points;
    const card = cause.card ?? wallet.addPoints(customer, points);
    const person = simpleCustomer(customer);
    activity.record(customer.id, {
      type: "customer.rewarded.loyalty_points",
      createdAt,
      source: { channel: "INTERNAL" },
      data: {
        customer: person,
        holder: person,
        voucher: voucherAnswer(card),
        campaign: campaignAnswer(card.campaign),
        loyalty_tier: null,
        earning_rule: {
          id: newId("ern_"),
          event: cause.type,
          loyalty: { type: "FIXED", points },
          object: "earning_rule",
        },
        balance: {
          type: "loyalty_card",
          total: card.points,
          object: "balance",
          points,
          balance: card.points,
          operation_type: "AUTOMATIC",
          related_object: { id: card.id, type: "voucher" },
        },
        order: null,
        event: { id: cause.id, type: "customer.custom_event", category: "ACTION", created_at: createdAt },
      },
    });
  }
}

/** What is wrong with a request, as Voucherify says it. */
function problemOf(body: JsonValue | undefined): string | undefined {
  if (!isJsonObject(body)) return "Payload should be object";
  const { event, customer = null, metadata = {}, referral = null, loyalty = null } = body;
  if (event === undefined) return "Payload should have required property 'event'";
  if (typeof event !== "string") return "Property .event should be string";
  if (event === "") return "Property .event should NOT be shorter than 1 characters";
  if (event.length > LONGEST_NAME) return `Property .event should NOT be longer than ${LONGEST_NAME} characters`;
  if (customer === null) return "Payload should have required property 'customer'";
  if (!isJsonObject(metadata)) return "Property .metadata should be object";
  for (const [name, given] of Object.entries({ referral, loyalty }))
    if (given !== null && !(isJsonObject(given) && typeof given.code === "string"))
      return `Property .${name} should have required property 'code'`;
  return checkCustomerFields(customer, ".customer");
}

function simpleCustomer({ id, name = null, email = null, source_id, metadata }: StoredCustomer): JsonObject {
  return { id, name, email, source_id, metadata, object: "customer" };
}

function invalid(details: string): SimulatedAnswer {
  return errors.badRequest(errors.invalidPayload(details));
}
