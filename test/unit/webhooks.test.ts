import assert from "node:assert/strict";
import { mkdtempSync, rmSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { ClaimedPaths, type ClaimOptions } from "../../src/webhooks/claimed-paths";
import { RememberedPaths } from "../../src/webhooks/remembered-paths";
import { STOP_CODES } from "../../src/webhooks/stop-codes";
import { webhookUrl } from "../../src/webhooks/webhook-address";
import { harmless, retryLaterAnswer, unknownPathAnswer } from "../../src/webhooks/webhook-answer";

describe("webhookUrl", () => {
  for (const [publicUrl, httpNodeRoot, path, expected] of [
    ["https://a.example", "/", "/x/y", "https://a.example/x/y"],
    ["https://a.example/", "/api", "x/y", "https://a.example/api/x/y"],
    [" https://a.example/base// ", "/api/", "//x/", "https://a.example/base/api/x"],
    ["https://a.example:8443", "", "/x", "https://a.example:8443/x"],
  ] as const)
    it(expected, () => assert.equal(webhookUrl({ publicUrl, httpNodeRoot, path }), expected));
});

describe("answers that both webhook nodes share", () => {
  for (const [name, { status, body }, pattern] of [
    ["retry later", retryLaterAnswer("r-1"), /Send it again later/],
    ["unknown path", unknownPathAnswer(["/a/b", "/c"], "r-1"), /Valid paths: \/a\/b, \/c\./],
    ["unknown path, no keys", unknownPathAnswer([], "r-1"), /Send the keys/],
  ] as const)
    it(`${name}: 500, and no word of one of the APIs`, () => {
      const { success, errors, request_id, ...others } = body as { [key: string]: unknown; errors: unknown[] };
      assert.deepEqual([status, success, request_id, others], [500, false, "r-1", {}]);
      assert.match(JSON.stringify(errors), pattern);
      assert.doesNotMatch(JSON.stringify(body), /bloomreach|voucherify/i);
    });

  it("never stop a campaign, whatever a node wants to say", () => {
    for (const status of STOP_CODES)
      assert.deepEqual(harmless({ status, body: { a: 1 } }), { status: 500, body: { a: 1 } });
    for (const status of [200, 202, 401, 500]) assert.equal(harmless({ status, body: {} }).status, status);
  });
});

describe("claimed paths", () => {
  const PATH = "/bloomreach-engagement/customers";
  const handler = () => Promise.resolve({ status: 200, body: {} });
  const options: ClaimOptions = { maxBytes: 1_000 };
  let folder: string;
  let owned: Record<string, string>;
  let paths: ClaimedPaths;

  beforeEach(() => {
    folder = mkdtempSync(join(tmpdir(), "claimed-paths-"));
    owned = {};
    paths = newPaths();
  });
  afterEach(() => rmSync(folder, { recursive: true }));

  const newPaths = (): ClaimedPaths =>
    new ClaimedPaths(
      () => "/api",
      new RememberedPaths(join(folder, "paths.json"), (sentence) => assert.fail(sentence)),
      (key) => owned[key],
    );

  for (const [url, expected] of [
    ["/api/bloomreach-engagement/customers", `/api${PATH}`],
    ["/API//bloomreach-engagement/customers/?a=1", `/api${PATH}`],
    ["/api/x/../bloomreach-engagement/%63ustomers", `/api${PATH}`],
    ["/api/bloomreach-engagement/ready", "/api/bloomreach-engagement/ready"],
    ["/api/bloomreach-engagement/nobody", "/api/bloomreach-engagement/nobody"],
    ["/api/bloomreach-engagement;x", "/api/bloomreach-engagement;x"],
    ["/api/bloomreach-engagement-2", undefined],
    ["/bloomreach-engagement/customers", undefined],
  ] as const)
    it(`${url}: ${expected ?? "not ours"}`, () => {
      assert.ok(paths.claim(PATH, handler, options).ok);
      assert.equal(paths.keyOf(url), expected);
    });

  it("have one claimant each, until it is released", () => {
    const claim = paths.claim(PATH, handler, options);
    const second = paths.claim(`${PATH}/`, handler, options);
    assert.match(second.ok ? "" : second.reason, /Another node already receives/);
    assert.ok(claim.ok);
    claim.release(false);
    assert.ok(paths.claim(PATH, handler, options).ok);
  });

  it("stay ours after a restart, until flows have started without their node for a day", () => {
    assert.ok(paths.claim("/hook", handler, options).ok);
    const next = newPaths();
    assert.equal(next.keyOf("/api/hook"), "/api/hook");
    assert.equal(next.get("/api/hook"), undefined);
    next.flowsStarted();
    assert.ok(next.isPath("/api/hook"));
  });

  it("are given up when somebody else owns them once flows have started", () => {
    const refused: string[] = [];
    assert.ok(paths.claim("/hook", handler, { ...options, onRefused: (reason) => refused.push(reason) }).ok);
    owned["/api/hook"] = "another node, for example an http in";
    paths.flowsStarted();
    assert.match(refused.join(), /already belongs to another node/);
    assert.equal(paths.keyOf("/api/hook"), undefined);
  });

  it("are told to whose keys open them", () => {
    const knows = (key: string) => (headers: object) => key in headers;
    assert.ok(paths.claim("/a", handler, { ...options, knows: knows("x-a") }).ok);
    assert.ok(paths.claim("/b", handler, { ...options, knows: knows("x-b") }).ok);
    assert.ok(paths.claim("/signed", handler, options).ok);
    assert.deepEqual(paths.openedBy({ "x-a": "1" }), ["/api/a"]);
    assert.deepEqual(paths.openedBy({ "x-b": "1" }), ["/api/b"]);
    assert.deepEqual(paths.openedBy({}), []);
  });
});
