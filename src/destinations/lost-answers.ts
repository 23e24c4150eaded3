import type { LaneRecord } from "../delivery/destination";
import type { Failed, Retry } from "../delivery/outcome";

/** What is done with an event whose answer was lost: sent once more, or never again. */
export type Repeat = "at-least-once" | "at-most-once";

const NOT_REPEATED = "It was not sent again, because it could count twice";
const WHAT_TO_DO = "look in Voucherify, and replay it if it is missing there.";

/**
 * The outcome of an event that was not accepted. Voucherify cannot recognise a repeated event
 * (docs.voucherify.io/api-reference/events/track-custom-event), so one that may have arrived is repeated once or never,
 * as the user chose; one that cannot have arrived is tried on.
 */
export function notAccepted(record: LaneRecord<unknown>, outcome: Retry, repeat: Repeat): Retry | Failed {
  if (!outcome.lost) return outcome;
  if (repeat === "at-least-once" && !record.lostAnswers) return { ...outcome, unreachable: true };
  const { reason, answer } = outcome;
  const told = repeat === "at-most-once" ? NOT_REPEATED : "It was sent a second time";
  return {
    status: "failed",
    key: "unknown_outcome",
    reason: `Nobody knows whether Voucherify has this event. ${reason} ${told}: ${WHAT_TO_DO}`,
    unreachable: true,
    ...(answer && { answer }),
  };
}

/** The outcome of an event that must not be sent any more, because it may have arrived before; undefined: send it. */
export function notRepeated({ lostAnswers = 0 }: LaneRecord<unknown>, repeat: Repeat): Failed | undefined {
  if (lostAnswers === 0 || repeat === "at-least-once") return undefined;
  const reason = `Nobody knows whether Voucherify has this event: Node-RED ended while it was being sent. ${NOT_REPEATED}: ${WHAT_TO_DO}`;
  return { status: "failed", key: "unknown_outcome", reason };
}
