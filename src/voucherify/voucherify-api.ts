import { GRACE_MS, type HttpAnswer, type HttpRequest } from "../http/http-client";
import type { OwnKeys } from "../http/redaction";

/** The keys of an application or of an integration (docs.voucherify.io/guides/authentication). */
export interface VoucherifyKeys {
  readonly applicationId: string;
  readonly secretKey: string;
}

/** Voucherify counts bulk requests apart on some plans. */
export type CallKind = "api" | "bulk";

/** How to reach a project. */
export interface VoucherifyAccess {
  /** For example `https://api.voucherify.io`. */
  readonly apiUrl: string;
  readonly keys: VoucherifyKeys;
  /** Sends a request in its turn: this is where the request budget sits. */
  readonly send: (request: HttpRequest, kind: CallKind) => Promise<HttpAnswer>;
  /** For one request, 30 s by default. */
  readonly timeoutMs?: number;
}

/** Which part of a customer's activity is asked for. */
export interface ActivityQuery {
  /** At most 100. */
  readonly limit?: number;
  readonly order?: "created_at" | "-created_at";
  /** Events behind this one, in the order asked for. */
  readonly startingAfterId?: string;
  /** ISO 8601. */
  readonly startDate?: string;
}

/** Which updated customers are asked for. */
export interface UpdatedQuery {
  /** ISO 8601. */
  readonly after: string;
  readonly page: number;
}

/** Which publications are looked for (docs.voucherify.io/api-reference/publications/list-publications). */
export interface PublicationQuery {
  /** Our idempotency key. */
  readonly source_id?: string;
  /** Voucherify's id of the customer. */
  readonly customer?: string;
  /** Name of the campaign. */
  readonly campaign?: string;
}

/** Kinds of vouchers (docs.voucherify.io/api-reference/vouchers/voucher-object). */
export type VoucherType = "DISCOUNT_VOUCHER" | "GIFT_VOUCHER" | "LOYALTY_CARD";

/** The largest body that Voucherify takes, bytes (docs.voucherify.io/guides/limits). */
export const LARGEST_BODY = 10_485_760;

const DEFAULT_TIMEOUT_MS = 30_000;

/**
 * The calls of Voucherify's API that this package uses (docs.voucherify.io/api-reference). Each resolves with the answer,
 * whatever its status, and rejects with what `send` rejects with.
 */
export class VoucherifyApi {
  private readonly headers: Readonly<Record<string, string>>;
  private readonly apiUrl: string;
  private readonly ownKeys: OwnKeys;

  constructor(private readonly access: VoucherifyAccess) {
    this.ownKeys = { secrets: [access.keys.secretKey], identifiers: [access.keys.applicationId] };
    this.apiUrl = access.apiUrl.replace(/\/+$/, "");
    this.headers = {
      "X-App-Id": access.keys.applicationId,
      "X-App-Token": access.keys.secretKey,
      "X-Voucherify-API-Version": "v2018-08-01",
      "X-Voucherify-Channel": "Node-RED",
    };
  }

  /** Creates or updates one customer. @param body the customer as JSON, `source_id` included */
  upsertCustomer(body: string, signal?: AbortSignal): Promise<HttpAnswer> {
    return this.post("/v1/customers", body, "api", signal);
  }

  /** Creates or updates many; answers 202 with the id of an async action. @param body a JSON array, at most 10 MB */
  bulkUpsertCustomers(body: string, signal?: AbortSignal): Promise<HttpAnswer> {
    return this.post("/v1/customers/bulk/async", body, "bulk", signal);
  }

  /**
   * Tracks a custom event. Sending it twice counts it twice: it has no key by which Voucherify could know it again.
   * @param body the event as JSON (docs.voucherify.io/api-reference/events/track-custom-event)
   */
  trackEvent(body: string, signal?: AbortSignal): Promise<HttpAnswer> {
    return this.post("/v1/events", body, "api", signal);
  }

  /** @param id Voucherify's id of the customer or the source id */
  readCustomer(id: string, signal?: AbortSignal): Promise<HttpAnswer> {
    return this.get(`/v1/customers/${encodeURIComponent(id)}`, signal);
  }

  /**
   * A hundred customers that were updated after a time, those updated first standing first.
   * @param page from 1 to 99, the highest that Voucherify has; behind it, ask again with a later time
   */
  listCustomersUpdatedAfter({ after, page }: UpdatedQuery, signal?: AbortSignal): Promise<HttpAnswer> {
    const since = encodeURIComponent(after);
    const query = `updated_at%5Bafter%5D=${since}&order=updated_at&limit=100&page=${page}`;
    return this.get(`/v1/customers?${query}`, signal);
  }

  readAsyncAction(id: string, signal?: AbortSignal): Promise<HttpAnswer> {
    return this.get(`/v1/async-actions/${encodeURIComponent(id)}`, signal);
  }

  /** @param resource for example `customer`, or the name of a nested schema */
  readMetadataSchema(resource: string, signal?: AbortSignal): Promise<HttpAnswer> {
    return this.get(`/v1/metadata-schemas/${encodeURIComponent(resource)}`, signal);
  }

  listCustomers(limit: number, signal?: AbortSignal): Promise<HttpAnswer> {
    return this.get(`/v1/customers?limit=${limit}`, signal);
  }

  /** One page of what a customer did and got. @param id Voucherify's id of the customer or the source id */
  customerActivity(id: string, query: ActivityQuery, signal?: AbortSignal): Promise<HttpAnswer> {
    const { limit, order, startingAfterId, startDate } = query;
    const parameters = Object.entries({ limit, order, starting_after_id: startingAfterId, start_date: startDate })
      .filter(([, value]) => value !== undefined)
      .map(([name, value]) => `${name}=${encodeURIComponent(String(value))}`);
    return this.get(`/v1/customers/${encodeURIComponent(id)}/activity?${parameters.join("&")}`, signal);
  }

  /** Gives a customer a code. @param body a publication request as JSON */
  publish(body: string, joinOnce: boolean, signal?: AbortSignal): Promise<HttpAnswer> {
    return this.post(`/v1/publications${joinOnce ? "?join_once=true" : ""}`, body, "api", signal);
  }

  /** Publications, newest first. */
  listPublications(query: PublicationQuery, signal?: AbortSignal): Promise<HttpAnswer> {
    const parameters = Object.entries({ limit: 1, order: "-created_at", result: "SUCCESS", ...query });
    const text = parameters.map(([name, value]) => `${name}=${encodeURIComponent(String(value))}`);
    return this.get(`/v1/publications?${text.join("&")}`, signal);
  }

  /** One page of campaigns. @param page from 1 */
  listCampaigns(limit: number, page: number, signal?: AbortSignal): Promise<HttpAnswer> {
    return this.get(`/v1/campaigns?limit=${limit}&page=${page}`, signal);
  }

  /**
   * What a customer has been given, newest first, at most a hundred
   * (docs.voucherify.io/api-reference/customers/list-customers-redeemables).
   * @param customer Voucherify's id of the customer or the source id
   */
  listRedeemables(customer: string, types: readonly VoucherType[], signal?: AbortSignal): Promise<HttpAnswer> {
    const query = new URLSearchParams({ limit: "100", order: "-id" });
    for (const [index, type] of types.entries()) query.set(`filters[voucher_type][conditions][$in][${index}]`, type);
    return this.get(`/v1/customers/${encodeURIComponent(customer)}/redeemables?${query}`, signal);
  }

  /** What a customer may use. @param body as in docs.voucherify.io/api-reference/qualifications/check-eligibility */
  qualify(body: string, signal?: AbortSignal): Promise<HttpAnswer> {
    return this.post("/v1/qualifications", body, "api", signal);
  }

  readVoucher(code: string, signal?: AbortSignal): Promise<HttpAnswer> {
    return this.get(`/v1/vouchers/${encodeURIComponent(code)}`, signal);
  }

  readPromotionTier(id: string, signal?: AbortSignal): Promise<HttpAnswer> {
    return this.get(`/v1/promotions/tiers/${encodeURIComponent(id)}`, signal);
  }

  /** The loyalty programs of API v1, at most a hundred. */
  listLoyaltyCampaigns(signal?: AbortSignal): Promise<HttpAnswer> {
    return this.get("/v1/loyalties?limit=100", signal);
  }

  /** The loyalty programs of API v2, at most a hundred (docs.voucherify.io/build/loyalty-overview). */
  listLoyaltyPrograms(signal?: AbortSignal): Promise<HttpAnswer> {
    return this.get("/v2/loyalties/programs?limit=100", signal);
  }

  /** A customer's cards in a loyalty program of API v2. @param sourceId source id of the customer */
  readMembership(program: string, sourceId: string, signal?: AbortSignal): Promise<HttpAnswer> {
    const member = `${encodeURIComponent(program)}/memberships/${encodeURIComponent(sourceId)}`;
    return this.get(`/v2/loyalties/programs/${member}?identification_type=customer_source_id`, signal);
  }

  listAsyncActions(limit: number, signal?: AbortSignal): Promise<HttpAnswer> {
    return this.get(`/v1/async-actions?limit=${limit}`, signal);
  }

  private get(path: string, signal?: AbortSignal): Promise<HttpAnswer> {
    return this.send({ method: "GET", url: this.apiUrl + path, headers: this.headers }, "api", signal);
  }

  /** What has begun is not given up at once when the signal is aborted: its answer says what need not be sent again. */
  private post(path: string, body: string, kind: CallKind, signal?: AbortSignal): Promise<HttpAnswer> {
    const headers = { ...this.headers, "Content-Type": "application/json" };
    return this.send({ method: "POST", url: this.apiUrl + path, headers, body, graceMs: GRACE_MS }, kind, signal);
  }

  private send(
    request: Omit<HttpRequest, "timeoutMs" | "signal">,
    kind: CallKind,
    signal?: AbortSignal,
  ): Promise<HttpAnswer> {
    const timeoutMs = this.access.timeoutMs ?? DEFAULT_TIMEOUT_MS;
    return this.access.send({ ...request, timeoutMs, ownKeys: this.ownKeys, ...(signal && { signal }) }, kind);
  }
}
