import assert from "node:assert/strict";
import { createHmac } from "node:crypto";
import fc from "fast-check";
import { isSigned } from "../../src/voucherify/webhooks/webhook-signature";

const SECRET = "secretKey";
const sign = (body: string | Buffer, secret = SECRET): string =>
  createHmac("sha256", secret).update(body).digest("hex");
const check = (body: string, signature: string | undefined, secrets = [SECRET]): boolean =>
  isSigned(Buffer.from(body), signature, secrets);

describe("the signature of a Voucherify webhook", () => {
  // docs.voucherify.io/api-reference/introduction-to-webhooks and the tests of Voucherify's Node.js SDK.
  for (const [secret, body, signature] of [
    ["secretKey", '{"a":1}', "a17d2ac229d1ebbb5f10e839c7985c4818e5986eab297f7e5979196d4d7d3ed2"],
    ["secretKey", '{\n  "a": 1\n}', "a17d2ac229d1ebbb5f10e839c7985c4818e5986eab297f7e5979196d4d7d3ed2"],
    ["secretKey", '{"a\\"b":1}', "f7cf97814a03146abedb9793f56e1dec34f618f82d10395310d053f749483ffb"],
    ["secretKey", '{\n  "a\\"b": 1\n}', "f7cf97814a03146abedb9793f56e1dec34f618f82d10395310d053f749483ffb"],
    ["secretKey", "  message  ", "53ff92957e1427ce23ad5bda9d0c5f2f4ff384d0806b83eeacb510c842d3a358"],
    ["secret-signature-key", '{"test":"test1"}', "5547d4d07430a2d1b77649564c68d80afe591f7cc61ca110bccb442e3205eeec"],
  ] as const)
    it(`published: ${JSON.stringify(body)}`, () => {
      assert.equal(check(body, signature, [secret]), true);
      assert.equal(check(body, signature, ["another"]), false);
      assert.equal(check(`${body}!`, signature, [secret]), false);
    });

  for (const [name, compact, spaced] of [
    ["1.0", '{"a":1.0,"b":[1e3,-0.0]}', '{ "a": 1.0,\r\n\t"b": [1e3, -0.0] }'],
    ["long numbers", '{"a":12345678901234567890.10}', '{"a" : 12345678901234567890.10}'],
    ["escapes", '{"a":"\\u0041\\n\\\\","b":"\\\\\\" c"}', '{"a": "\\u0041\\n\\\\", "b": "\\\\\\" c"}'],
    ["white space in strings", '{" a\t":"b  c"}', '{ " a\t" : "b  c" }\n'],
    ["letters of all languages", '{"a":"Zażółć 漢字 😀"}', '{\n"a": "Zażółć 漢字 😀" }'],
    ["more than 100 KB", `{"a":"${"x ".repeat(60_000)}"}`, `{ "a" : "${"x ".repeat(60_000)}" }`],
  ] as const)
    it(`verifies ${name}, compact and pretty-printed`, () => {
      assert.equal(check(compact, sign(compact)), true);
      assert.equal(check(spaced, sign(compact)), true);
      assert.equal(check(spaced, sign(spaced)), true);
      assert.equal(check(compact, sign(spaced)), false);
    });

  it("accepts any of several secrets, while one is being replaced", () => {
    assert.equal(check("{}", sign("{}", "new"), ["old", "new"]), true);
    assert.equal(check("{}", sign("{}", "old"), ["old", "new"]), true);
    assert.equal(check("{}", sign("{}", "older"), ["old", "new"]), false);
  });

  it("accepts nothing without a secret or a signature", () => {
    assert.equal(check("{}", sign("{}"), []), false);
    assert.equal(check("{}", sign("{}", ""), [""]), false);
    assert.equal(check("{}", sign("{}", " "), [" "]), false);
    for (const signature of [undefined, "", "x", sign("{}").slice(1), `${sign("{}")}0`, "z".repeat(64)])
      assert.equal(check("{}", signature), false);
  });

  it("reads a header in capitals or with blanks around it", () => {
    assert.equal(check("{}", ` ${sign("{}").toUpperCase()} `), true);
  });

  const space = fc.array(fc.constantFrom(" ", "\t", "\n", "\r"), { maxLength: 3 }).map((all) => all.join(""));

  it("verifies with white space anywhere between tokens", () => {
    fc.assert(
      fc.property(fc.json(), fc.array(space, { minLength: 1, maxLength: 20 }), (json, spaces) => {
        const compact = JSON.stringify(JSON.parse(json));
        const tokens = compact.match(/"(?:[^"\\]|\\.)*"|[{}[\],:]|[^"{}[\],:]+/g) ?? [];
        const spaced = tokens.map((token, at) => token + spaces[at % spaces.length]!).join("");
        assert.equal(check(spaced, sign(compact)), true);
      }),
    );
  });

  it("verifies no body with a changed byte", () => {
    fc.assert(
      fc.property(fc.json(), fc.nat(), fc.integer({ min: 1, max: 255 }), (json, at, change) => {
        const body = Buffer.from(JSON.stringify(JSON.parse(json)));
        const changed = Buffer.from(body);
        changed[at % body.length]! ^= change;
        assert.equal(isSigned(changed, sign(body), [SECRET]), false);
      }),
    );
  });
});
