import { isJsonObject, type JsonObject, type JsonValue } from "../../json";

/** Which values of a delivered record were left out, each with whose it was. @param named names the record */
export function omissionsOf(named: JsonObject, omitted: JsonValue | undefined): JsonObject[] {
  const omissions = Array.isArray(omitted) ? omitted.filter(isJsonObject) : [];
  return omissions.map((omission) => ({ ...named, ...omission }));
}

/** What a message says of records that were delivered. */
export interface DeliveredResult extends JsonObject {
  payload: JsonObject[];
  omitted: JsonObject[];
}

/** A record with what its destination has said of it. */
export interface ConfirmedRecord<Body> {
  readonly body: Body;
  readonly outcome: { readonly result: JsonObject };
}

/** The result of each record, in their order. */
export function resultsOf(delivered: readonly ConfirmedRecord<unknown>[]): JsonObject[] {
  return delivered.map(({ outcome }) => ({ status: "delivered", ...outcome.result }));
}
