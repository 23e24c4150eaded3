import { isJsonObject } from "../../json";
import type { BloomreachProfile } from "./bloomreach-scenario";

/** Bloomreach profiles that a payload brings: `[{ customer_ids, properties }]`; undefined when it brings none. */
export function profilesOf(payload: unknown): readonly BloomreachProfile[] | undefined {
  if (!Array.isArray(payload) || payload.length === 0) return undefined;
  return payload.map((given: unknown) => {
    const profile = isJsonObject(given) ? given : {};
    return {
      customer_ids: isJsonObject(profile.customer_ids) ? profile.customer_ids : {},
      properties: isJsonObject(profile.properties) ? profile.properties : {},
    };
  });
}

/** Who had the event that is to be sent: `{ customer: "<source id>" }` of a payload. */
export function sourceIdIn(payload: unknown): string | undefined {
  return isJsonObject(payload) && typeof payload.customer === "string" ? payload.customer : undefined;
}
