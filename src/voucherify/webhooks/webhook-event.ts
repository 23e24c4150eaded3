import { createHash } from "node:crypto";
import { isJsonObject, type JsonObject, type JsonValue, MOST_LEVELS } from "../../json";
import { JsonScanner } from "../../schemas/json-scanner";
import type { VoucherifyEvent } from "../../schemas/voucherify-event";
import { eventFrom, kindByShape, kindOfType } from "../event-identity";

/** What a webhook brought, or why nothing can be made of it, in a sentence for the user. */
export type WebhookReading =
  | { readonly ok: true; readonly event: VoucherifyEvent; readonly projectId?: string }
  | { readonly ok: false; readonly code: "legacy" | "not_json" | "no_event" | "too_much"; readonly reason: string };

/** An event with an order of 1,000 items has a tenth of that. */
const MOST_VALUES = 100_000;
const MOST_NAMES = 20_000;

/** The type of an event whose payload came without the envelope that names it. */
const RAW_TYPE = "raw";

/**
 * Reads a webhook of a project or of a distribution (docs.voucherify.io/api-reference/introduction-to-webhooks,
 * docs.voucherify.io/api-reference/distribution-webhooks). The `type` of a distribution's webhook is a name that a user
 * typed, so that `event.type` decides. A distribution may send the data alone: then its objects tell the kind, and when
 * they do not, the event has none.
 * @param body the bytes as they came
 * @param receivedAt Unix ms, for a payload that tells no time
 */
export function readWebhook(body: Buffer, receivedAt: number = Date.now()): WebhookReading {
  const text = body.toString("utf8").replace(/^\uFEFF/, "");
  const scanner = new JsonScanner(text, MOST_NAMES);
  scanner.passValue();
  if (scanner.levels > MOST_LEVELS || scanner.values > MOST_VALUES || scanner.hasOneNameTooMany)
    return refused(
      "too_much",
      `The webhook holds more than an event can: ${MOST_LEVELS} levels, 100,000 values or 20,000 names of properties. ` +
        "Check who sends it.",
    );
  let parsed: JsonValue;
  try {
    parsed = JSON.parse(text) as JsonValue;
  } catch {
    return refused("not_json", "The webhook is not valid JSON. Check the payload of the distribution in Voucherify.");
  }
  if (!isJsonObject(parsed) || Object.keys(parsed).length === 0)
    return refused("no_event", "The webhook holds no event: its JSON is not an object, or it is empty.");
  if (parsed.object === "event" && typeof parsed.type === "string")
    return refused(
      "legacy",
      "The webhook has the old version v2018-08-01. In Voucherify, open Project settings > Webhooks and make a webhook " +
        "of version v2024-01-01 with the same events.",
    );
  const projectId = parsed.project_id;
  return {
    ok: true,
    event: isEnvelope(parsed) ? enveloped(parsed, receivedAt) : raw(parsed, body, receivedAt),
    ...(typeof projectId === "string" && { projectId }),
  };
}

function refused(code: "legacy" | "not_json" | "no_event" | "too_much", reason: string): WebhookReading {
  return { ok: false, code, reason };
}

/** The data of an event can hold an `event` too, but no sender. */
function isEnvelope(body: JsonObject): boolean {
  return isJsonObject(body.event) && typeof body.event.type === "string" && isJsonObject(body.source);
}

function enveloped(body: JsonObject, readAt: number): VoucherifyEvent {
  const event = body.event as JsonObject;
  const type = event.type as string;
  const id = [event.id, body.id].find((one) => typeof one === "string") ?? idOf(JSON.stringify(body));
  return eventFrom(isJsonObject(body.data) ? body.data : {}, kindOfType(type), {
    type,
    id,
    times: [event.created_at, body.created_at],
    entityId: event.entity_id,
    source: event.event_source,
    readAt,
  });
}

/** Data without an envelope has no event id either; a repeated webhook has the same bytes. */
function raw(data: JsonObject, body: Buffer, readAt: number): VoucherifyEvent {
  const kind = kindByShape(data);
  return eventFrom(data, kind, { type: kind ?? RAW_TYPE, id: idOf(body), times: [], readAt });
}

function idOf(body: Buffer | string): string {
  return `body_${createHash("sha256").update(body).digest("hex").slice(0, 32)}`;
}
