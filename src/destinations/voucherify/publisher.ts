import type { Failed } from "../../delivery/outcome";
import { SharedAnswers } from "../../async/shared-answers";
import { isJsonObject, type JsonObject, type JsonValue } from "../../json";
import { mapMetadata } from "../../mapping/customers/metadata";
import { type Omission, Omissions } from "../../mapping/values/omissions";
import type { PublicationRequest } from "../../mapping/codes/publication-request";
import type { MetadataSchemas } from "../../voucherify/metadata-schemas";
import type { VoucherifyApi } from "../../voucherify/voucherify-api";
import { judge, judgeSchemas, unreadable } from "../voucherify-answers";

/** A customer's code, or why there is none. */
export type Published =
  | { readonly ok: true; readonly publication: JsonObject; readonly omitted: Omission[] }
  | { readonly ok: false; readonly refusal: Failed };

/**
 * Gets codes out of Voucherify, one request for each code and always with an idempotency key, so that it may be repeated
 * (docs.voucherify.io/orchestrate/code-publication). Equal requests at one moment share one call.
 */
export class Publisher {
  private readonly calls = new SharedAnswers<Published>();

  constructor(
    private readonly api: VoucherifyApi,
    private readonly schemas: MetadataSchemas,
  ) {}

  /**
   * The code for a request: a new one, or the one that an equal request got before.
   * @throws TryLater when the same request may succeed later; ConfigurationError when a human must act
   */
  publish(request: PublicationRequest, signal: AbortSignal): Promise<Published> {
    const asking = { keepMs: 0, urgent: false, signal };
    return this.calls.get(JSON.stringify(request), asking, () => this.run(request, signal));
  }

  private async run(request: PublicationRequest, signal: AbortSignal): Promise<Published> {
    const omissions = new Omissions();
    const metadata = await this.metadataOf(request, omissions, signal);
    const { customer, campaign, voucher, channel, idempotencyKey, joinOnce } = request;
    const body = JSON.stringify({
      customer,
      ...(campaign !== undefined && { campaign: { name: campaign } }),
      ...(voucher !== undefined && { voucher }),
      ...(channel && { channel }),
      ...(Object.keys(metadata).length > 0 && { metadata }),
      source_id: idempotencyKey,
    });
    const judged = await judge(this.api.publish(body, joinOnce, signal), "publications");
    if (judged.kind === "accepted") {
      if (!isPublication(judged.answer.json)) throw unreadable(judged.answer);
      return { ok: true, publication: judged.answer.json, omitted: omissions.list() };
    }
    const earlier = await this.earlier(request, judged.refusal, signal);
    return earlier
      ? { ok: true, publication: earlier, omitted: omissions.list() }
      : { ok: false, refusal: judged.refusal };
  }

  private async metadataOf(
    { metadata }: PublicationRequest,
    omissions: Omissions,
    signal: AbortSignal,
  ): Promise<JsonObject> {
    if (Object.keys(metadata).length === 0) return {};
    const first = mapMetadata(metadata, await judgeSchemas(this.schemas.current(signal)), "keep", new Omissions());
    // A key that is not known may have been defined since that was read.
    const schema = await judgeSchemas(
      first.undefinedKeys.length > 0 ? this.schemas.reload(signal) : this.schemas.current(signal),
    );
    return mapMetadata(metadata, schema, "keep", omissions).values;
  }

  /**
   * The code that the customer has already, where Voucherify refuses for that reason: the key was used by a request whose
   * answer was lost, or the customer may join the campaign only once.
   */
  private async earlier(
    { idempotencyKey, sourceId, campaign }: PublicationRequest,
    { key, answer }: Failed,
    signal: AbortSignal,
  ): Promise<JsonObject | undefined> {
    const isOurs = (found: JsonObject): boolean =>
      (found.tracking_id === sourceId || sourceIdOf(found) === sourceId) && isOfCampaign(found, campaign);
    if (key === "duplicate_source_id") {
      const found = await this.newest({ source_id: idempotencyKey }, signal);
      return found && isOurs(found) ? found : undefined;
    }
    const joined = key === "voucher_cannot_be_published" || /already joined/i.test(JSON.stringify(answer?.body ?? ""));
    if (!joined || campaign === undefined) return undefined;
    const reading = await judge(this.api.readCustomer(sourceId, signal), "publications");
    const customer = reading.kind === "accepted" && isJsonObject(reading.answer.json) ? reading.answer.json.id : null;
    return typeof customer === "string" ? this.newest({ customer, campaign }, signal) : undefined;
  }

  private async newest(
    query: Parameters<VoucherifyApi["listPublications"]>[0],
    signal: AbortSignal,
  ): Promise<JsonObject | undefined> {
    const judged = await judge(this.api.listPublications(query, signal), "publications");
    if (judged.kind === "refused") return undefined;
    const { json } = judged.answer;
    const list = isJsonObject(json) && Array.isArray(json.publications) ? json.publications : undefined;
    if (!list) throw unreadable(judged.answer);
    return list.filter(isJsonObject).find((one) => one.result !== "FAILURE");
  }
}

function isPublication(json: JsonValue | undefined): json is JsonObject {
  return isJsonObject(json) && typeof json.id === "string";
}

function isOfCampaign({ voucher }: JsonObject, campaign: string | undefined): boolean {
  if (campaign === undefined || !isJsonObject(voucher)) return true;
  return [voucher.campaign, voucher.campaign_id].includes(campaign);
}

function sourceIdOf({ customer }: JsonObject): JsonValue | undefined {
  return isJsonObject(customer) ? customer.source_id : undefined;
}
