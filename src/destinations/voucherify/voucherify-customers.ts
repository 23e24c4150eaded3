import type { Destination, LaneRecord, Settlement } from "../../delivery/destination";
import type { Failed } from "../../delivery/outcome";
import { isJsonObject } from "../../json";
import type { EmptyValues } from "../../mapping/values/presence";
import { mergeCustomers } from "../../mapping/customers/merge";
import type { MetadataSchemas } from "../../voucherify/metadata-schemas";
import { LARGEST_BODY, type VoucherifyApi } from "../../voucherify/voucherify-api";
import { bisect, type Verdict } from "../bisection";
import type { CustomerUpdate } from "../customer-update";
import { untilTrouble } from "../try-later";
import { judge, judgeSchemas, unreadable } from "../voucherify-answers";
import { type RefusedItem, resultOf } from "./action-result";
import { followAction } from "./async-action";
import { withIds } from "./customer-ids";
import { bulkBody, type CustomerItem, deliveredItem, fillBulk, itemOf, itemsOf, settleAll } from "./customer-items";

/** What it needs to deliver. */
export interface VoucherifyCustomersOptions {
  readonly api: VoucherifyApi;
  readonly schemas: MetadataSchemas;
  readonly emptyValues: EmptyValues;
  /**
   * Whether somebody wants Voucherify's IDs of customers that were sent in bulk, asked after each bulk request: one more
   * request for every hundred.
   */
  readonly readIds?: () => boolean;
}

/** What a call settled, and what Voucherify made of it as a whole. */
type Part = AsyncGenerator<readonly Settlement[], Verdict<CustomerItem>>;

const TOO_LARGE: Failed = {
  status: "failed",
  key: "too_large",
  reason:
    "This customer's data is larger than 10 MB, the most that Voucherify takes in one request: leave out some of its metadata.",
};

/**
 * Creates and updates customers in Voucherify: one by `POST /v1/customers`, more by `POST /v1/customers/bulk/async`, whose
 * async action is followed to its end (docs.voucherify.io/api-reference/customers). Both are upserts, so that sending a
 * customer again does no harm. A batch that is refused as a whole is halved until only the culprits are left.
 */
export class VoucherifyCustomers implements Destination<CustomerUpdate> {
  readonly batchLimits = { records: 20_000, bytes: LARGEST_BODY };
  private readonly api: VoucherifyApi;
  private readonly schemas: MetadataSchemas;
  private readonly emptyValues: EmptyValues;
  private readonly readIds: () => boolean;

  constructor({ api, schemas, emptyValues, readIds = () => false }: VoucherifyCustomersOptions) {
    this.api = api;
    this.schemas = schemas;
    this.emptyValues = emptyValues;
    this.readIds = readIds;
  }

  merge(earlier: CustomerUpdate, later: CustomerUpdate): CustomerUpdate {
    return { ...later, record: mergeCustomers(earlier.record, later.record, this.emptyValues) };
  }

  deliver(batch: readonly LaneRecord<CustomerUpdate>[], signal: AbortSignal): AsyncGenerator<Settlement[]> {
    return untilTrouble(batch, this.deliverAll(batch, signal), signal);
  }

  private async *deliverAll(
    batch: readonly LaneRecord<CustomerUpdate>[],
    signal: AbortSignal,
  ): AsyncGenerator<readonly Settlement[]> {
    const { fitting, rest, tooLarge } = fillBulk(await this.mapped(batch, signal));
    if (tooLarge.length > 0) yield settleAll(tooLarge, TOO_LARGE);
    if (rest.length > 0) yield settleAll(rest, { status: "unsent" });
    yield* this.send(fitting, signal);
  }

  /** Maps with what is defined; a key that is not known may have been defined since that was read. */
  private async mapped(batch: readonly LaneRecord<CustomerUpdate>[], signal: AbortSignal): Promise<CustomerItem[]> {
    const schema = await judgeSchemas(this.schemas.current(signal));
    const items = await itemsOf(batch, this.emptyValues, schema);
    if (!items.some(({ hasUndefinedKeys }) => hasUndefinedKeys)) return items;
    const newer = await judgeSchemas(this.schemas.reload(signal));
    return newer === schema ? items : itemsOf(batch, this.emptyValues, newer);
  }

  private send(items: readonly CustomerItem[], signal: AbortSignal): AsyncGenerator<readonly Settlement[]> {
    return bisect(items, (part) => {
      const [only] = part;
      return only && part.length === 1 ? this.sendOne(only, signal) : this.sendMany(part, signal);
    });
  }

  private async *sendOne(item: CustomerItem, signal: AbortSignal): Part {
    const judged = await judge(this.api.upsertCustomer(item.json, signal), "customers");
    if (judged.kind === "refused") {
      yield* this.settle([], [{ item, refusal: judged.refusal }], signal);
      return { kind: "refused", guilty: true };
    }
    const { json } = judged.answer;
    if (!isJsonObject(json) || typeof json.id !== "string") throw unreadable(judged.answer);
    yield settleAll([item], deliveredItem(item, json.id));
    return { kind: "taken" };
  }

  private async *sendMany(items: readonly CustomerItem[], signal: AbortSignal): Part {
    const since = Date.now();
    const judged = await judge(this.api.bulkUpsertCustomers(bulkBody(items), signal), "customers");
    // Too large is nobody's fault in particular: both halves may pass.
    if (judged.kind === "refused") return { kind: "refused", guilty: judged.statusCode !== 413 };
    const { json } = judged.answer;
    const id = isJsonObject(json) ? json.async_action_id : undefined;
    if (typeof id !== "string" || id === "") throw unreadable(judged.answer);
    const action = await followAction(this.api, id, signal);
    const { settled, refused, unclear } = resultOf(action, items);
    const known = this.readIds() ? await withIds(settled, items, { api: this.api, since }, signal) : settled;
    yield* this.settle(known, refused, signal);
    return { kind: "taken", unclear };
  }

  /**
   * Yields what a call settled and whom it refused; but whose metadata did not fit is mapped once more, and sent again if
   * Voucherify has changed its definitions meanwhile.
   */
  private async *settle(
    settled: readonly Settlement[],
    refused: readonly RefusedItem[],
    signal: AbortSignal,
  ): AsyncGenerator<readonly Settlement[]> {
    const again: CustomerItem[] = [];
    const failed: Settlement[] = [];
    const schema = refused.some(isMisfit) ? await judgeSchemas(this.schemas.reload(signal)) : undefined;
    for (const one of refused) {
      const { item, refusal } = one;
      const fitted = schema && isMisfit(one) ? itemOf(item.record, this.emptyValues, schema) : item;
      if (fitted.json !== item.json) again.push({ ...fitted, fittedAgain: true });
      else failed.push({ id: item.record.id, outcome: refusal });
    }
    if (settled.length + failed.length > 0) yield [...settled, ...failed];
    yield* this.send(again, signal);
  }
}

/** Its metadata did not fit the definitions (docs.voucherify.io/prepare/metadata), which may be newer than what we know. */
function isMisfit({ item, refusal }: RefusedItem): boolean {
  return refusal.key === "metadata_validation_failed" && !item.fittedAgain;
}
