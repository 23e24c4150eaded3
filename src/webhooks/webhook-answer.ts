import { RETRY_LATER, STOP_CODES } from "./stop-codes";

/** The answer to one webhook; `body` is sent as JSON. */
export interface WebhookAnswer {
  readonly status: number;
  readonly body: object;
}

/** What is wrong with a request. */
export interface WebhookError {
  readonly code: string;
  /** A sentence that says what to do. */
  readonly description: string;
}

/** What is told with "retry later", whoever asks. */
export const RETRY_LATER_ERROR: WebhookError = {
  code: "retry_later",
  description: "Node-RED cannot take this request right now and nothing of it was accepted. Send it again later.",
};

/** 500: Bloomreach and Voucherify send the same request again later. */
export function retryLaterAnswer(requestId: string): WebhookAnswer {
  return refusal(requestId, RETRY_LATER_ERROR);
}

/**
 * 500 (a 404 would stop a campaign): no node receives at this path.
 * @param paths those that the sender's keys open; none for a sender without keys, who is told nothing
 */
export function unknownPathAnswer(paths: readonly string[], requestId: string): WebhookAnswer {
  return refusal(requestId, {
    code: "unknown_path",
    description:
      paths.length > 0
        ? `No node receives at this path. Valid paths: ${paths.join(", ")}.`
        : "No node receives at this path. Send the keys of an account to be told the paths that they open.",
  });
}

/** The answer, but "retry later" in place of a status that would stop a campaign. */
export function harmless<Answer extends WebhookAnswer>(answer: Answer): Answer {
  return STOP_CODES.includes(answer.status) ? { ...answer, status: RETRY_LATER } : answer;
}

function refusal(requestId: string, error: WebhookError): WebhookAnswer {
  return { status: RETRY_LATER, body: { success: false, errors: [error], request_id: requestId } };
}
