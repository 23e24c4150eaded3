import type { Destination, Settlement } from "../delivery/destination";
import type { Failed } from "../delivery/outcome";
import { isSimulatedKey } from "../delivery/record-key";

/** What becomes of a record that the simulator had a hand in, where the account is a live one. */
export const NOT_SENT_LIVE: Failed = {
  status: "failed",
  key: "simulated",
  reason:
    "This came through the built-in simulator, and nothing of that is sent to a live account. Going live: choose an account in place of the simulator in every node before this one. Only trying things out: choose the simulator here too.",
};

/** A live destination: records from the simulator fail without a call, whenever and however they came into its queue. */
export function liveOnly<Body>(live: Destination<Body>): Destination<Body> {
  return {
    batchLimits: live.batchLimits,
    ...(live.fillMs !== undefined && { fillMs: live.fillMs }),
    ...(live.notesSending !== undefined && { notesSending: live.notesSending }),
    ...(live.merge && { merge: (earlier: Body, later: Body) => live.merge!(earlier, later) }),
    async *deliver(batch, signal) {
      const settled = batch.flatMap(({ id, key }): Settlement[] =>
        isSimulatedKey(key) ? [{ id, outcome: NOT_SENT_LIVE }] : [],
      );
      if (settled.length > 0) yield settled;
      const others = batch.filter(({ key }) => !isSimulatedKey(key));
      if (others.length > 0) yield* live.deliver(others, signal);
    },
  };
}
