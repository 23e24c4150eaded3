import { randomBytes } from "node:crypto";
import type { JsonObject } from "../../json";
import { newId } from "../exchange";

/** A campaign of the simulated project; only what the simulated API needs. */
export interface CampaignSetup {
  readonly name: string;
  readonly type?: "DISCOUNT_COUPONS" | "GIFT_VOUCHERS" | "LOYALTY_PROGRAM" | "PROMOTION";
  /** What one code is worth, as Voucherify writes it: `{ type: "PERCENT", percent_off: 15 }`. */
  readonly discount?: JsonObject;
  /** Gift amount in cents. */
  readonly giftAmount?: number;
  /** How many codes there are; without it new ones are made as they are needed ("auto-update"). */
  readonly pool?: number;
  /** The campaign's own setting "Customers can join only once". */
  readonly joinOnce?: boolean;
  readonly isActive?: boolean;
  /** ISO 8601. */
  readonly expirationDate?: string;
}

/** A campaign as it runs. */
export interface Campaign extends CampaignSetup {
  readonly type: NonNullable<CampaignSetup["type"]>;
  readonly id: string;
  readonly createdAt: string;
}

/** A code, and who has it. */
export interface Voucher {
  readonly id: string;
  readonly code: string;
  readonly campaign: Campaign;
  readonly createdAt: string;
  /** Voucherify's id of the customer that it was published to. */
  holderId?: string;
  isActive: boolean;
  points: number;
}

/** Campaigns and the codes that they have given out. */
export class CampaignBook {
  readonly campaigns = new Map<string, Campaign>();
  /** By code, oldest first. */
  readonly vouchers = new Map<string, Voucher>();
  private readonly left = new Map<string, number>();

  constructor() {
    this.clear();
  }

  /** Adds a campaign, or takes the place of the one with this name. */
  add(setup: CampaignSetup): Campaign {
    const campaign = {
      ...setup,
      type: setup.type ?? "DISCOUNT_COUPONS",
      id: newId("camp_"),
      createdAt: new Date().toISOString(),
    };
    this.campaigns.set(campaign.name, campaign);
    this.left.set(campaign.id, setup.pool ?? Infinity);
    return campaign;
  }

  /** @param nameOrId both are accepted, as in Voucherify's API */
  find(nameOrId: string): Campaign | undefined {
    return this.campaigns.get(nameOrId) ?? [...this.campaigns.values()].find(({ id }) => id === nameOrId);
  }

  /** How many codes a campaign can still give out. */
  codesLeft(campaign: Campaign): number {
    return this.left.get(campaign.id) ?? 0;
  }

  /** Takes `count` new codes for a customer; undefined when there are not enough. */
  take(campaign: Campaign, holderId: string, count: number): Voucher[] | undefined {
    const left = this.codesLeft(campaign);
    if (left < count) return undefined;
    this.left.set(campaign.id, left - count);
    return Array.from({ length: count }, () => {
      const voucher: Voucher = {
        id: newId("v_"),
        code: randomBytes(5).toString("base64url").replace(/[-_]/g, "x"),
        campaign,
        createdAt: new Date().toISOString(),
        holderId,
        isActive: true,
        points: 0,
      };
      this.vouchers.set(voucher.code, voucher);
      return voucher;
    });
  }

  /** The codes of a customer, newest first. @param holderId Voucherify's id of the customer */
  heldBy(holderId: string): Voucher[] {
    return [...this.vouchers.values()].filter((voucher) => voucher.holderId === holderId).reverse();
  }

  /** Back to the campaigns of a fresh simulator. */
  clear(): void {
    this.campaigns.clear();
    this.vouchers.clear();
    this.left.clear();
    for (const setup of SEEDED) this.add(setup);
  }
}

/** A campaign for each use case of the examples, and one for each way in which a publication can fail. */
const SEEDED: readonly CampaignSetup[] = [
  { name: "Abandoned cart", discount: { type: "PERCENT", percent_off: 15, effect: "APPLY_TO_ORDER" } },
  { name: "Mass mailing", discount: { type: "AMOUNT", amount_off: 1_000, effect: "APPLY_TO_ORDER" } },
  { name: "Anniversary gift", type: "GIFT_VOUCHERS", giftAmount: 5_000 },
  { name: "Join once club", discount: { type: "PERCENT", percent_off: 5 }, joinOnce: true },
  { name: "Sold out", discount: { type: "PERCENT", percent_off: 10 }, pool: 0 },
  { name: "Last summer", discount: { type: "PERCENT", percent_off: 20 }, expirationDate: "2025-08-31T23:59:59.000Z" },
  { name: "Switched off", discount: { type: "PERCENT", percent_off: 20 }, isActive: false },
  { name: "Loyalty programme", type: "LOYALTY_PROGRAM", joinOnce: true },
  { name: "Free delivery week", type: "PROMOTION", discount: { type: "AMOUNT", amount_off: 499 } },
];

/** A voucher as the API shows it (docs.voucherify.io/api-reference/vouchers/voucher-object). */
export function voucherAnswer({ id, code, campaign, createdAt, holderId, isActive, points }: Voucher): JsonObject {
  const { type, discount, giftAmount } = campaign;
  return {
    id,
    code,
    campaign: campaign.name,
    campaign_id: campaign.id,
    category: null,
    category_id: null,
    categories: [],
    type: type === "GIFT_VOUCHERS" ? "GIFT_VOUCHER" : type === "LOYALTY_PROGRAM" ? "LOYALTY_CARD" : "DISCOUNT_VOUCHER",
    discount: discount ?? null,
    gift: giftAmount === undefined ? null : { amount: giftAmount, balance: giftAmount, effect: "APPLY_TO_ORDER" },
    loyalty_card:
      type === "LOYALTY_PROGRAM"
        ? {
            points,
            balance: points,
            pending_points: 20,
            next_expiration_date: "2027-01-31",
            next_expiration_points: Math.min(points, 50),
          }
        : null,
    start_date: null,
    expiration_date: campaign.expirationDate ?? null,
    validity_timeframe: null,
    validity_day_of_week: null,
    active: isActive,
    additional_info: null,
    metadata: {},
    assets: {
      qr: { id: "qr", url: `https://simulator.invalid/qr/${code}` },
      barcode: { id: "barcode", url: `https://simulator.invalid/barcode/${code}` },
    },
    is_referral_code: false,
    created_at: createdAt,
    updated_at: null,
    holder_id: holderId ?? null,
    redemption: {
      quantity: 1,
      redeemed_quantity: 0,
      object: "list",
      url: `/v1/vouchers/${code}/redemptions?page=1&limit=10`,
    },
    publish: { object: "list", count: 1, url: `/v1/vouchers/${code}/publications?page=1&limit=10` },
    object: "voucher",
  };
}

/** A campaign as a list of campaigns shows it. */
export function campaignAnswer(campaign: Campaign): JsonObject {
  return {
    id: campaign.id,
    name: campaign.name,
    campaign_type: campaign.type,
    type: campaign.pool === undefined ? "AUTO_UPDATE" : "STATIC",
    join_once: campaign.joinOnce ?? false,
    auto_join: false,
    active: campaign.isActive ?? true,
    start_date: null,
    expiration_date: campaign.expirationDate ?? null,
    description: null,
    metadata: {},
    created_at: campaign.createdAt,
    updated_at: null,
    object: "campaign",
  };
}
