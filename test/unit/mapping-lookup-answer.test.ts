import assert from "node:assert/strict";
import type { JsonObject } from "../../src/json";
import {
  cardsOfMembership,
  cardsOfWallet,
  discountAnswer,
  newestDiscount,
  type PointsCard,
  pointsAnswer,
  vouchersAnswer,
} from "../../src/mapping/codes/lookup-answer";

const held = (voucher: JsonObject, more: JsonObject = {}): JsonObject => ({
  holder_role: "OWNER",
  ...more,
  redeemable: { type: "voucher", voucher, status: more.status ?? "ACTIVE" },
});
const wallet = (...data: JsonObject[]): JsonObject => ({ object: "list", data });
const loyaltyCard = (code: string, card: JsonObject | null, campaign = "VIP"): JsonObject => ({
  code,
  campaign,
  campaign_id: `camp_${campaign}`,
  type: "LOYALTY_CARD",
  loyalty_card: card,
});
const BALANCE = {
  points: 900,
  balance: 250,
  pending_points: 20,
  next_expiration_date: "2027-01-31",
  next_expiration_points: 50,
};

describe("lookup answer: points", () => {
  it("reads API v1: the balance, not the points that were ever earned", () => {
    assert.deepEqual(pointsAnswer(cardsOfWallet(wallet(held(loyaltyCard("CARD", BALANCE))), "")), {
      found: true,
      points: 250,
      points_pending: 20,
      points_expiring: 50,
      points_expire_on: "2027-01-31",
      tier: "",
      card_code: "CARD",
    });
  });

  it("reads API v2, with the tier", () => {
    const card = {
      code: "C2",
      balance: { points: 7, pending_points: 1 },
      next_expiration: { points: 2, date: "2027-02-01" },
    };
    const progress = { current: { tier: { id: "lt_1", name: "Gold" } } };
    assert.deepEqual(pointsAnswer(cardsOfMembership({ cards: [{ card, tier_progress: progress }] })), {
      found: true,
      points: 7,
      points_pending: 1,
      points_expiring: 2,
      points_expire_on: "2027-02-01",
      tier: "Gold",
      card_code: "C2",
    });
  });

  it("counts a card once that both API versions tell of", () => {
    const [card] = cardsOfWallet(wallet(held(loyaltyCard("CARD", BALANCE))), "");
    const again = { ...card!, tier: "Gold" };
    const { points, tier } = pointsAnswer([card!, again, { ...card!, code: "OTHER" }]);
    assert.deepEqual({ points, tier }, { points: 500, tier: "Gold" });
  });

  it("needs nothing but a code: neither expiration nor tier nor balance", () => {
    const empty = {
      found: true,
      points: 0,
      points_pending: 0,
      points_expiring: 0,
      points_expire_on: "",
      tier: "",
      card_code: "C",
    };
    assert.deepEqual(
      pointsAnswer(cardsOfMembership({ cards: [{ card: { code: "C", next_expiration: null }, tier_progress: null }] })),
      empty,
    );
    const nothingExpires = { points: 0, next_expiration_points: null, next_expiration_date: null };
    assert.deepEqual(pointsAnswer(cardsOfWallet(wallet(held(loyaltyCard("C", nothingExpires))), "")), empty);
  });

  it("finds the campaign by name or id, and passes over cards that cannot be spent", () => {
    const all = wallet(
      held(loyaltyCard("OLD", BALANCE), { status: "EXPIRED" }),
      held(loyaltyCard("OFF", BALANCE), { status: "DISABLED" }),
      held(loyaltyCard("A", BALANCE, "A")),
      held(loyaltyCard("B", BALANCE, "B"), { status: "NO_BALANCE" }),
      held({ code: "X", campaign: "A", loyalty_card: null }),
    );
    const codes = (program: string): string[] => cardsOfWallet(all, program).map(({ code }) => code);
    assert.deepEqual([codes(""), codes("A"), codes("camp_B"), codes("C")], [["A", "B"], ["A"], ["B"], []]);
  });

  it("adds up several cards, and tells what expires on the next day", () => {
    const card = (code: string, expiring: number, expireOn: string, tier = ""): PointsCard => ({
      code,
      points: 10,
      pending: 1,
      expiring,
      expireOn,
      tier,
    });
    const cards = [
      card("A", 0, ""),
      card("B", 3, "2027-02-01"),
      card("C", 4, "2027-01-01", "Gold"),
      card("D", 5, "2027-01-01"),
    ];
    assert.deepEqual(pointsAnswer(cards), {
      found: true,
      points: 40,
      points_pending: 4,
      points_expiring: 9,
      points_expire_on: "2027-01-01",
      tier: "Gold",
      card_code: "A",
    });
  });

  it("says that nothing was found, whatever came", () => {
    for (const odd of [{}, { data: null }, { data: [null, 3, {}] }, { data: [{ redeemable: {} }] }])
      assert.deepEqual(pointsAnswer(cardsOfWallet(odd as JsonObject, "")), { found: false });
    for (const odd of [{}, { cards: [] }, { cards: "none" }, { cards: [{}] }])
      assert.deepEqual(pointsAnswer(cardsOfMembership(odd as JsonObject)), { found: false });
  });
});

describe("lookup answer: newest discount", () => {
  const redeemable = (result: JsonObject | null, more: JsonObject = {}): JsonObject => ({
    id: "CODE",
    object: "voucher",
    campaign_name: "Spring",
    result,
    ...more,
  });
  const cases: [string, JsonObject, string, string, number?][] = [
    ["percent", { discount: { type: "PERCENT", percent_off: 15 } }, "EUR", "15 % off"],
    ["amount", { discount: { type: "AMOUNT", amount_off: 1250 } }, "EUR", "12.50 EUR off", 12.5],
    ["amount without decimals", { discount: { type: "AMOUNT", amount_off: 500 } }, "JPY", "500 JPY off", 500],
    ["unit", { discount: { type: "UNIT", unit_off: 2, product: { name: "Socks" } } }, "EUR", "2 x Socks free"],
    ["fixed", { discount: { type: "FIXED", fixed_amount: 999 } }, "EUR", "for 9.99 EUR", 9.99],
    ["gift", { gift: { amount: 5000, balance: 4000 } }, "PLN", "40 PLN gift", 40],
    ["what nobody knows yet", { discount: { type: "NEW" } }, "EUR", ""],
  ];
  for (const [name, result, currency, text, amount] of cases)
    it(`says ${name} in words`, () => {
      assert.deepEqual(discountAnswer(redeemable(result), { expiration_date: "2027-01-31T00:00:00Z" }, currency), {
        found: true,
        discount_code: "CODE",
        discount_text: text,
        ...(amount !== undefined && { discount_amount: amount }),
        valid_until: "2027-01-31T00:00:00Z",
        campaign: "Spring",
      });
    });

  it("has no code for a promotion, whose campaign may tell the end", () => {
    const promotion = redeemable(
      { discount: { type: "PERCENT", percent_off: 5 } },
      { id: "promo_1", object: "promotion_tier" },
    );
    const { discount_code, valid_until } = discountAnswer(
      promotion,
      { expiration_date: null, campaign: { expiration_date: "2027-03-01" } },
      "EUR",
    );
    assert.deepEqual([discount_code, valid_until], ["", "2027-03-01"]);
    assert.equal(discountAnswer(promotion, undefined, "EUR").valid_until, "");
  });

  it("takes the first that is a discount or a gift", () => {
    const data = [
      redeemable({ loyalty_card: { points: 3 } }),
      redeemable(null),
      redeemable({ gift: { balance: 1 } }, { id: "GIFT" }),
      redeemable({ discount: { type: "PERCENT" } }),
    ];
    assert.equal(newestDiscount({ redeemables: { data } })?.id, "GIFT");
    for (const odd of [
      {},
      { redeemables: null },
      { redeemables: { data: [] } },
      { redeemables: { data: data.slice(0, 2) } },
    ])
      assert.equal(newestDiscount(odd as JsonObject), undefined);
  });
});

describe("lookup answer: vouchers", () => {
  const voucher = (code: string, more: JsonObject = {}): JsonObject => ({
    code,
    campaign: "Spring",
    discount: { type: "PERCENT", percent_off: 10 },
    gift: null,
    loyalty_card: null,
    expiration_date: null,
    ...more,
  });

  it("lists what can be used, the newest on top", () => {
    const gift = voucher("GIFT", { discount: null, gift: { balance: 100 }, expiration_date: "2027-01-01" });
    const answer = vouchersAnswer(
      wallet(
        held(voucher("USED"), { status: "USED" }),
        held(voucher("FRIENDS"), { holder_role: "REFERRER" }),
        held(loyaltyCard("CARD", BALANCE)),
        held(gift),
        held(voucher("TEN")),
      ),
      "EUR",
    );
    const first = {
      discount_code: "GIFT",
      discount_text: "1 EUR gift",
      discount_amount: 1,
      valid_until: "2027-01-01",
      campaign: "Spring",
    };
    const second = { discount_code: "TEN", discount_text: "10 % off", valid_until: "", campaign: "Spring" };
    assert.deepEqual(answer, { found: true, ...first, count: 2, vouchers: [first, second] });
  });

  it("says that nothing was found", () => {
    assert.deepEqual(vouchersAnswer(wallet(held(voucher("X"), { status: "EXPIRED" })), "EUR"), { found: false });
    assert.deepEqual(vouchersAnswer({}, "EUR"), { found: false });
  });

  it("stays small enough for Bloomreach", () => {
    const answer = vouchersAnswer(
      wallet(...Array.from({ length: 100 }, (_, index) => held(voucher(`C${index}`)))),
      "EUR",
    );
    assert.deepEqual([answer.count, (answer.vouchers as JsonObject[]).length], [100, 20]);
  });
});
