import type { Destination, LaneRecord, Settlement } from "../delivery/destination";
import type { Outcome } from "../delivery/outcome";
import { isJsonObject } from "../json";
import type { VoucherifyApi } from "../voucherify/voucherify-api";
import { LARGEST_BODY } from "./customer-batch";
import { notAccepted, notRepeated, type Repeat } from "./lost-answers";
import { judge, TryLater, unreadable } from "./voucherify-answers";

/** A custom event on its way to Voucherify. */
export interface CustomEvent {
  readonly sourceId: string;
  /** Its name. */
  readonly event: string;
  /** The exact JSON of the request (docs.voucherify.io/api-reference/events/track-custom-event). */
  readonly body: string;
}

/** What it needs to deliver. */
export interface VoucherifyEventsOptions {
  readonly api: Pick<VoucherifyApi, "trackEvent">;
  readonly repeat: Repeat;
}

/**
 * Tracks custom events in Voucherify, one call for each: its API takes no more. A call whose answer is lost is repeated
 * once or never, as `repeat` says; one that Voucherify has not taken for certain (429, 503, refused connection) is repeated
 * like any other.
 */
export class VoucherifyEvents implements Destination<CustomEvent> {
  readonly batchLimits = { records: 1, bytes: LARGEST_BODY };
  readonly notesSending: boolean;
  private readonly api: VoucherifyEventsOptions["api"];
  private readonly repeat: Repeat;

  constructor({ api, repeat }: VoucherifyEventsOptions) {
    this.api = api;
    this.repeat = repeat;
    this.notesSending = repeat === "at-most-once";
  }

  async *deliver(batch: readonly LaneRecord<CustomEvent>[], signal: AbortSignal): AsyncGenerator<Settlement[]> {
    for (const record of batch) yield [{ id: record.id, outcome: await this.track(record, signal) }];
  }

  private async track(record: LaneRecord<CustomEvent>, signal: AbortSignal): Promise<Outcome> {
    signal.throwIfAborted();
    const { sourceId, event, body } = record.body;
    const stopped = notRepeated(record, this.repeat);
    if (stopped) return stopped;
    try {
      const judged = await judge(this.api.trackEvent(body, signal), "events");
      if (judged.kind === "refused") return judged.refusal;
      const { json } = judged.answer;
      if (!isJsonObject(json)) throw unreadable(judged.answer);
      const id = isJsonObject(json.customer) ? json.customer.id : undefined;
      return { status: "delivered", result: { source_id: sourceId, event, ...(typeof id === "string" && { id }) } };
    } catch (error) {
      if (!(error instanceof TryLater)) throw error;
      return notAccepted(record, error.outcome, this.repeat);
    }
  }
}
