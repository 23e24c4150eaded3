import assert from "node:assert/strict";
import { Simulator } from "../../src/simulator";
import { customerFlow, CUSTOMERS_PATH, type FlowNode, TEST_KEYS, WEBHOOK_KEYS } from "../support/flows";
import { type NodeRedProcess, startNodeRed } from "../support/node-red-process";
import { waitFor } from "../support/wait-for";

/** Longer than this test: what waits in the delay node can only come by being emitted again. */
const NEVER_S = 3_600;

const place = { z: "tab", x: 100, y: 100 };
const delay = (id: string, next: string, seconds: number): FlowNode => ({
  ...place,
  id,
  type: "delay",
  pauseType: "delay",
  timeout: `${seconds}`,
  timeoutUnits: "seconds",
  rate: "1",
  rateUnits: "second",
  wires: [[next]],
});

describe("Between webhook and delivery: nothing is lost, nothing is taken twice", () => {
  /** Two projects, one behind each delivery node. */
  let first: Simulator;
  let second: Simulator;
  let nodeRed: NodeRedProcess | undefined;

  beforeEach(async () => {
    first = await Simulator.start({ keys: TEST_KEYS, asyncActionMs: 20 });
    second = await Simulator.start({ keys: TEST_KEYS, asyncActionMs: 20 });
  });
  afterEach(async () => {
    await nodeRed?.remove();
    nodeRed = undefined;
    await first.stop();
    await second.stop();
  });

  /** bloomreach in -> `between`, with the delivery nodes "upsert" and "other". */
  const start = async (to: readonly string[], between: readonly FlowNode[]): Promise<FlowNode[]> => {
    const { flows, credentials } = customerFlow(first.url, { in: { wires: [to] } });
    const copy = (id: string, more: object): FlowNode => ({ ...flows.find((node) => node.id === id)!, ...more });
    const all = [
      ...flows,
      ...between,
      copy("voucherify", { id: "voucherify2", apiUrl: second.url }),
      copy("upsert", { id: "other", account: "voucherify2" }),
    ];
    nodeRed = await startNodeRed({ major: 4, flows: all, credentials: { ...credentials, voucherify2: TEST_KEYS } });
    return all;
  };
  const send = async (...customers: string[]): Promise<void> => {
    const response = await fetch(`${nodeRed!.url}${CUSTOMERS_PATH}`, {
      method: "POST",
      headers: { "content-type": "application/json", ...WEBHOOK_KEYS },
      body: JSON.stringify(customers.map((registered) => ({ registered, name: registered }))),
    });
    assert.equal(response.status, 200);
  };
  const names = ({ customers }: Simulator): string[] => [...customers.keys()].sort();
  /** A call whose outcome is not on disk when the process dies is made again; these tests are about what is taken. */
  const confirmed = (messages: number): Promise<unknown> =>
    waitFor("the outcome to be known", () => nodeRed!.log().split("waiting: 0").length > messages);
  /** How often each customer was sent. */
  const sentTo = ({ log }: Simulator): Record<string, number> => {
    const counts: Record<string, number> = {};
    for (const { method, customerIds } of log)
      if (method === "POST") for (const id of customerIds ?? []) counts[id] = (counts[id] ?? 0) + 1;
    return counts;
  };

  it("through change, function, switch, split and join: each customer once in both", async () => {
    await start(
      ["change"],
      [
        {
          ...place,
          id: "change",
          type: "change",
          rules: [{ t: "set", p: "seen", to: "yes", tot: "str" }],
          wires: [["function"]],
        },
        { ...place, id: "function", type: "function", func: "return msg;", outputs: 1, wires: [["switch"]] },
        {
          ...place,
          id: "switch",
          type: "switch",
          property: "seen",
          propertyType: "msg",
          rules: [{ t: "eq", v: "yes", vt: "str" }],
          checkall: "true",
          outputs: 1,
          wires: [["split", "other"]],
        },
        { ...place, id: "split", type: "split", arraySplt: 1, arraySpltType: "len", wires: [["join"]] },
        { ...place, id: "join", type: "join", mode: "auto", wires: [["upsert"]] },
      ],
    );
    const customers = ["a", "b", "c"];
    await send(...customers);
    for (const simulator of [first, second])
      await waitFor("all customers", () => names(simulator).join() === customers.join());
    await confirmed(2);
    await nodeRed!.restart("SIGKILL");
    await send("d");
    for (const simulator of [first, second]) {
      await waitFor("the last customer", () => names(simulator).includes("d"));
      assert.deepEqual(sentTo(simulator), { a: 1, b: 1, c: 1, d: 1 });
    }
  });

  for (const how of ["kill -9", "a full deploy"] as const)
    it(`${how} while a delay node holds one branch: the other branch has taken, and both have everything`, async () => {
      const flows = await start(["upsert", "delay"], [delay("delay", "other", NEVER_S)]);
      await send("a", "b");
      await waitFor("the first branch", () => names(first).join() === "a,b");
      assert.deepEqual(names(second), []);
      await confirmed(1);
      // What comes again is in no hurry any more.
      const next = flows.map((node) => (node.id === "delay" ? delay("delay", "other", 0.01) : node));
      if (how === "kill -9") {
        await nodeRed!.restart("SIGKILL");
        assert.deepEqual(names(second), []);
      }
      await nodeRed!.deploy(next, "full");
      await waitFor("the second branch", () => names(second).join() === "a,b");
      assert.deepEqual(
        [sentTo(first), sentTo(second)],
        [
          { a: 1, b: 1 },
          { a: 1, b: 1 },
        ],
      );
    });

  it("kill -9 between two delivery nodes in a row: the second one gets what the first one has delivered", async () => {
    const rebuild =
      "msg.payload = msg.payload.map(({ source_id }) => ({ registered: source_id, name: 'second' })); return msg;";
    const flows = await start(
      ["upsert"],
      [
        { ...place, id: "rebuild", type: "function", func: rebuild, outputs: 1, wires: [["delay"]] },
        delay("delay", "other", NEVER_S),
      ],
    );
    const chained = flows.map((node) => (node.id === "upsert" ? { ...node, wires: [["rebuild", "result"]] } : node));
    await nodeRed!.deploy(chained, "full");
    await send("a", "b");
    await confirmed(1);
    await nodeRed!.restart("SIGKILL");
    assert.deepEqual(names(second), []);
    const next = chained.map((node) => (node.id === "delay" ? delay("delay", "other", 0.01) : node));
    await nodeRed!.deploy(next, "full");
    await waitFor("the second node", () => names(second).join() === "a,b");
    assert.deepEqual(
      [sentTo(first), sentTo(second)],
      [
        { a: 1, b: 1 },
        { a: 1, b: 1 },
      ],
    );
  });

  it("keeps nothing where no delivery node follows", async () => {
    await start(["result"], []);
    await send("a");
    const printed = (name: string): number => nodeRed!.log().split(`registered: '${name}'`).length - 1;
    await waitFor("the message", () => printed("a") === 1);
    assert.doesNotMatch(nodeRed!.log(), /receipt/);
    await nodeRed!.restart("SIGKILL");
    await send("b");
    await waitFor("the next message", () => printed("b") === 1);
    assert.doesNotMatch(nodeRed!.log(), /replayed/);
  });
});
