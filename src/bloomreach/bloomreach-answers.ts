import { RETRY_LATER } from "../webhooks/stop-codes";
import { RETRY_LATER_ERROR, type WebhookError } from "../webhooks/webhook-answer";
import type { Rejection } from "./bodies/webhook-body";

/** The answer to one of Bloomreach's webhooks. */
export interface BloomreachAnswer {
  readonly status: number;
  readonly body: BloomreachAnswerBody;
}

export interface BloomreachAnswerBody {
  /** False when nothing of the request was accepted although something should have been. */
  readonly success: boolean;
  /** Numbers of records. */
  readonly accepted: number;
  readonly rejected: number;
  /** The first problems. */
  readonly errors: readonly RecordError[];
  /** Number of problems that are not listed, so that the answer stays small. */
  readonly errors_left_out?: number;
  readonly request_id: string;
  /** A sentence for the person who reads the answer: of a test, or where every record lacks its ID. */
  readonly message?: string;
}

/** What is wrong with a record, or with the whole request. */
export interface RecordError extends WebhookError {
  /** Place of the record in the webhook, from 0; absent when the whole request is meant. */
  readonly index?: number;
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
}): BloomreachAnswer {
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
export function connectionTestAnswer(requestId: string): BloomreachAnswer {
  const message = "The address and the keys are right. Webhooks from Bloomreach will be accepted.";
  return {
    status: 200,
    body: { success: true, accepted: 0, rejected: 0, errors: [], request_id: requestId, message },
  };
}

/** 200 with `success: false`: a body over the limit. @param limitMegabytes the limit of the node */
export function tooLargeAnswer(limitMegabytes: number, requestId: string): BloomreachAnswer {
  return refusal(200, requestId, {
    code: "too_large",
    description:
      `The request is larger than the limit of ${limitMegabytes} MB, so none of its customers were accepted. ` +
      "Lower the batch size of the webhook in Bloomreach, or raise the limit in the bloomreach in node.",
  });
}

/** 401: this send fails, but the campaign goes on. */
export function wrongKeysAnswer(requestId: string): BloomreachAnswer {
  return refusal(401, requestId, {
    code: "wrong_keys",
    description:
      "The keys are missing or wrong. Send the Application ID and the Secret key of the bloomreach account " +
      "in the headers application-id and secret-key.",
  });
}

/** 500: Bloomreach sends the same request again later. */
export function sendAgainAnswer(requestId: string): BloomreachAnswer {
  return refusal(RETRY_LATER, requestId, RETRY_LATER_ERROR);
}

function refusal(status: number, requestId: string, error: RecordError): BloomreachAnswer {
  return { status, body: { success: false, accepted: 0, rejected: 0, errors: [error], request_id: requestId } };
}

const MAX_ERRORS = 100;
/** Bloomreach reads at most 64 KB of an answer (documentation.bloomreach.com/engagement/docs/using-webhook-responses). */
const MAX_ERROR_BYTES = 48 * 1024;

function listErrors(rejected: readonly Rejection[]): RecordError[] {
  const errors: RecordError[] = [];
  let bytes = 0;
  for (const { index, code, description } of rejected.slice(0, MAX_ERRORS)) {
    const error = { index, code, description };
    bytes += Buffer.byteLength(JSON.stringify(error)) + 1;
    if (bytes > MAX_ERROR_BYTES) break;
    errors.push(error);
  }
  return errors;
}
