import assert from "node:assert/strict";
import { ConfigurationError } from "../../src/delivery/outcome";
import type { Asking } from "../../src/async/shared-answers";
import { TryLater } from "../../src/destinations/try-later";
import {
  listPrograms,
  LookupRefused,
  type Question,
  VoucherifyLookups,
} from "../../src/destinations/voucherify/voucherify-lookups";
import type { HttpRequest } from "../../src/http/http-client";
import type { JsonObject } from "../../src/json";
import { VoucherifyApi } from "../../src/voucherify/voucherify-api";

type Answers = (path: string) => [number, JsonObject | string];

/** Lookups over scripted answers, and the requests that they made. */
function scripted(answers: Answers): {
  lookups: VoucherifyLookups;
  requests: string[];
  bodies: string[];
  api: VoucherifyApi;
} {
  const requests: string[] = [];
  const bodies: string[] = [];
  const apiOf = (lane: string): VoucherifyApi =>
    new VoucherifyApi({
      apiUrl: "https://api.example.test",
      keys: { applicationId: "id", secretKey: "key" },
      send: ({ method, url, body }: HttpRequest) => {
        const path = decodeURIComponent(url.replace("https://api.example.test", ""));
        requests.push(`${lane}${method} ${path}`);
        if (body !== undefined) bodies.push(body);
        const [status, answer] = answers(path);
        const isText = typeof answer === "string";
        return Promise.resolve({
          status,
          headers: {},
          text: isText ? answer : JSON.stringify(answer),
          json: isText ? undefined : answer,
        });
      },
    });
  const api = apiOf("");
  return { lookups: new VoucherifyLookups(api, apiOf("urgent ")), requests, bodies, api };
}

const asking = (urgent = false): Asking => ({ keepMs: 0, urgent, signal: new AbortController().signal });
const POINTS: Question = { what: "points", program: "VIP" };
const MISSING = { code: 404, key: "not_found", message: "Resource not found" };

describe("voucherify lookups", () => {
  it("asks for the loyalty cards only, and for one that a webhook waits for out of turn", async () => {
    const voucher = { code: "C", campaign: "VIP", loyalty_card: { balance: 3 } };
    const { lookups, requests } = scripted(() => [200, { data: [{ redeemable: { voucher, status: "ACTIVE" } }] }]);
    const path =
      "GET /v1/customers/jane doe/redeemables?limit=100&order=-id&filters[voucher_type][conditions][$in][0]=LOYALTY_CARD";
    assert.equal((await lookups.ask(POINTS, "jane doe", asking())).points, 3);
    assert.equal((await lookups.ask(POINTS, "jane doe", asking(true))).points, 3);
    assert.deepEqual(
      requests.map((request) => request.replace("+", " ")),
      [path, `urgent ${path}`],
    );
  });

  it("remembers which programs of API v2 there are", async () => {
    const program = { id: "lprg_1", name: "VIP" };
    const card = { code: "C", balance: { points: 4 } };
    const { lookups, requests } = scripted((path) =>
      path.startsWith("/v2/loyalties/programs?")
        ? [200, { data: [program] }]
        : path.startsWith("/v2/")
          ? [200, { cards: [{ card }] }]
          : [200, { data: [] }],
    );
    for (const customer of ["ann", "bob"]) assert.equal((await lookups.ask(POINTS, customer, asking())).points, 4);
    assert.deepEqual(
      requests.filter((request) => request.includes("/v2/")),
      [
        "GET /v2/loyalties/programs?limit=100",
        "GET /v2/loyalties/programs/lprg_1/memberships/ann?identification_type=customer_source_id",
        "GET /v2/loyalties/programs/lprg_1/memberships/bob?identification_type=customer_source_id",
      ],
    );
  });

  it("does without API v2 where the project or the keys do not have it", async () => {
    for (const status of [403, 404]) {
      const { lookups } = scripted((path) =>
        path.startsWith("/v2") ? [status, { code: status }] : [200, { data: [] }],
      );
      assert.deepEqual(await lookups.ask(POINTS, "jane", asking()), { found: false });
    }
  });

  it("asks for what a customer may use: newest first, in the places that were chosen", async () => {
    const { lookups, bodies } = scripted(() => [200, { redeemables: { data: [] } }]);
    for (const look of ["wallet", "open", "both"] as const)
      assert.deepEqual(await lookups.ask({ what: "discount", look, currency: "EUR" }, "jane", asking()), {
        found: false,
      });
    const options = { limit: 10, sorting_rule: "DEFAULT", expand: ["redeemable"] };
    assert.deepEqual(
      bodies.map((body) => JSON.parse(body) as unknown),
      ["CUSTOMER_WALLET", "AUDIENCE_ONLY", "ALL"].map((scenario) => ({
        customer: { source_id: "jane" },
        scenario,
        options,
      })),
    );
  });

  it("still tells a discount whose voucher is gone by then", async () => {
    const data = [{ id: "CODE", object: "voucher", result: { discount: { type: "PERCENT", percent_off: 5 } } }];
    const { lookups } = scripted((path) =>
      path.includes("/vouchers/") ? [404, MISSING] : [200, { redeemables: { data } }],
    );
    const answer = await lookups.ask({ what: "discount", look: "both", currency: "EUR" }, "jane", asking());
    assert.deepEqual([answer.discount_code, answer.discount_text, answer.valid_until], ["CODE", "5 % off", ""]);
  });

  it("tells an unknown customer from an address that is not Voucherify's", async () => {
    const known = scripted(() => [404, MISSING]).lookups;
    assert.deepEqual(await known.ask({ what: "vouchers", currency: "EUR" }, "jane", asking()), { found: false });
    const wrong = scripted(() => [404, "<h1>Not found</h1>"]).lookups;
    await assert.rejects(wrong.ask({ what: "vouchers", currency: "EUR" }, "jane", asking()), ConfigurationError);
    const page = scripted(() => [200, "<h1>Welcome</h1>"]).lookups;
    await assert.rejects(page.ask({ what: "vouchers", currency: "EUR" }, "jane", asking()), TryLater);
  });

  it("names the missing permission, asks later, or refuses, as Voucherify says", async () => {
    const answered = (status: number, body: JsonObject): Promise<JsonObject> =>
      scripted(() => [status, body]).lookups.ask({ what: "discount", look: "both", currency: "EUR" }, "jane", asking());
    await assert.rejects(answered(403, {}), /permission "qualifications"/);
    await assert.rejects(answered(503, {}), TryLater);
    await assert.rejects(answered(400, { key: "invalid_payload" }), (error) => {
      assert.ok(error instanceof LookupRefused);
      assert.deepEqual([error.refusal.key, error.refusal.answer?.statusCode], ["invalid_payload", 400]);
      return true;
    });
  });

  it("lists the programs of the version that the project has", async () => {
    const signal = new AbortController().signal;
    const one = scripted((path) =>
      path.startsWith("/v1")
        ? [403, {}]
        : [200, { data: [{ id: "lprg_1", name: "VIP" }, { id: "lprg_2" }] as JsonObject[] }],
    );
    assert.deepEqual(await listPrograms(one.api, signal), [{ id: "lprg_1", name: "VIP", version: 2 }]);
    await assert.rejects(listPrograms(scripted(() => [401, {}]).api, signal), /the keys are wrong/);
  });
});
