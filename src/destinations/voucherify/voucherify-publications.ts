import type { Destination, LaneRecord, Settlement } from "../../delivery/destination";
import type { Outcome } from "../../delivery/outcome";
import type { PublicationRequest } from "../../mapping/codes/publication-request";
import { TryLater } from "../try-later";
import type { Publisher } from "./publisher";

/**
 * Publishes the codes of a queue, one by one. A request that was repeated, or whose answer was lost, gets the code it got
 * before, so that nothing is wasted however often it is tried.
 */
export class VoucherifyPublications implements Destination<PublicationRequest> {
  readonly batchLimits = { records: 1, bytes: 1_000_000 };

  constructor(private readonly publisher: Publisher) {}

  async *deliver(batch: readonly LaneRecord<PublicationRequest>[], signal: AbortSignal): AsyncGenerator<Settlement[]> {
    for (const { id, body } of batch) yield [{ id, outcome: await this.outcomeOf(body, signal) }];
  }

  private async outcomeOf(request: PublicationRequest, signal: AbortSignal): Promise<Outcome> {
    try {
      const published = await this.publisher.publish(request, signal);
      if (!published.ok) return published.refusal;
      const { publication, omitted } = published;
      return { status: "delivered", result: { publication, omitted: omitted.map((one) => ({ ...one })) } };
    } catch (error) {
      signal.throwIfAborted();
      if (error instanceof TryLater) return error.outcome;
      throw error;
    }
  }
}
