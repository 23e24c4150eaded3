import type { JsonObject } from "../../json";
import { ONLY_TEST_CUSTOMERS } from "./code-work";

/** What became of a message that was taken into the queue for codes. */
export interface QueuedCodes {
  readonly waiting: number;
  readonly failed: readonly JsonObject[];
  readonly repeated: number;
  /** For nobody among the test customers. */
  readonly notSent: number;
}

const MOST_ERRORS = 100;

/** What a webhook is answered whose requests wait for their codes on disk. */
export function queuedAnswer({ waiting, failed, repeated, notSent }: QueuedCodes, requestId: string): JsonObject {
  const errors = failed.map(({ index, key, reason }) => ({ index: index!, code: key!, description: reason! }));
  return {
    success: waiting + repeated > 0 || failed.length + notSent === 0,
    accepted: waiting,
    repeated,
    ...(notSent > 0 && {
      not_sent: notSent,
      message: `Test mode: ${notSent.toLocaleString("en-US")} not sent. ${ONLY_TEST_CUSTOMERS}`,
    }),
    rejected: failed.length,
    errors: errors.slice(0, MOST_ERRORS),
    request_id: requestId,
  };
}

/** What a webhook is answered whose customer gets no code in test mode. */
export function heldAnswer(reason: string, requestId: string): JsonObject {
  return { success: false, key: "held", error: reason, not_sent: 1, request_id: requestId };
}
