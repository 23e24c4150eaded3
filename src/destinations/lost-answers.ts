import type { LaneRecord } from "../delivery/destination";
import type { Failed, Retry } from "../delivery/outcome";

/** What is done with an event whose answer was lost: sent again a few times, or never again. */
export type Repeat = "at-least-once" | "at-most-once";

/**
 * How long to wait before each repetition, ms: 15 minutes in all. The first comes soon, because most answers are lost to one
 * cut connection; the last outlives a restart of Voucherify.
 */
const REPEAT_PAUSES_MS: readonly number[] = [5_000, 175_000, 720_000];

const NOT_REPEATED = "It was not sent again, because it could count twice";
const WHAT_TO_DO = "look in Voucherify, and replay it if it is missing there.";

/**
 * The outcome of an event that was not accepted. Voucherify cannot recognise a repeated event
 * (docs.voucherify.io/api-reference/events/track-custom-event), so one that may have arrived is repeated a few times or never,
 * as the user chose; one that cannot have arrived is tried on.
 * @param pausesMs before each repetition; there are as many
 */
export function notAccepted(
  { lostAnswers = 0 }: LaneRecord<unknown>,
  outcome: Retry,
  repeat: Repeat,
  pausesMs = REPEAT_PAUSES_MS,
): Retry | Failed {
  const { reason, answer, retryAfterMs = 0 } = outcome;
  if (!outcome.lost) {
    if (lostAnswers === 0) return outcome;
    return {
      ...outcome,
      reason: `${reason} An earlier try may have arrived: look in Voucherify before you replay it.`,
    };
  }
  const pauseMs = repeat === "at-least-once" ? pausesMs[lostAnswers] : undefined;
  if (pauseMs !== undefined) return { ...outcome, retryAfterMs: Math.max(retryAfterMs, pauseMs), unreachable: true };
  const told = repeat === "at-most-once" ? NOT_REPEATED : `It was sent ${lostAnswers + 1} times`;
  return {
    status: "failed",
    key: "unknown_outcome",
    reason: `Nobody knows whether Voucherify has this event: it may have arrived. ${reason} ${told}: ${WHAT_TO_DO}`,
    unreachable: true,
    ...(answer && { answer }),
  };
}

/** The outcome of an event that must not be sent any more, because it may have arrived before; undefined: send it. */
export function notRepeated({ lostAnswers = 0 }: LaneRecord<unknown>, repeat: Repeat): Failed | undefined {
  if (lostAnswers === 0 || repeat === "at-least-once") return undefined;
  const reason = `Nobody knows whether Voucherify has this event: it may have arrived, because Node-RED ended while it was being sent. ${NOT_REPEATED}: ${WHAT_TO_DO}`;
  return { status: "failed", key: "unknown_outcome", reason };
}
