import assert from "node:assert/strict";
import { ConfigurationError } from "../../src/delivery/outcome";
import { Publisher } from "../../src/destinations/voucherify/publisher";
import { TryLater } from "../../src/destinations/try-later";
import { VoucherifyPublications } from "../../src/destinations/voucherify/voucherify-publications";
import { sendHttp } from "../../src/http/http-client";
import type { JsonObject } from "../../src/json";
import type { PublicationRequest } from "../../src/mapping/codes/publication-request";
import { Simulator } from "../../src/simulator";
import { MetadataSchemas } from "../../src/voucherify/metadata-schemas";
import { VoucherifyApi } from "../../src/voucherify/voucherify-api";
import { TEST_KEYS } from "../support/flows";
import { waitFor } from "../support/wait-for";

const never = new AbortController().signal;

describe("destinations: publisher", () => {
  let simulator: Simulator;
  let publisher: Publisher;
  before(async () => {
    simulator = await Simulator.start({ keys: TEST_KEYS });
  });
  beforeEach(() => {
    simulator.reset();
    simulator.setFaults(undefined);
    publisher = publisherWith(TEST_KEYS);
  });
  after(() => simulator.stop());

  const publisherWith = (keys: { applicationId: string; secretKey: string }): Publisher => {
    const api = new VoucherifyApi({ apiUrl: simulator.url, keys, send: sendHttp, timeoutMs: 2_000 });
    return new Publisher(
      api,
      new MetadataSchemas((name, signal) => api.readMetadataSchema(name, signal), "publication"),
    );
  };
  const request = (more: Partial<PublicationRequest> = {}): PublicationRequest => ({
    sourceId: "jane",
    customer: { source_id: "jane" },
    campaign: "Abandoned cart",
    idempotencyKey: "key-1",
    channel: "Bloomreach",
    joinOnce: false,
    metadata: {},
    ...more,
  });
  const codeFor = async (wish: PublicationRequest): Promise<string> => {
    const published = await publisher.publish(wish, never);
    assert.ok(published.ok, JSON.stringify(published));
    return (published.publication.voucher as JsonObject).code as string;
  };
  const codesUsed = (): number => simulator.campaigns.vouchers.size;
  const calls = (method: string): string[] =>
    simulator.log
      .filter((one) => one.method === method && one.path.startsWith("/v1/publications"))
      .map(({ path }) => path);

  it("gets a code by one call that carries the key", async () => {
    await codeFor(request());
    assert.deepEqual(calls("POST"), ["/v1/publications"]);
    assert.deepEqual(JSON.parse(simulator.log[0]!.bodyText ?? ""), {
      customer: { source_id: "jane" },
      campaign: { name: "Abandoned cart" },
      channel: "Bloomreach",
      source_id: "key-1",
    });
  });

  it("makes one call of two equal requests at the same moment, and another one later", async () => {
    const [first, second] = await Promise.all([codeFor(request()), codeFor(request())]);
    assert.equal(first, second);
    assert.equal(calls("POST").length, 1);
    assert.equal(await codeFor(request()), first);
    assert.deepEqual([calls("POST").length, codesUsed()], [2, 1]);
  });

  it("goes on for the others when the one who asked first gives up", async () => {
    simulator.setFaults({ seed: 1, rateHang: 1, times: 1 });
    const first = new AbortController();
    const given = publisher.publish(request(), first.signal);
    const second = codeFor(request());
    await waitFor("the request", () => calls("POST").length === 1);
    first.abort();
    await assert.rejects(given);
    assert.match(await second, /\S/);
    assert.deepEqual([calls("POST").length, codesUsed()], [2, 1]);
  });

  it("does not give a customer's code to another one whose request has the same key at the same moment", async () => {
    const joe = request({ sourceId: "joe", customer: { source_id: "joe" } });
    const [jane, other] = await Promise.all([publisher.publish(request(), never), publisher.publish(joe, never)]);
    assert.deepEqual([jane.ok, other.ok], [true, false]);
  });

  for (const isStrict of [false, true])
    it(`finds the code of a lost answer (${isStrict ? "duplicate_source_id" : "same code again"})`, async () => {
      simulator.publications.isStrict = isStrict;
      simulator.setFaults({ seed: 1, rateLost: 1, times: 1, only: { method: "POST" } });
      await assert.rejects(publisher.publish(request(), never), TryLater);
      assert.equal(codesUsed(), 1);
      const code = await codeFor(request());
      assert.deepEqual([codesUsed(), [...simulator.campaigns.vouchers.keys()]], [1, [code]]);
      simulator.publications.isStrict = false;
    });

  it("does not give away the code of another customer that used the key", async () => {
    await codeFor(request());
    const published = await publisher.publish(request({ sourceId: "joe", customer: { source_id: "joe" } }), never);
    assert.deepEqual([published.ok, !published.ok && published.refusal.key], [false, "duplicate_source_id"]);
  });

  it("finds the code of a customer who has joined already", async () => {
    const club = request({ campaign: "Join once club" });
    const code = await codeFor(club);
    assert.equal(await codeFor({ ...club, idempotencyKey: "key-2" }), code);
    assert.equal(codesUsed(), 1);
  });

  it("asks for the same code with join once", async () => {
    const code = await codeFor(request({ joinOnce: true }));
    assert.equal(await codeFor(request({ joinOnce: true, idempotencyKey: "key-2" })), code);
    assert.match(calls("POST")[0]!, /join_once=true/);
  });

  it("sends only metadata that is defined, and says what not", async () => {
    simulator.metadataSchemas.set("publication", {
      related_object: "publication",
      properties: { source: { type: "number", array: false, optional: true, objectType: null } },
      allow_defined_only: true,
    });
    const published = await publisher.publish(request({ metadata: { source: "7", other: "x" } }), never);
    assert.ok(published.ok);
    assert.deepEqual(published.publication.metadata, { source: 7 });
    assert.deepEqual(
      published.omitted.map(({ key }) => key),
      ["metadata.other"],
    );
  });

  for (const [campaign, key] of [
    ["Sold out", "no_voucher_suitable_for_publication"],
    ["Last summer", "voucher_expired"],
    ["Switched off", "voucher_disabled"],
    ["Nothing", "not_found"],
  ])
    it(`tells a refusal: ${campaign} is ${key}`, async () => {
      const published = await publisher.publish(request({ campaign: campaign! }), never);
      assert.ok(!published.ok);
      assert.equal(published.refusal.key, key);
      assert.match(published.refusal.reason, /^Voucherify answered 4\d\d: /);
    });

  it("tells trouble that passes from trouble that does not", async () => {
    for (const fault of [{ rate429: 1 }, { rate500: 1 }, { rateReset: 1 }, { rateGarbage: 1 }]) {
      simulator.setFaults({ seed: 1, ...fault, times: 1 });
      await assert.rejects(publisher.publish(request(), never), TryLater);
    }
    await assert.rejects(
      publisherWith({ applicationId: "a", secretKey: "b" }).publish(request(), never),
      ConfigurationError,
    );
  });

  it("as a queue's destination: one call for each, and outcomes", async () => {
    const destination = new VoucherifyPublications(publisher);
    const outcomeOf = async (body: PublicationRequest): Promise<string> => {
      for await (const [settled] of destination.deliver([{ id: 1, key: "jane", body }], never))
        return settled!.outcome.status;
      return "none";
    };
    assert.equal(await outcomeOf(request()), "delivered");
    assert.equal(await outcomeOf(request({ campaign: "Sold out" })), "failed");
    simulator.setFaults({ seed: 1, rate500: 1, times: 1 });
    assert.equal(await outcomeOf(request({ idempotencyKey: "key-9" })), "retry");
  });
});
