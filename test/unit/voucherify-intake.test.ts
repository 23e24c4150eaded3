import assert from "node:assert/strict";
import { sampleWebhook, signatureOf } from "../../src/simulator";
import { chosenKinds, isWanted } from "../../src/voucherify/event-choice";
import {
  answerTaken,
  judgeWebhook,
  refusalOfBody,
  refusalOfHead,
  tooLarge,
} from "../../src/voucherify/webhooks/voucherify-intake";

const SECRET = "a-signing-secret-of-a-test";
const KIND = "customer.redemption.succeeded";
const text = (applicationId?: string): string =>
  JSON.stringify(
    sampleWebhook(KIND, "project", {
      customer: { source_id: "ann" },
      ...(applicationId !== undefined && { applicationId }),
    }),
  );
const ANY = { kinds: chosenKinds([]), echoesOf: "our-key" };
const judged = (body: string, choice = ANY) => judgeWebhook({ body: Buffer.from(body), requestId: "r-1" }, choice);

describe("voucherify intake: signatures", () => {
  const body = Buffer.from(text());
  const head = (signature?: string, method = "POST") => ({
    method,
    requestId: "r-1",
    headers: signature === undefined ? {} : { "x-voucherify-signature": signature },
  });
  const right = signatureOf(body.toString(), SECRET);

  for (const [name, request, secrets, headRefused, bodyRefused, shown] of [
    ["right", head(right), [SECRET], false, false, undefined],
    ["right, by the second secret", head(right), ["another", SECRET], false, false, undefined],
    ["wrong", head("0".repeat(64)), [SECRET], false, true, "wrong-signature"],
    ["none", head(), [SECRET], true, true, "wrong-signature"],
    ["none, of a browser", head(undefined, "GET"), [SECRET], true, true, undefined],
    ["right, but no secret is known", head(right), [], true, true, undefined],
  ] as const)
    it(name, () => {
      const ofHead = refusalOfHead(request, secrets);
      const ofBody = refusalOfBody({ ...request, body }, secrets);
      assert.deepEqual([ofHead !== undefined, ofBody !== undefined], [headRefused, bodyRefused]);
      for (const refusal of [ofHead, ofBody])
        if (refusal) assert.deepEqual([refusal.answer.status, refusal.status?.key], [401, shown]);
    });
});

describe("voucherify intake: what a signed webhook becomes", () => {
  it("an event of a customer is taken", () => {
    const intake = judged(text());
    assert.ok(intake.does === "take");
    assert.deepEqual([intake.output, intake.event.kind], ["events", KIND]);
    const first = answerTaken(intake, true, "r-1");
    assert.deepEqual(first.status, { look: "ok", key: "accepted", values: { kind: "redemption.succeeded" } });
    assert.deepEqual(first.answer.body, { success: true, request_id: "r-1" });
    const again = answerTaken(intake, false, "r-1");
    assert.deepEqual(
      [again.status.key, again.answer.body],
      ["duplicate", { success: true, ignored: "repeated", request_id: "r-1" }],
    );
    assert.equal(answerTaken({ ...intake, output: "others" }, true, "r-1").status.key, "other");
  });

  for (const [name, body, choice, ignored, shown] of [
    ["our own echo", text("our-key"), ANY, "own_event", "echo"],
    [
      "a kind that was not chosen",
      text(),
      { ...ANY, kinds: chosenKinds(["customer.rewarded"]) },
      "not_chosen",
      undefined,
    ],
  ] as const)
    it(`${name} is answered, and goes nowhere`, () => {
      const intake = judged(body, choice);
      assert.ok(intake.does === "answer");
      assert.deepEqual([intake.answer.status, intake.status?.key], [200, shown]);
      assert.deepEqual(intake.answer.body, { success: true, ignored, request_id: "r-1" });
    });

  it("an echo is taken where that is wanted", () =>
    assert.equal(judged(text("our-key"), { ...ANY, echoesOf: undefined as never }).does, "take"));

  for (const [code, body] of [
    ["not_json", "{"],
    ["no_event", "{}"],
    ["legacy", '{"object":"event","type":"voucher.created"}'],
  ] as const)
    it(`${code}: answered 200, and kept for a person`, () => {
      const intake = judged(body);
      assert.ok(intake.does === "bury");
      assert.deepEqual([intake.code, intake.answer.status, intake.status.key], [code, 200, "unreadable"]);
    });

  it("one over the limit is answered 200: Voucherify disables what fails", () => {
    const { answer, error } = tooLarge("r-1", 10);
    assert.equal(answer.status, 200);
    assert.match(error, /larger than 10 MB/);
  });

  it("of the activity only wanted events count", () => {
    const intake = judged(text("our-key"), { ...ANY, echoesOf: undefined as never });
    assert.ok(intake.does === "take");
    assert.deepEqual(
      [ANY, { ...ANY, echoesOf: undefined }, { kinds: chosenKinds(["customer.rewarded"]), echoesOf: undefined }].map(
        (choice) => isWanted(intake.event, choice),
      ),
      [false, true, false],
    );
  });
});
