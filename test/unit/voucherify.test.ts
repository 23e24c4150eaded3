import assert from "node:assert/strict";
import { existsSync, readFileSync } from "node:fs";
import { join } from "node:path";
import FakeTimers from "@sinonjs/fake-timers";
import type { HttpAnswer, HttpRequest } from "../../src/http/http-client";
import type { JsonValue } from "../../src/json";
import {
  testVoucherifyConnection,
  VOUCHERIFY_USES,
  type VoucherifyUse,
} from "../../src/voucherify/voucherify-connection-test";
import { explainAnswer } from "../../src/voucherify/errors";
import { MetadataSchemaError, MetadataSchemas } from "../../src/voucherify/metadata-schemas";
import { readRateLimit } from "../../src/voucherify/rate-limit";
import { type CallKind, VoucherifyApi } from "../../src/voucherify/voucherify-api";

const answer = (
  status: number,
  json?: JsonValue,
  text = json === undefined ? "" : JSON.stringify(json),
): HttpAnswer => ({
  status,
  headers: {},
  text,
  json,
});

describe("readRateLimit", () => {
  const now = Date.parse("2026-01-01T00:00:00Z");
  for (const [headers, expected] of [
    [{}, {}],
    [
      { "x-rate-limit-limit": "100", "x-rate-limit-remaining": "7" },
      { limit: 100, remaining: 7 },
    ],
    [{ "x-rate-limit-retry": "1767225660" }, { retryAt: now + 60_000 }],
    [{ "retry-after": "30" }, { retryAt: now + 30_000 }],
    [{ "retry-after": "Thu, 01 Jan 2026 00:01:00 GMT" }, { retryAt: now + 60_000 }],
    [{ "retry-after": "30", "x-rate-limit-retry": "1767225660" }, { retryAt: now + 60_000 }],
    [{ "x-rate-limit-type": "bulk_api_calls" }, { type: "bulk_api_calls" }],
    [
      { "x-rate-limit-limit": "many", "x-rate-limit-remaining": "-1", "retry-after": "soon", "x-rate-limit-type": "x" },
      {},
    ],
    [{ "x-rate-limit-retry": "0" }, {}],
  ] as [Record<string, string>, object][])
    it(JSON.stringify(headers), () => assert.deepEqual(readRateLimit(headers, now), expected));
});

describe("explainAnswer", () => {
  for (const [given, key, message] of [
    [
      answer(400, { code: 400, key: "invalid_payload", message: "Invalid payload", details: "`name` must be text" }),
      "invalid_payload",
      "Voucherify answered 400: Invalid payload: `name` must be text.",
    ],
    [
      answer(413, { statusCode: 413, error: "Request Entity Too Large", message: "Payload too large" }),
      "http_413",
      "Voucherify answered 413: Payload too large.",
    ],
    [
      answer(429, { code: 429, message: "Too many requests hit the API too quickly." }),
      "http_429",
      "Voucherify answered 429: Too many requests hit the API too quickly.",
    ],
    [answer(502, undefined, "<html>Bad gateway"), "http_502", "Voucherify answered 502: it has a problem of its own."],
    [answer(200, undefined, "<html>"), "http_200", "Voucherify answered 200: the answer cannot be read."],
    [answer(401), "http_401", "Voucherify answered 401: the keys are wrong."],
    [answer(400, { message: { deep: 1 }, key: 5 }), "http_400", "Voucherify answered 400: the request was refused."],
  ] as const)
    it(message, () => {
      const explained = explainAnswer(given);
      assert.deepEqual([explained.key, explained.message], [key, message]);
    });

  it("cuts a long text", () => {
    assert.ok(JSON.stringify(explainAnswer(answer(500, undefined, "x".repeat(10_000))).body).length < 600);
  });
});

describe("VoucherifyApi", () => {
  const calls: [HttpRequest, CallKind][] = [];
  const api = new VoucherifyApi({
    apiUrl: "https://api.voucherify.io/",
    keys: { applicationId: "app", secretKey: "token" },
    send: (request, kind) => {
      calls.push([request, kind]);
      return Promise.resolve(answer(200, {}));
    },
  });
  beforeEach(() => calls.splice(0));

  const used = [
    [() => api.upsertCustomer("{}"), "POST", "/v1/customers", "api"],
    [() => api.bulkUpsertCustomers("[]"), "POST", "/v1/customers/bulk/async", "bulk"],
    [() => api.readAsyncAction("a/1"), "GET", "/v1/async-actions/a%2F1", "api"],
    [() => api.readMetadataSchema("customer"), "GET", "/v1/metadata-schemas/customer", "api"],
    [() => api.listCustomers(1), "GET", "/v1/customers?limit=1", "api"],
    [() => api.trackEvent("{}"), "POST", "/v1/events", "api"],
    [() => api.readCustomer("a/1"), "GET", "/v1/customers/a%2F1", "api"],
    [
      () => api.listCustomersUpdatedAfter({ after: "2026-01-01T00:00:00.000Z", page: 2 }),
      "GET",
      "/v1/customers?updated_at%5Bafter%5D=2026-01-01T00%3A00%3A00.000Z&order=updated_at&limit=100&page=2",
      "api",
    ],
    [() => api.listAsyncActions(1), "GET", "/v1/async-actions?limit=1", "api"],
  ] as const;
  for (const [call, method, path, kind] of used)
    it(`${method} ${path}`, async () => {
      await call();
      const [request, kindSeen] = calls[0]!;
      assert.deepEqual([request.method, request.url, kindSeen], [method, `https://api.voucherify.io${path}`, kind]);
      assert.equal(request.headers["X-App-Id"], "app");
      assert.equal(request.headers["X-App-Token"], "token");
      assert.equal(request.headers["Content-Type"], method === "POST" ? "application/json" : undefined);
    });

  it("uses only calls that Voucherify's own specification has", function () {
    const file = join(__dirname, "../../../shared/voucherify-openapi.json");
    if (!existsSync(file)) return this.skip();
    const { paths } = JSON.parse(readFileSync(file, "utf8")) as { paths: Record<string, Record<string, unknown>> };
    for (const [, method, path] of used) {
      const plain = path
        .replace(/\?.*/, "")
        .replace(/customers\/a%2F1/, "customers/{customerId}")
        .replace(/a%2F1/, "{asyncActionId}")
        .replace(/schemas\/customer/, "schemas/{resource}");
      assert.ok(paths[plain]?.[method.toLowerCase()], `${method} ${plain} is not in the specification`);
    }
  });
});

describe("MetadataSchemas", () => {
  let clock: FakeTimers.Clock;
  beforeEach(() => {
    clock = FakeTimers.install();
  });
  afterEach(() => clock.uninstall());

  const property = (type: string, more: object = {}) => ({
    type,
    array: false,
    optional: true,
    objectType: null,
    ...more,
  });
  const schema = (name: string, properties: object) => answer(200, { related_object: name, properties } as JsonValue);

  function project(resources: Record<string, HttpAnswer>): { schemas: MetadataSchemas; asked: string[] } {
    const asked: string[] = [];
    const schemas = new MetadataSchemas((resource) => {
      asked.push(resource);
      return Promise.resolve(resources[resource] ?? answer(404, { code: 404, key: "not_found", message: "No" }));
    });
    return { schemas, asked };
  }

  it("reads the customer schema and the nested ones it names, without removed definitions", async () => {
    const { schemas } = project({
      customer: schema("customer", {
        tier: property("string"),
        old: property("string", { deleted: true }),
        home: property("object", { objectType: "Location" }),
      }),
      Location: schema("Location", { city: property("string") }),
    });
    const { properties, nested } = await schemas.current();
    assert.deepEqual(Object.keys(properties), ["tier", "home"]);
    assert.deepEqual(Object.keys(nested.Location ?? {}), ["city"]);
  });

  it("takes 404 for nothing defined", async () => {
    assert.deepEqual(await project({}).schemas.current(), { properties: {}, nested: {} });
  });

  it("asks again for the others when the caller who asked first gives up", async () => {
    let calls = 0;
    const first = new AbortController();
    const schemas = new MetadataSchemas((_resource, signal) => {
      if (++calls > 1) return Promise.resolve(answer(404, {}));
      return new Promise((_resolve, reject) =>
        signal!.addEventListener("abort", () => reject(new Error("given up")), { once: true }),
      );
    });
    const given = schemas.current(first.signal);
    const second = schemas.current(new AbortController().signal);
    first.abort();
    await assert.rejects(given, /given up/);
    assert.deepEqual(await second, { properties: {}, nested: {} });
  });

  it("asks once for many callers, then every ten minutes, and on demand at most once a minute", async () => {
    const { schemas, asked } = project({});
    await Promise.all([schemas.current(), schemas.current(), schemas.reload()]);
    await schemas.current();
    await schemas.reload();
    assert.equal(asked.length, 1);
    clock.tick(60_000);
    await schemas.reload();
    assert.equal(asked.length, 2);
    clock.tick(10 * 60_000);
    await schemas.current();
    assert.equal(asked.length, 3);
  });

  for (const status of [401, 403, 429, 500])
    it(`throws with the answer on ${status}, and asks again the next time`, async () => {
      const { schemas, asked } = project({ customer: answer(status, { code: status, message: "No" }) });
      await assert.rejects(
        schemas.current(),
        (error) => error instanceof MetadataSchemaError && error.answer.status === status,
      );
      await assert.rejects(schemas.current());
      assert.equal(asked.length, 2);
    });
});

describe("testVoucherifyConnection", () => {
  const check = async (
    respond: (path: string) => HttpAnswer | Error,
    uses: readonly VoucherifyUse[] = [],
  ): Promise<string[]> => {
    const api = new VoucherifyApi({
      apiUrl: "http://x",
      keys: { applicationId: "a", secretKey: "b" },
      send: ({ url }) => {
        const result = respond(url.slice("http://x".length));
        return result instanceof Error ? Promise.reject(result) : Promise.resolve(result);
      },
    });
    const checks = await testVoucherifyConnection({ api, uses: new Set(uses), signal: AbortSignal.timeout(1000) });
    return checks.map(({ name, ok }) => `${name}: ${ok}`);
  };
  const good = (path: string): HttpAnswer => (path.includes("schemas") ? answer(404, {}) : answer(200, {}));

  for (const [uses, expected] of [
    [
      ["customer upsert"],
      [
        "Read metadata schemas: true",
        "Read async actions: true",
        "Write customers: unknown",
        "Not needed now: unneeded",
      ],
    ],
    [["event forward"], ["Write events: unknown", "Not needed now: unneeded"]],
    [
      ["voucherify publish"],
      [
        ...["Read metadata schemas: true", "Read customers: true", "Read publications: true", "Read campaigns: true"],
        ...["Write customers: unknown", "Write publications: unknown", "Not needed now: unneeded"],
      ],
    ],
    [
      ["voucherify lookup: discount"],
      [...["Check qualifications: true", "Read vouchers: true", "Read promotions: true"], "Not needed now: unneeded"],
    ],
    [
      ["voucherify lookup: points"],
      [
        ...["Read customers: true", "Read loyalty programs (v1): true", "Read loyalty programs (v2): true"],
        "Not needed now: unneeded",
      ],
    ],
    [["voucherify activity"], ["Read customers: true", "Read customer activity: true", "Not needed now: unneeded"]],
  ] as const)
    it(`tries what ${uses.join()} needs, and says what it cannot try`, async () => {
      assert.deepEqual(await check(good, uses), ["Region: true", "Keys: true", ...expected]);
    });

  it("tries everything while no node is deployed, and then nothing is missing", async () => {
    const checks = await check((path) => (path.includes("schemas") ? good(path) : answer(403, { code: 403 })));
    assert.equal(checks.length, 2 + 14 + 1);
    assert.deepEqual(
      checks.filter((line) => line.endsWith(": false")),
      [],
    );
    assert.equal(checks.at(-1), "Nodes: unneeded");
  });

  it("leaves nothing to say where nodes need everything", async () => {
    assert.ok((await check(good, VOUCHERIFY_USES)).every((line) => !line.startsWith("Not needed")));
  });

  for (const [what, respond, expected] of [
    ["no answer", () => new Error("refused"), ["Region: false"]],
    ["a web page", () => answer(200, undefined, "<html>"), ["Region: false"]],
    ["wrong keys", () => answer(401, { code: 401 }), ["Region: true", "Keys: false"]],
    ["an exhausted limit", () => answer(429, { code: 429 }), ["Region: true", "Keys: unknown"]],
  ] as const)
    it(`stops at ${what}`, async () => assert.deepEqual(await check(respond), expected));

  it("names a missing permission", async () => {
    const respond = (path: string): HttpAnswer =>
      path.includes("async") ? answer(403, { code: 403 }) : answer(200, {});
    assert.ok((await check(respond, ["customer upsert"])).includes("Read async actions: false"));
  });
});
