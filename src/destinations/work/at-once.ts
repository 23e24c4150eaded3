import { ConfigurationError } from "../../delivery/outcome";
import type { ApiAnswer } from "../../delivery/outcome";
import type { JsonObject } from "../../json";
import { TryLater } from "../try-later";

/** Voucherify has said no: to ask again cannot help. */
export interface RefusedAtOnce {
  readonly kind: "refused";
  readonly key: string;
  readonly reason: string;
  /** What Voucherify said, for Catch nodes. */
  readonly details: JsonObject;
}

/** It did not work this time: `paused` until a human has acted, or to be asked again. */
export interface LaterAtOnce {
  readonly kind: "later";
  readonly key: "paused" | "retry";
  readonly reason: string;
  readonly details: JsonObject;
}

/** What a failed call means for somebody who waits. @throws error when it is none of Voucherify */
export function laterOf(error: unknown): LaterAtOnce {
  if (error instanceof ConfigurationError)
    return { kind: "later", key: "paused", reason: error.message, details: detailsOf(error.answer) };
  if (!(error instanceof TryLater)) throw error;
  const { reason, answer } = error.outcome;
  return { kind: "later", key: "retry", reason, details: detailsOf(answer) };
}

/** What Voucherify said, as it stands on a message. */
export function detailsOf(answer: ApiAnswer | undefined): JsonObject {
  return {
    ...(answer?.statusCode !== undefined && { statusCode: answer.statusCode }),
    ...(answer?.body !== undefined && { response: answer.body }),
  };
}
