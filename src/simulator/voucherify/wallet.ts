import { isJsonObject, type JsonObject, type JsonValue } from "../../json";
import { type CampaignBook, type Voucher, voucherAnswer } from "./campaigns";
import type { CustomerBook, StoredCustomer } from "./customers/customer-book";
import type { SimulatedAnswer } from "../exchange";
import * as errors from "./voucherify-errors";

const TYPE_FILTER = /^filters\[voucher_type\]\[conditions\]\[\$in\]\[\d+\]$/;
const SCENARIOS = ["ALL", "CUSTOMER_WALLET", "AUDIENCE_ONLY"];

/** What a customer has and may use: qualifications, redeemables, loyalty cards. */
export class Wallet {
  constructor(
    private readonly campaigns: CampaignBook,
    private readonly customers: CustomerBook,
  ) {}

  /** Adds points to the loyalty card of a customer, who gets one with the first points. */
  addPoints(customer: StoredCustomer, points: number): Voucher {
    const card = this.cardOf(customer) ?? this.newCard(customer);
    card.points += points;
    return card;
  }

  /** `POST /v1/qualifications` (docs.voucherify.io/api-reference/qualifications/check-eligibility). */
  qualify(body: JsonValue | undefined): SimulatedAnswer {
    if (!isJsonObject(body)) return errors.badRequest(errors.invalidPayload("Payload should be object"));
    const { scenario = "ALL" } = body;
    if (typeof scenario !== "string" || !SCENARIOS.includes(scenario))
      return errors.badRequest(
        errors.invalidPayload("Property .scenario should be equal to one of the allowed values"),
      );
    const options = isJsonObject(body.options) ? body.options : {};
    const limit = options.limit ?? 5;
    if (typeof limit !== "number" || limit < 1 || limit > 50)
      return errors.badRequest(errors.invalidPayload("Property .options.limit should be <= 50"));
    const person = isJsonObject(body.customer) ? body.customer : {};
    const id = person.id ?? person.source_id;
    const customer = typeof id === "string" ? this.customers.find(id) : undefined;
    const names = Array.isArray(options.expand) && options.expand.includes("redeemable");
    const owned =
      scenario === "AUDIENCE_ONLY" || !customer ? [] : this.usable(customer).map((one) => asVoucher(one, names));
    const open = scenario === "CUSTOMER_WALLET" ? [] : this.promotions(names);
    const data = [...owned, ...open].sort(
      (a, b) => Date.parse(b.created_at as string) - Date.parse(a.created_at as string),
    );
    return {
      status: 200,
      body: {
        redeemables: {
          object: "list",
          data_ref: "data",
          data: data.slice(0, limit),
          total: Math.min(data.length, limit),
          has_more: data.length > limit,
        },
        tracking_id: "track_simulator",
        stacking_rules: { redeemables_limit: 30, applicable_redeemables_limit: 5 },
      },
    };
  }

  /** `GET /v1/customers/{id}/redeemables`, newest first. */
  redeemables(id: string, query: URLSearchParams): SimulatedAnswer {
    const customer = this.customers.find(id);
    if (!customer) return errors.notFound("customer", id);
    const limit = Number(query.get("limit") ?? 10);
    const types = [...query].flatMap(([name, type]) => (TYPE_FILTER.test(name) ? [type] : []));
    const held = this.campaigns
      .heldBy(customer.id)
      .filter((voucher) => types.length === 0 || types.includes(voucherAnswer(voucher).type as string));
    const data = held.slice(0, limit).map((voucher) => ({
      id: `rh_${voucher.id.slice(2)}`,
      created_at: voucher.createdAt,
      redeemable_id: voucher.id,
      redeemable_object: "voucher",
      customer_id: customer.id,
      holder_role: "OWNER",
      campaign_id: voucher.campaign.id,
      campaign_type: voucher.campaign.type,
      voucher_type: voucherAnswer(voucher).type ?? null,
      redeemable: { type: "voucher", voucher: voucherAnswer(voucher), status: statusOf(voucher) },
    }));
    return { status: 200, body: { object: "list", data_ref: "data", data, has_more: held.length > limit } };
  }

  /** `GET /v1/vouchers/{code}`. */
  voucher(code: string): SimulatedAnswer {
    const voucher = this.campaigns.vouchers.get(code);
    return voucher ? { status: 200, body: voucherAnswer(voucher) } : errors.notFound("voucher", code);
  }

  /** `GET /v1/promotions/tiers/{id}`. */
  tier(id: string): SimulatedAnswer {
    const campaign = [...this.campaigns.campaigns.values()].find((one) => tierId(one) === id);
    if (campaign?.type !== "PROMOTION") return errors.notFound("promotion_tier", id);
    const { name, discount, expirationDate = null } = campaign;
    return {
      status: 200,
      body: {
        id,
        object: "promotion_tier",
        name,
        action: { discount: discount ?? null },
        campaign: { id: campaign.id, object: "campaign", expiration_date: expirationDate },
        expiration_date: null,
      },
    };
  }

  /** `GET /v1/loyalties/{campaignId}/members?customer=`. */
  members(campaignId: string, query: URLSearchParams): SimulatedAnswer {
    const campaign = this.campaigns.find(campaignId);
    if (campaign?.type !== "LOYALTY_PROGRAM") return errors.notFound("campaign", campaignId);
    const id = query.get("customer");
    const vouchers = [...this.campaigns.vouchers.values()]
      .filter((voucher) => voucher.campaign === campaign && (id === null || voucher.holderId === id))
      .map(voucherAnswer);
    return { status: 200, body: { object: "list", data_ref: "vouchers", vouchers, total: vouchers.length } };
  }

  /** The `loyalty` part of a customer (docs.voucherify.io/api-reference/customers/customer-object). */
  loyaltyOf(customer: StoredCustomer): JsonObject {
    const cards = this.campaigns.heldBy(customer.id).filter(({ campaign }) => campaign.type === "LOYALTY_PROGRAM");
    return {
      points: cards.reduce((sum, { points }) => sum + points, 0),
      referred_customers: 0,
      campaigns: Object.fromEntries(
        cards.map(({ campaign, points }) => [campaign.name, { points, referred_customers: 0 }]),
      ),
    };
  }

  /** `GET /v2/loyalties/programs`. */
  programs(): SimulatedAnswer {
    return { status: 200, body: { object: "list", data_ref: "data", data: [PROGRAM], has_more: false } };
  }

  /** `GET /v2/loyalties/programs/{programId}/memberships/{customer}`. */
  membership(programId: string, id: string, query: URLSearchParams): SimulatedAnswer {
    if (programId !== PROGRAM.id) return errors.notFound("program", programId);
    const bySource = query.get("identification_type") === "customer_source_id";
    const customer = this.customers.find(id);
    const known = customer && (bySource ? customer.source_id === id : customer.id === id) ? customer : undefined;
    const card = known && this.cardOf(known);
    if (!known || !card) return errors.notFound("member", id);
    return {
      status: 200,
      body: {
        member: { id: `lmbr_${known.id.slice(5)}`, customer_id: known.id, program_id: PROGRAM.id, status: "ACTIVE" },
        program: PROGRAM,
        cards: [
          {
            member_role: "OWNER",
            tier_progress: { current: { tier: { id: "lt_gold", name: "Gold" } }, object: "member_tier_progress" },
            card: {
              id: `lcrd_${card.id.slice(2)}`,
              code: card.code,
              balance: { points: card.points, pending_points: 20 },
              next_expiration: { points: Math.min(card.points, 50), date: "2027-01-31" },
              object: "card",
            },
            object: "member_card",
          },
        ],
        object: "membership",
      },
    };
  }

  private cardOf(customer: StoredCustomer): Voucher | undefined {
    return this.campaigns.heldBy(customer.id).find(({ campaign }) => campaign.type === "LOYALTY_PROGRAM");
  }

  private newCard(customer: StoredCustomer): Voucher {
    const program = [...this.campaigns.campaigns.values()].find(({ type }) => type === "LOYALTY_PROGRAM")!;
    return this.campaigns.take(program, customer.id, 1)![0]!;
  }

  private usable(customer: StoredCustomer): Voucher[] {
    return this.campaigns
      .heldBy(customer.id)
      .filter((voucher) => voucher.campaign.type !== "LOYALTY_PROGRAM" && statusOf(voucher) === "ACTIVE");
  }

  private promotions(names: boolean): JsonObject[] {
    return [...this.campaigns.campaigns.values()]
      .filter(({ type, isActive }) => type === "PROMOTION" && isActive !== false)
      .map(({ id, name, discount, createdAt }) => ({
        id: tierId({ id }),
        object: "promotion_tier",
        created_at: createdAt,
        result: { discount: discount ?? null },
        ...(names && { name, campaign_name: name, campaign_id: id, metadata: {} }),
      }));
  }
}

const PROGRAM = {
  id: "lprg_simulator0001",
  name: "VIP programme",
  status: "ACTIVE",
  metadata: {},
  object: "program",
} satisfies JsonObject;

function tierId({ id }: { readonly id: string }): string {
  return `promo_${id.slice(5)}`;
}

function asVoucher(voucher: Voucher, names: boolean): JsonObject {
  const { discount, gift } = voucherAnswer(voucher);
  return {
    id: voucher.code,
    object: "voucher",
    created_at: voucher.createdAt,
    result: { ...(discount !== null && { discount }), ...(gift !== null && { gift }) },
    ...(names && { campaign_name: voucher.campaign.name, campaign_id: voucher.campaign.id, metadata: {} }),
  };
}

function statusOf({ isActive, campaign }: Voucher): string {
  if (!isActive || campaign.isActive === false) return "DISABLED";
  return campaign.expirationDate !== undefined && Date.parse(campaign.expirationDate) < Date.now()
    ? "EXPIRED"
    : "ACTIVE";
}
