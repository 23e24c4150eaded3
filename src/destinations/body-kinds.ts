import type { RecordKind } from "../delivery/record-kind";
import { isJsonObject, type JsonObject, type JsonValue } from "../json";
import type { PublicationRequest } from "../mapping/codes/publication-request";
import type { TrackingWork } from "./bloomreach/tracking-work";
import type { CustomEvent } from "./custom-event";
import type { CustomerUpdate } from "./customer-update";

/** What lies in a queue: where it goes, how it is known, and what users see of it. */
export interface BodyKind<Body> extends Required<RecordKind> {
  readonly goesTo: "Bloomreach" | "Voucherify";
  /** Whether a body without a kind is one: release 0.1.0 wrote none. */
  recognises(body: JsonObject): boolean;
  /** Names a record for the user. */
  naming(body: Body): JsonObject;
  /** The record as it came, or the nearest to it that is kept. */
  original(body: Body): JsonValue;
}

/** A customer on its way into Voucherify. */
export const CUSTOMER_UPDATE: BodyKind<CustomerUpdate> = {
  kind: "customer-update",
  version: 1,
  goesTo: "Voucherify",
  recognises: ({ sourceId, record }) => typeof sourceId === "string" && isJsonObject(record),
  naming: ({ sourceId }) => ({ source_id: sourceId }),
  original: ({ record }) => record,
};

/** A command on its way into Bloomreach. */
export const TRACKING_COMMAND: BodyKind<TrackingWork> = {
  kind: "tracking-command",
  version: 1,
  goesTo: "Bloomreach",
  recognises: ({ command }) => typeof command === "string",
  naming: ({ command }) => {
    const { data } = JSON.parse(command) as { data: { event_type?: string; customer_ids: JsonObject } };
    return { ...(data.event_type !== undefined && { event: data.event_type }), customer_ids: data.customer_ids };
  },
  original: ({ command }) => JSON.parse(command) as JsonValue,
};

/** An event on its way into Voucherify. */
export const CUSTOM_EVENT: BodyKind<CustomEvent> = {
  kind: "custom-event",
  version: 1,
  goesTo: "Voucherify",
  recognises: ({ sourceId, event, body }) => [sourceId, event, body].every((one) => typeof one === "string"),
  naming: ({ sourceId, event }) => ({ source_id: sourceId, event }),
  original: ({ body }) => JSON.parse(body) as JsonValue,
};

/** A request for a code. */
export const PUBLICATION_REQUEST: BodyKind<PublicationRequest> = {
  kind: "publication-request",
  version: 1,
  goesTo: "Voucherify",
  recognises: ({ sourceId, idempotencyKey }) => typeof sourceId === "string" && typeof idempotencyKey === "string",
  naming: ({ sourceId, campaign, voucher }) => ({
    source_id: sourceId,
    ...(campaign !== undefined && { campaign }),
    ...(voucher !== undefined && { voucher }),
  }),
  original: ({ customer, campaign, voucher }) => ({
    customer,
    ...(campaign !== undefined && { campaign: { name: campaign } }),
    ...(voucher !== undefined && { voucher }),
  }),
};

/** A record as it lies in a queue, of whatever kind. */
export type KindedRecord = RecordKind & { readonly body: unknown };

const ALL = [CUSTOMER_UPDATE, TRACKING_COMMAND, CUSTOM_EVENT, PUBLICATION_REQUEST] as readonly BodyKind<unknown>[];

/** What a record is; undefined when it was written by a newer release, or by nobody we know. */
export function kindOf({ kind, version, body }: KindedRecord): BodyKind<unknown> | undefined {
  if (kind === undefined) return isJsonObject(body) ? ALL.find((one) => one.recognises(body)) : undefined;
  return ALL.find((one) => one.kind === kind && one.version === version);
}

/** A sentence on why a node that sends records of a kind cannot send this one; undefined when it can. */
export function whyUnfit(record: KindedRecord, sent: BodyKind<never>): string | undefined {
  const found = kindOf(record);
  if (!found)
    return "This was accepted by another release of this package, which this one cannot read: install that release again, then try again.";
  if (found.kind === sent.kind) return undefined;
  if (found.goesTo !== sent.goesTo)
    return `This was accepted for ${found.goesTo}, but this node now sends to ${sent.goesTo}. Set "Send to" back, deploy, and try again.`;
  return "This was accepted by a node of another type. Put that node back (undo), deploy, and try again.";
}
