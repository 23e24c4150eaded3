import assert from "node:assert/strict";
import {
  acceptedAnswer,
  connectionTestAnswer,
  sendAgainAnswer,
  tooLargeAnswer,
  wrongKeysAnswer,
} from "../../src/bloomreach/bloomreach-answers";
import { STOP_CODES } from "../../src/webhooks/stop-codes";
import type { Rejection } from "../../src/bloomreach/bodies/webhook-body";

const rejection = (index: number, description = "No ID."): Rejection => ({
  index,
  code: "missing_hard_id",
  description,
  raw: { name: "private" },
});
const answer = (accepted: number, rejected: readonly Rejection[], test = false) =>
  acceptedAnswer({ accepted, rejected, rejectedCount: rejected.length, test, requestId: "r-1" });

describe("acceptedAnswer", () => {
  it("counts and lists, without the records themselves", () =>
    assert.deepEqual(answer(2, [rejection(1)]), {
      status: 200,
      body: {
        success: true,
        accepted: 2,
        rejected: 1,
        errors: [{ index: 1, code: "missing_hard_id", description: "No ID." }],
        request_id: "r-1",
      },
    }));

  for (const [name, accepted, rejected, test, success] of [
    ["all accepted", 1, 0, false, true],
    ["some rejected", 1, 1, false, true],
    ["all rejected", 0, 2, false, false],
    ["nothing in it", 0, 0, false, true],
    ["a batch test", 0, 2, true, true],
  ] as const)
    it(`${name}: 200, success ${success}`, () => {
      const { status, body } = answer(
        accepted,
        Array.from({ length: rejected }, (_, index) => rejection(index)),
        test,
      );
      assert.deepEqual([status, body.success], [200, success]);
      assert.equal(
        body.message,
        test ? "Test received. Bloomreach sends no customer data in a batch test." : undefined,
      );
    });

  it("lists the first 100 problems and counts the rest", () => {
    const { body } = answer(
      0,
      Array.from({ length: 1000 }, (_, index) => rejection(index)),
    );
    assert.deepEqual([body.rejected, body.errors.length, body.errors_left_out], [1000, 100, 900]);
  });

  it("stays below 64 KB whatever the descriptions are", () => {
    const { body } = answer(
      0,
      Array.from({ length: 1000 }, (_, index) => rejection(index, '"é\u0001'.repeat(100 + index))),
    );
    assert.ok(Buffer.byteLength(JSON.stringify(body)) < 64 * 1024);
    assert.equal(body.errors.length + (body.errors_left_out ?? 0), 1000);
    assert.ok(body.errors.length > 10);
  });
});

describe("answers without records", () => {
  for (const [name, { status, body }, expectedStatus, success, pattern] of [
    ["connection test", connectionTestAnswer("r-1"), 200, true, /keys are right/],
    ["too large", tooLargeAnswer(10, "r-1"), 200, false, /limit of 10 MB/],
    ["wrong keys", wrongKeysAnswer("r-1"), 401, false, /application-id and secret-key/],
    ["retry later", sendAgainAnswer("r-1"), 500, false, /again later/],
  ] as const)
    it(name, () => {
      assert.deepEqual([status, body.success, body.accepted, body.request_id], [expectedStatus, success, 0, "r-1"]);
      assert.match(body.message ?? body.errors[0]?.description ?? "", pattern);
      assert.ok(!STOP_CODES.includes(status));
    });
});
