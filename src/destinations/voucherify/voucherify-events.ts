import type { Destination, LaneRecord, Settlement } from "../../delivery/destination";
import type { Delivered, Failed, Outcome } from "../../delivery/outcome";
import type { HttpAnswer } from "../../http/http-client";
import { isJsonObject, type JsonObject } from "../../json";
import type { Omission } from "../../mapping/values/omissions";
import { LARGEST_BODY, type VoucherifyApi } from "../../voucherify/voucherify-api";
import type { CustomEvent } from "../custom-event";
import { notAccepted, notRepeated, type Repeat } from "../lost-answers";
import { TryLater } from "../try-later";
import { judge, unreadable } from "../voucherify-answers";
import type { EventLessons, FittedMetadata } from "./event-lessons";

/** What it needs to deliver. */
export interface VoucherifyEventsOptions {
  readonly api: Pick<VoucherifyApi, "trackEvent">;
  /** What is known of the project's events; outlives the destination. */
  readonly lessons: EventLessons;
  readonly repeat: Repeat;
  /** Before each repetition of an event whose answer was lost, ms. */
  readonly repeatPausesMs?: readonly number[];
}

/** No event teaches more: an API that finds something new each time is not asked for ever. */
const MOST_REFUSALS = 50;

/**
 * Tracks custom events in Voucherify, one call for each: its API takes no more. A call whose answer is lost is repeated
 * a few times or never, as `repeat` says; one that Voucherify has not taken for certain (429, 502 to 504, refused connection)
 * is repeated like any other. Metadata that Voucherify refuses is given the type that the refusal asks for, or left out: what
 * was refused was not processed, so that sending it again counts nothing twice.
 */
export class VoucherifyEvents implements Destination<CustomEvent> {
  readonly batchLimits = { records: 1, bytes: LARGEST_BODY };
  readonly notesSending: boolean;
  private readonly options: VoucherifyEventsOptions;

  constructor(options: VoucherifyEventsOptions) {
    this.options = options;
    this.notesSending = options.repeat === "at-most-once";
  }

  async *deliver(batch: readonly LaneRecord<CustomEvent>[], signal: AbortSignal): AsyncGenerator<Settlement[]> {
    for (const record of batch) yield [{ id: record.id, outcome: await this.track(record, signal) }];
  }

  private async track(record: LaneRecord<CustomEvent>, signal: AbortSignal): Promise<Outcome> {
    signal.throwIfAborted();
    const { repeat, repeatPausesMs } = this.options;
    const stopped = notRepeated(record, repeat);
    if (stopped) return stopped;
    try {
      return await this.fitAndSend(record.body, signal);
    } catch (error) {
      if (!(error instanceof TryLater)) throw error;
      return notAccepted(record, error.outcome, repeat, repeatPausesMs);
    }
  }

  private async fitAndSend(
    { sourceId, event, body, omitted = [] }: CustomEvent,
    signal: AbortSignal,
  ): Promise<Delivered | Failed> {
    const given = JSON.parse(body) as JsonObject;
    const original = isJsonObject(given.metadata) ? given.metadata : {};
    const { lessons } = this.options;
    let fitted: FittedMetadata = lessons.known(event)?.fit(original) ?? { metadata: original, omitted: [] };
    for (let refusals = 1; ; refusals++) {
      const sending = this.options.api.trackEvent(withMetadata(body, given, fitted.metadata), signal);
      const judged = await judge(sending, "events");
      if (judged.kind === "accepted")
        return deliveredEvent(judged.answer, sourceId, event, [...omitted, ...fitted.omitted]);
      const { refusal, answer } = judged;
      if (refusal.key !== "metadata_validation_failed" || refusals === MOST_REFUSALS) return refusal;
      const better = lessons.of(event).learn(answer.json, fitted.metadata, original);
      if (!better) return refusal;
      fitted = better;
      signal.throwIfAborted();
    }
  }
}

/** The bytes as they were accepted, unless something else is to be sent. */
function withMetadata(body: string, given: JsonObject, metadata: JsonObject): string {
  if (JSON.stringify(metadata) === JSON.stringify(given.metadata ?? {})) return body;
  const entries = Object.entries(given).filter(([field]) => field !== "metadata");
  if (Object.keys(metadata).length > 0) entries.push(["metadata", metadata]);
  return JSON.stringify(Object.fromEntries(entries));
}

function deliveredEvent(answer: HttpAnswer, sourceId: string, event: string, omitted: readonly Omission[]): Delivered {
  const { json } = answer;
  if (!isJsonObject(json)) throw unreadable(answer);
  const id = isJsonObject(json.customer) ? json.customer.id : undefined;
  return {
    status: "delivered",
    result: {
      source_id: sourceId,
      event,
      ...(typeof id === "string" && { id }),
      ...(omitted.length > 0 && { omitted: omitted.map(({ key, reason }) => ({ key, reason })) }),
    },
  };
}
