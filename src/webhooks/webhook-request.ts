import type { IncomingHttpHeaders } from "node:http";
import type { WebhookAnswer } from "./webhook-answer";

/** A request as a node gets it. */
export interface WebhookRequest {
  readonly method: string;
  /** Full path as the node claimed it, `httpNodeRoot` included. */
  readonly path: string;
  /** Names in lower case. */
  readonly headers: IncomingHttpHeaders;
  readonly query: URLSearchParams;
  /** The exact bytes; empty when `tooLarge`. */
  readonly body: Buffer;
  readonly tooLarge: boolean;
  readonly requestId: string;
}

/** What is known of a request before its body. */
export type WebhookHead = Pick<WebhookRequest, "method" | "headers" | "requestId">;

/** The node's answer. A status that would stop a campaign is sent as 500. */
export type WebhookHandler = (request: WebhookRequest) => Promise<WebhookAnswer>;
