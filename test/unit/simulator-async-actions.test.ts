import assert from "node:assert/strict";
import FakeTimers, { type Clock } from "@sinonjs/fake-timers";
import { AsyncActions } from "../../src/simulator/voucherify/async-actions";

describe("async actions of the simulator", () => {
  let clock: Clock;

  beforeEach(() => {
    clock = FakeTimers.install({ now: 1_760_000_000_000 });
  });
  afterEach(() => clock.uninstall());

  const states = (actions: AsyncActions, ids: string[]) =>
    ids.map((id) => {
      const { status, progress } = actions.read(id) as { status: string; progress: number };
      return `${status} ${progress}`;
    });

  it("wait, go on, and are done, one behind another", () => {
    const actions = new AsyncActions(300);
    const worked: string[] = [];
    const ids = ["first", "second"].map((name) =>
      actions.enqueue(() => {
        worked.push(name);
        return { done: 1, errors: [] };
      }),
    );
    const seen = [];
    for (const step of [0, 150, 149, 1, 150, 150]) {
      clock.tick(step);
      seen.push([...states(actions, ids), worked.length]);
    }
    assert.deepEqual(seen, [
      ["ENQUEUED 0", "ENQUEUED 0", 0],
      ["IN_PROGRESS 50", "ENQUEUED 0", 0],
      ["IN_PROGRESS 99", "ENQUEUED 0", 0],
      ["DONE 100", "ENQUEUED 0", 1],
      ["DONE 100", "IN_PROGRESS 50", 1],
      ["DONE 100", "DONE 100", 2],
    ]);
    assert.equal(actions.read(ids[1] as string)?.processing_time, 300);
    assert.equal(actions.list(1)[0]?.id, ids[1]);
  });

  it("fail as a whole when no customer could be stored", () => {
    const actions = new AsyncActions(1);
    const error = { source_id: "a", key: "k", message: "m", details: "d" };
    const id = actions.enqueue(() => ({ done: 0, errors: [error] }));
    clock.tick(1);
    assert.equal(actions.read(id)?.operation_status, "FAILED");
  });

  it("are forgotten by clear(), and the oldest when there are very many", () => {
    const actions = new AsyncActions(1);
    const ids = Array.from({ length: 1_001 }, () => actions.enqueue(() => ({ done: 1, errors: [] })));
    assert.equal(actions.read(ids[0] as string), undefined);
    assert.ok(actions.read(ids[1] as string));
    actions.clear();
    assert.equal(actions.read(ids[1] as string), undefined);
    assert.equal(clock.countTimers(), 0);
  });
});
