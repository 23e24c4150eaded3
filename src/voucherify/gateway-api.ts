import { GRACE_MS, type HttpAnswer, type HttpRequest } from "../http/http-client";
import type { VoucherifyKeys } from "./voucherify-api";

/** How to reach the integration. */
export interface GatewayAccess {
  /** For example `https://bloomreach.voucherify.io`. */
  readonly gatewayUrl: string;
  /** Keys of the integration, not of the API. */
  readonly keys: VoucherifyKeys;
  readonly send: (request: HttpRequest) => Promise<HttpAnswer>;
  /** For one request, 30 s by default. */
  readonly timeoutMs?: number;
}

const DEFAULT_TIMEOUT_MS = 30_000;

const API_HOST = /^https:\/\/(?:(us1|as1)\.)?api\.voucherify\.io\/*$/;

/**
 * The address of the integration in the region of an API base URL; undefined for a dedicated region, whose address the
 * user must type.
 */
export function gatewayUrlOf(apiUrl: string): string | undefined {
  const match = API_HOST.exec(apiUrl.trim());
  return match ? `https://${match[1] ? `${match[1]}.` : ""}bloomreach.voucherify.io` : undefined;
}

/**
 * Voucherify's hosted integration for Bloomreach (docs.voucherify.io/integrations/bloomreach-engagement): up to 1,000
 * customers or events in one request. Each call resolves with the answer, whatever its status, and rejects with what `send`
 * rejects with. A call that has begun is not given up at once when the signal is aborted.
 */
export class VoucherifyGateway {
  private readonly url: string;

  constructor(private readonly access: GatewayAccess) {
    this.url = `${access.gatewayUrl.replace(/\/+$/, "")}/bloomreach-engagement`;
  }

  /** @param body a JSON array of customers, each with the Main Hard ID as a key */
  upsertCustomers(body: string, signal?: AbortSignal): Promise<HttpAnswer> {
    return this.post("upsert-customer-bulk", body, signal);
  }

  /** @param body a JSON array of events, each with a `customer` that has the Main Hard ID as a key */
  createEvents(body: string, signal?: AbortSignal): Promise<HttpAnswer> {
    return this.post("create-event-bulk", body, signal);
  }

  private post(endpoint: string, body: string, signal?: AbortSignal): Promise<HttpAnswer> {
    const { keys, send, timeoutMs = DEFAULT_TIMEOUT_MS } = this.access;
    const headers = {
      "application-id": keys.applicationId,
      "secret-key": keys.secretKey,
      "Content-Type": "application/json",
    };
    const url = `${this.url}/${endpoint}`;
    const ownKeys = { secrets: [keys.secretKey], identifiers: [keys.applicationId] };
    return send({
      method: "POST",
      url,
      headers,
      body,
      ownKeys,
      timeoutMs,
      graceMs: GRACE_MS,
      ...(signal && { signal }),
    });
  }
}
