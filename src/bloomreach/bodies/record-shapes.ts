import { isJsonObject, type JsonObject } from "../../json";
import { isAbsentText } from "../../schemas/absent";

/** What kind of record a webhook brings. */
export interface RecordShape {
  /** For sentences: "customer". */
  readonly noun: string;
  /** Which of Bloomreach's templates writes it. */
  readonly template: string;
  /** The part of a record that has the customer's ID. */
  readonly idHolder: (record: JsonObject) => JsonObject;
  /**
   * Top-level fields that a template fills with fixed text: filled in Bloomreach's batch test too, so they tell of no customer
   * (paste-templates.ts, paste-requests.ts).
   */
  readonly fixedFields: readonly string[];
  /** What else is wrong with a record that has an ID. */
  readonly fault?: (record: JsonObject) => { readonly code: "missing_event"; readonly description: string } | undefined;
}

/** A customer: `{"registered": …, "name": …}`. */
export const CUSTOMER_RECORD: RecordShape = {
  noun: "customer",
  template: "Customer template",
  idHolder: (record) => record,
  fixedFields: [],
};

/**
 * A customer with something around it: `{"event": …, "customer": {"registered": …}, "metadata": …}`, the shape of the hosted
 * integration's event (support.voucherify.io/article/613-bloomreach-engagement-integration).
 */
export const EVENT_RECORD: RecordShape = {
  noun: "event",
  template: "webhook's template",
  idHolder: (record) => (isJsonObject(record.customer) ? record.customer : record),
  fixedFields: ["event"],
  fault: ({ event }) =>
    typeof event === "string" && !isAbsentText(event)
      ? undefined
      : { code: "missing_event", description: 'This event has no name: the template must have "event" with a text.' },
};

/** A request for a code or for information about a customer: `{"customer": {"source_id": …}, "campaign": {"name": …}}`. */
export const REQUEST_RECORD: RecordShape = {
  noun: "request",
  template: "webhook's template",
  idHolder: EVENT_RECORD.idHolder,
  fixedFields: ["campaign", "voucher", "channel", "send"],
};

/**
 * What to do when every record of a webhook lacks its ID.
 * @param count of records, @param hardId the name that was looked for
 */
export function explainMissingIds(count: number, hardId: string, { noun, template }: RecordShape): string {
  return (
    `${count.toLocaleString("en-US")} ${noun}${count === 1 ? "" : "s"} without ID: is "${hardId}" the right name? Correct it here, ` +
    `as Main Hard ID of the bloomreach account, or there, in the ${template} in Bloomreach. Then run the scenario again.`
  );
}
