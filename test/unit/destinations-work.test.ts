import assert from "node:assert/strict";
import FakeTimers from "@sinonjs/fake-timers";
import { ConfigurationError } from "../../src/delivery/outcome";
import { LookupRefused } from "../../src/destinations/voucherify/voucherify-lookups";
import { TryLater } from "../../src/destinations/try-later";
import type { Published } from "../../src/destinations/voucherify/publisher";
import { heldAnswer, queuedAnswer } from "../../src/destinations/work/code-answers";
import { judgeCodeRequest, readCodeMessage, settledCode } from "../../src/destinations/work/code-work";
import { deliveredCustomers, judgeCustomer } from "../../src/destinations/work/customer-work";
import { deliveredEvents, judgeCustomEvent } from "../../src/destinations/work/event-work";
import { keepMsOf, lookUp, questionOf, readLookupMessage } from "../../src/destinations/work/lookup-work";
import { customersNamedIn } from "../../src/destinations/work/named-customers";
import { publishNow } from "../../src/destinations/work/publish-now";
import type { PublicationRequest } from "../../src/mapping/codes/publication-request";

const EVERYBODY: ReadonlySet<string> = new Set();
const ONLY_ANN: ReadonlySet<string> = new Set(["ann"]);
const defaults = { hardId: "registered", campaign: "Spring", frequency: "send", channel: "", joinOnce: false } as const;
const CUSTOMER = { customer: { registered: "bob" } };

describe("work: what becomes of one item", () => {
  for (const [name, judged, expected] of [
    ["a customer", judgeCustomer({ registered: "bob" }, "registered", EVERYBODY), "bob"],
    ["a customer who is no test customer", judgeCustomer({ registered: "bob" }, "registered", ONLY_ANN), "held"],
    ["a customer without ID", judgeCustomer({ name: "x" }, "registered", EVERYBODY), "missing_hard_id"],
    ["no customer", judgeCustomer([], "registered", EVERYBODY), "not_an_object"],
    ["an event", judgeCustomEvent({ event: "e", ...CUSTOMER }, "registered", EVERYBODY), "bob"],
    ["an event of no test customer", judgeCustomEvent({ event: "e", ...CUSTOMER }, "registered", ONLY_ANN), "held"],
    ["no event", judgeCustomEvent({}, "registered", EVERYBODY), "not_an_event"],
    ["a request", judgeCodeRequest(CUSTOMER, {}, { defaults, testCustomers: EVERYBODY }, "n"), "bob"],
    [
      "a request of no test customer",
      judgeCodeRequest(CUSTOMER, {}, { defaults, testCustomers: ONLY_ANN }, "n"),
      "held",
    ],
    ["a request without ID", judgeCodeRequest({}, {}, { defaults, testCustomers: EVERYBODY }, "n"), "missing_hard_id"],
    ["no request", judgeCodeRequest(5, {}, { defaults, testCustomers: EVERYBODY }, "n"), "not_an_object"],
  ] as const)
    it(`${name}: ${expected}`, () =>
      assert.equal(
        "records" in judged ? judged.records[0]?.key : (judged.result.key ?? judged.result.status),
        expected,
      ));

  it("each queue knows its own repetitions", () => {
    const of = (owner: string) => {
      const judged = judgeCodeRequest(CUSTOMER, {}, { defaults, testCustomers: EVERYBODY }, owner);
      return "records" in judged ? judged.repetition?.key : undefined;
    };
    assert.ok(of("one")?.startsWith("one "));
    assert.notEqual(of("one"), of("two"));
  });

  it("what was left out stands beside whose it was", () => {
    const omitted = [{ key: "age", reason: "…" }];
    const told = [{ body: {}, outcome: { result: { source_id: "ann", event: "e", omitted } } }];
    assert.deepEqual(deliveredCustomers(told).omitted, [{ source_id: "ann", key: "age", reason: "…" }]);
    assert.deepEqual(deliveredEvents(told).omitted, [{ source_id: "ann", event: "e", key: "age", reason: "…" }]);
  });
});

describe("work: a code at once", () => {
  for (const [name, message, testCustomers, expected] of [
    ["a list", { payload: [] }, EVERYBODY, "batch"],
    ["a text", { payload: "x" }, EVERYBODY, "not_an_object"],
    ["nobody", { payload: {} }, EVERYBODY, "missing_hard_id"],
    ["no test customer", { payload: CUSTOMER }, ONLY_ANN, "held"],
    ["a request", { payload: CUSTOMER }, EVERYBODY, "Spring"],
    ["a request, whose message names the campaign", { payload: CUSTOMER, campaign: "Autumn" }, EVERYBODY, "Autumn"],
    [
      "a request with an ID name of its own",
      { payload: { customer: { crm: "x" } }, hardId: "crm" },
      EVERYBODY,
      "Spring",
    ],
  ] as const)
    it(`${name}: ${expected}`, () => {
      const reading = readCodeMessage(message, { defaults, testCustomers });
      const told =
        reading.kind === "request" ? reading.request.campaign : reading.kind === "held" ? "held" : reading.key;
      assert.equal(told, expected);
    });

  const request = { sourceId: "bob" } as PublicationRequest;
  const { signal } = new AbortController();
  const answer = { statusCode: 503, body: { key: "k" } };
  const later = (statusCode: number) =>
    new TryLater({ status: "retry", reason: "r", answer: { ...answer, statusCode } });
  const publishing = (...results: (Published | Error)[]) => {
    let calls = 0;
    const publish = (): Promise<Published> => {
      const result = results[Math.min(calls++, results.length - 1)]!;
      return result instanceof Error ? Promise.reject(result) : Promise.resolve(result);
    };
    return { publisher: { publish }, calls: () => calls };
  };
  const published: Published = { ok: true, publication: { id: "pub_1" }, omitted: [] };

  it("is asked for again at once, because an answer may only have been lost", async () => {
    const { publisher, calls } = publishing(later(503), published);
    assert.equal((await publishNow(publisher, request, signal)).kind, "published");
    assert.equal(calls(), 2);
  });

  it("is asked for seven times, and then the webhook has to come again", async () => {
    const timers = FakeTimers.install({ toFake: ["setTimeout", "clearTimeout"] });
    try {
      const { publisher, calls } = publishing(later(503));
      const done = publishNow(publisher, request, signal);
      await timers.tickAsync(60_000);
      assert.deepEqual(await done, { kind: "later", key: "retry", reason: "r", details: { statusCode: 503 } });
      assert.equal(calls(), 7);
    } finally {
      timers.uninstall();
    }
  });

  it("is not asked for again over the limit, nor where a human must act, nor where it was refused", async () => {
    const refusal = { status: "failed", key: "no_codes", reason: "r", answer } as const;
    for (const [result, expected] of [
      [later(429), { kind: "later", key: "retry", reason: "r", details: { statusCode: 429 } }],
      [
        new ConfigurationError("r", answer),
        { kind: "later", key: "paused", reason: "r", details: { statusCode: 503 } },
      ],
      [
        { ok: false, refusal } as Published,
        { kind: "refused", key: "no_codes", reason: "r", details: { statusCode: 503, response: answer.body } },
      ],
    ] as const) {
      const { publisher, calls } = publishing(result);
      assert.deepEqual(await publishNow(publisher, request, signal), expected);
      assert.equal(calls(), 1);
    }
  });

  it("a mistake of our own is none of Voucherify's", () =>
    assert.rejects(publishNow(publishing(new TypeError("ours")).publisher, request, signal), /ours/));
});

describe("work: a code from the queue", () => {
  for (const [taken, success] of [
    [{ waiting: 1, failed: [], repeated: 0, notSent: 0 }, true],
    [{ waiting: 0, failed: [], repeated: 1, notSent: 0 }, true],
    [{ waiting: 0, failed: [], repeated: 0, notSent: 0 }, true],
    [{ waiting: 0, failed: [{ index: 0, key: "k", reason: "r" }], repeated: 0, notSent: 0 }, false],
    [{ waiting: 0, failed: [], repeated: 0, notSent: 1 }, false],
  ] as const)
    it(`${JSON.stringify(taken)}: success ${success}`, () => {
      const answer = queuedAnswer(taken, "r-1");
      assert.deepEqual([answer.success, answer.accepted, answer.request_id], [success, taken.waiting, "r-1"]);
      assert.equal("not_sent" in answer, taken.notSent > 0);
    });

  it("leaves as a publication, with the same bytes whenever it is asked", () => {
    const body = { sourceId: "bob", campaign: "Spring", idempotencyKey: "key-1" } as PublicationRequest;
    const failed = [{ body, outcome: { key: "no_codes", reason: "r" }, acceptedAt: 1_700_000_000_000 }];
    const { payload } = settledCode([], failed, "EUR");
    assert.deepEqual(payload, settledCode([], failed, "EUR").payload);
    assert.deepEqual(
      [payload, heldAnswer("r", "r-1").key].map((one) =>
        typeof one === "object" ? (one as { result: string }).result : one,
      ),
      ["FAILURE", "held"],
    );
  });
});

describe("work: a look-up", () => {
  it("takes the fields of the node", () => {
    assert.deepEqual(questionOf({ what: "points", program: " p " }), { what: "points", program: "p" });
    assert.deepEqual(questionOf({ what: "discount" }), { what: "discount", look: "both", currency: "EUR" });
    assert.deepEqual(questionOf({ what: "vouchers", currency: "PLN" }), { what: "vouchers", currency: "PLN" });
    assert.deepEqual(["", "0", 5, "x", undefined].map(keepMsOf), [60_000, 0, 5_000, 60_000, 60_000]);
  });

  for (const [name, message, expected] of [
    ["a list", { payload: [] }, "batch"],
    ["a number", { payload: 5 }, "not_an_object"],
    ["nobody", { payload: { customer: {} } }, "missing_hard_id"],
    ["a request", { payload: CUSTOMER }, "bob"],
    ["a customer", { payload: { registered: "bob" } }, "bob"],
  ] as const)
    it(`${name}: ${expected}`, () => {
      const reading = readLookupMessage(message, "registered");
      assert.equal(reading.ok ? reading.sourceId : reading.key, expected);
    });

  const refusal = { status: "failed", key: "k", reason: "r", answer: { statusCode: 400, body: { a: 1 } } } as const;
  for (const [thrown, expected] of [
    [new LookupRefused(refusal), ["refused", "k", { statusCode: 400, response: { a: 1 } }]],
    [new TryLater({ status: "retry", reason: "r" }), ["later", "retry", {}]],
    [new ConfigurationError("r"), ["later", "paused", {}]],
  ] as const)
    it(`${thrown.name}: ${expected[0]}`, async () => {
      const options = { keepMs: 0, urgent: true, signal: new AbortController().signal };
      const found = await lookUp({ ask: () => Promise.reject(thrown) }, questionOf({ what: "points" }), "bob", options);
      assert.ok(found.kind !== "answer");
      assert.deepEqual([found.kind, found.key, found.details], expected);
    });
});

describe("work: whom a message names", () => {
  for (const [payload, expected] of [
    [" ann ", ["ann"]],
    [
      ["ann", "ann", { registered: "bob" }, CUSTOMER],
      ["ann", "bob"],
    ],
    [{ customer: { source_id: "ann" } }, ["ann"]],
    [[], []],
    ["", undefined],
    [[5], undefined],
    [{ name: "x" }, undefined],
  ] as const)
    it(JSON.stringify(payload), () => {
      const named = customersNamedIn({ payload }, "registered");
      assert.deepEqual(named.ok ? named.sourceIds : undefined, expected);
    });
});
