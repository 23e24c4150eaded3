import assert from "node:assert/strict";
import type { Node } from "node-red";
import { webhookKeysOf } from "../../nodes/lib/accounts/bloomreach-webhook-keys";
import { resolveTyped, unsetVariable } from "../../nodes/lib/accounts/environment";
import { voucherifyProblem } from "../../nodes/lib/accounts/voucherify-connection";
import { sharedBudget } from "../../nodes/lib/accounts/budgets";
import { builtInKeys } from "../../nodes/lib/accounts/built-in-simulator";
import { trackingProblem } from "../../nodes/lib/accounts/bloomreach-connection";

/** What the source of release 0.1.0 showed to everybody. */
const PUBLISHED = { applicationId: "simulator-application-id", secretKey: "simulator-secret-key" };
const live = {
  apiUrl: "https://api.voucherify.io",
  hardId: "registered",
  applicationId: "app",
  secretKey: "key",
  transport: "api" as const,
  gatewayUrl: "",
};

describe("a voucherify account", () => {
  for (const [what, change, expected] of [
    ["complete settings", {}, undefined],
    ["the simulator without keys", { apiUrl: "simulator", applicationId: "", secretKey: "" }, undefined],
    ["no address", { apiUrl: "" }, /choose a region/],
    ["an address that is none", { apiUrl: "voucherify" }, /choose a region/],
    ["an address that is not encrypted", { apiUrl: "http://api.voucherify.io" }, /API base URL .* https:\/\//],
    ["an address of this machine", { apiUrl: "http://127.0.0.1:3000" }, undefined],
    [
      "a gateway that is not encrypted",
      { transport: "gateway", gatewayUrl: "http://gateway.example" },
      /Gateway URL .* https:\/\//,
    ],
    ["no keys", { secretKey: "" }, /no keys/],
    ["the simulator's keys on a live address", { secretKey: builtInKeys().secretKey }, /built-in simulator/],
    ["keys that release 0.1.0 published", PUBLISHED, /built-in simulator/],
    ["published keys on the simulator", { apiUrl: "simulator", ...PUBLISHED }, undefined],
    ["an unset variable as key", { secretKey: "${VF_KEY}" }, /environment variable VF_KEY, used for "Secret key"/],
    ["the gateway in a shared region", { transport: "gateway" }, undefined],
    [
      "the gateway in a dedicated region",
      { transport: "gateway", apiUrl: "https://x.api.voucherify.io" },
      /Gateway URL/,
    ],
    ["an unset variable as hard ID", { hardId: "${HARD}" }, /environment variable HARD, used for "Main Hard ID"/],
  ] as const)
    it(`with ${what}: ${expected ? "says what to do" : "works"}`, () => {
      const problem = voucherifyProblem({ ...live, ...change });
      if (expected) assert.match(problem ?? "", expected);
      else assert.equal(problem, undefined);
    });
});

describe("a bloomreach account", () => {
  const none = { applicationId: "", secretKey: "", headerName: "", headerValue: "" };
  const account = { apiUrl: "https://api.exponea.com", hardId: "registered", ...none };
  for (const [what, change, expected] of [
    ["a pair", { applicationId: "a", secretKey: "b" }, undefined],
    ["a header of the user's own", { headerName: "x-key", headerValue: "v" }, undefined],
    ["the simulator without keys", { apiUrl: "simulator" }, undefined],
    ["no keys", {}, /press Generate/],
    ["half a pair", { applicationId: "a" }, /press Generate/],
    ["the simulator's keys", { applicationId: "a", secretKey: builtInKeys().webhookSecretKey }, /built-in simulator/],
    ["keys that release 0.1.0 published", PUBLISHED, /built-in simulator/],
    ["an unset variable", { applicationId: "a", secretKey: "${NOT_SET}" }, /environment variable NOT_SET/],
  ] as const)
    it(`with ${what}: ${expected ? "refuses every webhook and says why" : "checks webhooks"}`, () => {
      const { keys, problem } = webhookKeysOf({ ...account, ...change });
      assert.equal(keys === undefined, expected !== undefined);
      if (expected) assert.match(problem ?? "", expected);
    });
});

describe("a bloomreach account on the simulator", () => {
  const none = { hardId: "registered", headerName: "", headerValue: "" };

  it("takes webhooks with this process's keys alone, also where it still holds published ones", () => {
    const { webhookApplicationId: applicationId, webhookSecretKey: secretKey } = builtInKeys();
    for (const typed of [{ applicationId: "", secretKey: "" }, PUBLISHED])
      assert.deepEqual(webhookKeysOf({ apiUrl: "simulator", ...none, ...typed }).keys, { applicationId, secretKey });
  });

  it("lets nobody into a live project", () => {
    const live = { apiUrl: "https://api.exponea.com", projectToken: "p", apiKeyId: "k", apiSecret: "s" };
    assert.equal(trackingProblem(live), undefined);
    assert.match(trackingProblem({ ...live, apiSecret: builtInKeys().apiSecret }) ?? "", /built-in simulator/);
    assert.match(trackingProblem({ ...live, apiKeyId: "simulator-key-id" }) ?? "", /built-in simulator/);
  });
});

describe("a plan that an imported flow names", () => {
  for (const plan of ["gold", "toString", "__proto__"])
    it(`and that there is not (${plan}): a sentence, and the limit of the smallest one`, () => {
      const errors: string[] = [];
      const node = { id: `plan ${plan}`, error: (sentence: string) => errors.push(sentence) } as unknown as Node;
      const budget = sharedBudget(node, { plan: plan as never });
      assert.deepEqual(errors.length, 1);
      assert.match(
        errors[0]!,
        new RegExp(`There is no plan "${plan}": open this node and choose your Voucherify plan`),
      );
      // 70 of 100 a minute are for queued work.
      assert.ok(budget.doneAt(71)! - budget.doneAt(70)! > 50_000);
    });
});

describe("a bloomreach account's API", () => {
  const account = { apiUrl: "https://api.exponea.com", projectToken: "t", apiKeyId: "i", apiSecret: "s" };
  for (const [apiUrl, expected] of [
    ["https://api.exponea.com", undefined],
    ["http://localhost:3000", undefined],
    ["http://api.exponea.com", /must begin with https:\/\//],
  ] as const)
    it(`at ${apiUrl}: ${expected ? "is refused with a sentence" : "works"}`, () => {
      const problem = trackingProblem({ ...account, apiUrl });
      if (expected) assert.match(problem ?? "", expected);
      else assert.equal(problem, undefined);
    });
});

describe("environment variables", () => {
  it("are named when they are not set", () => {
    assert.equal(unsetVariable({ Key: "plain", Other: undefined, Third: "a ${X} inside" }), undefined);
    assert.match(unsetVariable({ Key: " ${X} " }) ?? "", /variable X, used for "Key", is not set/);
  });

  it("are replaced in what was typed into a dialog", () => {
    process.env.BV_TEST_VALUE = "found";
    assert.equal(resolveTyped("${BV_TEST_VALUE}"), "found");
    assert.equal(resolveTyped("${BV_TEST_NOT_SET}"), "${BV_TEST_NOT_SET}");
    delete process.env.BV_TEST_VALUE;
  });
});
