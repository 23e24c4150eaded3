import { isJsonObject, type JsonObject, type JsonValue } from "../../json";
import type { BloomreachProfile } from "./bloomreach-scenario";
import { AbortedError, renderTemplate } from "./template";

/**
 * Renders the e-mail that follows a webhook. The webhook's JSON answer is in `webhook`, nested keys joined by dots:
 * `{{ webhook['voucher.code'] }}` (documentation.bloomreach.com/engagement/docs/using-webhook-responses).
 * @param answer of the webhook; one that is no JSON object, as an error's, offers nothing
 * @returns the text; null when the template aborts, so that this customer gets no e-mail
 * @throws Error with a sentence for a template that the simulator cannot read
 */
export function renderEmail(template: string, customer: BloomreachProfile, answer: JsonValue): string | null {
  const { customer_ids, properties } = customer;
  const webhook = isJsonObject(answer) ? flattened(answer) : {};
  try {
    return renderTemplate(template, { customer_ids, customer: properties, webhook });
  } catch (error) {
    if (error instanceof AbortedError) return null;
    throw error;
  }
}

function flattened(object: JsonObject, prefix = ""): JsonObject {
  return Object.fromEntries(
    Object.entries(object).flatMap(([key, value]) =>
      isJsonObject(value) ? Object.entries(flattened(value, `${prefix}${key}.`)) : [[prefix + key, value]],
    ),
  );
}
