import assert from "node:assert/strict";
import { answerUnread, eventKeyOf, takeIn, webhookKindOf } from "../../src/bloomreach/bloomreach-intake";
import { messagesOf } from "../../src/bloomreach/bloomreach-messages";

const body = (value: unknown): Buffer => Buffer.from(typeof value === "string" ? value : JSON.stringify(value));
const take = (value: unknown, kind: "customers" | "events" | "requests" = "customers") =>
  takeIn({ body: body(value), path: "/p", requestId: "r-1" }, { kind, hardId: "registered" });

const ANN = { registered: "ann" };
const NOBODY = { name: "Nobody" };

describe("bloomreach intake: what a webhook becomes", () => {
  for (const [name, value, kind, look, key, taken, complains] of [
    ["good customers", [ANN, { registered: "bob" }], "customers", "ok", "accepted", 2, false],
    ["one of two without ID", [ANN, NOBODY], "customers", "waiting", "some-without-id", 1, true],
    ["one that is no object", [ANN, 5], "customers", "waiting", "rejected", 1, true],
    ["one customer, without ID", [NOBODY], "customers", "problem", "no-id-customers-one", 0, true],
    ["two events, without ID", [NOBODY, NOBODY], "events", "problem", "no-id-events-many", 0, true],
    ["two requests, without ID", [NOBODY, NOBODY], "requests", "problem", "no-id-requests-many", 0, true],
    ["Bloomreach's batch test", [{ registered: "", name: "" }], "customers", "ok", "test", undefined, false],
    ["a lone request without a value", { registered: "" }, "requests", "waiting", "no-data", undefined, false],
  ] as const)
    it(`${name}: ${key}`, () => {
      const { status, received, complaint, answer } = take(value, kind);
      assert.deepEqual([status.look, status.key], [look, key]);
      assert.equal(received?.records.length, taken);
      assert.equal(complaint !== undefined, complains);
      assert.deepEqual([answer.status, answer.body.accepted], [200, taken ?? 0]);
    });

  it("says what is wrong, beside the records as they came", () => {
    const { complaint } = take([ANN, NOBODY]);
    assert.match(complaint?.sentence ?? "", /^1 of 2 customers not accepted: /);
    assert.deepEqual(complaint?.records, [NOBODY]);
  });

  for (const [name, request, expected] of [
    ["too large", { tooLarge: true, method: "POST", body: "" }, ["too_large", "too-large"]],
    ["GET", { tooLarge: false, method: "GET", body: "x" }, [undefined, undefined]],
    ["HEAD", { tooLarge: false, method: "HEAD", body: "" }, [undefined, undefined]],
    ["an empty POST", { tooLarge: false, method: "POST", body: "" }, [undefined, undefined]],
  ] as const)
    it(`${name} is answered unread`, () => {
      const unread = answerUnread({ ...request, body: Buffer.from(request.body), requestId: "r-1" }, 10);
      assert.deepEqual([unread?.answer.body.errors[0]?.code, unread?.told?.status.key], expected);
      assert.equal(unread?.answer.status, 200);
    });

  it("a POST with a body must be read", () =>
    assert.equal(answerUnread({ tooLarge: false, method: "POST", body: body("x"), requestId: "r-1" }, 10), undefined));

  it("knows its kinds, and takes customers where nobody knows", () =>
    assert.deepEqual(["events", "toString", ""].map(webhookKindOf), ["events", "customers", "customers"]));

  it("tells events apart by texts and numbers alone", () =>
    assert.deepEqual(
      [{ key: "a" }, { key: 5 }, { key: null }, {}].map((record) => eventKeyOf(record as never, "key")),
      ["a", "5", undefined, undefined],
    ));
});

describe("bloomreach intake: messages", () => {
  const received = take([ANN, { registered: "bob" }]).received!;

  it("one for all, or one for each customer, with its place", () => {
    const [all, ...more] = messagesOf(received, "customers", "webhook");
    assert.deepEqual(
      [all?.payload, all?.topic, all?.hardId, more.length],
      [received.records, "customers", "registered", 0],
    );
    const each = [...messagesOf(received, "customers", "customer")];
    assert.deepEqual(
      each.map(({ payload, parts }) => [payload, parts]),
      received.records.map((record, index) => [record, { id: "r-1", index, count: 2 }]),
    );
    assert.notEqual(each[0]?.webhook, each[1]?.webhook);
  });

  it("none without records", () => {
    const none = { ...received, records: [] };
    assert.deepEqual([...messagesOf(none, "customers", "webhook"), ...messagesOf(none, "customers", "customer")], []);
  });
});
