import { createHmac, randomBytes } from "node:crypto";
import { isJsonObject, type JsonObject } from "../../json";
import type { EventKind } from "../../schemas/voucherify-event";
import { postWebhook } from "./post-webhook";
import { sampleEventData, type SampleSubject } from "./sample-events";

/** How a webhook leaves Voucherify; `raw` is a distribution that sends the data alone. */
export type WebhookForm = "project" | "distribution" | "raw";

/** The names of the kinds that project webhooks have. */
const PROJECT_TYPES: Readonly<Partial<Record<EventKind, string>>> = {
  "customer.redemption.succeeded": "redemption.succeeded",
  "customer.redemption.failed": "redemption.failed",
  "customer.redemption.rollback.succeeded": "redemption.rollback.succeeded",
  "customer.redemption.rollback.failed": "redemption.rollback.failed",
  "customer.publication.succeeded": "publication.succeeded",
  "customer.rewarded": "customer.rewarded",
  "customer.rewarded.loyalty_points": "customer.rewarded.loyalty_points",
};

const DISTRIBUTION_KINDS: readonly EventKind[] = [
  "customer.redemption.succeeded",
  "customer.redemption.rollback.succeeded",
  "customer.reward_redemptions.completed",
  "customer.publication.succeeded",
  "customer.rewarded",
  "customer.rewarded.loyalty_points",
];

/** What a sample webhook is made of; everything has a realistic value of its own. */
export interface WebhookOverrides extends SampleSubject {
  /** In place of sample data: what the activity of a customer holds of an event. */
  readonly data?: JsonObject;
  readonly projectId?: string;
  readonly targetUrl?: string;
  /** Application key that caused the event; without one, a person did. */
  readonly applicationId?: string;
  /** What a user called the webhook of a distribution. */
  readonly name?: string;
}

/** The forms in which Voucherify sends a kind; none for what only the activity of a customer shows. */
export function formsOf(kind: EventKind): readonly WebhookForm[] {
  const forms: WebhookForm[] = PROJECT_TYPES[kind] === undefined ? [] : ["project"];
  return DISTRIBUTION_KINDS.includes(kind) ? [...forms, "distribution", "raw"] : forms;
}

/**
 * A webhook as Voucherify sends it (docs.voucherify.io/api-reference/project-settings-webhooks,
 * docs.voucherify.io/api-reference/distribution-webhooks).
 * @throws RangeError for a kind that Voucherify does not send in this form
 */
export function sampleWebhook(kind: EventKind, form: WebhookForm, overrides: WebhookOverrides = {}): JsonObject {
  if (!formsOf(kind).includes(form)) throw new RangeError(`Voucherify sends no ${form} webhook for ${kind}.`);
  const at = overrides.createdAt ?? new Date().toISOString();
  const data = overrides.data ?? sampleEventData(kind, { ...overrides, createdAt: at });
  if (form === "raw") return data;
  const isProject = form === "project";
  const type = (isProject && PROJECT_TYPES[kind]) || kind;
  const sourceId = isProject ? id("wh_") : id("distr_");
  return {
    id: id("whs_"),
    project_id: overrides.projectId ?? "proj_simulator",
    created_at: new Date(Date.parse(at) + 250).toISOString(),
    type: isProject ? type : (overrides.name ?? "Webhook of a distribution"),
    data: isProject ? asProjectSends(kind, data, at) : data,
    source: {
      id: sourceId,
      object: isProject ? "webhook" : "distribution",
      target_url: overrides.targetUrl ?? "https://example.com/voucherify/webhooks",
    },
    event: {
      id: id(isProject && !type.startsWith("customer.") ? "evred_" : "evcus_"),
      type,
      created_at: at,
      entity_id: entityOf(type, data),
      group_id: id("v-"),
      event_source: overrides.applicationId
        ? { channel: "API", api_key: { name: "Simulator", app_id: overrides.applicationId } }
        : { channel: "USER_PORTAL", user: { id: id("user_") } },
    },
  };
}

/** The data of project webhooks differ a little from those of the activity and of distributions. */
function asProjectSends(kind: EventKind, data: JsonObject, at: string): JsonObject {
  if (kind === "customer.publication.succeeded") {
    const { voucher, ...rest } = data;
    return { user: null, ...rest, ...(voucher !== undefined && { vouchers: [voucher] }) };
  }
  return kind.startsWith("customer.redemption.") && data.redemption_rollback === undefined
    ? { ...data, created_at: at }
    : data;
}

/** What the event of a webhook is about: events of customers name the customer, others their object. */
function entityOf(type: string, data: JsonObject): string | null {
  const names = type.startsWith("customer.") ? ["customer"] : ["redemption_rollback", "redemption", "publication"];
  const [entity] = names.flatMap((name) => (isJsonObject(data[name]) ? [data[name].id] : []));
  return typeof entity === "string" ? entity : null;
}

const MINUTE_MS = 60_000;

/** When a webhook that was not accepted is sent again: ms since the first time. */
export const WEBHOOK_RETRIES_MS: readonly number[] = [
  ...Array.from({ length: 11 }, (_none, doubling) => 2 ** doubling * MINUTE_MS),
  24 * 60 * MINUTE_MS,
];

/** Where and how a webhook is sent. */
export interface WebhookSending {
  readonly url: string;
  /** Sent as it is, the same bytes each time. */
  readonly body: string | JsonObject;
  /** Of Project settings > Webhooks; without one nothing is signed. */
  readonly secret?: string;
  readonly headers?: Readonly<Record<string, string>>;
  /** How many of the retries are made; all twelve by default. */
  readonly retries?: number;
  /** For one answer; Voucherify waits 10,000 ms. */
  readonly timeoutMs?: number;
  /** Accept any certificate, for https on this machine. */
  readonly insecureTls?: boolean;
  /** Resolves after so many ms; a real wait by default. */
  readonly wait?: (ms: number) => Promise<void>;
  /** Unix ms. */
  readonly now?: () => number;
}

/** What became of a webhook. */
export interface WebhookSent {
  /** Statuses of the answers in turn; 0 where none came in time. */
  readonly statuses: readonly number[];
  /** False when every try failed: Voucherify disables the webhook, or pauses the distribution, then. */
  readonly delivered: boolean;
}

/**
 * Sends a webhook as Voucherify does: signed, with an answer of 2xx in under 10 s as the only success, and twelve more tries
 * after 1, 2, 4 ... minutes and 24 hours (docs.voucherify.io/api-reference/introduction-to-webhooks).
 */
export async function sendWebhook(sending: WebhookSending): Promise<WebhookSent> {
  const { url, secret, wait = sleep, now = Date.now, retries = WEBHOOK_RETRIES_MS.length } = sending;
  const body = typeof sending.body === "string" ? sending.body : JSON.stringify(sending.body);
  const headers = { ...sending.headers, ...(secret && { "x-voucherify-signature": signatureOf(body, secret) }) };
  const first = now();
  const statuses: number[] = [];
  for (const after of [0, ...WEBHOOK_RETRIES_MS.slice(0, retries)]) {
    const pause = first + after - now();
    if (pause > 0) await wait(pause);
    const { status } = await postWebhook({
      url,
      headers,
      body,
      timeoutMs: sending.timeoutMs ?? 10_000,
      insecureTls: sending.insecureTls ?? false,
    });
    statuses.push(status);
    if (status >= 200 && status < 300) return { statuses, delivered: true };
  }
  return { statuses, delivered: false };
}

/** The value of `x-voucherify-signature`. @param body as it is sent, without insignificant white space */
export function signatureOf(body: string, secret: string): string {
  return createHmac("sha256", secret).update(body).digest("hex");
}

function sleep(ms: number): Promise<void> {
  return new Promise((resolve) => setTimeout(resolve, ms).unref());
}

function id(prefix: string): string {
  return prefix + randomBytes(9).toString("hex");
}
