import { isJsonObject, type JsonObject } from "../../json";
import type { CustomerIds } from "../../schemas/tracking";

/** An ID that Bloomreach accepts: a letter or digit in it, and not the words null or undefined (support.bloomreach.com, article 19231102135453). */
export function isUsableId(id: string): boolean {
  return /[\p{L}\p{N}]/u.test(id) && !/^(null|undefined|none)$/i.test(id.trim()) && !id.includes("{{");
}

/** The IDs of an object that Bloomreach accepts, trimmed, by their names. */
function usableIds(ids: JsonObject): CustomerIds {
  return Object.fromEntries(
    Object.entries(ids).flatMap(([name, value]) => {
      const id = typeof value === "string" || typeof value === "number" ? String(value).trim() : "";
      return isUsableId(id) ? [[name, id]] : [];
    }),
  );
}

/** The IDs in `customer_ids`, or the Main Hard ID beside the other fields or in `customer`. */
export function idsOf(payload: JsonObject, hardId: string): CustomerIds {
  if (isJsonObject(payload.customer_ids)) return usableIds(payload.customer_ids);
  const holder = isJsonObject(payload.customer) ? payload.customer : payload;
  return usableIds({ [hardId]: holder[hardId] ?? holder.source_id ?? null });
}
