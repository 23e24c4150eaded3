import type { Destination, LaneRecord, Settlement } from "../delivery/destination";
import { ConfigurationError, type Failed, type Retry } from "../delivery/outcome";
import { sleep } from "../delivery/sleep";
import type { HttpAnswer } from "../http/http-client";
import { isJsonObject } from "../json";
import type { EmptyValues } from "../mapping/absent";
import { mergeCustomers } from "../mapping/merge";
import type { MetadataSchemas } from "../voucherify/metadata-schemas";
import type { VoucherifyApi } from "../voucherify/voucherify-api";
import { type RefusedItem, resultOf } from "./action-result";
import { followAction } from "./async-action";
import {
  bulkBody,
  type CustomerItem,
  type CustomerUpdate,
  deliveredItem,
  fillBulk,
  itemOf,
  LARGEST_BODY,
  settleAll,
} from "./customer-batch";
import { CHECK_URL, judge, type Judgement, retryOf } from "./voucherify-answers";

export type { CustomerUpdate } from "./customer-batch";

/** What it needs to deliver. */
export interface VoucherifyCustomersOptions {
  readonly api: VoucherifyApi;
  readonly schemas: MetadataSchemas;
  readonly emptyValues: EmptyValues;
  /** Waits between two reads of an async action; the tests' time is not real. */
  readonly sleep?: (ms: number, signal: AbortSignal) => Promise<void>;
}

/** How a part of a batch went. */
interface PartResult {
  /** Voucherify took it as a whole, whatever it thinks of single customers in it. */
  readonly accepted: boolean;
  /** Voucherify is in trouble: whatever is left of the batch is not sent now. */
  readonly trouble?: Retry;
}

/** The key of the error for metadata that does not fit its definition (docs.voucherify.io/prepare/metadata). */
const MISFIT = "metadata_validation_failed";

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
  private readonly sleep: (ms: number, signal: AbortSignal) => Promise<void>;

  constructor(options: VoucherifyCustomersOptions) {
    this.api = options.api;
    this.schemas = options.schemas;
    this.emptyValues = options.emptyValues;
    this.sleep = options.sleep ?? sleep;
  }

  merge(earlier: CustomerUpdate, later: CustomerUpdate): CustomerUpdate {
    return { ...later, record: mergeCustomers(earlier.record, later.record, this.emptyValues) };
  }

  async *deliver(batch: readonly LaneRecord<CustomerUpdate>[], signal: AbortSignal): Part<void> {
    let items: CustomerItem[];
    try {
      items = await this.mapped(batch, signal);
    } catch (error) {
      const outcome = retryOf(error, "metadata-schemas");
      signal.throwIfAborted();
      yield batch.map(({ id }) => ({ id, outcome }));
      return;
    }
    const { fitting, rest, tooLarge } = fillBulk(items);
    if (tooLarge.length > 0) yield settleAll(tooLarge, TOO_LARGE);
    if (rest.length > 0) yield settleAll(rest, { status: "unsent" });
    if (fitting.length > 0) yield* this.send(fitting, signal);
  }

  /** Maps with what is defined; a key that is not known may have been defined since that was read. */
  private async mapped(batch: readonly LaneRecord<CustomerUpdate>[], signal: AbortSignal): Promise<CustomerItem[]> {
    const schema = await this.schemas.customer(signal);
    const items = batch.map((record) => itemOf(record, this.emptyValues, schema));
    if (!items.some(({ hasUndefinedKeys }) => hasUndefinedKeys)) return items;
    const newer = await this.schemas.reload(signal);
    return newer === schema ? items : batch.map((record) => itemOf(record, this.emptyValues, newer));
  }

  private send(items: readonly CustomerItem[], signal: AbortSignal): Part {
    const [only] = items;
    return only && items.length === 1 ? this.sendOne(only, signal) : this.sendMany(items, signal);
  }

  private async *sendOne(item: CustomerItem, signal: AbortSignal): Part {
    const judged = await this.judgeWrite(this.api.upsertCustomer(item.json, signal), signal);
    if (judged.kind === "later") return yield* troubled([item], judged.outcome);
    if (judged.kind === "refused") return yield* this.refuse([], [{ item, refusal: judged.refusal }], signal);
    const { json } = judged.answer;
    if (!isJsonObject(json) || typeof json.id !== "string") return yield* troubled([item], unreadable(judged.answer));
    yield settleAll([item], deliveredItem(item, json.id));
    return { accepted: true };
  }

  private async *sendMany(items: readonly CustomerItem[], signal: AbortSignal): Part {
    const judged = await this.judgeWrite(this.api.bulkUpsertCustomers(bulkBody(items), signal), signal);
    if (judged.kind === "later") return yield* troubled(items, judged.outcome);
    if (judged.kind === "refused") {
      // Too large is nobody's fault in particular: both halves may pass.
      yield* this.halve(items, judged.statusCode !== 413, signal);
      return { accepted: false };
    }
    const { json } = judged.answer;
    const id = isJsonObject(json) ? json.async_action_id : undefined;
    if (typeof id !== "string" || id === "") return yield* troubled(items, unreadable(judged.answer));
    const end = await followAction(this.api, id, this.sleep, signal);
    if (end.kind === "lost") return yield* troubled(items, end.outcome);
    const { settled, refused, unclear } = resultOf(end.action, items);
    const again = yield* this.refuse(settled, refused, signal);
    if (unclear.length === 0 || again.trouble) return yield* troubled(unclear, again.trouble);
    return yield* this.halve(unclear, false, signal);
  }

  /**
   * Sends the halves of what was refused as a whole.
   * @param guilty at least one of the items is to blame: when it is not in the first half, it is in the second, and nobody
   *   has to be asked about that
   */
  private async *halve(items: readonly CustomerItem[], guilty: boolean, signal: AbortSignal): Part {
    if (items.length === 1) return yield* this.send(items, signal);
    const middle = items.length >> 1;
    const [first, second] = [items.slice(0, middle), items.slice(middle)];
    const { accepted, trouble } = yield* this.send(first, signal);
    if (trouble) return yield* troubled(second, trouble);
    return yield* guilty && accepted ? this.halve(second, true, signal) : this.send(second, signal);
  }

  /**
   * Yields what a call settled, and the failure of those that it refused; but those whose metadata did not fit are mapped
   * once more and sent again where the definitions have changed.
   */
  private async *refuse(
    settled: readonly Settlement[],
    refused: readonly RefusedItem[],
    signal: AbortSignal,
  ): Part {
    const { changed, final } = await this.fitAgain(refused, signal);
    if (settled.length + final.length > 0) yield [...settled, ...final];
    if (changed.length > 0) return yield* this.send(changed, signal);
    return { accepted: refused.length === 0 };
  }

  private async fitAgain(
    refused: readonly RefusedItem[],
    signal: AbortSignal,
  ): Promise<{ changed: CustomerItem[]; final: Settlement[] }> {
    const changed: CustomerItem[] = [];
    const final: Settlement[] = [];
    const misfit = refused.some(({ refusal }) => refusal.key === MISFIT);
    const schema = misfit ? await this.reloaded(signal) : undefined;
    for (const { item, refusal } of refused) {
      const again =
        schema?.ok && refusal.key === MISFIT && !item.fittedAgain
          ? itemOf(item.record, this.emptyValues, schema.value)
          : item;
      if (again.json !== item.json) changed.push({ ...again, fittedAgain: true });
      else final.push({ id: item.record.id, outcome: refusal.key === MISFIT && schema?.ok === false ? schema.outcome : refusal });
    }
    return { changed, final };
  }
}
