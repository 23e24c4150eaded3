import { createHash } from "node:crypto";
import { isJsonObject, type JsonObject } from "../../json";
import { isAbsentText } from "../../schemas/absent";
import { readHardId } from "../../schemas/hard-id";

/** How often a customer gets a new code of the same campaign. */
export type Frequency = "send" | "day" | "year" | "always";

/** What a node decides where a request does not. */
export interface PublicationDefaults {
  readonly hardId: string;
  /** Used when the request names neither campaign nor voucher. */
  readonly campaign: string;
  readonly frequency: Frequency;
  readonly channel: string;
  /** The customer may join the campaign once: the same code again. */
  readonly joinOnce: boolean;
}

/** One code for one customer, with the key by which a repetition is known. */
export interface PublicationRequest {
  readonly sourceId: string;
  /** Fields of the customer for Voucherify, `source_id` among them. */
  readonly customer: JsonObject;
  /** Name or id. */
  readonly campaign?: string;
  /** A given code. */
  readonly voucher?: string;
  /** Publication `source_id`: the same for a repeated request, another one for a new one. */
  readonly idempotencyKey: string;
  readonly channel: string;
  readonly joinOnce: boolean;
  readonly metadata: JsonObject;
}

export type PublicationReading =
  | { readonly ok: true; readonly request: PublicationRequest; readonly repetition: PublicationRepetition }
  | { readonly ok: false; readonly key: string; readonly reason: string };

/** By what a request that Bloomreach sends once more is known, and for how long (ms). */
export interface PublicationRepetition {
  readonly key: string;
  readonly forMs: number;
}

/** Bloomreach repeats a webhook within hours; a new send has another `send`. */
const SAME_SEND_MS = 48 * 3_600_000;
/** Without `send`, a later request with the same body may as well be a new one. */
const SAME_BODY_MS = 10 * 60_000;

/** What identifies a customer in the request; the rest of it updates the customer. */
const PERSONAL = ["name", "description", "email", "phone", "birthdate", "address"];

/**
 * Reads a request for a code: `{ customer: { <Main Hard ID> | source_id }, campaign: { name } | voucher, send, metadata }`, the
 * shape of Voucherify's own publication request (docs.voucherify.io/api-reference/publications/create-publication).
 *
 * The idempotency key is made of campaign (or voucher), customer and the period: `send` of the payload template, which is the
 * same when Bloomreach repeats the request; without it, or without its last part (the time of an event, which a scheduled
 * scenario does not have), the UTC day of the request.
 *
 * A request is a repetition when campaign (or voucher), customer and `send` came within 48 hours, whatever the frequency;
 * without `send`, or without the time of an event in it, when the whole body came within 10 minutes.
 * @param receivedAt Unix ms
 */
export function readPublicationRequest(
  record: JsonObject,
  defaults: PublicationDefaults,
  receivedAt: number,
): PublicationReading {
  const holder = isJsonObject(record.customer) ? record.customer : record;
  const id = readHardId(holder, defaults.hardId);
  if (!id.ok) return { ok: false, key: "missing_hard_id", reason: id.reason };
  const voucher = textOf(record.voucher);
  const campaign = voucher === undefined ? (campaignOf(record) ?? textOf(defaults.campaign)) : undefined;
  if (voucher === undefined && campaign === undefined)
    return {
      ok: false,
      key: "missing_vouchers",
      reason: 'Choose a campaign in the voucherify publish node, or send "campaign": {"name": …} in the payload.',
    };
  const { sourceId } = id;
  const source = voucher === undefined ? ["campaign", campaign] : ["voucher", voucher];
  const send = textOf(record.send);
  const period = periodOf(defaults.frequency, send, receivedAt);
  const isOfEvent = send !== undefined && !lacksEvent(send);
  const key = createHash("sha256")
    .update(JSON.stringify([...source, sourceId, period]))
    .digest("hex");
  return {
    ok: true,
    request: {
      sourceId,
      customer: { source_id: sourceId, ...fieldsOf(holder) },
      ...(campaign !== undefined && { campaign }),
      ...(voucher !== undefined && { voucher }),
      idempotencyKey: `bloomreach-${key.slice(0, 40)}`,
      channel: textOf(record.channel) ?? defaults.channel,
      joinOnce: defaults.joinOnce,
      metadata: isJsonObject(record.metadata) ? record.metadata : {},
    },
    repetition: {
      key: JSON.stringify([...source, sourceId, ...(isOfEvent ? ["send", send] : ["body", record])]),
      forMs: isOfEvent ? SAME_SEND_MS : SAME_BODY_MS,
    },
  };
}

function periodOf(frequency: Frequency, send: string | undefined, receivedAt: number): string {
  const day = new Date(receivedAt).toISOString().slice(0, 10);
  switch (frequency) {
    case "always":
      return "always";
    case "year":
      return `year ${day.slice(0, 4)}`;
    case "day":
      return `day ${day}`;
    case "send":
      if (send === undefined) return `day ${day}`;
      return lacksEvent(send) ? `send ${send} ${day}` : `send ${send}`;
  }
}

/** Whether the last part of `send`, the time of an event, has no value: every run of a scheduled scenario has the same. */
function lacksEvent(send: string): boolean {
  return isAbsentText(send.slice(send.lastIndexOf("-") + 1));
}

function campaignOf({ campaign }: JsonObject): string | undefined {
  return isJsonObject(campaign) ? (textOf(campaign.name) ?? textOf(campaign.id)) : textOf(campaign);
}

function textOf(value: unknown): string | undefined {
  if (typeof value === "number") return String(value);
  return typeof value === "string" && !isAbsentText(value) ? value.trim() : undefined;
}

/** What of the customer can be taken over as it is; metadata is the business of a customer update. */
function fieldsOf(holder: JsonObject): JsonObject {
  return Object.fromEntries(
    PERSONAL.flatMap((key) => {
      const value = holder[key];
      return typeof value === "string" && !isAbsentText(value) ? [[key, value]] : [];
    }),
  );
}
