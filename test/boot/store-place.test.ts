import assert from "node:assert/strict";
import { existsSync, mkdtempSync, rmSync, statSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import type { QueueReport } from "../../src/delivery/desk/queue-desk";
import { Simulator } from "../../src/simulator";
import { customerFlow, CUSTOMERS_PATH, TEST_KEYS, WEBHOOK_KEYS } from "../support/flows";
import { newUserDir, type NodeRedOptions, type NodeRedProcess, startNodeRed } from "../support/node-red-process";
import { waitFor } from "../support/wait-for";

const VARIABLE = "BLOOMREACH_VOUCHERIFY_STORE";

describe("Where the queues are kept", () => {
  let simulator: Simulator;
  let userDir: string;
  let elsewhere: string;
  let started: NodeRedProcess[];

  beforeEach(async () => {
    started = [];
    simulator = await Simulator.start({ keys: TEST_KEYS });
    simulator.setFaults({ seed: 1, rateHang: 1 }); // what was accepted waits
    userDir = await newUserDir();
    elsewhere = mkdtempSync(join(tmpdir(), "store-place-"));
  });
  afterEach(async () => {
    for (const nodeRed of started) await nodeRed.remove();
    await simulator.stop();
    rmSync(elsewhere, { recursive: true, force: true });
  });

  const start = async (within: readonly string[], options: Partial<NodeRedOptions> = {}): Promise<NodeRedProcess> => {
    const nodeRed = await startNodeRed({ major: 4, userDir, within, ...customerFlow(simulator.url), ...options });
    started.push(nodeRed);
    return nodeRed;
  };
  const send = async (to: NodeRedProcess, registered: string): Promise<number> =>
    (await to.post(to.url + CUSTOMERS_PATH, [{ registered, name: "Ann" }], WEBHOOK_KEYS)).status;
  const report = async (
    nodeRed: NodeRedProcess,
  ): Promise<{ queues: QueueReport[]; problem?: string; place: { folder: string; warning?: string } }> =>
    JSON.parse((await nodeRed.get(`${nodeRed.adminUrl}/bloomreach-voucherify/queues`)).text);
  const untilWaiting = (nodeRed: NodeRedProcess, count: number): Promise<boolean> =>
    waitFor(`${count} that wait`, async () => (await report(nodeRed)).queues[0]?.waiting === count, 20_000);
  const inUserDir = (): string => join(userDir, "bloomreach-voucherify");

  it("the folder of the variable, before settings.js, and nothing in the user directory but the note of it", async () => {
    const settings = { bloomreachVoucherify: { store: join(userDir, "not-this-one") } };
    const nodeRed = await start(["env", `${VARIABLE}=${elsewhere}`], { settings });
    assert.equal(await send(nodeRed, "ann"), 200);
    await untilWaiting(nodeRed, 1);
    await nodeRed.restart("SIGKILL");
    await untilWaiting(nodeRed, 1);
    assert.ok(existsSync(join(elsewhere, "queue", "CURRENT")) && existsSync(join(elsewhere, "paths.json")));
    assert.ok(!existsSync(join(inUserDir(), "queue")) && !existsSync(join(userDir, "not-this-one")));
    assert.equal((await report(nodeRed)).place.folder, elsewhere);
    assert.ok(nodeRed.log().includes(`What is accepted and not yet delivered is kept in ${elsewhere}`));

    // Back to the default: what waits there is not forgotten.
    await nodeRed.stop();
    const back = await start([]);
    await waitFor("the sentence", () => back.log().includes(`are kept, in the folder ${elsewhere}, which is not used`));
  });

  it("on FlowFuse the working directory, and what waits in the user directory comes along", async () => {
    const before = await start([]);
    assert.equal(await send(before, "ann"), 200);
    await untilWaiting(before, 1);
    await before.stop();

    simulator.setFaults(undefined);
    const nodeRed = await start(["env", "-C", elsewhere], { settings: { flowforge: { projectID: "p" } } });
    await waitFor("Ann", () => simulator.customers.has("ann"), 20_000);
    const folder = join(elsewhere, "bloomreach-voucherify");
    assert.equal((await report(nodeRed)).place.folder, folder);
    assert.ok(nodeRed.log().includes(`The queues were moved from ${inUserDir()} to ${folder}`), nodeRed.log());
    assert.ok(!existsSync(inUserDir()));
  });

  it("in memory: a warning in the log and in the sidebar, and webhooks are taken", async function () {
    if (process.platform !== "linux" || !statSync("/dev/shm", { throwIfNoEntry: false })) this.skip();
    rmSync(elsewhere, { recursive: true });
    elsewhere = mkdtempSync("/dev/shm/store-place-");
    const nodeRed = await start([], { settings: { bloomreachVoucherify: { store: elsewhere } } });
    assert.equal(await send(nodeRed, "ann"), 200);
    const { place } = await report(nodeRed);
    assert.match(place.warning ?? "", /lies in memory \(tmpfs\).*Mount a volume/);
    assert.ok(nodeRed.log().includes(`[warn] ${place.warning}`));
  });

  it("an address of PostgreSQL: nodes load, webhooks and the health check get 500, and the password is nowhere", async () => {
    const nodeRed = await start(["env", `${VARIABLE}=postgres://me:hush@127.0.0.1/queues`]);
    assert.equal(await send(nodeRed, "ann"), 500);
    const ready = await nodeRed.get(`${nodeRed.url}/bloomreach-engagement/ready`);
    assert.equal(ready.status, 500);
    const { problem } = await report(nodeRed);
    assert.match(problem ?? "", /is a PostgreSQL address, which this release cannot use yet/);
    assert.ok(nodeRed.log().includes(`[error] ${problem}`));
    assert.doesNotMatch(nodeRed.log() + ready.text + problem, /hush/);
    assert.ok(!existsSync(join(inUserDir(), "queue")));
  });
});
