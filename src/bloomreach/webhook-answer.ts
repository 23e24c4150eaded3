import { RETRY_LATER } from "../webhooks/stop-codes";
import type { Rejection } from "./webhook-body";

/** The answer to one webhook. */
export interface WebhookAnswer {
  readonly status: number;
  readonly body: WebhookAnswerBody;
}

export interface WebhookAnswerBody {
  /** False when nothing of the request was accepted although something should have been. */
  readonly success: boolean;
  /** Numbers of records. */
  readonly accepted: number;
  readonly rejected: number;
  /** The first problems. */
  readonly errors: readonly WebhookAnswerError[];
  /** Number of problems that are not listed, so that the answer stays small. */
  readonly errors_left_out?: number;
  readonly request_id: string;
  /** A sentence for the person who reads the answer: of a test, or where every record lacks its ID. */
  readonly message?: string;
}

export interface WebhookAnswerError {
  /** Place of the record in the webhook, from 0; absent when the whole request is meant. */
  readonly index?: number;
  readonly code: string;
  readonly description: string;
}

/**
 * The answer to a webhook whose body was read: 200, also when every record was rejected (then `success` is false),
 * because a 4xx would fail the send for all customers.
 * @param outcome `accepted`: number of records; the others as `parseWebhookBody` gives them
 */
export function acceptedAnswer(outcome: {
  readonly accepted: number;
  readonly rejected: readonly Rejection[];
  readonly rejectedCount: number;
  readonly test: boolean;
  /** Another sentence for the person who reads the answer. */
  readonly message?: string;
  readonly requestId: string;
}): WebhookAnswer {
  const { accepted, rejected, rejectedCount, test, requestId } = outcome;
  const message = test ? "Test received. Bloomreach sends no customer data in a batch test." : outcome.message;
  const errors = listErrors(rejected);
  return {
    status: 200,
    body: {
      success: test || accepted > 0 || rejectedCount === 0,
      accepted,
      rejected: rejectedCount,
      errors,
      ...(errors.length < rejectedCount && { errors_left_out: rejectedCount - errors.length }),
      request_id: requestId,
      ...(message !== undefined && { message }),
    },
  };
}

/** 200: GET, HEAD or an empty POST with the right keys, which is how Bloomreach tests an authentication. */
export function connectionTestAnswer(requestId: string): WebhookAnswer {
  const message = "The address and the keys are right. Webhooks from Bloomreach will be accepted.";
  return {
    status: 200,
    body: { success: true, accepted: 0, rejected: 0, errors: [], request_id: requestId, message },
  };
}

/** 200 with `success: false`: a body over the limit. @param limitMegabytes the limit of the node */
export function tooLargeAnswer(limitMegabytes: number, requestId: string): WebhookAnswer {
  return refusal(200, requestId, {
    code: "too_large",
    description:
      `The request is larger than the limit of ${limitMegabytes} MB, so none of its customers were accepted. ` +
      "Lower the batch size of the webhook in Bloomreach, or raise the limit in the bloomreach in node.",
  });
}

/** 401: this send fails, but the campaign goes on. */
export function wrongKeysAnswer(requestId: string): WebhookAnswer {
  return refusal(401, requestId, {
    code: "wrong_keys",
    description:
      "The keys are missing or wrong. Send the Application ID and the Secret key of the bloomreach account " +
      "in the headers application-id and secret-key.",
  });
}

/** 500: Bloomreach sends the same request again later. */
export function retryLaterAnswer(requestId: string): WebhookAnswer {
  return refusal(RETRY_LATER, requestId, {
    code: "retry_later",
    description: "Node-RED cannot take this request right now and nothing of it was accepted. Send it again later.",
  });
}

/**
 * 500 (a 404 would stop the campaign): no node listens at this path.
 * @param paths the paths that do work; undefined for a sender without keys, who is not told
 */
export function unknownPathAnswer(paths: readonly string[] | undefined, requestId: string): WebhookAnswer {
  return refusal(RETRY_LATER, requestId, {
    code: "unknown_path",
    description: paths
      ? `No bloomreach in node has this path. Valid paths: ${paths.join(", ")}.`
      : "No bloomreach in node has this path. Send the keys of the bloomreach account to be told the valid paths.",
  });
}

function refusal(status: number, requestId: string, error: WebhookAnswerError): WebhookAnswer {
  return { status, body: { success: false, accepted: 0, rejected: 0, errors: [error], request_id: requestId } };
}

const MAX_ERRORS = 100;
/** Bloomreach reads at most 64 KB of an answer (documentation.bloomreach.com/engagement/docs/using-webhook-responses). */
const MAX_ERROR_BYTES = 48 * 1024;

function listErrors(rejected: readonly Rejection[]): WebhookAnswerError[] {
  const errors: WebhookAnswerError[] = [];
  let bytes = 0;
  for (const { index, code, description } of rejected.slice(0, MAX_ERRORS)) {
    const error = { index, code, description };
    bytes += Buffer.byteLength(JSON.stringify(error)) + 1;
    if (bytes > MAX_ERROR_BYTES) break;
    errors.push(error);
  }
  return errors;
}
