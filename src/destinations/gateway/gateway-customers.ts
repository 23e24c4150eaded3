import type { Destination, LaneRecord, Settlement } from "../../delivery/destination";
import type { HttpAnswer } from "../../http/http-client";
import { isJsonObject, type JsonObject } from "../../json";
import { type EmptyValues, presence } from "../../mapping/values/presence";
import { mapCustomer } from "../../mapping/customers/customer";
import { mergeCustomers } from "../../mapping/customers/merge";
import type { VoucherifyGateway } from "../../voucherify/gateway-api";
import type { CustomerUpdate } from "../customer-update";
import { BATCH_LIMITS, type GatewayItem, sendItems } from "./gateway-items";

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

  deliver(batch: readonly LaneRecord<CustomerUpdate>[], signal: AbortSignal): AsyncGenerator<Settlement[]> {
    const send = (body: string): Promise<HttpAnswer> => this.options.gateway.upsertCustomers(body, signal);
    const items = batch.map((record) => this.itemOf(record));
    return sendItems(items, { send, notAccepted: (_record, outcome) => outcome }, signal);
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
