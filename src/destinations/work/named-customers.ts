import { isJsonObject } from "../../json";
import { readHardId } from "../../schemas/hard-id";
import { customerIn, hardIdOf, type MessageFacts } from "./message-facts";

/** The `source_id`s of the customers that a message names, or what is wrong with one of them. */
export type NamedCustomers =
  { readonly ok: true; readonly sourceIds: readonly string[] } | { readonly ok: false; readonly reason: string };

/**
 * Whom a message names: texts, customers, requests, events, or what customer upsert sends; one, or a list.
 * @param usual name of the account's Main Hard ID
 */
export function customersNamedIn(
  message: MessageFacts & { readonly payload?: unknown },
  usual: string,
): NamedCustomers {
  const { payload } = message;
  const name = hardIdOf(message, usual);
  const found = new Set<string>();
  for (const item of Array.isArray(payload) ? (payload as unknown[]) : [payload]) {
    if (typeof item === "string" && item.trim() !== "") found.add(item.trim());
    else if (isJsonObject(item)) {
      const id = readHardId(customerIn(item), name);
      if (!id.ok) return id;
      found.add(id.sourceId);
    } else
      return {
        ok: false,
        reason:
          "msg.payload must name a customer: the ID as a text, a customer with its Main Hard ID, or a list of them.",
      };
  }
  return { ok: true, sourceIds: [...found] };
}
