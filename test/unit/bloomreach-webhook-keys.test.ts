import assert from "node:assert/strict";
import fc from "fast-check";
import { isAuthorized, type WebhookKeys } from "../../src/bloomreach/webhook-keys";

const KEYS: WebhookKeys = { applicationId: "app-1", secretKey: "s3cret:with-colon" };
const HEADER: WebhookKeys = {
  applicationId: "",
  secretKey: "",
  headerName: " Authorization ",
  headerValue: "Bearer abc",
};
const basic = (pair: string): string => `Basic ${Buffer.from(pair).toString("base64")}`;

describe("isAuthorized", () => {
  for (const [name, headers, keys] of [
    ["application-id and secret-key", { "application-id": "app-1", "secret-key": "s3cret:with-colon" }, KEYS],
    ["X-App-Id and X-App-Token", { "x-app-id": "app-1", "x-app-token": "s3cret:with-colon" }, KEYS],
    ["Basic", { authorization: basic("app-1:s3cret:with-colon") }, KEYS],
    ["basic in lower case", { authorization: basic("app-1:s3cret:with-colon").replace("B", "b") }, KEYS],
    ["the user's own header", { authorization: "Bearer abc" }, HEADER],
    ["the own header beside a pair", { "x-key": "k" }, { ...KEYS, headerName: "X-Key", headerValue: "k" }],
    [
      "one right style beside wrong ones",
      { authorization: basic("x:y"), "x-app-id": "no", "application-id": "app-1", "secret-key": "s3cret:with-colon" },
      KEYS,
    ],
  ] as const)
    it(`accepts ${name}`, () => assert.equal(isAuthorized(headers, keys), true));

  for (const [name, headers, keys] of [
    ["no headers", {}, KEYS],
    ["a wrong secret", { "application-id": "app-1", "secret-key": "nope" }, KEYS],
    ["a wrong id", { "application-id": "app-2", "secret-key": "s3cret:with-colon" }, KEYS],
    ["half a pair", { "secret-key": "s3cret:with-colon" }, KEYS],
    ["a pair from two styles", { "application-id": "app-1", "x-app-token": "s3cret:with-colon" }, KEYS],
    ["a value that was sent twice", { "application-id": "app-1, app-1", "secret-key": "s3cret:with-colon" }, KEYS],
    ["Basic that is no base64", { authorization: "Basic ###" }, KEYS],
    ["Bearer where Basic is meant", { authorization: `Bearer ${basic("app-1:s3cret:with-colon").slice(6)}` }, KEYS],
    ["no configured keys", { "application-id": "app-1", "secret-key": "x" }, undefined],
    [
      "blank keys against blank headers",
      { "application-id": "", "secret-key": "" },
      { applicationId: "", secretKey: " " },
    ],
    ["blank keys against blank Basic", { authorization: basic(":") }, { applicationId: "", secretKey: "" }],
    ["half a configured pair", { "application-id": "a", "secret-key": "" }, { applicationId: "a", secretKey: "" }],
    ["a blank own header", { "x-key": "" }, { ...HEADER, headerName: "X-Key", headerValue: " " }],
    ["an own header without a name", { "": "v" }, { ...HEADER, headerName: "", headerValue: "v" }],
    ["an own header that is missing", {}, HEADER],
    ["a name that every object has", {}, { ...HEADER, headerName: "constructor" }],
  ] as const)
    it(`refuses ${name}`, () => assert.equal(isAuthorized(headers, keys), false));

  it("accepts exactly the configured pair", () => {
    fc.assert(
      fc.property(fc.string(), fc.string(), fc.string(), fc.string(), (id, secret, sentId, sentSecret) => {
        const expected = id.trim() !== "" && secret.trim() !== "" && id === sentId && secret === sentSecret;
        const headers = { "application-id": sentId, "secret-key": sentSecret };
        assert.equal(isAuthorized(headers, { applicationId: id, secretKey: secret }), expected);
      }),
    );
  });
});
