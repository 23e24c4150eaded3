import assert from "node:assert/strict";
import { type TestedBloomreach, testBloomreachConnection } from "../../src/bloomreach/bloomreach-connection-test";
import type { HttpAnswer, HttpRequest } from "../../src/http/http-client";
import type { JsonValue } from "../../src/json";

const SECRET = "very-secret-value";

const answered = (status: number, body: JsonValue | string): HttpAnswer => ({
  status,
  headers: {},
  text: typeof body === "string" ? body : JSON.stringify(body),
  json: typeof body === "string" ? undefined : body,
});

function connection(
  send: (request: HttpRequest) => Promise<HttpAnswer>,
  changes: Partial<TestedBloomreach> = {},
): TestedBloomreach {
  return {
    apiUrl: "https://api.exponea.com/",
    projectToken: "tok en",
    keys: { keyId: "key", secret: SECRET },
    send,
    signal: new AbortController().signal,
    ...changes,
  };
}

const notSent = (): Promise<HttpAnswer> => Promise.reject(new Error("must not be sent"));

describe("testBloomreachConnection", () => {
  it("asks for the system time with Basic authentication", async () => {
    const requests: HttpRequest[] = [];
    const checks = await testBloomreachConnection(
      connection((request) => {
        requests.push(request);
        return Promise.resolve(answered(200, { success: true, time: 1722458972.7 }));
      }),
    );
    assert.deepEqual(
      checks.map(({ name, ok }) => [name, ok]),
      [
        ["API base URL", true],
        ["Project token", true],
        ["API keys", true],
        ["Permissions", "unknown"],
      ],
    );
    assert.deepEqual(
      requests.map(({ method, url, headers }) => [method, url, headers.authorization]),
      [
        [
          "GET",
          "https://api.exponea.com/track/v2/projects/tok%20en/system/time",
          `Basic ${Buffer.from(`key:${SECRET}`).toString("base64")}`,
        ],
      ],
    );
  });

  for (const [status, body, name, ok, pattern] of [
    [400, { success: false, error: "Invalid project id" }, "Project token", false, /does not know this Project token/],
    [400, { success: false, error: "Could not authenticate" }, "Project token", false, /Project token/],
    [401, { success: false, error: "Access key not found" }, "API keys", false, /API Key ID/],
    [403, { success: false, error: "invalid secret" }, "API keys", false, /API secret does not belong/],
    [403, { success: false, error: "other" }, "API keys", false, /refuses them for this project/],
    [404, { errors: { code: 404, description: "gone" } }, "API base URL", false, /no Bloomreach API/],
    [429, "slow down", "API base URL", "unknown", /HTTP 429/],
    [503, "<html>", "API base URL", "unknown", /HTTP 503/],
    [200, "<html>welcome</html>", "API base URL", false, /did not answer as Bloomreach/],
    [200, { success: false }, "API base URL", false, /did not answer as Bloomreach/],
    [301, "", "API base URL", false, /HTTP 301/],
  ] as const)
    it(`explains ${status} ${JSON.stringify(body)}`, async () => {
      const checks = await testBloomreachConnection(connection(() => Promise.resolve(answered(status, body))));
      const last = checks.at(-1);
      assert.deepEqual([last?.name, last?.ok], [name, ok]);
      assert.match(last?.sentence ?? "", pattern);
      assert.ok(!JSON.stringify(checks).includes(SECRET));
    });

  it("explains that there was no answer", async () => {
    const checks = await testBloomreachConnection(connection(() => Promise.reject(new Error("No answer in 10 s."))));
    assert.equal(checks[0]?.ok, false);
    assert.match(checks[0]?.sentence ?? "", /could not be reached.*No answer in 10 s\./);
  });

  for (const [name, changes, ok, pattern] of [
    ["nothing filled in", { projectToken: "", keys: { keyId: "", secret: "" } }, "unknown", /nothing to test/],
    ["a secret that is missing", { keys: { keyId: "k", secret: " " } }, false, /Fill in API secret, then/],
    ["two missing", { projectToken: "", keys: { keyId: "", secret: "s" } }, false, /Project token and API Key ID/],
    ["http", { apiUrl: "http://api.exponea.com" }, false, /https:\/\//],
    ["no address", { apiUrl: "exponea" }, false, /https:\/\//],
  ] as const)
    it(`sends no keys with ${name}`, async () => {
      const checks = await testBloomreachConnection(connection(notSent, changes));
      assert.deepEqual([checks.length, checks[0]?.ok], [1, ok]);
      assert.match(checks[0]?.sentence ?? "", pattern);
    });

  it("allows http on this machine", async () => {
    const send = (): Promise<HttpAnswer> => Promise.resolve(answered(200, { time: 1 }));
    const checks = await testBloomreachConnection(connection(send, { apiUrl: "http://127.0.0.1:9/" }));
    assert.equal(checks[0]?.ok, true);
  });
});
