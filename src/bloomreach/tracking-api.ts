import { GRACE_MS, type HttpAnswer, type HttpRequest } from "../http/http-client";
import type { OwnKeys } from "../http/redaction";

/** A private API group's key (documentation.bloomreach.com/engagement/reference/authentication). */
export interface TrackingKeys {
  readonly apiKeyId: string;
  readonly apiSecret: string;
}

/** How to reach a Bloomreach project. */
export interface TrackingAccess {
  /** For example `https://api.exponea.com`. */
  readonly apiUrl: string;
  readonly projectToken: string;
  readonly keys: TrackingKeys;
  /** Sends a request in its turn: this is where the request budget sits. */
  readonly send: (request: HttpRequest) => Promise<HttpAnswer>;
  /** For one request, 30 s by default. */
  readonly timeoutMs?: number;
}

const DEFAULT_TIMEOUT_MS = 30_000;

/**
 * The call of Bloomreach's Tracking API that this package uses (documentation.bloomreach.com/engagement/reference/batch-commands-2).
 * Resolves with the answer, whatever its status, and rejects with what `send` rejects with. Bodies are not compressed:
 * Bloomreach answers 400 to those.
 */
export class TrackingApi {
  private readonly url: string;
  private readonly headers: Readonly<Record<string, string>>;
  private readonly ownKeys: OwnKeys;

  constructor(private readonly access: TrackingAccess) {
    const { apiUrl, projectToken, keys } = access;
    this.url = `${apiUrl.trim().replace(/\/+$/, "")}/track/v2/projects/${encodeURIComponent(projectToken)}/batch`;
    const pair = `${keys.apiKeyId}:${keys.apiSecret}`;
    this.ownKeys = { secrets: [pair, keys.apiSecret, keys.apiKeyId, projectToken] };
    this.headers = {
      authorization: `Basic ${Buffer.from(pair).toString("base64")}`,
      accept: "application/json",
      "content-type": "application/json",
    };
  }

  /**
   * Sends commands. What has begun is not given up at once when the signal is aborted.
   * @param body `{"commands":[…]}` as JSON, at most 50 commands and 800 KB
   */
  batch(body: string, signal?: AbortSignal): Promise<HttpAnswer> {
    const timeoutMs = this.access.timeoutMs ?? DEFAULT_TIMEOUT_MS;
    const { url, headers, ownKeys } = this;
    const request = { method: "POST", url, headers, body, timeoutMs, graceMs: GRACE_MS, ownKeys } as const;
    return this.access.send({ ...request, ...(signal && { signal }) });
  }
}
