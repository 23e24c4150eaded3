import { isJsonObject, type JsonObject, type JsonValue } from "../../json";
import type { MetadataSchema } from "../../schemas/voucherify";
import { type Campaign, type CampaignBook, type Voucher, voucherAnswer } from "./campaigns";
import type { CustomerBook, StoredCustomer } from "./customers/customer-book";
import { newId, type SimulatedAnswer } from "../exchange";
import { checkMetadata } from "./customers/metadata-rules";
import * as errors from "./voucherify-errors";

/** One publication, succeeded or not. */
export interface Publication {
  readonly id: string;
  readonly sourceId?: string;
  /** What was asked for, to tell a repeated request from another one. */
  readonly request: string;
  readonly customer: StoredCustomer;
  readonly campaign?: Campaign;
  readonly vouchers: readonly Voucher[];
  readonly channel: string;
  readonly metadata: JsonObject;
  readonly createdAt: string;
  readonly failure?: { readonly code: string; readonly message: string };
}

/** What a request asks for, once its form has been checked. */
interface Wish {
  readonly campaign?: Campaign;
  readonly voucher?: Voucher;
  readonly count: number;
}

/**
 * The publications of the simulated project (docs.voucherify.io/api-reference/publications). Voucherify documents two
 * answers to a repeated `source_id`: the first code again, or 400 `duplicate_source_id`; which one it is when, it does not
 * say. `isStrict` chooses the second one for every repetition.
 */
export class PublicationBook {
  /** Oldest first. */
  readonly publications: Publication[] = [];
  /** The first that succeeded with a `source_id`; and for a customer in a campaign. */
  private readonly bySourceId = new Map<string, Publication>();
  private readonly joined = new Map<string, Publication>();
  isStrict = false;

  constructor(
    private readonly campaigns: CampaignBook,
    private readonly customers: CustomerBook,
    private readonly schemas: ReadonlyMap<string, MetadataSchema>,
    private readonly onPublished: (publication: Publication) => void = () => undefined,
  ) {}

  /** `POST /v1/publications`. */
  publish(body: JsonValue | undefined, joinOnce: boolean): SimulatedAnswer {
    if (!isJsonObject(body)) return errors.badRequest(errors.invalidPayload("Payload should be object"));
    const person = typeof body.customer === "string" ? { source_id: body.customer } : body.customer;
    if (!isJsonObject(person) || (typeof person.id !== "string" && typeof person.source_id !== "string"))
      return errors.badRequest({
        key: "missing_customer",
        message: "Missing customer",
        details: "Customer id or source_id is required",
      });
    const wish = this.wishOf(body);
    if ("status" in wish) return wish;
    const sourceId = typeof body.source_id === "string" ? body.source_id : undefined;
    if (sourceId !== undefined && wish.count > 1)
      return errors.badRequest({
        key: "too_many_vouchers_requested",
        message: "Too many vouchers requested",
        details: "Only up to 1 can be published",
      });
    const metadata = isJsonObject(body.metadata) ? body.metadata : {};
    const problems = checkMetadata(metadata, this.schemas, "publication");
    if (problems.length > 0) return errors.badRequest(errors.metadataInvalid(problems.join("; ")));
    const known = typeof person.id === "string" ? this.customers.find(person.id) : undefined;
    if (typeof person.id === "string" && !known) return errors.notFound("customer", person.id);
    const stored = this.customers.upsert(known?.source_id ?? (person.source_id as string), person);
    if ("error" in stored) return errors.badRequest(stored.error);
    const { customer } = stored;

    const request = JSON.stringify([customer.id, wish.campaign?.id ?? null, wish.voucher?.code ?? null]);
    const earlier = sourceId === undefined ? undefined : this.bySourceId.get(sourceId);
    if (earlier) {
      if (!this.isStrict && earlier.request === request) return { status: 200, body: publicationAnswer(earlier) };
      return errors.badRequest({
        key: "duplicate_source_id",
        message: "Duplicate source_id",
        details: `Publication with source_id: '${sourceId}' already exists`,
      });
    }
    const joined = wish.campaign && this.joined.get(membership(customer, wish.campaign));
    if (joined && joinOnce) return { status: 200, body: publicationAnswer(joined) };

    const base = {
      id: newId("pub_"),
      ...(sourceId !== undefined && { sourceId }),
      request,
      customer,
      ...(wish.campaign && { campaign: wish.campaign }),
      channel: typeof body.channel === "string" ? body.channel : "API",
      metadata,
      createdAt: new Date().toISOString(),
    };
    const refusal = this.refusal(wish, joined !== undefined);
    const vouchers = refusal ? undefined : this.vouchersFor(wish, customer.id);
    if (!vouchers) {
      const failure = refusal ?? NO_VOUCHER;
      this.keep({ ...base, vouchers: [], failure: { code: failure.key, message: failure.message } });
      return errors.badRequest(failure);
    }
    const publication = { ...base, vouchers };
    this.keep(publication);
    return { status: 200, body: publicationAnswer(publication) };
  }

  /** `GET /v1/publications`, newest first. */
  list(query: URLSearchParams): SimulatedAnswer {
    const limit = Number(query.get("limit") ?? 10);
    if (!Number.isInteger(limit) || limit < 1 || limit > 100)
      return errors.badQuery("Property .limit should be integer between 1 and 100");
    const page = Number(query.get("page") ?? 1);
    const [sourceId, customer, campaign, result] = ["source_id", "customer", "campaign", "result"].map((name) =>
      query.get(name),
    );
    const found = this.publications
      .filter(
        (one) =>
          (sourceId === null || one.sourceId === sourceId) &&
          (customer === null || one.customer.id === customer) &&
          (campaign === null || one.campaign?.name === campaign || one.campaign?.id === campaign) &&
          (result === null || (result === "FAILURE") === (one.failure !== undefined)),
      )
      .reverse();
    return {
      status: 200,
      body: {
        object: "list",
        data_ref: "publications",
        publications: found.slice((page - 1) * limit, page * limit).map(publicationAnswer),
        total: found.length,
      },
    };
  }

  clear(): void {
    this.publications.length = 0;
    this.bySourceId.clear();
    this.joined.clear();
  }

  private keep(publication: Publication): void {
    this.publications.push(publication);
    const { sourceId, customer, campaign, failure } = publication;
    if (!failure) {
      if (sourceId !== undefined && !this.bySourceId.has(sourceId)) this.bySourceId.set(sourceId, publication);
      const member = campaign && membership(customer, campaign);
      if (member !== undefined && !this.joined.has(member)) this.joined.set(member, publication);
    }
    this.onPublished(publication);
  }

  private wishOf({ campaign, voucher }: JsonObject): Wish | SimulatedAnswer {
    if (typeof voucher === "string") {
      const found = this.campaigns.vouchers.get(voucher);
      return found ? { voucher: found, count: 1 } : errors.notFound("voucher", voucher);
    }
    const given = typeof campaign === "string" ? { name: campaign } : campaign;
    if (!isJsonObject(given) || typeof given.name !== "string")
      return errors.badRequest({
        key: "missing_vouchers",
        message: "Missing vouchers",
        details: "Either Campaign or Voucher is required",
      });
    const count = given.count ?? 1;
    if (typeof count !== "number" || !Number.isInteger(count) || count < 1 || count > 50)
      return errors.badRequest(errors.invalidPayload("Property .campaign.count should be integer between 1 and 50"));
    const found = this.campaigns.find(given.name);
    return found ? { campaign: found, count } : errors.notFound("campaign", given.name);
  }

  private refusal({ campaign, voucher }: Wish, hasJoined: boolean): errors.VoucherifyError | undefined {
    const of = campaign ?? voucher?.campaign;
    if (of?.isActive === false || voucher?.isActive === false)
      return {
        key: "voucher_disabled",
        message: "Voucher is disabled",
        details: "Voucher or its campaign is disabled",
      };
    if (of?.expirationDate !== undefined && Date.parse(of.expirationDate) < Date.now())
      return { key: "voucher_expired", message: "Voucher expired", details: "Voucher or its campaign has expired" };
    if (voucher?.holderId !== undefined)
      return {
        key: "voucher_already_published",
        message: "Voucher already published",
        details: `Voucher '${voucher.id}' has already been published`,
      };
    if (hasJoined && campaign?.joinOnce)
      return {
        key: "voucher_cannot_be_published",
        message: "Voucher cannot be published",
        details: "Voucher cannot be published. Customer already joined program.",
      };
    return undefined;
  }

  private vouchersFor({ campaign, voucher, count }: Wish, holderId: string): Voucher[] | undefined {
    if (!voucher) return campaign && this.campaigns.take(campaign, holderId, count);
    voucher.holderId = holderId;
    return [voucher];
  }
}

function membership(customer: StoredCustomer, campaign: Campaign): string {
  return `${customer.id} ${campaign.id}`;
}

const NO_VOUCHER: errors.VoucherifyError = {
  key: "no_voucher_suitable_for_publication",
  message: "Couldn't find any voucher suitable for publication",
  details: "Use auto-update campaigns if you want Voucherify to generate vouchers automatically.",
};

/** A publication as the API shows it. */
export function publicationAnswer(publication: Publication): JsonObject {
  const { customer, vouchers, failure } = publication;
  const [only] = vouchers;
  return {
    id: publication.id,
    object: "publication",
    created_at: publication.createdAt,
    customer_id: customer.id,
    tracking_id: customer.source_id,
    metadata: publication.metadata,
    channel: publication.channel,
    source_id: publication.sourceId ?? null,
    result: failure ? "FAILURE" : "SUCCESS",
    ...(failure && { failure_code: failure.code, failure_message: failure.message }),
    customer: {
      id: customer.id,
      name: customer.name ?? null,
      email: customer.email ?? null,
      source_id: customer.source_id,
      metadata: customer.metadata,
      object: "customer",
    },
    ...(only && vouchers.length === 1 && { voucher: voucherAnswer(only) }),
    ...(vouchers.length > 1 && { vouchers: vouchers.map(({ code }) => code) }),
    vouchers_id: vouchers.map(({ id }) => id),
  };
}
