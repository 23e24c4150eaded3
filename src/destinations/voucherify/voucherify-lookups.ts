import type { Failed } from "../../delivery/outcome";
import type { HttpAnswer } from "../../http/http-client";
import { isJsonObject, type JsonObject } from "../../json";
import {
  cardsOfMembership,
  cardsOfWallet,
  discountAnswer,
  newestDiscount,
  NOT_FOUND,
  type PointsCard,
  pointsAnswer,
  vouchersAnswer,
} from "../../mapping/codes/lookup-answer";
import { explainAnswer } from "../../voucherify/errors";
import type { VoucherifyApi } from "../../voucherify/voucherify-api";
import { type Asking, SharedAnswers } from "../../async/shared-answers";
import { judge, unreadable, type VoucherifyPermission } from "../voucherify-answers";

/** What is asked about a customer. */
export type Question =
  /** `program`: name or id of a v1 campaign, id or name of a v2 program, "" for all. */
  | { readonly what: "points"; readonly program: string }
  /** `look`: among the customer's own codes, the promotions that are open to all, or both. */
  | { readonly what: "discount"; readonly look: "wallet" | "open" | "both"; readonly currency: string }
  | { readonly what: "vouchers"; readonly currency: string };

/** A loyalty program as a dialog offers it; `id` is what the node stores. */
export interface LoyaltyProgram {
  readonly id: string;
  readonly name: string;
  readonly version: 1 | 2;
}

/** Voucherify refused the question: to ask again cannot help. */
export class LookupRefused extends Error {
  override readonly name = "LookupRefused";

  constructor(readonly refusal: Failed) {
    super(refusal.reason);
  }
}

const SCENARIOS = { wallet: "CUSTOMER_WALLET", open: "AUDIENCE_ONLY", both: "ALL" } as const;
/** Loyalty cards among the newest redeemables are passed over, without a further request. */
const NEWEST = 10;
/** Programs are made rarely, and their list costs a request. */
const PROGRAMS_KEPT_MS = 600_000;
const ID_OF_V2 = /^lprg_/;

/**
 * Looks up what Voucherify knows of a customer, for an answer that a scenario can use at once. Points of a known program, and
 * vouchers, cost one request; a discount costs two, because only the voucher or the promotion itself knows until when it is valid; all
 * programs cost one, and one more for each program of API v2.
 */
export class VoucherifyLookups {
  private readonly answers = new SharedAnswers<JsonObject>();
  private readonly programs = new SharedAnswers<LoyaltyProgram[]>();

  /** @param urgentApi for questions that a webhook waits for */
  constructor(
    private readonly api: VoucherifyApi,
    private readonly urgentApi: VoucherifyApi,
  ) {}

  /**
   * The flat answer about a customer, `{ found: false }` when there is nothing to tell.
   * @param customer source id
   * @throws TryLater when the same question may be answered later; ConfigurationError when a human must act; LookupRefused
   */
  ask(question: Question, customer: string, asking: Asking): Promise<JsonObject> {
    return this.answers.get(JSON.stringify([question, customer]), asking, () => {
      switch (question.what) {
        case "points":
          return this.points(customer, question.program, asking);
        case "discount":
          return this.discount(customer, question, asking);
        case "vouchers":
          return this.vouchers(customer, question.currency, asking);
      }
    });
  }

  private async points(customer: string, program: string, asking: Asking): Promise<JsonObject> {
    const { signal } = asking;
    const api = this.apiFor(asking);
    const membership = async (id: string): Promise<PointsCard[]> =>
      cardsOfMembership((await found(api.readMembership(id, customer, signal), "loyalties")) ?? {});
    if (ID_OF_V2.test(program)) return pointsAnswer(await membership(program));
    const wallet = await found(api.listRedeemables(customer, ["LOYALTY_CARD"], signal), "customers");
    const cards = wallet ? cardsOfWallet(wallet, program) : [];
    if (program !== "" && cards.length > 0) return pointsAnswer(cards);
    const others = await this.programs.get("v2", { ...asking, keepMs: PROGRAMS_KEPT_MS }, () =>
      programsV2(api, signal),
    );
    const wanted = others.filter(({ name }) => program === "" || name === program);
    const more = await Promise.all(wanted.map(({ id }) => membership(id)));
    return pointsAnswer([...cards, ...more.flat()]);
  }

  private async discount(
    customer: string,
    { look, currency }: Question & { what: "discount" },
    asking: Asking,
  ): Promise<JsonObject> {
    const { signal } = asking;
    const api = this.apiFor(asking);
    const body = JSON.stringify({
      customer: { source_id: customer },
      scenario: SCENARIOS[look],
      options: { limit: NEWEST, sorting_rule: "DEFAULT", expand: ["redeemable"] },
    });
    const newest = newestDiscount((await found(api.qualify(body, signal), "qualifications")) ?? {});
    if (!newest) return NOT_FOUND;
    const { id, object } = newest;
    let details: JsonObject | undefined;
    if (typeof id === "string" && object === "voucher") details = await found(api.readVoucher(id, signal), "vouchers");
    if (typeof id === "string" && object === "promotion_tier")
      details = await found(api.readPromotionTier(id, signal), "promotions");
    return discountAnswer(newest, details, currency);
  }

  private async vouchers(customer: string, currency: string, asking: Asking): Promise<JsonObject> {
    const types = ["DISCOUNT_VOUCHER", "GIFT_VOUCHER"] as const;
    const reading = this.apiFor(asking).listRedeemables(customer, types, asking.signal);
    return vouchersAnswer((await found(reading, "customers")) ?? {}, currency);
  }

  private apiFor({ urgent }: Asking): VoucherifyApi {
    return urgent ? this.urgentApi : this.api;
  }
}

/**
 * The loyalty programs of both API versions in one list; a version that the project or the keys do not have is left out.
 * @throws TransportError when no answer came; Error with a sentence when neither version can be listed
 */
export async function listPrograms(api: VoucherifyApi, signal: AbortSignal): Promise<LoyaltyProgram[]> {
  const [campaigns, programs] = await Promise.all([api.listLoyaltyCampaigns(signal), api.listLoyaltyPrograms(signal)]);
  if (campaigns.status !== 200 && programs.status !== 200) throw new Error(explainAnswer(campaigns).message);
  return [
    ...namedIn(campaigns, "campaigns").map(({ name }) => ({ id: name, name, version: 1 as const })),
    ...namedIn(programs, "data").map(({ id, name }) => ({ id, name, version: 2 as const })),
  ];
}

/** The programs of API v2; a project or keys without this API have none. */
async function programsV2(api: VoucherifyApi, signal: AbortSignal): Promise<LoyaltyProgram[]> {
  const reading = api.listLoyaltyPrograms(signal);
  const judged = await judge(
    reading.then((answer) => ([403, 404].includes(answer.status) ? { ...answer, status: 200 } : answer)),
    "loyalties",
  );
  if (judged.kind === "refused") throw new LookupRefused(judged.refusal);
  return namedIn(judged.answer, "data").map((program) => ({ ...program, version: 2 as const }));
}

function namedIn({ status, json }: HttpAnswer, list: string): { id: string; name: string }[] {
  const entries = status === 200 && isJsonObject(json) ? json[list] : undefined;
  return (Array.isArray(entries) ? entries : []).flatMap((one) =>
    isJsonObject(one) && typeof one.id === "string" && typeof one.name === "string"
      ? [{ id: one.id, name: one.name }]
      : [],
  );
}

/** What a call found; undefined when Voucherify itself says that there is no such thing. */
async function found(call: Promise<HttpAnswer>, permission: VoucherifyPermission): Promise<JsonObject | undefined> {
  let isMissing = false;
  const judged = await judge(
    call.then((answer) => {
      isMissing = answer.status === 404 && isJsonObject(answer.json) && typeof answer.json.key === "string";
      return isMissing ? { ...answer, status: 200 } : answer;
    }),
    permission,
  );
  if (isMissing) return undefined;
  if (judged.kind === "refused") throw new LookupRefused(judged.refusal);
  if (!isJsonObject(judged.answer.json)) throw unreadable(judged.answer);
  return judged.answer.json;
}
