import type { HttpAnswer } from "../http/http-client";
import { isJsonObject, type JsonObject, type JsonValue } from "../json";
import type { VoucherifyEvent } from "../schemas/voucherify-event";
import { explainAnswer } from "./errors";
import { eventFrom, kindOfType } from "./event-identity";
import type { ActivityQuery, VoucherifyApi } from "./voucherify-api";

/** What was read of a customer's activity, or why nothing could be, in a sentence for the user. */
export type ActivityReading =
  | {
      readonly ok: true;
      /** Oldest first. */
      readonly events: readonly VoucherifyEvent[];
      /** Where to go on; missing while the customer has no activity. */
      readonly cursor?: string;
      /** API calls that were used. */
      readonly requests: number;
      /** There is more than one reading takes: read again, from the cursor. */
      readonly hasMore: boolean;
    }
  | {
      readonly ok: false;
      readonly statusCode: number;
      readonly key: string;
      readonly message: string;
      readonly body: JsonValue;
      readonly requests: number;
    };

/** How a customer's activity is read. */
export interface ActivityOptions {
  /** Where the last reading ended. */
  readonly cursor?: string;
  /** ISO 8601: without a cursor, nothing that happened before. */
  readonly since?: string;
  readonly signal?: AbortSignal;
}

/** Events of one request: the most that Voucherify gives. */
const PAGE = 100;
/** Requests of one reading, so that it stays small in memory however active a customer was. */
const REQUESTS = 10;

/**
 * Reads what a customer did and got, oldest first, from where the last reading ended
 * (docs.voucherify.io/api-reference/customers/list-customer-activity). Each customer costs one API call for every 100 new
 * events, and one when there are none.
 */
export class ActivityReader {
  constructor(private readonly api: Pick<VoucherifyApi, "customerActivity">) {}

  /**
   * @param customer Voucherify's id of the customer or the source id
   * @throws TransportError when no answer came
   */
  async read(customer: string, { cursor, since, signal }: ActivityOptions = {}): Promise<ActivityReading> {
    const events: VoucherifyEvent[] = [];
    let requests = 0;
    let end = parseCursor(cursor);
    let from: ActivityQuery = end ? { startingAfterId: end.id } : { ...(since !== undefined && { startDate: since }) };
    for (;;) {
      const answer = await this.api.customerActivity(customer, { order: "created_at", limit: PAGE, ...from }, signal);
      requests++;
      const page = pageOf(answer);
      if (!page) {
        // Voucherify may not know the last event any more: then its time tells where to go on.
        if (end && from.startingAfterId !== undefined && [400, 404].includes(answer.status) && requests === 1) {
          from = { startDate: end.at };
          continue;
        }
        return { ok: false, ...explained(answer), requests };
      }
      const last = end?.id;
      for (const entry of page.entries) {
        const event = entry.id === last ? undefined : readActivity(entry);
        if (!event) continue;
        events.push(event);
        end = { id: event.id, at: event.createdAt };
      }
      const goesOn = page.hasMore && end !== undefined && end.id !== last;
      if (!goesOn || requests >= REQUESTS)
        return { ok: true, events, ...(end && { cursor: `${end.at} ${end.id}` }), requests, hasMore: goesOn };
      from = { startingAfterId: end!.id };
    }
  }
}

/** One entry of a customer's activity, whose data lie two levels deep; undefined for what is none. @internal with a table of cases of its own */
export function readActivity(entry: JsonObject): VoucherifyEvent | undefined {
  const { id, type, created_at, data: outer } = entry;
  if (typeof id !== "string" || typeof type !== "string" || !isJsonObject(outer)) return undefined;
  return eventFrom(isJsonObject(outer.data) ? outer.data : {}, kindOfType(type), {
    type,
    id,
    times: [created_at],
    source: outer.event_source,
    readAt: Date.now(),
  });
}

interface Cursor {
  readonly at: string;
  readonly id: string;
}

function parseCursor(cursor: string | undefined): Cursor | undefined {
  const [, at, id] = /^(\S+) (.+)$/.exec(cursor ?? "") ?? [];
  return at !== undefined && id !== undefined ? { at, id } : undefined;
}

function pageOf({ status, json }: HttpAnswer): { entries: JsonObject[]; hasMore: boolean } | undefined {
  if (status !== 200 || !isJsonObject(json) || !Array.isArray(json.data)) return undefined;
  return { entries: json.data.filter(isJsonObject), hasMore: json.has_more === true };
}

function explained(answer: HttpAnswer): { statusCode: number; key: string; message: string; body: JsonValue } {
  const explanation = explainAnswer(answer);
  if (answer.status !== 404) return explanation;
  return { ...explanation, message: "Voucherify has no customer with this ID, so there is no activity to read." };
}
