import assert from "node:assert/strict";
import { connect } from "node:net";
import { Simulator } from "../../src/simulator";
import { BLOOMREACH_KEYS, TEST_KEYS } from "../support/flows";

const ALL_KEYS = { ...TEST_KEYS, ...BLOOMREACH_KEYS };
const KEYS = { "x-app-id": TEST_KEYS.applicationId, "x-app-token": TEST_KEYS.secretKey };
const JSON_TYPE = { "content-type": "application/json" };
const BODY_LIMIT = 10_485_760;

describe("Simulator, Voucherify side", () => {
  let simulator: Simulator;

  before(async () => {
    simulator = await Simulator.start({ keys: ALL_KEYS, asyncActionMs: 30 });
  });
  beforeEach(() => simulator.reset());
  after(() => simulator.stop());

  async function call(method: string, path: string, body?: unknown, headers: Record<string, string> = {}) {
    const response = await fetch(simulator.url + path, {
      method,
      headers: { ...KEYS, ...(body === undefined ? {} : JSON_TYPE), ...headers },
      body: body === undefined ? undefined : typeof body === "string" ? body : JSON.stringify(body),
    });
    const text = await response.text();
    return { status: response.status, headers: response.headers, body: JSON.parse(text) };
  }

  async function finished(id: string) {
    for (;;) {
      const { body } = await call("GET", `/v1/async-actions/${id}`);
      if (body.status === "DONE") return body;
    }
  }

  describe("keys and limits", () => {
    for (const [name, headers] of [
      ["no keys", {}],
      ["only the application ID", { "x-app-id": KEYS["x-app-id"] }],
      ["a wrong secret key", { ...KEYS, "x-app-token": "wrong" }],
    ] as const)
      it(`answers 401 to ${name}`, async () => {
        const response = await fetch(`${simulator.url}/v1/customers`, { headers });
        assert.equal(response.status, 401);
        assert.deepEqual(await response.json(), { code: 401, message: "Unauthorized", key: "unauthorized" });
        assert.ok(response.headers.has("x-rate-limit-limit"));
      });

    it("carries rate headers on every answer and 429 without a key over the limit", async () => {
      const small = await Simulator.start({ keys: ALL_KEYS, rateLimit: { limit: 2, periodMs: 3_600_000 } });
      const get = () => fetch(`${small.url}/v1/customers/unknown`, { headers: KEYS });
      const left = [];
      for (let requests = 0; requests < 2; requests += 1)
        left.push((await get()).headers.get("x-rate-limit-remaining"));
      assert.deepEqual(left, ["1", "0"]);
      const refused = await get();
      assert.equal(refused.status, 429);
      assert.deepEqual(await refused.json(), { code: 429, message: "Too many requests hit the API too quickly." });
      assert.equal(refused.headers.get("x-rate-limit-type"), "api_calls");
      assert.equal(Number(refused.headers.get("x-rate-limit-retry")) % 3_600, 0);
      assert.ok(Number(refused.headers.get("retry-after")) >= 1);
      await small.stop();
    });

    it("counts bulk requests apart when they have a limit of their own", async () => {
      const small = await Simulator.start({ keys: ALL_KEYS, bulkRateLimit: { limit: 1, periodMs: 3_600_000 } });
      const bulk = () =>
        fetch(`${small.url}/v1/customers/bulk/async`, {
          method: "POST",
          headers: { ...KEYS, ...JSON_TYPE },
          body: '[{"source_id":"a"}]',
        });
      assert.equal((await bulk()).status, 202);
      const refused = await bulk();
      assert.equal(refused.status, 429);
      assert.equal(refused.headers.get("x-rate-limit-type"), "bulk_api_calls");
      const other = await fetch(`${small.url}/v1/customers`, { headers: KEYS });
      assert.equal(other.status, 200);
      assert.equal(other.headers.get("x-rate-limit-type"), "api_calls");
      await small.stop();
    });

    it("answers 404 to paths and methods that it does not play", async () => {
      for (const [method, path] of [
        ["GET", "/v1/vouchers"],
        ["DELETE", "/v1/customers/a"],
        ["GET", "/v2/loyalties"],
      ] as const)
        assert.equal((await call(method, path)).status, 404, path);
    });
  });

  describe("POST /v1/customers", () => {
    it("creates a customer, then updates only the fields that are named", async () => {
      const created = await call("POST", "/v1/customers", {
        source_id: "ann",
        name: "Ann",
        email: "ann@example.com",
        address: { city: "Cork", country: "Ireland" },
        metadata: { segment: "VIP", anything: 1 },
      });
      assert.equal(created.status, 200);
      assert.match(created.body.id, /^cust_/);
      assert.equal(created.body.object, "customer");
      assert.equal(created.body.loyalty.points, 0);
      assert.ok(!("updated_at" in created.body));

      const updated = await call("POST", "/v1/customers", {
        source_id: "ann",
        phone: "+353 1",
        email: null,
        address: { city: "Dublin" },
        metadata: { loyalty_points: 5 },
      });
      const { id, name, email, phone, address, metadata } = updated.body;
      assert.deepEqual(
        { id, name, email, phone, address, metadata },
        {
          id: created.body.id,
          name: "Ann",
          email: null,
          phone: "+353 1",
          address: { city: "Dublin", country: "Ireland" },
          metadata: { segment: "VIP", anything: 1, loyalty_points: 5 },
        },
      );
      assert.ok(updated.body.updated_at);
      assert.equal(simulator.customers.size, 1);
      assert.equal(simulator.customers.get("ann")?.name, "Ann");
    });

    it("finds the customer by Voucherify's id, and never changes a source id", async () => {
      const { body } = await call("POST", "/v1/customers", { source_id: "ann" });
      const renamed = await call("POST", "/v1/customers", { id: body.id, source_id: "bob", name: "Ann" });
      assert.equal(renamed.body.source_id, "ann");
      assert.equal((await call("POST", "/v1/customers", { id: "cust_unknown" })).status, 404);
    });

    for (const [name, payload, details] of [
      ["an empty object", {}, "Payload should have required property 'source_id'"],
      ["an array", [], "Payload should be object"],
      ["a number as source id", { source_id: 5 }, "Property .source_id should be string"],
      ["an empty source id", { source_id: "" }, "Property .source_id should be string"],
      ["a number as name", { source_id: "a", name: 5 }, "Property .name should be string,null"],
      [
        "a birthdate in another format",
        { source_id: "a", birthdate: "17.04.1988" },
        "Property .birthdate cannot be recognized as a ISO-8601 compliant date",
      ],
      [
        "a birthdate that does not exist",
        { source_id: "a", birthdate: "2021-02-29" },
        "Property .birthdate cannot be recognized as a ISO-8601 compliant date",
      ],
      ["an address as text", { source_id: "a", address: "Cork" }, "Property .address should be object,null"],
      [
        "a number as postal code",
        { source_id: "a", address: { postal_code: 5 } },
        "Property .address.postal_code should be string,null",
      ],
      ["metadata null", { source_id: "a", metadata: null }, "Property .metadata should be object"],
    ] as const)
      it(`refuses ${name}`, async () => {
        const { status, body } = await call("POST", "/v1/customers", payload);
        assert.equal(status, 400);
        assert.equal(body.request_id.slice(0, 2), "v-");
        delete body.request_id;
        assert.deepEqual(body, { code: 400, key: "invalid_payload", message: "Invalid payload", details });
        assert.equal(simulator.customers.size, 0);
      });

    it("refuses an empty body, a broken one and one without the JSON content type", async () => {
      assert.equal((await call("POST", "/v1/customers", "")).body.details, "Payload should be object");
      const broken = await call("POST", "/v1/customers", '{"source_id":');
      assert.equal(broken.status, 400);
      assert.deepEqual(broken.body, {
        statusCode: 400,
        error: "Bad Request",
        message: "Invalid request payload JSON format",
      });
      const text = await call("POST", "/v1/customers", "{}", { "content-type": "text/plain" });
      assert.equal(text.status, 415);
    });

    it("keeps a metadata key named __proto__ as plain data", async () => {
      const { body } = await call("POST", "/v1/customers", '{"source_id":"a","metadata":{"__proto__":{"x":1}}}');
      assert.deepEqual(Object.entries(body.metadata), [["__proto__", { x: 1 }]]);
      assert.equal(({} as Record<string, unknown>).x, undefined);
    });
  });

  describe("metadata", () => {
    for (const [metadata, details] of [
      [{ segment: 5 }, "segment: must be a string (actual value is '5')"],
      [{ loyalty_points: "500" }, "loyalty_points: must be a number (actual value is '500')"],
      [{ newsletter: "true" }, "newsletter: must be a boolean (actual value is 'true')"],
      [{ member_since: "2.11.2019" }, "member_since: must be an ISO-8601 date (actual value is '2.11.2019')"],
      [{ last_visit: "2020-03-11" }, "last_visit: must be an ISO-8601 date and time (actual value is '2020-03-11')"],
      [{ home: "91, 0" }, "home: must be a geopoint (actual value is '91, 0')"],
      [
        { avatar: "http.com" },
        "avatar: must be a URL pointing to JPG/JPEG or PNG resource (actual value is 'http.com')",
      ],
      [
        { favorite_brands: "Acme" },
        "favorite_brands: must be an array, and every element: must be a string (actual value is 'Acme')",
      ],
      [
        { acquisition_channel: "snap" },
        "acquisition_channel: must be a string, must be equal to one of Facebook,Twitter,Website (actual value is 'snap')",
      ],
      [{ household: "two" }, "household: must be an object (actual value is 'two')"],
      [{ household: { size: 0 } }, "household.size: must be a number, must be at least 1 (actual value is '0')"],
    ] as const)
      it(`refuses ${JSON.stringify(metadata)}`, async () => {
        const { status, body } = await call("POST", "/v1/customers", { source_id: "a", metadata });
        assert.equal(status, 400);
        assert.equal(body.key, "metadata_validation_failed");
        assert.equal(body.details, details);
        assert.equal(simulator.customers.size, 0);
      });

    const everyType = {
      segment: "VIP",
      loyalty_points: 500.5,
      newsletter: false,
      member_since: "2019-11-02",
      last_visit: "2020-03-11T09:00:00.000Z",
      home: "37.786971, -122.399677",
      avatar: "https://example.com/ann.JPEG?size=2",
      favorite_brands: ["Acme"],
      acquisition_channel: "Website",
      household: { size: 2, has_children: true, unknown: "kept" },
    };

    it("accepts a right value of every type, null, undefined keys and removed definitions", async () => {
      const metadata = { ...everyType, old_segment: 5, unknown: [1] };
      const { status, body } = await call("POST", "/v1/customers", { source_id: "a", metadata });
      assert.equal(status, 200, JSON.stringify(body));
      assert.deepEqual(body.metadata, metadata);
      const cleared = await call("POST", "/v1/customers", { source_id: "a", metadata: { segment: null } });
      assert.equal(cleared.body.metadata.segment, null);
    });

    it("refuses undefined and removed keys where only defined metadata is allowed", async () => {
      const schema = simulator.metadataSchemas.get("customer");
      assert.ok(schema);
      simulator.metadataSchemas.set("customer", { ...schema, allow_defined_only: true });
      for (const metadata of [{ unknown: 1 }, { old_segment: "x" }])
        assert.equal((await call("POST", "/v1/customers", { source_id: "a", metadata })).status, 400);
      assert.equal((await call("POST", "/v1/customers", { source_id: "a", metadata: everyType })).status, 200);
    });

    it("refuses a customer without a required key", async () => {
      simulator.metadataSchemas.set("customer", {
        related_object: "customer",
        properties: { tier: { type: "string", array: false, optional: false, objectType: null, maxLength: 3 } },
      });
      const post = (metadata: object) => call("POST", "/v1/customers", { source_id: "a", metadata });
      assert.equal(
        (await post({})).body.details,
        "tier: must be a string, property is required, length must be at most 3 (actual value is 'undefined')",
      );
      assert.equal((await post({ tier: "gold" })).status, 400);
      assert.equal((await post({ tier: "top" })).status, 200);
      assert.equal((await call("POST", "/v1/customers", { source_id: "a", name: "A" })).status, 200);
    });

    it("survives metadata that is nested very deeply", async () => {
      simulator.metadataSchemas.set("Household", {
        related_object: "Household",
        properties: { pets: { type: "object", array: false, optional: true, objectType: "Household" } },
      });
      const deep = `${'{"pets":'.repeat(100_000)}{}${"}".repeat(100_000)}`;
      const { status } = await call("POST", "/v1/customers", `{"source_id":"a","metadata":{"household":${deep}}}`);
      assert.ok(status === 500 || status === 400 || status === 200);
      assert.equal((await call("GET", "/v1/customers")).status, 200);
    });

    it("shows one schema, a nested one, all of them, and 404 with its own body", async () => {
      const { body } = await call("GET", "/v1/metadata-schemas/customer");
      assert.equal(body.object, "metadata_schema");
      assert.equal(body.related_object, "customer");
      assert.equal(body.allow_defined_only, false);
      assert.equal(body.properties.old_segment.deleted, true);
      assert.deepEqual(body.properties.household, {
        type: "object",
        array: false,
        optional: true,
        objectType: "Household",
      });
      assert.ok((await call("GET", "/v1/metadata-schemas/Household")).body.properties.size);
      const list = await call("GET", "/v1/metadata-schemas");
      assert.equal(list.body.data_ref, "schemas");
      assert.equal(list.body.total, 2);
      const missing = await call("GET", "/v1/metadata-schemas/voucher");
      assert.equal(missing.status, 404);
      assert.equal(missing.body.details, "Cannot find metadata schema with id voucher");
      assert.equal(missing.body.resource_type, "metadata schema");
    });
  });

  describe("reading and PUT", () => {
    it("reads by id and by encoded source id; unknown is 404 with the documented body", async () => {
      const { body } = await call("POST", "/v1/customers", { source_id: "ann/b@example.com" });
      for (const id of [body.id, encodeURIComponent("ann/b@example.com")])
        assert.equal((await call("GET", `/v1/customers/${id}`)).body.source_id, "ann/b@example.com");
      const missing = await call("GET", "/v1/customers/nobody");
      assert.equal(missing.status, 404);
      delete missing.body.request_id;
      assert.deepEqual(missing.body, {
        code: 404,
        key: "not_found",
        message: "Resource not found",
        details: "Cannot find customer with id nobody",
        resource_id: "nobody",
        resource_type: "customer",
      });
    });

    it("lists the newest customers first, up to the limit", async () => {
      for (const source_id of ["a", "b", "c"]) await call("POST", "/v1/customers", { source_id });
      const { body } = await call("GET", "/v1/customers?limit=2");
      assert.deepEqual(
        body.customers.map((customer: { source_id: string }) => customer.source_id),
        ["c", "b"],
      );
      assert.equal(body.total, 3);
      for (const limit of ["0", "101", "x"]) {
        const refused = await call("GET", `/v1/customers?limit=${limit}`);
        assert.equal(refused.body.key, "invalid_query_params");
      }
    });

    it("PUT updates a known customer and answers 404 for an unknown one", async () => {
      await call("POST", "/v1/customers", { source_id: "ann", name: "Ann" });
      const { body } = await call("PUT", "/v1/customers/ann", { source_id: "bob", phone: "1" });
      assert.deepEqual([body.source_id, body.name, body.phone], ["ann", "Ann", "1"]);
      assert.equal((await call("PUT", "/v1/customers/bob", { name: "Bob" })).status, 404);
      assert.equal((await call("PUT", "/v1/customers/ann", { name: 1 })).status, 400);
    });
  });

  describe("POST /v1/customers/bulk/async", () => {
    it("works later and reports each customer's error", async () => {
      const { status, body } = await call("POST", "/v1/customers/bulk/async", [
        { source_id: "ann", name: "Ann", metadata: { loyalty_points: 5 } },
        { source_id: "bob", metadata: { loyalty_points: "5A" } },
        { source_id: "cem", name: "Cem" },
      ]);
      assert.equal(status, 202);
      assert.deepEqual(Object.keys(body), ["async_action_id"]);
      const action = await finished(body.async_action_id);
      assert.equal(action.type, "CUSTOMERS.BULK_UPDATE");
      assert.equal(action.operation_status, "SUCCESS");
      assert.equal(action.progress, 100);
      assert.deepEqual(action.result, {
        done_count: 2,
        failed_count: 1,
        reports: [],
        errors: [
          {
            key: "metadata_validation_failed",
            message: "Metadata validation failed",
            details: "loyalty_points: must be a number (actual value is '5A')",
            source_id: "bob",
          },
        ],
      });
      assert.deepEqual([...simulator.customers.keys()], ["ann", "cem"]);
    });

    it("forgets at a reset what it has not done yet", async () => {
      const { body } = await call("POST", "/v1/customers/bulk/async", [{ source_id: "ann" }]);
      simulator.reset();
      assert.equal((await call("GET", `/v1/async-actions/${body.async_action_id}`)).status, 404);
      const next = await call("POST", "/v1/customers/bulk/async", [{ source_id: "bob" }]);
      await finished(next.body.async_action_id);
      assert.deepEqual([...simulator.customers.keys()], ["bob"]);
    });

    it("works bulk requests off one behind another and lists the newest first", async () => {
      const ids: string[] = [];
      for (const name of ["first", "second"])
        ids.push((await call("POST", "/v1/customers/bulk/async", [{ source_id: "a", name }])).body.async_action_id);
      await finished(ids[1] as string);
      assert.equal((await call("GET", `/v1/async-actions/${ids[0]}`)).body.status, "DONE");
      assert.equal(simulator.customers.get("a")?.name, "second");
      const list = await call("GET", "/v1/async-actions?limit=5");
      assert.deepEqual(
        list.body.async_actions.map((action: { id: string }) => action.id),
        [...ids].reverse(),
      );
      const missing = await call("GET", "/v1/async-actions/aa_unknown");
      assert.equal(missing.status, 404);
      assert.equal(missing.body.details, "Cannot find async_action with id aa_unknown");
    });

    for (const [name, payload, details] of [
      ["an object", { source_id: "a" }, "Payload should be array"],
      ["an empty array", [], "Payload should NOT have fewer than 1 items"],
      [
        "a customer without source id",
        [{ source_id: "a" }, {}],
        "Property [1] should have required property 'source_id'",
      ],
      ["something that is no customer", [5], "Property [0] should be object"],
      ["a wrong field", [{ source_id: "a", email: 1 }], "Property [0].email should be string,null"],
    ] as const)
      it(`refuses ${name}, as a whole`, async () => {
        const { status, body } = await call("POST", "/v1/customers/bulk/async", payload);
        assert.equal(status, 400);
        assert.equal(body.details, details);
      });

    it("accepts 10,485,760 bytes and refuses one more with the gateway's body", async () => {
      const fill = (bytes: number) => {
        const empty = '[{"source_id":"a","description":""}]';
        return empty.replace('""', `"${"x".repeat(bytes - empty.length)}"`);
      };
      const { status, body } = await call("POST", "/v1/customers/bulk/async", fill(BODY_LIMIT));
      assert.equal(status, 202);
      await finished(body.async_action_id);
      const refused = await call("POST", "/v1/customers/bulk/async", fill(BODY_LIMIT + 1));
      assert.equal(refused.status, 413);
      assert.deepEqual(refused.body, {
        statusCode: 413,
        error: "Request Entity Too Large",
        message: "Payload content length greater than maximum allowed: 10485760",
      });
    });

    it("stores twenty bulk requests of 1,000 customers that arrive at once", async () => {
      const ids = await Promise.all(
        Array.from({ length: 20 }, async (_unused, batch) => {
          const customers = Array.from({ length: 1_000 }, (_none, index) => ({
            source_id: `${batch}-${index}`,
            name: "Ann",
            metadata: { segment: "VIP", loyalty_points: index },
          }));
          return (await call("POST", "/v1/customers/bulk/async", customers)).body.async_action_id as string;
        }),
      );
      for (const id of ids) assert.equal((await finished(id)).result.failed_count, 0);
      assert.equal(simulator.customers.size, 20_000);
    });
  });

  describe("request log", () => {
    it("keeps what was sent, without secrets", async () => {
      await call("POST", "/v1/customers/bulk/async", [{ source_id: "a" }, { source_id: "b" }]);
      await call("GET", "/v1/customers/a%20b?x=1");
      const [bulk, read] = simulator.log;
      assert.deepEqual(
        [bulk?.method, bulk?.path, bulk?.status, bulk?.bytes, bulk?.customerIds],
        ["POST", "/v1/customers/bulk/async", 202, 37, ["a", "b"]],
      );
      assert.equal(bulk?.bodyText, '[{"source_id":"a"},{"source_id":"b"}]');
      assert.deepEqual([read?.path, read?.status, read?.customerIds], ["/v1/customers/a%20b?x=1", 404, ["a b"]]);
      assert.equal(bulk?.headers["x-app-id"], TEST_KEYS.applicationId);
      assert.ok(!JSON.stringify(simulator.log).includes(TEST_KEYS.secretKey));
    });

    it("keeps only the newest requests, and only the newest bodies of large ones", async () => {
      const small = await Simulator.start({ keys: ALL_KEYS, logCapacity: 4 });
      for (let request = 0; request < 11; request += 1)
        await fetch(`${small.url}/v1/customers/${request}`, { headers: KEYS });
      assert.deepEqual(
        small.log.map(({ customerIds }) => customerIds?.[0]),
        ["7", "8", "9", "10"],
      );
      small.reset();
      const body = JSON.stringify([{ source_id: "a", description: "x".repeat(10_000_000) }]);
      for (let request = 0; request < 4; request += 1)
        await fetch(`${small.url}/v1/customers/bulk/async`, {
          method: "POST",
          headers: { ...KEYS, ...JSON_TYPE },
          body,
        });
      assert.deepEqual(
        small.log.map(({ bodyText }) => bodyText !== undefined),
        [false, true, true, true],
      );
      await small.stop();
    });

    it("lets a client hang up in the middle of a body", async () => {
      const { hostname, port } = new URL(simulator.url);
      const socket = connect(Number(port), hostname);
      socket.write("POST /v1/customers HTTP/1.1\r\nhost: x\r\ncontent-length: 100\r\n\r\n{");
      while (simulator.log.length === 0) await call("GET", "/_simulator/log");
      socket.destroy();
      assert.equal((await call("GET", "/v1/customers")).status, 200);
      assert.equal(simulator.log[0]?.status, 0);
    });
  });
});

describe("Simulator, Bloomreach side", () => {
  let simulator: Simulator;
  const { projectToken, apiKeyId, apiSecret } = BLOOMREACH_KEYS;
  const path = `/track/v2/projects/${projectToken}/system/time`;
  const basic = (pair: string) => `Basic ${Buffer.from(pair).toString("base64")}`;

  before(async () => {
    simulator = await Simulator.start({ keys: ALL_KEYS });
  });
  after(() => simulator.stop());

  it("tells its time in seconds to the right project and key", async () => {
    const headers = { authorization: basic(`${apiKeyId}:${apiSecret}`) };
    const response = await fetch(simulator.url + path, { headers });
    assert.equal(response.status, 200);
    assert.ok(response.headers.get("x-request-id"));
    const body = (await response.json()) as { success: boolean; time: number };
    assert.equal(body.success, true);
    assert.ok(Math.abs(body.time - Date.now() / 1000) < 60);
    assert.equal(simulator.log.at(-1)?.headers.authorization, "***");
  });

  for (const [name, address, authorization, status, error] of [
    ["no key", path, "", 401, "Access key not provided"],
    ["an unknown key", path, basic(`other:${apiSecret}`), 401, "Access key not found"],
    ["a key without a secret", path, basic(apiKeyId), 401, "Access key not found"],
    ["a wrong secret", path, basic(`${apiKeyId}:other`), 403, "invalid secret"],
    [
      "a wrong project",
      path.replace(projectToken, "other"),
      basic(`${apiKeyId}:${apiSecret}`),
      400,
      "Invalid project id",
    ],
  ] as const)
    it(`answers ${status} to ${name}`, async () => {
      const response = await fetch(simulator.url + address, { headers: authorization ? { authorization } : {} });
      assert.equal(response.status, status);
      assert.deepEqual(await response.json(), { success: false, error });
    });

  it("answers 404 in Bloomreach's shape to other paths", async () => {
    const response = await fetch(`${simulator.url}/track/v2/projects/x/other`, { method: "POST", body: "{}" });
    assert.equal(response.status, 404);
    assert.deepEqual(await response.json(), {
      errors: { code: 404, description: "The requested URL was not found on the server" },
    });
  });
});

describe("Simulator.start", () => {
  it("makes keys that no other simulator knows", async () => {
    const one = await Simulator.start();
    const other = await Simulator.start();
    try {
      const status = async ({ applicationId, secretKey }: { applicationId: string; secretKey: string }) => {
        const headers = { "x-app-id": applicationId, "x-app-token": secretKey };
        return (await fetch(`${one.url}/v1/customers`, { headers })).status;
      };
      assert.equal(await status(one.keys), 200);
      assert.equal(await status(other.keys), 401);
      assert.equal(await status({ applicationId: "simulator-application-id", secretKey: "simulator-secret-key" }), 401);
      assert.equal(new Set([...Object.values(one.keys), ...Object.values(other.keys)]).size, 16);
    } finally {
      await one.stop();
      await other.stop();
    }
  });

  it("says so when the port is taken", async () => {
    const simulator = await Simulator.start();
    const port = Number(new URL(simulator.url).port);
    await assert.rejects(Simulator.start({ port }), /is in use by another program/);
    await simulator.stop();
  });
});
