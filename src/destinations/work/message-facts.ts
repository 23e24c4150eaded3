import { isJsonObject, type JsonObject } from "../../json";

/** The properties of a message that say how its payload is to be read. */
export interface MessageFacts {
  /** Name of the Main Hard ID that the payload uses, where it came by a webhook. */
  readonly hardId?: unknown;
  /** The webhook that brought it. */
  readonly webhook?: unknown;
  readonly [other: string]: unknown;
}

/** The name of the Main Hard ID in a payload. @param usual the account's */
export function hardIdOf({ hardId }: MessageFacts, usual: string): string {
  return typeof hardId === "string" ? hardId : usual;
}

/** When the webhook came, so that a record without a time is the same when its message comes again; Unix ms. */
export function receivedAt({ webhook }: MessageFacts): number {
  const at = isJsonObject(webhook) ? Number(webhook.received_at) : NaN;
  return at > 0 ? at : Date.now();
}

/** The part of an item that has the customer's ID: the customer in it, or the item. */
export function customerIn(item: JsonObject): JsonObject {
  return isJsonObject(item.customer) ? item.customer : item;
}
