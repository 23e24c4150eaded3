import type { Settlement } from "../destination";
import { groupBy } from "../../async/group-by";
import type { FinalRecord } from "./settled-results";
import type { Failed, Retry } from "../outcome";
import { retryDelay, type RetryPolicy } from "../retry-policy";
import type { Postponed, WaitingRecord } from "../queue/waiting-record";

const HOUR_MS = 3_600_000;

/** What has to be done with the records that a call was about. */
export interface Verdict<Body> {
  readonly final: readonly FinalRecord<Body>[];
  readonly postponed: readonly Postponed<Body>[];
  readonly unsent: readonly WaitingRecord<Body>[];
}

/**
 * Turns the outcomes of one call into what has to be done, for every waiting record that a sent one was made of.
 * @param open what the call has not settled yet, by id of the sent record; what is settled now is taken out
 * @param call when the call started and what time it is (Unix ms); `random` from 0 to 1, one number for the whole call:
 *   what failed together comes back together, as one call again
 */
export function verdictOf<Body>(
  settlements: readonly Settlement[],
  open: Map<number, readonly WaitingRecord<Body>[]>,
  call: { readonly startedAt: number; readonly now: number; readonly random: number; readonly retry: RetryPolicy },
): Verdict<Body> {
  const final: FinalRecord<Body>[] = [];
  const postponed: Postponed<Body>[] = [];
  const unsent: WaitingRecord<Body>[] = [];
  for (const { id, outcome: told } of settlements) {
    const records = open.get(id);
    if (!records) continue;
    open.delete(id);
    const { attempts, firstTriedAt = call.startedAt } = records[0]!;
    const tooLate = call.now - firstTriedAt >= call.retry.giveUpAfterMs;
    const outcome = told.status === "retry" && tooLate ? givenUp(told, call.retry) : told;
    if (outcome.status === "retry") {
      const wait = Math.max(retryDelay(call.retry, attempts + 1, call.random), outcome.retryAfterMs ?? 0);
      const { lost } = outcome;
      postponed.push({
        records,
        triedAt: call.startedAt,
        dueAt: call.now + wait,
        pauseMs: wait,
        ...(lost && { lost }),
      });
    } else {
      for (const original of records) {
        if (outcome.status === "unsent") unsent.push(original);
        else final.push({ original, outcome });
      }
    }
  }
  return { final, postponed, unsent };
}

/**
 * A verdict in parts that can be kept one after the other: what goes back into the queue, then halves of what is final.
 * Records of one key stay together, because they were sent as one. One part: it can be divided no further.
 */
export function partsOf<Body>({ final, postponed, unsent }: Verdict<Body>): Verdict<Body>[] {
  const keys = groupBy(final, ({ original }) => original.key);
  const middle = keys.length >> 1;
  const finals = [keys.slice(0, middle), keys.slice(middle)].map((half) => half.flat());
  return [
    { final: [], postponed, unsent },
    ...finals.map((half): Verdict<Body> => ({ final: half, postponed: [], unsent: [] })),
  ].filter((part) => part.final.length + part.postponed.length + part.unsent.length > 0);
}

function givenUp({ reason, answer }: Retry, { giveUpAfterMs }: RetryPolicy): Failed {
  return {
    status: "failed",
    key: "gave_up",
    reason: `Given up after ${giveUpAfterMs / HOUR_MS} hours of trying. The last reason: ${reason}`,
    ...(answer && { answer }),
  };
}
