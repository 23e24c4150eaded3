import assert from "node:assert/strict";
import { install } from "@sinonjs/fake-timers";
import { type Asking, SharedAnswers } from "../../src/async/shared-answers";

const asking = (more: Partial<Asking> = {}): Asking => ({
  keepMs: 60_000,
  urgent: true,
  signal: new AbortController().signal,
  ...more,
});

describe("shared answers", () => {
  it("asks again when an answer is too old, and at once with nothing kept", async () => {
    const clock = install({ toFake: ["Date"] });
    try {
      const answers = new SharedAnswers<number>();
      let calls = 0;
      const load = (): Promise<number> => Promise.resolve(++calls);
      assert.deepEqual([await answers.get("a", asking(), load), await answers.get("a", asking(), load)], [1, 1]);
      assert.equal(await answers.get("b", asking(), load), 2);
      assert.equal(await answers.get("a", asking({ keepMs: 0 }), load), 3);
      clock.tick(60_000);
      assert.equal(await answers.get("a", asking(), load), 4);
    } finally {
      clock.uninstall();
    }
  });

  it("shares a call that runs, but nobody in a hurry waits for a slow one", async () => {
    const answers = new SharedAnswers<string>();
    const calls: string[] = [];
    const slow = answers.get("a", asking({ urgent: false }), () => (calls.push("slow"), new Promise(() => {})));
    const load = (): Promise<string> => (calls.push("fast"), Promise.resolve("answer"));
    assert.deepEqual(await Promise.all([answers.get("a", asking(), load), answers.get("a", asking(), load)]), [
      "answer",
      "answer",
    ]);
    assert.deepEqual(calls, ["slow", "fast"]);
    void slow;
  });

  it("keeps no failure", async () => {
    const answers = new SharedAnswers<string>();
    await assert.rejects(
      answers.get("a", asking(), () => Promise.reject(new Error("later"))),
      /later/,
    );
    assert.equal(await answers.get("a", asking(), () => Promise.resolve("answer")), "answer");
  });

  it("asks for itself when the one who asked first gave up", async () => {
    const answers = new SharedAnswers<string>();
    const first = new AbortController();
    const given = answers.get(
      "a",
      asking({ signal: first.signal }),
      () =>
        new Promise((_resolve, reject) => first.signal.addEventListener("abort", () => reject(new Error("gave up")))),
    );
    const second = answers.get("a", asking(), () => Promise.resolve("answer"));
    first.abort();
    await assert.rejects(given, /gave up/);
    assert.equal(await second, "answer");
  });

  it("keeps nothing of an answer that nobody may use again", async () => {
    const answers = new SharedAnswers<number>();
    let calls = 0;
    const load = (): Promise<number> => Promise.resolve(++calls);
    await answers.get("a", asking({ keepMs: 0 }), load);
    assert.equal(await answers.get("a", asking(), load), 2);
  });
});
