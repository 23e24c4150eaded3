import { heldForTest, isHeld, type JudgedItem } from "./judged";
import { isJsonObject, type JsonValue } from "../../json";
import { readHardId } from "../../schemas/hard-id";
import { type ConfirmedRecord, type DeliveredResult, omissionsOf, resultsOf } from "./delivered-result";
import type { CustomerUpdate } from "../customer-update";

/**
 * Says whether a customer can be delivered, or why it needs no call.
 * @param hardId name of the Main Hard ID
 * @param testCustomers when not empty, only these `source_id`s are delivered
 */
export function judgeCustomer(
  customer: JsonValue,
  hardId: string,
  testCustomers: ReadonlySet<string>,
): JudgedItem<CustomerUpdate> {
  if (!isJsonObject(customer))
    return { failed: true, result: { key: "not_an_object", reason: "A customer must be an object with fields." } };
  const id = readHardId(customer, hardId);
  if (!id.ok) return { failed: true, result: { key: "missing_hard_id", reason: id.reason } };
  const { sourceId } = id;
  if (isHeld(testCustomers, sourceId)) return heldForTest(sourceId);
  return { records: [{ key: sourceId, body: { sourceId, hardId, record: customer } }] };
}

/** What a message says of customers that were delivered. */
export function deliveredCustomers(delivered: readonly ConfirmedRecord<unknown>[]): DeliveredResult {
  const payload = resultsOf(delivered);
  return {
    payload,
    omitted: payload.flatMap(({ source_id = null, omitted }) => omissionsOf({ source_id }, omitted)),
  };
}
