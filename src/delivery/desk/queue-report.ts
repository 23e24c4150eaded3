import type { Outbox } from "../outbox/outbox";
import type { LaneQueue } from "../queue/lane-queue";
import type { QueueReport } from "./queue-desk";

/** What a person reads of a queue. @param outbox what delivers from it, if anything did in this life; failed: its dead letters */
export async function reportOf(
  queue: LaneQueue<unknown>,
  outbox: Outbox<unknown> | undefined,
  failed: number,
): Promise<QueueReport> {
  const state = outbox?.lane.state();
  const oldestAt = await queue.oldest();
  const doneAt = outbox?.doneAt();
  return {
    ...queue.owner,
    exists: outbox?.isDelivering ?? false,
    waiting: queue.count(),
    inFlight: state?.inFlight ?? 0,
    delivered: state?.delivered ?? 0,
    notSent: outbox?.notSent ?? 0,
    ...(outbox?.isInTestMode && { testMode: true }),
    failed,
    ...(oldestAt !== undefined && { oldestAt }),
    ...(doneAt !== undefined && { doneAt }),
    ...(state?.retryingUntil !== undefined && { retryingUntil: state.retryingUntil }),
    ...(state?.paused && { paused: { reason: state.paused.reason, since: state.paused.since } }),
  };
}
