import { randomBytes } from "node:crypto";
import type { JsonObject } from "../../../json";
import type { CustomerBook } from "./customer-book";
import type { SimulatedAnswer } from "../../exchange";
import * as errors from "../voucherify-errors";

/** Events that are kept of one customer. */
const KEPT = 1_000;

/** Events that Voucherify counts as what the customer did; all others are what came of it. */
const ACTIONS: readonly string[] = ["customer.redemption", "customer.validation", "customer.custom_event"];

interface ActivityEntry {
  readonly id: string;
  readonly type: string;
  readonly data: JsonObject;
  readonly created_at: string;
  readonly group_id: string;
}

/** What is recorded of a customer. */
export interface RecordedEvent {
  readonly type: string;
  /** What a webhook of the event would hold as its `data`. */
  readonly data: JsonObject;
  /** ISO 8601; now by default. */
  readonly createdAt?: string;
  /** Who caused it, as Voucherify writes it; a call with the simulated project's keys by default. */
  readonly source?: JsonObject;
}

/**
 * What the customers of the simulated project did and got (docs.voucherify.io/api-reference/customers/list-customer-activity).
 * Calls that Voucherify makes an event of record it here; creating and updating customers is left out.
 */
export class ActivityBook {
  /** By Voucherify's id of the customer, oldest first. */
  private readonly entries = new Map<string, ActivityEntry[]>();

  /** @param applicationId of the keys that calls are made with */
  constructor(
    private readonly customers: CustomerBook,
    private readonly applicationId: string,
  ) {}

  /** Adds an event. @param customer Voucherify's id of the customer. Returns the event's id */
  record(customer: string, { type, data, createdAt, source }: RecordedEvent): string {
    const entry: ActivityEntry = {
      id: `evcus_${randomBytes(9).toString("hex")}`,
      type,
      data: {
        data: structuredClone(data),
        event_source: source ?? { channel: "API", api_key: { name: "Simulator", app_id: this.applicationId } },
      },
      created_at: createdAt ?? new Date().toISOString(),
      group_id: `v-${randomBytes(9).toString("hex")}`,
    };
    const entries = this.entries.get(customer) ?? [];
    this.entries.set(customer, entries);
    // Events of one time stay in the order in which they were recorded.
    entries.splice(entries.findLastIndex(({ created_at }) => created_at <= entry.created_at) + 1, 0, entry);
    if (entries.length > KEPT) entries.shift();
    return entry.id;
  }

  /** `GET /v1/customers/{id}/activity`, newest first unless `order=created_at`. */
  list(id: string, query: URLSearchParams): SimulatedAnswer {
    const customer = this.customers.find(id);
    if (!customer) return errors.notFound("customer", id);
    const limit = Number(query.get("limit") ?? 10);
    if (!Number.isInteger(limit) || limit < 1 || limit > 100)
      return errors.badQuery("Property .limit should be integer between 1 and 100");
    const order = query.get("order") ?? "-created_at";
    if (order !== "created_at" && order !== "-created_at")
      return errors.badQuery("Property .order should be equal to one of the allowed values");
    const [from, to] = [query.get("start_date"), query.get("end_date")].map((date) => (date ? Date.parse(date) : null));
    if (Number.isNaN(from) || Number.isNaN(to)) return errors.badQuery("Dates should be in ISO 8601 format");
    const [type, category] = [query.get("type"), query.get("category")];
    const all = (this.entries.get(customer.id) ?? []).filter((entry) => {
      const at = Date.parse(entry.created_at);
      return (
        (typeof from !== "number" || at >= from) &&
        (typeof to !== "number" || at <= to) &&
        (type === null || entry.type === type) &&
        (category === null || category === categoryOf(entry))
      );
    });
    const ordered = order === "created_at" ? all : all.reverse();
    const after = query.get("starting_after_id");
    const place = after === null ? -1 : ordered.findIndex((entry) => entry.id === after);
    if (after !== null && place < 0) return errors.notFound("event", after);
    const data = ordered.slice(place + 1, place + 1 + limit);
    const hasMore = place + 1 + limit < ordered.length;
    return {
      status: 200,
      body: {
        object: "list",
        data_ref: "data",
        data: data.map((entry) => ({ ...entry })),
        has_more: hasMore,
        ...(hasMore && { more_starting_after: data.at(-1)!.id }),
      },
    };
  }

  clear(): void {
    this.entries.clear();
  }
}

function categoryOf({ type }: ActivityEntry): "ACTION" | "EFFECT" {
  return ACTIONS.some((action) => type.startsWith(action)) ? "ACTION" : "EFFECT";
}
