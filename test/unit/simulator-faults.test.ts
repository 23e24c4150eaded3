import assert from "node:assert/strict";
import { type Faults, Simulator } from "../../src/simulator";
import { TEST_KEYS } from "../support/flows";
import { waitFor } from "../support/wait-for";

const KEYS = { "x-app-id": TEST_KEYS.applicationId, "x-app-token": TEST_KEYS.secretKey };

describe("Simulator faults", () => {
  let simulator: Simulator;

  before(async () => {
    simulator = await Simulator.start({ keys: TEST_KEYS });
  });
  beforeEach(() => simulator.reset());
  after(() => simulator.stop());

  const get = (path: string) => fetch(simulator.url + path, { headers: KEYS });
  const post = (source_id: string) =>
    fetch(`${simulator.url}/v1/customers`, {
      method: "POST",
      headers: { ...KEYS, "content-type": "application/json" },
      body: JSON.stringify({ source_id }),
    });

  async function play(faults: Faults, requests: number): Promise<string> {
    simulator.reset();
    simulator.setFaults(faults);
    for (let request = 0; request < requests; request += 1)
      await get("/v1/customers").then(
        (response) => response.text(),
        () => undefined,
      );
    return simulator.log.map(({ fault }) => fault ?? "-").join(" ");
  }

  it("are the same for the same seed, others for another, about as many as the rates say", async () => {
    const rates = { rate429: 0.2, rate500: 0.2, rateReset: 0.1, rateGarbage: 0.1 };
    const first = await play({ seed: 7, ...rates }, 200);
    assert.equal(await play({ seed: 7, ...rates }, 200), first);
    assert.notEqual(await play({ seed: 8, ...rates }, 200), first);
    const count = (kind: string) => first.split(" ").filter((fault) => fault === kind).length;
    assert.deepEqual(
      ["429", "500", "reset", "garbage", "-"].map((kind) => count(kind) > 8),
      [true, true, true, true, true],
    );
  });

  it("429 says when to try again and counts nothing", async () => {
    simulator.setFaults({ seed: 1, rate429: 1, times: 1 });
    const refused = await post("a");
    assert.equal(refused.status, 429);
    assert.equal(refused.headers.get("retry-after"), "1");
    assert.equal(refused.headers.get("x-rate-limit-remaining"), "0");
    assert.equal(simulator.customers.size, 0);
    assert.equal((await post("a")).status, 200);
  });

  it("500 and garbage change nothing", async () => {
    simulator.setFaults({ seed: 1, rate500: 1 });
    assert.equal((await post("a")).status, 500);
    simulator.setFaults({ seed: 1, rateGarbage: 1 });
    const garbage = await post("a");
    assert.equal(garbage.status, 200);
    await assert.rejects(garbage.json());
    assert.equal(simulator.customers.size, 0);
  });

  it("503 changes nothing, slow does the work and answers later", async () => {
    simulator.setFaults({ seed: 1, rate503: 1 });
    assert.equal((await post("a")).status, 503);
    assert.equal(simulator.customers.size, 0);
    simulator.setFaults({ seed: 1, rateSlow: 1, slowMs: 50 });
    const answering = post("a");
    await waitFor("the work", () => simulator.customers.has("a"));
    assert.equal(simulator.log.at(-1)?.status, 0, "not answered yet");
    assert.equal((await answering).status, 200);
  });

  it("reset cuts the connection", async () => {
    simulator.setFaults({ seed: 1, rateReset: 1 });
    await assert.rejects(post("a"), (error: Error) => (error.cause as { code?: string }).code === "ECONNRESET");
    assert.deepEqual([simulator.log[0]?.status, simulator.log[0]?.fault], [0, "reset"]);
  });

  it("lost does the work and cuts the connection before the answer", async () => {
    simulator.setFaults({ seed: 1, rateLost: 1 });
    await assert.rejects(post("a"), (error: Error) => (error.cause as { code?: string }).code === "ECONNRESET");
    assert.deepEqual([...simulator.customers.keys()], ["a"]);
    assert.deepEqual([simulator.log[0]?.status, simulator.log[0]?.fault], [0, "lost"]);
  });

  it("hang never answers, until stop() cuts the connection", async () => {
    const other = await Simulator.start({ keys: TEST_KEYS, faults: { seed: 1, rateHang: 1 } });
    const hanging = fetch(`${other.url}/v1/customers`, { headers: KEYS });
    const cut = assert.rejects(hanging);
    while (other.log[0]?.fault !== "hang") await new Promise((resolve) => setImmediate(resolve));
    await other.stop();
    await cut;
  });

  it("concern only the chosen method, path and customer", async () => {
    simulator.setFaults({ seed: 1, rate500: 1, only: { method: "post", customer: "poison" } });
    assert.deepEqual(
      [(await post("a")).status, (await post("poison")).status, (await get("/v1/customers/poison")).status],
      [200, 500, 404],
    );
    simulator.setFaults({ seed: 1, rate500: 1, only: { path: "/v1/customers" } });
    assert.deepEqual([(await post("a")).status, (await get("/v1/customers/a")).status], [500, 200]);
    simulator.setFaults({ seed: 1, rate500: 1, only: { path: "/v1/async-actions/*" } });
    assert.deepEqual([(await get("/v1/async-actions/x")).status, (await get("/v1/async-actions")).status], [500, 200]);
    simulator.setFaults({ seed: 1, rate500: 1, only: { path: /CUSTOMERS$/gi } });
    assert.deepEqual([(await post("a")).status, (await post("a")).status], [500, 500]);
  });

  it("end after `times` and with setFaults(undefined)", async () => {
    assert.equal(await play({ seed: 1, rate500: 1, times: 2 }, 4), "500 500 - -");
    simulator.setFaults({ seed: 1, rate500: 1 });
    simulator.setFaults(undefined);
    assert.equal((await post("a")).status, 200);
  });
});

describe("Simulator control", () => {
  let simulator: Simulator;

  before(async () => {
    simulator = await Simulator.start({ keys: TEST_KEYS });
  });
  after(() => simulator.stop());

  const steer = (path: string, body?: unknown) =>
    fetch(`${simulator.url}/_simulator/${path}`, {
      method: body === undefined ? "GET" : "POST",
      body: body === undefined ? undefined : JSON.stringify(body),
    });
  const post = (source_id: string) =>
    fetch(`${simulator.url}/v1/customers`, {
      method: "POST",
      headers: { ...KEYS, "content-type": "application/json" },
      body: JSON.stringify({ source_id, name: "<b>Ann</b>" }),
    });

  it("shows log and customers, sets faults and resets from another process", async () => {
    assert.equal((await steer("faults", { seed: 3, rate500: 1, times: 1 })).status, 200);
    assert.equal((await post("ann")).status, 500);
    assert.equal((await post("ann")).status, 200);
    const log = (await (await steer("log")).json()) as { status: number }[];
    assert.deepEqual(
      log.map(({ status }) => status),
      [500, 200],
    );
    const customers = (await (await steer("customers")).json()) as { source_id: string }[];
    assert.equal(customers[0]?.source_id, "ann");
    await steer("faults", { rate500: 1 });
    assert.equal((await steer("faults", null)).status, 200);
    assert.equal((await post("ann")).status, 200);
    await steer("reset", {});
    assert.deepEqual([simulator.log, simulator.customers.size], [[], 0]);
  });

  for (const [name, faults] of [
    ["an array", []],
    ["an unknown setting", { rate418: 1 }],
    ["a text as rate", { rate500: "1" }],
    ["rates above 1", { rate500: 0.6, rate429: 0.6 }],
    ["an unknown filter", { only: { host: "x" } }],
  ] as const)
    it(`refuses ${name} with a sentence`, async () => {
      const response = await steer("faults", faults);
      assert.equal(response.status, 400);
      assert.match(((await response.json()) as { message: string }).message, /^[A-Z"].*\.$/);
    });

  it("has a page that shows customers and requests and escapes them", async () => {
    const empty = await (await fetch(simulator.url)).text();
    assert.match(empty, /No customer has arrived yet/);
    await post("ann");
    const response = await fetch(simulator.url);
    const page = await response.text();
    assert.match(response.headers.get("content-type") ?? "", /text\/html/);
    assert.ok(page.includes("ann") && page.includes("POST /v1/customers"));
    assert.ok(!page.includes("<b>Ann"));
    assert.doesNotMatch(page, /<script|src=|href=/);
    assert.match(page, /prefers-color-scheme: dark/);
  });

  it("does not answer to a foreign host name", async () => {
    const { request } = await import("node:http");
    const status = await new Promise((resolve) =>
      request(`${simulator.url}/_simulator/log`, { headers: { host: "evil.example" } }, (response) => {
        response.resume();
        resolve(response.statusCode);
      }).end(),
    );
    assert.equal(status, 403);
  });
});
