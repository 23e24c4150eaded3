import type { Destination, LaneRecord, Settlement } from "../../delivery/destination";
import type { Retry } from "../../delivery/outcome";
import type { JsonObject } from "../../json";
import type { VoucherifyGateway } from "../../voucherify/gateway-api";
import type { CustomEvent } from "../custom-event";
import { notAccepted, notRepeated, type Repeat } from "../lost-answers";
import { BATCH_LIMITS, type GatewayItem, sendItems } from "./gateway-items";

/** What events need to be delivered. */
export interface GatewayEventsOptions {
  readonly gateway: Pick<VoucherifyGateway, "createEvents">;
  /** Name of the Main Hard ID in the integration's settings in Voucherify. */
  readonly hardId: string;
  readonly repeat: Repeat;
  /** Before each repetition of events whose answer was lost, ms. */
  readonly repeatPausesMs?: readonly number[];
}

/** Creates custom events through Voucherify's hosted integration. A call whose answer is lost is repeated a few times or never. */
export class GatewayEvents implements Destination<CustomEvent> {
  readonly batchLimits = BATCH_LIMITS;
  readonly notesSending: boolean;

  constructor(private readonly options: GatewayEventsOptions) {
    this.notesSending = options.repeat === "at-most-once";
  }

  async *deliver(batch: readonly LaneRecord<CustomEvent>[], signal: AbortSignal): AsyncGenerator<Settlement[]> {
    signal.throwIfAborted();
    const { gateway, repeat, repeatPausesMs } = this.options;
    const items: GatewayItem<CustomEvent>[] = [];
    const stopped: Settlement[] = [];
    for (const record of batch) {
      const outcome = notRepeated(record, repeat);
      if (outcome) stopped.push({ id: record.id, outcome });
      else items.push(this.itemOf(record));
    }
    if (stopped.length > 0) yield stopped;
    const call = {
      send: (body: string) => gateway.createEvents(body, signal),
      notAccepted: (record: LaneRecord<CustomEvent>, outcome: Retry) =>
        notAccepted(record, outcome, repeat, repeatPausesMs),
    };
    yield* sendItems(items, call, signal);
  }

  private itemOf(record: LaneRecord<CustomEvent>): GatewayItem<CustomEvent> {
    const { sourceId, event, body, omitted = [] } = record.body;
    const given = JSON.parse(body) as JsonObject;
    const json = JSON.stringify({ ...given, customer: { [this.options.hardId]: sourceId } });
    const told = omitted.length > 0 && { omitted: omitted.map(({ key, reason }) => ({ key, reason })) };
    return { record, json, result: { source_id: sourceId, event, ...told } };
  }
}
