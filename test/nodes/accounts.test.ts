import assert from "node:assert/strict";
import { webhookKeysOf } from "../../nodes/lib/bloomreach-webhook-keys";
import { resolveTyped, unsetVariable } from "../../nodes/lib/environment";
import { voucherifyProblem } from "../../nodes/lib/voucherify-connection";
import { SIMULATOR_KEYS } from "../../src/simulator";

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
    ["no keys", { secretKey: "" }, /no keys/],
    ["the simulator's keys on a live address", { ...SIMULATOR_KEYS }, /built-in simulator/],
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
    ["the simulator's keys", { ...SIMULATOR_KEYS }, /built-in simulator/],
    ["an unset variable", { applicationId: "a", secretKey: "${NOT_SET}" }, /environment variable NOT_SET/],
  ] as const)
    it(`with ${what}: ${expected ? "refuses every webhook and says why" : "checks webhooks"}`, () => {
      const { keys, problem } = webhookKeysOf({ ...account, ...change });
      assert.equal(keys === undefined, expected !== undefined);
      if (expected) assert.match(problem ?? "", expected);
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
