import { type ApiAnswer, ConfigurationError, type Failed, type Retry } from "../delivery/outcome";
import { type HttpAnswer, TransportError } from "../http/http-client";
import { type ExplainedAnswer, explainAnswer } from "../voucherify/errors";
import { MetadataSchemaError } from "../voucherify/metadata-schemas";
import { type RateLimit, readRateLimit } from "../voucherify/rate-limit";
import { TryLater } from "./try-later";

/** No wait that an answer asks for is longer: a mistake in it must not hold a record for weeks. */
const LONGEST_WAIT_MS = 3_600_000;
/** A gateway says these of a request that Voucherify has not taken (RFC 9110, section 15.6); after another 5xx it may have. */
const NOT_HANDLED: readonly number[] = [502, 503, 504];
const CHECK_URL = "Check the API base URL of the voucherify account.";

/** What a key may do, as Voucherify names it (docs.voucherify.io/guides/authentication). */
export type VoucherifyPermission =
  | "customers"
  | "publications"
  | "events"
  | "async-actions"
  | "metadata-schemas"
  | "loyalties"
  | "promotions"
  | "qualifications"
  | "vouchers";

/** An answer that says what became of a request. */
export type Judgement =
  | { readonly kind: "accepted"; readonly answer: HttpAnswer }
  /** `answer` as it came, with more than is kept of it. */
  | { readonly kind: "refused"; readonly answer: HttpAnswer; readonly statusCode: number; readonly refusal: Failed };

/**
 * Waits for a call and judges its answer (docs.voucherify.io/api-reference/errors).
 * @param permission what the keys need for this call
 * @throws TryLater on 408, 429, 5xx, or no answer; ConfigurationError when a human must act: keys, plan, permission,
 *   address
 */
export async function judge(call: Promise<HttpAnswer>, permission: VoucherifyPermission): Promise<Judgement> {
  try {
    return judgeAnswer(await call, permission);
  } catch (error) {
    throw error instanceof TransportError ? new TryLater(retryWithout(error)) : error;
  }
}

/**
 * Waits for metadata schemas.
 * @throws TryLater or ConfigurationError, as `judge` does
 */
export async function judgeSchemas<T>(reading: Promise<T>): Promise<T> {
  try {
    return await reading;
  } catch (error) {
    if (error instanceof TransportError) throw new TryLater(retryWithout(error));
    if (!(error instanceof MetadataSchemaError)) throw error;
    judgeAnswer(error.answer, "metadata-schemas");
    throw new TryLater({ status: "retry", reason: error.message });
  }
}

/** A success that cannot be one, a proxy's page for example: nobody knows what became of the request. */
export function unreadable(answer: HttpAnswer): TryLater {
  const { statusCode, body } = explainAnswer(answer);
  const reason = `Voucherify answered ${statusCode}, but not as its API does. ${CHECK_URL}`;
  return new TryLater({ status: "retry", reason, lost: true, answer: { statusCode, body } });
}

function judgeAnswer(answer: HttpAnswer, permission: VoucherifyPermission): Judgement {
  const { status: statusCode, headers } = answer;
  if (statusCode >= 200 && statusCode < 300) return { kind: "accepted", answer };
  const explained = explainAnswer(answer);
  const rate = readRateLimit(headers, Date.now());
  const remedy = remedyFor(explained, permission, rate);
  if (remedy) throw new ConfigurationError(`${explained.message} ${remedy}`, apiAnswer(explained));
  if (statusCode === 408 || statusCode === 429 || statusCode >= 500) throw new TryLater(retryAfter(explained, rate));
  const { key, message: reason } = explained;
  const refusal: Failed = { status: "failed", key, reason, answer: apiAnswer(explained) };
  return { kind: "refused", answer, statusCode, refusal };
}

/** What a human has to do about a status, where no repetition and no other customer can change it. */
function remedyFor(
  { statusCode: status, key }: ExplainedAnswer,
  permission: VoucherifyPermission,
  rate: RateLimit,
): string | undefined {
  if (status === 401) return "Check the Application ID and the Secret key of the voucherify account.";
  if (status === 402) return "Check your Voucherify plan.";
  if (status === 403) return `Give these keys the permission "${permission}" in Voucherify.`;
  if (status === 429 && rate.type === "api_calls_cycle") {
    return "The API calls of your Voucherify billing cycle are used up: raise the limit, or wait for the next cycle.";
  }
  // An action may be gone, and an event may name a card that is unknown: everything else that we ask for exists.
  const notFound = permission === "customers" || (permission === "events" && key !== "not_found");
  const wrongAddress = status < 400 || status === 405 || (status === 404 && notFound);
  return wrongAddress ? CHECK_URL : undefined;
}

function retryAfter(explained: ExplainedAnswer, { remaining = 0, retryAt = 0 }: RateLimit): Retry {
  const { statusCode, message: reason } = explained;
  // The headers come with every answer; while requests remain, the time in them stops nobody.
  const told = statusCode === 429 || remaining === 0 ? retryAt - Date.now() : 0;
  return {
    status: "retry",
    reason,
    ...(told > 0 && { retryAfterMs: Math.min(told, LONGEST_WAIT_MS) }),
    ...(statusCode >= 500 && { unreachable: true as const }),
    ...(statusCode >= 500 && !NOT_HANDLED.includes(statusCode) && { lost: true as const }),
    answer: apiAnswer(explained),
  };
}

/** A call may have been given up by another queue that shared it: that says nothing about Voucherify. */
function retryWithout({ kind, message: reason, unsent }: TransportError): Retry {
  return {
    status: "retry",
    reason,
    ...(kind !== "aborted" && { unreachable: true as const }),
    ...(!unsent && { lost: true as const }),
  };
}

function apiAnswer({ statusCode, body }: ExplainedAnswer): ApiAnswer {
  return { statusCode, body };
}
