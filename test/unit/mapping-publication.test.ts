import assert from "node:assert/strict";
import type { JsonObject } from "../../src/json";
import { worthOf } from "../../src/mapping/codes/discount";
import { publicationAnswer } from "../../src/mapping/codes/publication-answer";
import { type PublicationDefaults, readPublicationRequest } from "../../src/mapping/codes/publication-request";

const AT = Date.UTC(2026, 10, 23, 23, 59, 59);
const NEXT_DAY = AT + 1_000;
const defaults: PublicationDefaults = {
  hardId: "registered",
  campaign: "",
  frequency: "send",
  channel: "Bloomreach",
  joinOnce: false,
};
const cart = { customer: { source_id: "jane" }, campaign: { name: "Cart" } };

const read = (record: JsonObject, more: Partial<PublicationDefaults> = {}, at = AT) => {
  const reading = readPublicationRequest(record, { ...defaults, ...more }, at);
  assert.ok(reading.ok, JSON.stringify(reading));
  return reading.request;
};
const keyOf = (record: JsonObject, more: Partial<PublicationDefaults> = {}, at = AT): string =>
  read(record, more, at).idempotencyKey;

describe("mapping: a request for a code", () => {
  it("reads the reference document's payload", () => {
    const { idempotencyKey, ...request } = read(cart);
    assert.match(idempotencyKey, /^bloomreach-[0-9a-f]{40}$/);
    assert.deepEqual(request, {
      sourceId: "jane",
      customer: { source_id: "jane" },
      campaign: "Cart",
      channel: "Bloomreach",
      joinOnce: false,
      metadata: {},
    });
  });

  it("takes the customer by the Main Hard ID, in the customer or on top, with what updates the customer", () => {
    const customer = { email_id: " jane ", name: "Jane", phone: "None", metadata: { a: 1 } };
    const request = read({ customer, campaign: "Cart" }, { hardId: "email_id" });
    assert.deepEqual(request.customer, { source_id: "jane", name: "Jane" });
    assert.equal(read({ registered: "jane", campaign: "Cart" }).sourceId, "jane");
  });

  it("prefers a voucher, then the request's campaign, then the dialog's", () => {
    const of = (record: JsonObject): unknown[] => {
      const { campaign, voucher } = read({ ...record, customer: cart.customer }, { campaign: "Dialog" });
      return [campaign, voucher];
    };
    assert.deepEqual(of({ voucher: "CODE", campaign: "Cart" }), [undefined, "CODE"]);
    assert.deepEqual(of({ campaign: { id: "camp_1" } }), ["camp_1", undefined]);
    assert.deepEqual(of({ campaign: { name: "" } }), ["Dialog", undefined]);
    assert.deepEqual(of({}), ["Dialog", undefined]);
  });

  it("explains what is missing, without a value", () => {
    for (const [record, key] of [
      [{ campaign: "Cart", customer: {} }, "missing_hard_id"],
      [{ customer: cart.customer }, "missing_vouchers"],
    ] as const) {
      const reading = readPublicationRequest(record, defaults, AT);
      assert.ok(!reading.ok);
      assert.equal(reading.key, key);
    }
  });

  describe("idempotency key", () => {
    it("is the same for a repeated send and another one for a new send, whatever the day", () => {
      const key = keyOf({ ...cart, send: "scenario-action-1" });
      assert.equal(keyOf({ ...cart, send: "scenario-action-1" }, {}, NEXT_DAY), key);
      assert.notEqual(keyOf({ ...cart, send: "scenario-action-2" }), key);
      assert.notEqual(keyOf({ ...cart, send: "scenario-action-1", campaign: "Other" }), key);
      assert.notEqual(keyOf({ ...cart, send: "scenario-action-1", customer: { source_id: "joe" } }), key);
      assert.notEqual(keyOf({ ...cart, send: "scenario-action-1", voucher: "Cart" }), key);
    });

    it("counts UTC days without a send", () => {
      assert.equal(keyOf(cart), keyOf({ ...cart, send: "None" }));
      assert.notEqual(keyOf(cart), keyOf(cart, {}, NEXT_DAY));
    });

    for (const end of ["", "None"])
      it(`a send without an event (${end}) counts with the UTC day, so that next month brings another code`, () => {
        const send = `scenario-action-${end}`;
        assert.equal(keyOf({ ...cart, send }), keyOf({ ...cart, send }, {}, AT - 1_000));
        assert.notEqual(keyOf({ ...cart, send }), keyOf({ ...cart, send }, {}, NEXT_DAY));
        assert.notEqual(keyOf({ ...cart, send }), keyOf({ ...cart, send: `scenario-other-${end}` }));
      });

    for (const [frequency, nextDay, nextYear] of [
      ["day", false, false],
      ["year", true, false],
      ["always", true, true],
    ] as const)
      it(`${frequency}: ignores the send and counts its period`, () => {
        const key = keyOf({ ...cart, send: "1" }, { frequency });
        assert.equal(keyOf({ ...cart, send: "2" }, { frequency }), key);
        assert.equal(keyOf(cart, { frequency }, NEXT_DAY) === key, nextDay);
        assert.equal(keyOf(cart, { frequency }, Date.UTC(2027, 5, 1)) === key, nextYear);
      });
  });
});

describe("mapping: what a code is worth", () => {
  for (const [voucher, currency, text, amount] of [
    [{ discount: { type: "PERCENT", percent_off: 15 } }, "EUR", "15 % off", undefined],
    [{ discount: { type: "PERCENT", percent_off: 12.5 } }, "EUR", "12.5 % off", undefined],
    [{ discount: { type: "AMOUNT", amount_off: 1_234 } }, "PLN", "12.34 PLN off", 12.34],
    [{ discount: { type: "AMOUNT", amount_off: 1_000 } }, "EUR", "10 EUR off", 10],
    [{ discount: { type: "AMOUNT", amount_off: 1_250 } }, "EUR", "12.50 EUR off", 12.5],
    [{ discount: { type: "AMOUNT", amount_off: 1_234 } }, "JPY", "1234 JPY off", 1_234],
    [{ discount: { type: "AMOUNT", amount_off: 1_234 } }, "KWD", "1.234 KWD off", 1.234],
    [{ discount: { type: "FIXED", fixed_amount: 500 } }, "EUR", "for 5 EUR", 5],
    [{ discount: { type: "UNIT", unit_off: 1 } }, "EUR", "1 piece free", undefined],
    [{ discount: { type: "UNIT", unit_off: 2, product: { name: "Sock" } } }, "EUR", "2 x Sock free", undefined],
    [{ gift: { amount: 5_000, balance: 4_200 } }, "EUR", "42 EUR gift", 42],
    [{ discount: { type: "NEW_KIND" } }, "EUR", "", undefined],
    [{ discount: null, gift: null }, "EUR", "", undefined],
    [{}, "EUR", "", undefined],
  ] as const)
    it(`${JSON.stringify(voucher)} in ${currency}: "${text}"`, () => {
      assert.deepEqual(worthOf(voucher, currency), { text, ...(amount !== undefined && { amount }) });
    });
});

describe("mapping: the answer to a webhook", () => {
  const publication = {
    id: "pub_1",
    object: "publication",
    voucher: {
      code: "12345678",
      discount: { type: "AMOUNT", amount_off: 999 },
      expiration_date: "2027-01-01T00:00:00Z",
    },
  };

  it("is Voucherify's object with helpers in words", () => {
    assert.deepEqual(publicationAnswer(publication, "EUR"), {
      ...publication,
      success: true,
      voucher_code: "12345678",
      discount_text: "9.99 EUR off",
      discount_amount: 9.99,
      valid_until: "2027-01-01T00:00:00Z",
    });
  });

  it("stays below 64 KB, with the code in any case", () => {
    const large = "x".repeat(70_000);
    const parts: readonly JsonObject[] = [
      { metadata: { large } },
      { customer: { metadata: { large } } },
      { voucher: { ...publication.voucher, metadata: { large } } },
      { voucher: { ...publication.voucher, assets: { large } } },
    ];
    for (const more of parts) {
      const answer = publicationAnswer({ ...publication, ...more }, "EUR");
      assert.ok(Buffer.byteLength(JSON.stringify(answer)) < 64_000);
      assert.equal((answer.voucher as JsonObject).code, "12345678");
      assert.equal(answer.discount_text, "9.99 EUR off");
    }
  });

  it("has the first of several codes", () => {
    assert.equal(publicationAnswer({ vouchers: ["A", "B"] }, "EUR").voucher_code, "A");
  });
});
