import assert from "node:assert/strict";
import { createServer, type Server } from "node:http";
import type { AddressInfo } from "node:net";
import type { JsonObject } from "../../src/json";
import { EVENT_KINDS, type EventKind } from "../../src/schemas/voucherify-event";
import {
  formsOf,
  sampleEventData,
  sampleWebhook,
  sendWebhook,
  Simulator,
  WEBHOOK_RETRIES_MS,
  type WebhookForm,
} from "../../src/simulator";
import { readActivity } from "../../src/voucherify/activity";
import { readWebhook } from "../../src/voucherify/webhooks/webhook-event";
import { isSigned } from "../../src/voucherify/webhooks/webhook-signature";
import { TEST_KEYS } from "../support/flows";

const FORMS: readonly WebhookForm[] = ["project", "distribution", "raw"];
const customer = { id: "cust_1", source_id: "anna" };

describe("simulator: webhooks of Voucherify", () => {
  it("sends eight of the twelve kinds, as Voucherify does", () => {
    const sent = (form: WebhookForm): EventKind[] => EVENT_KINDS.filter((kind) => formsOf(kind).includes(form));
    assert.equal(sent("project").length, 7);
    assert.deepEqual(
      sent("distribution").filter((kind) => !formsOf(kind).includes("project")),
      ["customer.reward_redemptions.completed"],
    );
    assert.deepEqual(
      EVENT_KINDS.filter((kind) => formsOf(kind).length === 0),
      [
        "customer.reward_redemptions.created",
        "customer.publication.failed",
        "customer.validation.succeeded",
        "customer.validation.failed",
      ],
    );
  });

  for (const kind of EVENT_KINDS) {
    const data = sampleEventData(kind, { customer });
    const activity = readActivity({ id: "evcus_1", type: kind, created_at: "2026-01-01T00:00:00Z", data: { data } });

    it(`${kind}: its activity is read`, () => {
      assert.equal(activity?.kind, kind);
      assert.match(activity.sameAs ?? "", new RegExp(`^${kind} [a-z]+_`));
      assert.deepEqual(activity.customer, { id: "cust_1", sourceId: "anna" });
      assert.notEqual(JSON.stringify(sampleEventData(kind)), JSON.stringify(sampleEventData(kind)));
    });

    for (const form of FORMS) {
      if (formsOf(kind).includes(form))
        it(`${kind}: as a ${form} webhook it is the same event`, () => {
          const webhook = sampleWebhook(kind, form, { data, applicationId: "app-1" });
          const reading = readWebhook(Buffer.from(JSON.stringify(webhook)));
          assert.ok(reading.ok);
          const { event } = reading;
          assert.deepEqual(
            [event.kind, event.sameAs, event.customer, event.causedBy],
            [kind, activity?.sameAs, activity?.customer, form === "raw" ? undefined : "app-1"],
          );
          assert.equal(reading.projectId, form === "raw" ? undefined : "proj_simulator");
        });
      else
        it(`${kind}: not as a ${form} webhook`, () => {
          assert.throws(() => sampleWebhook(kind, form), RangeError);
        });
    }
  }

  describe("sending", () => {
    let server: Server;
    let url: string;
    let answers: (number | "none")[];
    let received: { body: string; signature?: string; type?: string; own?: string }[];

    before(async () => {
      server = createServer((request, response) => {
        const chunks: Buffer[] = [];
        request.on("data", (chunk: Buffer) => chunks.push(chunk));
        request.on("end", () => {
          const { "x-voucherify-signature": signature, "x-own": own, "content-type": type } = request.headers;
          const body = Buffer.concat(chunks).toString();
          received.push({ body, signature: signature as string, type, own: own as string });
          const answer = answers.shift() ?? 500;
          if (answer !== "none") response.writeHead(answer).end();
        });
      });
      await new Promise<void>((resolve) => server.listen(0, "127.0.0.1", resolve));
      url = `http://127.0.0.1:${(server.address() as AddressInfo).port}/`;
    });
    beforeEach(() => {
      answers = [];
      received = [];
    });
    after(async () => {
      await new Promise((resolve) => {
        server.close(resolve);
        server.closeAllConnections();
      });
    });

    /** A clock that only stands and jumps. */
    function clock(): { waits: number[]; wait: (ms: number) => Promise<void>; now: () => number } {
      let now = 1_000;
      const waits: number[] = [];
      return {
        waits,
        wait: (ms) => {
          waits.push(ms);
          now += ms;
          return Promise.resolve();
        },
        now: () => now,
      };
    }

    it("signs the bytes it sends", async () => {
      answers = [204];
      const body = sampleWebhook("customer.rewarded", "project", { targetUrl: url });
      const sent = await sendWebhook({ url, body, secret: "secret", headers: { "x-own": "1" } });
      assert.deepEqual(sent, { statuses: [204], delivered: true });
      const [one] = received;
      assert.deepEqual(JSON.parse(one!.body), body);
      assert.deepEqual([one?.type, one?.own], ["application/json", "1"]);
      assert.ok(isSigned(Buffer.from(one!.body), one?.signature, ["secret"]));
    });

    it("tries again after 1, 2, 4 ... minutes with the same bytes, until 2xx", async () => {
      answers = [500, 404, 301, 200];
      const { waits, wait, now } = clock();
      const sent = await sendWebhook({ url, body: '{"a": 1}', wait, now });
      assert.deepEqual(sent, { statuses: [500, 404, 301, 200], delivered: true });
      assert.deepEqual(waits, [60_000, 60_000, 120_000]);
      assert.deepEqual(new Set(received.map(({ body, signature }) => body + String(signature))).size, 1);
    });

    it("gives up after twelve more tries, the last one after 24 hours", async () => {
      const { wait, now } = clock();
      const sent = await sendWebhook({ url, body: "{}", wait, now });
      assert.equal(sent.delivered, false);
      assert.equal(sent.statuses.length, 13);
      assert.equal(now() - 1_000, 24 * 3_600_000);
      assert.deepEqual(
        WEBHOOK_RETRIES_MS.map((ms) => ms / 60_000),
        [1, 2, 4, 8, 16, 32, 64, 128, 256, 512, 1_024, 1_440],
      );
    });

    it("counts an answer that does not come in time as none", async () => {
      answers = ["none", 200];
      const { wait, now } = clock();
      const sent = await sendWebhook({ url, body: "{}", timeoutMs: 50, retries: 1, wait, now });
      assert.deepEqual(sent, { statuses: [0, 200], delivered: true });
    });
  });
});

describe("simulator: activity of customers", () => {
  let simulator: Simulator;
  const headers = {
    "x-app-id": TEST_KEYS.applicationId,
    "x-app-token": TEST_KEYS.secretKey,
    "content-type": "application/json",
  };

  before(async () => {
    simulator = await Simulator.start({ keys: TEST_KEYS });
  });
  beforeEach(() => simulator.reset());
  after(() => simulator.stop());

  async function call(path: string, body?: object): Promise<{ status: number; body: JsonObject }> {
    const options = body ? { method: "POST", body: JSON.stringify(body) } : {};
    const response = await fetch(simulator.url + path, { headers, ...options });
    return { status: response.status, body: (await response.json()) as JsonObject };
  }

  const typesIn = (body: JsonObject): unknown[] => (body.data as JsonObject[]).map(({ type }) => type);

  /** A customer with events of the first seconds of 2026. */
  async function withEvents(count: number): Promise<string[]> {
    const { body } = await call("/v1/customers", { source_id: "anna" });
    return Array.from({ length: count }, (_none, second) =>
      simulator.activity.record(body.id as string, {
        type: second % 2 ? "customer.rewarded" : "customer.validation.failed",
        data: { second },
        createdAt: new Date(Date.UTC(2026, 0, 1, 0, 0, second)).toISOString(),
      }),
    );
  }

  it("records publications, succeeded or not, with the key that caused them", async () => {
    await call("/v1/publications", { customer: { source_id: "anna" }, campaign: { name: "Abandoned cart" } });
    await call("/v1/publications", { customer: { source_id: "anna" }, campaign: { name: "Sold out" } });
    const { status, body } = await call("/v1/customers/anna/activity?order=created_at");
    assert.equal(status, 200);
    assert.deepEqual(typesIn(body), ["customer.publication.succeeded", "customer.publication.failed"]);
    const [succeeded, failed] = (body.data as JsonObject[]).map((entry) => readActivity(entry));
    assert.deepEqual(
      [succeeded?.kind, succeeded?.customer?.sourceId, succeeded?.causedBy],
      ["customer.publication.succeeded", "anna", TEST_KEYS.applicationId],
    );
    assert.match(succeeded?.sameAs ?? "", /^customer\.publication\.succeeded pub_/);
    assert.equal((failed?.data.publication as JsonObject).failure_code, "no_voucher_suitable_for_publication");
  });

  it("pages through it in both orders", async () => {
    const ids = await withEvents(25);
    for (const [order, expected] of [
      ["created_at", ids],
      ["-created_at", [...ids].reverse()],
    ] as const) {
      const found: unknown[] = [];
      for (let after = ""; ;) {
        const { body } = await call(`/v1/customers/anna/activity?limit=10&order=${order}${after}`);
        found.push(...(body.data as JsonObject[]).map(({ id }) => id));
        assert.equal(body.has_more, found.length < 25);
        if (body.has_more !== true) break;
        assert.equal(body.more_starting_after, found.at(-1));
        after = `&starting_after_id=${body.more_starting_after as string}`;
      }
      assert.deepEqual(found, expected);
    }
  });

  it("filters by time, type and category", async () => {
    await withEvents(6);
    const count = async (query: string): Promise<unknown[]> =>
      typesIn((await call(`/v1/customers/anna/activity?${query}`)).body);
    assert.equal((await count("start_date=2026-01-01T00:00:02Z&end_date=2026-01-01T00:00:03Z")).length, 2);
    assert.deepEqual(await count("type=customer.rewarded"), Array(3).fill("customer.rewarded"));
    assert.deepEqual(await count("category=ACTION"), Array(3).fill("customer.validation.failed"));
  });

  it("answers 404 for an unknown customer or event, 400 for a wrong query", async () => {
    assert.equal((await call("/v1/customers/nobody/activity")).status, 404);
    await withEvents(1);
    for (const [query, status] of [
      ["starting_after_id=evcus_x", 404],
      ["limit=101", 400],
      ["limit=0", 400],
      ["order=id", 400],
      ["start_date=soon", 400],
    ] as const)
      assert.equal((await call(`/v1/customers/anna/activity?${query}`)).status, status, query);
  });

  it("keeps the newest 1,000 events of a customer, and none after a reset", async () => {
    const ids = await withEvents(1_001);
    const { body } = await call("/v1/customers/anna/activity?order=created_at&limit=1");
    assert.equal((body.data as JsonObject[])[0]?.id, ids[1]);
    simulator.reset();
    assert.equal((await call("/v1/customers/anna/activity")).status, 404);
  });
});
