import type { Settlement } from "../../delivery/destination";
import type { Failed } from "../../delivery/outcome";
import { keptBody } from "../../http/kept-body";
import type { JsonObject } from "../../json";
import type { AsyncAction, AsyncActionError } from "../../schemas/voucherify";
import { type CustomerItem, deliveredItem } from "./customer-items";

const LONGEST_TEXT = 500;

/** A customer that a bulk update refused. */
export interface RefusedItem {
  readonly item: CustomerItem;
  readonly refusal: Failed;
}

/** What an ended bulk update says about its customers. */
export interface ActionResult {
  /** Delivered, or to be tried again. */
  readonly settled: readonly Settlement[];
  readonly refused: readonly RefusedItem[];
  /** Some of these were refused, but the action does not say which. */
  readonly unclear: readonly CustomerItem[];
}

/** Reads the outcome per customer from an async action that is DONE or FAILED. */
export function resultOf({ status, result }: AsyncAction, items: readonly CustomerItem[]): ActionResult {
  const told = result?.errors ?? [];
  const errors = new Map(told.map((error) => [error.source_id, error]));
  const refused: RefusedItem[] = [];
  const others: CustomerItem[] = [];
  for (const item of items) {
    const error = errors.get(item.sourceId);
    if (error) refused.push({ item, refusal: refusalOf(error) });
    else others.push(item);
  }
  const known = new Set<unknown>(items.map(({ sourceId }) => sourceId));
  const unnamed = told.some(({ source_id }) => !known.has(source_id)) || (result?.failed_count ?? 0) > refused.length;
  if (unnamed && others.length > 0) return { settled: [], refused, unclear: others };
  if (status === "FAILED" && (result?.done_count ?? 0) < others.length) {
    const reason = `Voucherify's bulk update failed. ${sentence(result?.message ?? "It gave no reason")}`;
    const settled = others.map(({ record: { id } }) => ({ id, outcome: { status: "retry" as const, reason } }));
    return { settled, refused, unclear: [] };
  }
  const settled = others.map((item) => ({ id: item.record.id, outcome: deliveredItem(item) }));
  return { settled, refused, unclear: [] };
}

function refusalOf({ key, message, details, source_id }: AsyncActionError): Failed {
  const said = [message, details].filter((part, index, all) => part && all.indexOf(part) === index).join(": ");
  const body: JsonObject = {
    source_id: source_id ?? null,
    key: key ?? null,
    message: message ?? null,
    details: details ?? null,
  };
  return {
    status: "failed",
    key: key?.slice(0, LONGEST_TEXT) ?? "refused",
    reason: `Voucherify refused this customer. ${sentence(said || "It gave no reason")}`,
    answer: { body: keptBody(body) },
  };
}

/** The beginning of what was said, as a sentence. */
function sentence(said: string): string {
  const text = said.length > LONGEST_TEXT ? `${said.slice(0, LONGEST_TEXT)}…` : said;
  return /[.!?…]$/.test(text) ? text : `${text}.`;
}
