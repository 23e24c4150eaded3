import type { Destination, LaneRecord, Settlement } from "../../delivery/destination";
import { isJsonObject, type JsonObject } from "../../json";
import { type EmptyValues, presence } from "../../mapping/values/presence";
import { mapCustomer } from "../../mapping/customers/customer";
import { mergeCustomers } from "../../mapping/customers/merge";
import type { VoucherifyGateway } from "../../voucherify/gateway-api";
import { type CustomerUpdate, LARGEST_BODY } from "../voucherify/customer-batch";
import { type GatewayItem, MOST_ITEMS, sendItems } from "./gateway-batch";
import { notAccepted, notRepeated, type Repeat } from "../lost-answers";
import type { CustomEvent } from "../voucherify/voucherify-events";

const BATCH_LIMITS = { records: MOST_ITEMS, bytes: LARGEST_BODY };

/** What customers need to be delivered. */
export interface GatewayCustomersOptions {
  readonly gateway: Pick<VoucherifyGateway, "upsertCustomers">;
  /** Name of the Main Hard ID in the integration's settings in Voucherify. */
  readonly hardId: string;
  readonly emptyValues: EmptyValues;
}

/**
 * Creates and updates customers through Voucherify's hosted integration. It leaves out metadata that does not fit by itself,
 * so nothing is checked against the definitions here, and nobody is told what it left out.
 */
export class GatewayCustomers implements Destination<CustomerUpdate> {
  readonly batchLimits = BATCH_LIMITS;

  constructor(private readonly options: GatewayCustomersOptions) {}

  merge(earlier: CustomerUpdate, later: CustomerUpdate): CustomerUpdate {
    return { ...later, record: mergeCustomers(earlier.record, later.record, this.options.emptyValues) };
  }

  async *deliver(batch: readonly LaneRecord<CustomerUpdate>[], signal: AbortSignal): AsyncGenerator<Settlement[]> {
    const { gateway } = this.options;
    yield* sendItems(
      batch.map((record) => this.itemOf(record)),
      {
        send: (body) => gateway.upsertCustomers(body, signal),
        notAccepted: (_record, outcome) => outcome,
      },
    );
  }

  private itemOf(record: LaneRecord<CustomerUpdate>): GatewayItem<CustomerUpdate> {
    const { hardId, emptyValues } = this.options;
    const { sourceId, hardId: givenAs, record: given } = record.body;
    const { metadata, ...fields } = given;
    const isObject = isJsonObject(metadata);
    // Anything but an object is reported with the other fields.
    const mapped = isObject || metadata === undefined ? fields : given;
    const { customer, omitted } = mapCustomer(mapped, sourceId, givenAs, { emptyValues, schema: NOTHING_DEFINED });
    const { source_id, ...sent } = customer;
    const values = isObject ? filled(metadata, emptyValues) : {};
    const json = { [hardId]: source_id, ...sent, ...(Object.keys(values).length > 0 && { metadata: values }) };
    const told = omitted.length > 0 && { omitted: omitted.map(({ key, reason }) => ({ key, reason })) };
    return { record, json: JSON.stringify(json), result: { source_id: sourceId, ...told } };
  }
}

const NOTHING_DEFINED = { properties: {}, nested: {} };

/** Metadata without what has no value, or with null for it. */
function filled(metadata: JsonObject, emptyValues: EmptyValues): JsonObject {
  const entries = Object.entries(metadata).flatMap(([key, value]) => {
    const found = presence(value, emptyValues);
    return found === "nothing" ? [] : [[key, found === "null" ? null : value] as const];
  });
  return Object.fromEntries(entries);
}

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
    yield* sendItems(items, {
      send: (body) => gateway.createEvents(body, signal),
      notAccepted: (record, outcome) => notAccepted(record, outcome, repeat, repeatPausesMs),
    });
  }

  private itemOf(record: LaneRecord<CustomEvent>): GatewayItem<CustomEvent> {
    const { sourceId, event, body, omitted = [] } = record.body;
    const given = JSON.parse(body) as JsonObject;
    const json = JSON.stringify({ ...given, customer: { [this.options.hardId]: sourceId } });
    const told = omitted.length > 0 && { omitted: omitted.map(({ key, reason }) => ({ key, reason })) };
    return { record, json, result: { source_id: sourceId, event, ...told } };
  }
}
