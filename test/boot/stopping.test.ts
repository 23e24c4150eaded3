import assert from "node:assert/strict";
import { existsSync } from "node:fs";
import { join } from "node:path";
import { LevelStore } from "../../src/store/level/level-store";
import type { ErasedCounts, QueueReport } from "../../src/delivery/desk/queue-desk";
import { Simulator } from "../../src/simulator";
import { customerFlow, CUSTOMERS_PATH, type FlowNode, TEST_KEYS, WEBHOOK_KEYS } from "../support/flows";
import { HeldApi } from "../support/held-api";
import { type NodeRedOptions, type NodeRedProcess, startNodeRed } from "../support/node-red-process";
import { waitFor } from "../support/wait-for";

const EVENTS = "/bloomreach-engagement/create-event-bulk";
const CUSTOMERS = 10;
/** Requests that the account allows at one time. Both nodes together have more calls that have begun, and wait for that. */
const AT_ONE_TIME = 5;
const CALLS_OF_A_NODE = 4;

const api = (nodeRed: NodeRedProcess, path: string): string =>
  `${nodeRed.adminUrl}/bloomreach-voucherify/queues${path}`;
const queuesOf = async (nodeRed: NodeRedProcess): Promise<QueueReport[]> =>
  (JSON.parse((await nodeRed.get(api(nodeRed, ""))).text) as { queues: QueueReport[] }).queues;

for (const major of [4, 5] as const)
  describe(`The end of a Node-RED ${major} process`, () => {
    let simulator: Simulator;
    let voucherify: HeldApi;
    let nodeRed: NodeRedProcess;

    beforeEach(async () => {
      simulator = await Simulator.start({ keys: TEST_KEYS, rateLimit: { limit: 1_000_000, periodMs: 60_000 } });
      voucherify = await HeldApi.start(simulator.url);
    });
    afterEach(async () => {
      await nodeRed?.remove();
      voucherify.stop();
      await simulator.stop();
    });

    /** Every event goes to Voucherify twice: by a node that repeats lost ones, and by one that never does. */
    const flow = (): Required<Pick<NodeRedOptions, "flows" | "credentials">> & { flows: FlowNode[] } => {
      const { flows, credentials } = customerFlow(voucherify.url, { account: { requests: 1_000_000 } });
      const forward = (repeat: string): FlowNode => ({
        ...{ id: repeat, type: "bv-event-forward", z: "tab", x: 100, y: 400, wires: [[]] },
        ...{ sendTo: "voucherify", voucherifyAccount: "voucherify", repeat, concurrency: CALLS_OF_A_NODE },
      });
      const events = {
        ...{ id: "events", type: "bv-bloomreach-in", z: "tab", x: 100, y: 400, account: "bloomreach", kind: "events" },
        ...{ path: EVENTS, output: "webhook", maxBytes: 10, eventKey: "", wires: [["at-least-once", "at-most-once"]] },
      };
      const kept = flows.filter(({ type }) => !["debug", "status", "catch"].includes(type));
      return { flows: [...kept, events, forward("at-least-once"), forward("at-most-once")], credentials };
    };
    const start = async (settings: object = {}): Promise<void> => {
      nodeRed = await startNodeRed({ major, ...flow(), settings });
    };
    /** Events of ten customers, of which as many as may are at Voucherify and wait there for an answer. */
    const send = async (name: string): Promise<void> => {
      voucherify.hold();
      const events = Array.from({ length: CUSTOMERS }, (_none, n) => ({
        event: name,
        customer: { registered: `c${n}` },
        metadata: {},
      }));
      assert.equal((await nodeRed.post(nodeRed.url + EVENTS, events, WEBHOOK_KEYS)).status, 200);
      await waitFor("calls in flight", () => voucherify.held.size === AT_ONE_TIME);
    };
    const calls = (): string[] =>
      simulator.log
        .filter(({ path, method }) => path === "/v1/events" && method === "POST")
        .map(({ bodyText = "" }) => bodyText);
    /** Each event once from each node, and nothing failed. */
    const eachOnce = async (names: number): Promise<void> => {
      const expected = 2 * CUSTOMERS * names;
      await waitFor("the queues to be empty", async () =>
        (await queuesOf(nodeRed)).every(({ waiting }) => waiting === 0),
      );
      assert.ok((await queuesOf(nodeRed)).every(({ failed }) => failed === 0));
      assert.equal(calls().length, expected);
      assert.equal(new Set(calls()).size, expected / 2);
      assert.equal(voucherify.givenUp, 0);
    };
    /** What waits on disk for the two nodes, and how much of that counts as sent; the folder must be free. */
    const onDisk = async (): Promise<{ records: number; tried: number; failed: number }> => {
      const store = LevelStore.open(join(nodeRed.userDir, "bloomreach-voucherify", "queue"));
      await store.ready();
      const entries = await store.read({ gte: "", lt: "~" });
      await store.close();
      const count = (part: string): number => entries.filter(([key]) => key.includes(part)).length;
      return { records: count("/record/"), tried: count("/tried/"), failed: count("dead/") };
    };

    for (const signal of ["SIGTERM", "SIGINT"] as const)
      it(`${signal}: calls in flight end, what became of them is kept, nothing is sent twice after the restart`, async () => {
        await start();
        await send("viewed");
        const ended = nodeRed.stop(signal);
        await waitFor("the end to begin", () => nodeRed.log().includes("Stopping flows"));
        voucherify.release();
        assert.equal(await ended, 0);
        assert.equal(calls().length, AT_ONE_TIME);
        assert.deepEqual(await onDisk(), { records: 2 * CUSTOMERS - AT_ONE_TIME, tried: 0, failed: 0 });
        await nodeRed.start();
        await eachOnce(1);
      });

    it("a call without an answer does not hold up the end, and is only then one that may have arrived", async () => {
      await start();
      await send("viewed");
      assert.equal(await nodeRed.stop(), 0);
      assert.equal(voucherify.givenUp, AT_ONE_TIME);
      const { records, tried, failed } = await onDisk();
      // Those that are never repeated are among the failed; the others are to be sent once more.
      assert.deepEqual([tried + failed, records + failed], [AT_ONE_TIME, 2 * CUSTOMERS]);
      assert.ok(tried > 0 && failed > 0, `${tried} ${failed}`);
    });

    it("a deploy waits for no call, and cuts none", async () => {
      await start();
      await send("viewed");
      const { flows } = flow();
      await nodeRed.deploy(flows.map((node) => ({ ...node, name: "Deployed again" })));
      assert.equal(voucherify.held.size, AT_ONE_TIME);
      voucherify.release();
      await eachOnce(1);
    });

    it("Stop flows stops the calls too, a start goes on, and a signal after it still waits for them", async () => {
      await start({ runtimeState: { enabled: true }, nodeCloseTimeout: 1_000 });
      assert.match(nodeRed.log(), /nodeCloseTimeout in settings\.js is 1000 ms.*set it to/);
      const turn = async (state: string): Promise<void> => {
        const { status, text } = await nodeRed.post(`${nodeRed.adminUrl}/flows/state`, { state });
        assert.equal(status, 200, text);
      };
      await send("viewed");
      await turn("stop");
      voucherify.release();
      await waitFor("the calls to end", async () => (await queuesOf(nodeRed)).every(({ inFlight }) => inFlight === 0));
      assert.equal(calls().length, AT_ONE_TIME);
      await turn("start");
      await eachOnce(1);

      await send("bought");
      await turn("stop");
      // No node closes any more, and still what becomes of the calls is written.
      assert.equal(await nodeRed.stop(), 0);
      const { records, tried, failed } = await onDisk();
      assert.deepEqual([tried + failed, records + failed], [AT_ONE_TIME, 2 * CUSTOMERS]);
      assert.ok(tried > 0 && failed > 0, `${tried} ${failed}`);
    });

    it("what is kept can be seen and erased in safe mode", async () => {
      await start();
      voucherify.hold();
      const customers = [{ registered: "jane" }, { registered: "joe" }];
      assert.equal((await nodeRed.post(nodeRed.url + CUSTOMERS_PATH, customers, WEBHOOK_KEYS)).status, 200);
      await waitFor("the customers", async () => (await queuesOf(nodeRed)).some(({ waiting }) => waiting === 2));
      await nodeRed.stop("SIGKILL");
      const safe = await startNodeRed({ major, userDir: nodeRed.userDir, settings: { safeMode: true } });
      try {
        const [queue] = await queuesOf(safe);
        assert.deepEqual([queue?.node, queue?.exists, queue?.waiting], ["upsert", false, 2]);
        const { status, text } = await safe.post(api(safe, "/erase"), { hardId: "jane" });
        assert.equal(status, 200, text);
        assert.equal((JSON.parse(text) as ErasedCounts).waiting, 1);
      } finally {
        assert.equal(await safe.stop(), 0);
      }
    });

    it("without any node there is no folder, until somebody asks for the queues", async () => {
      nodeRed = await startNodeRed({ major });
      const folder = join(nodeRed.userDir, "bloomreach-voucherify");
      assert.equal(existsSync(folder), false);
      assert.deepEqual(await queuesOf(nodeRed), []);
      const { status, text } = await nodeRed.post(api(nodeRed, "/erase"), { hardId: "jane" });
      assert.equal(status, 200);
      assert.deepEqual(JSON.parse(text), { waiting: 0, failed: 0, received: 0, mentions: 0, setAside: [] });
      assert.equal(await nodeRed.stop(), 0);
    });
  });
