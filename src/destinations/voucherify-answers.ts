import { type ApiAnswer, ConfigurationError, type Failed, type Retry } from "../delivery/outcome";
import { type HttpAnswer, TransportError } from "../http/http-client";
import { type ExplainedAnswer, explainAnswer } from "../voucherify/errors";
import { MetadataSchemaError } from "../voucherify/metadata-schemas";
import { readRateLimit } from "../voucherify/rate-limit";

/** No wait that an answer asks for is longer: a mistake in it must not hold a record for weeks. */
const LONGEST_WAIT_MS = 3_600_000;

/** Permissions of a key, as Voucherify names them (docs.voucherify.io/guides/authentication). */
export type Permission = "customers" | "async-actions" | "metadata-schemas";

/** What a call came to, as far as a human does not have to act. */
export type Judgement =
  | { readonly kind: "accepted"; readonly answer: HttpAnswer }
  | { readonly kind: "refused"; readonly statusCode: number; readonly refusal: Failed }
  | { readonly kind: "later"; readonly outcome: Retry };

/**
 * Waits for a call and judges its answer (docs.voucherify.io/api-reference/errors).
 * @param permission what the keys need for this call
 * @throws ConfigurationError when a human must act: keys, plan, permission, address
 */
export async function judge(call: Promise<HttpAnswer>, permission: Permission): Promise<Judgement> {
  try {
    return judgeAnswer(await call, permission);
  } catch (error) {
    return { kind: "later", outcome: retryOf(error, permission) };
  }
}

/**
 * The outcome after a call that threw.
 * @throws ConfigurationError as `judge` does; whatever else is no trouble of the connection
 */
export function retryOf(error: unknown, permission: Permission): Retry {
  if (error instanceof TransportError) {
    // Given up: by this lane, which then asks no more, or by another one that shared the call.
    if (error.kind === "aborted") return { status: "retry", reason: error.message };
    return { status: "retry", reason: error.message, unreachable: true };
  }
  if (!(error instanceof MetadataSchemaError)) throw error;
  const judged = judgeAnswer(error.answer, permission);
  return judged.kind === "later" ? judged.outcome : { status: "retry", reason: error.message };
}

function judgeAnswer(answer: HttpAnswer, permission: Permission): Judgement {
  const { status } = answer;
  if (status >= 200 && status < 300) return { kind: "accepted", answer };
  const explained = explainAnswer(answer);
  const { key, message: reason } = explained;
  const rate = readRateLimit(answer.headers, Date.now());
  const remedy = remedyOf(status, permission, rate.type);
  if (remedy) throw new ConfigurationError(`${reason} ${remedy}`, apiAnswer(explained));
  const again = status === 408 || status === 429 || status >= 500;
  if (!again) {
    return {
      kind: "refused",
      statusCode: status,
      refusal: { status: "failed", reason, key, answer: apiAnswer(explained) },
    };
  }
  // The headers come with every answer; while requests remain, the time in them stops nobody.
  const told = status === 429 || !rate.remaining ? (rate.retryAt ?? 0) - Date.now() : 0;
  return {
    kind: "later",
    outcome: {
      status: "retry",
      reason,
      ...(told > 0 && { retryAfterMs: Math.min(told, LONGEST_WAIT_MS) }),
      ...(status >= 500 && { unreachable: true as const }),
      answer: apiAnswer(explained),
    },
  };
}

/** What a human has to do about a status, if it is something that no repetition and no other customer can change. */
function remedyOf(status: number, permission: Permission, rateType: string | undefined): string | undefined {
  if (status === 401) return "Check the Application ID and the Secret key of the voucherify account.";
  if (status === 402) return "Check your Voucherify plan.";
  if (status === 403) return `Give these keys the permission "${permission}" in Voucherify.`;
  if ((status >= 300 && status < 400) || status === 405) return CHECK_URL;
  if (status === 429 && rateType === "api_calls_cycle")
    return "The API calls of your Voucherify billing cycle are used up: raise the limit, or wait for the next cycle.";
  return undefined;
}

export const CHECK_URL = "Check the API base URL of the voucherify account.";

function apiAnswer({ statusCode, body }: ExplainedAnswer): ApiAnswer {
  return { statusCode, body };
}
