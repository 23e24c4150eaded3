import assert from "node:assert/strict";
import { mkdirSync, rmSync, symlinkSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import type { QueueReport } from "../../src/delivery/desk/queue-desk";
import { Simulator } from "../../src/simulator";
import { customerFlow, CUSTOMERS_PATH, TEST_KEYS, WEBHOOK_KEYS } from "../support/flows";
import { newUserDir, type NodeRedOptions, type NodeRedProcess, startNodeRed } from "../support/node-red-process";
import { OwnDisk, skipWithoutOwnDisk } from "../support/own-disk";
import { waitFor } from "../support/wait-for";

const CUSTOMERS_PER_WEBHOOK = 20;
/** Calls that are never answered: what was accepted waits. */
const SILENCE = { seed: 1, rateHang: 1 };

/** How often something stands in a text. */
const occurrences = (text: string, pattern: RegExp): number => text.split(pattern).length - 1;

describe("A store that does not work: 500, a status and one sentence, and no restart when it works again", () => {
  let simulator: Simulator;
  let userDir: string;
  let disk: OwnDisk | undefined;
  let started: NodeRedProcess[];
  /** Customers of webhooks that were answered with 200. */
  let acknowledged: string[];
  let webhooks: number;

  beforeEach(async () => {
    [started, acknowledged, webhooks] = [[], [], 0];
    disk = undefined;
    simulator = await Simulator.start({ keys: TEST_KEYS });
    userDir = await newUserDir();
  });
  afterEach(async () => {
    for (const nodeRed of started) await nodeRed.remove();
    await disk?.remove();
    await simulator.stop();
  });

  const start = async (options: Partial<NodeRedOptions> = {}): Promise<NodeRedProcess> => {
    const nodeRed = await startNodeRed({ major: 4, userDir, ...customerFlow(simulator.url), ...options });
    started.push(nodeRed);
    return nodeRed;
  };
  /** Sends a webhook of new customers. Returns the status of its answer: 200 or 500. */
  const send = async (to: NodeRedProcess): Promise<number> => {
    const webhook = ++webhooks;
    const ids = Array.from({ length: CUSTOMERS_PER_WEBHOOK }, (_, index) => `w${webhook}-c${index}`);
    const customers = ids.map((registered) => ({ registered, name: `Customer ${registered}` }));
    const { status, text } = await to.post(to.url + CUSTOMERS_PATH, customers, WEBHOOK_KEYS);
    if (status === 200) acknowledged.push(...ids);
    assert.ok(status === 200 || status === 500, `${status} ${text}`);
    return status;
  };
  const untilAnswered = (status: number, by: NodeRedProcess): Promise<boolean> =>
    waitFor(`a webhook that is answered with ${status}`, async () => (await send(by)) === status, 30_000);
  /** What a load balancer asks, without keys. */
  const untilReady = (status: number, by: NodeRedProcess): Promise<boolean> =>
    waitFor(
      `a health check that is answered with ${status}`,
      async () => (await by.get(`${by.url}/bloomreach-engagement/ready`)).status === status,
      30_000,
    );
  /** All is well again: every acknowledged customer arrives, and both nodes say so. */
  const untilArrived = async (nodeRed: NodeRedProcess): Promise<void> => {
    await waitFor("every acknowledged customer", () => acknowledged.every((id) => simulator.customers.has(id)), 30_000);
    for (const sign of [" accepted ", " delivered "])
      await waitFor(`the status "${sign}"`, () => {
        const log = nodeRed.log();
        return log.lastIndexOf(sign) > log.lastIndexOf("cannot store");
      });
  };
  const waiting = async (nodeRed: NodeRedProcess): Promise<number> => {
    const { text } = await nodeRed.get(`${nodeRed.adminUrl}/bloomreach-voucherify/queues`);
    const { queues } = JSON.parse(text) as { queues: QueueReport[] };
    return queues.find(({ node }) => node === "upsert")?.waiting ?? 0;
  };

  /** Webhooks get 500, both nodes show it, and the log has the sentence once. */
  const assertTrouble = async (nodeRed: NodeRedProcess, sentence: RegExp, from = 0): Promise<void> => {
    assert.equal(await send(nodeRed), 500);
    const log = (): string => nodeRed.log().slice(from);
    await waitFor("the status of both nodes", () => occurrences(log(), /text: 'cannot store: see log'/) === 2);
    assert.equal(occurrences(log(), sentence), 1, log());
  };

  it("a link to nothing in the folder's place", async () => {
    mkdirSync(join(userDir, "bloomreach-voucherify"), { recursive: true });
    const elsewhere = join(userDir, "not-mounted");
    symlinkSync(elsewhere, join(userDir, "bloomreach-voucherify", "queue"));
    const nodeRed = await start();
    await assertTrouble(nodeRed, /is a link to a folder that is not there: most likely its disk is not mounted/);
    mkdirSync(elsewhere);
    await untilAnswered(200, nodeRed);
    await untilArrived(nodeRed);
  });

  it("disk full, with what was acknowledged before and after found again, also after a kill", async function () {
    skipWithoutOwnDisk(this);
    const sentence = /The disk of the folder .* is full, so nothing more can be kept safely\. Make room on it/;
    disk = await OwnDisk.mount(join(userDir, "bloomreach-voucherify"), 16);
    simulator.setFaults(SILENCE);
    const nodeRed = await start({ within: disk.command });
    await untilReady(200, nodeRed);
    disk.fill();
    await untilReady(500, nodeRed); // nothing else writes yet
    disk.free();
    await untilReady(200, nodeRed);
    for (let count = 0; count < 5; count++) assert.equal(await send(nodeRed), 200);

    const beforeFull = nodeRed.log().length;
    disk.fill();
    await untilAnswered(500, nodeRed); // some still fit into the last block of the log file
    await assertTrouble(nodeRed, sentence, beforeFull);
    await untilReady(500, nodeRed);
    disk.free();
    await untilAnswered(200, nodeRed);
    await untilReady(200, nodeRed);
    for (let count = 0; count < 20; count++) assert.equal(await send(nodeRed), 200);
    await waitFor("every acknowledged customer, and no other", async () => {
      return (await waiting(nodeRed)) === acknowledged.length;
    });

    disk.fill();
    await untilAnswered(500, nodeRed);
    await nodeRed.stop("SIGKILL");
    simulator.setFaults(undefined);
    const from = nodeRed.log().length;
    await nodeRed.start();
    await assertTrouble(nodeRed, sentence, from);
    disk.free();
    await untilAnswered(200, nodeRed);
    await untilArrived(nodeRed);
    assert.doesNotMatch(nodeRed.log(), /damaged|missing/);
  });

  it("a read-only disk", async function () {
    skipWithoutOwnDisk(this);
    disk = await OwnDisk.mount(join(userDir, "bloomreach-voucherify"), 16);
    disk.setReadOnly(true);
    const nodeRed = await start({ within: disk.command });
    await assertTrouble(nodeRed, /The folder .* cannot be written: it is read-only or belongs to another user\. Allow/);
    disk.setReadOnly(false);
    await untilAnswered(200, nodeRed);
    await untilArrived(nodeRed);
  });

  it("a file where the folder should be", async () => {
    const folder = join(userDir, "bloomreach-voucherify", "queue");
    mkdirSync(join(folder, ".."));
    writeFileSync(folder, "");
    const nodeRed = await start();
    await assertTrouble(nodeRed, /must be a folder, but a file is in its place\. Move that file away/);
    rmSync(folder);
    await untilAnswered(200, nodeRed);
    await untilArrived(nodeRed);
  });

  it("a second Node-RED in the same user directory: the first works on, the second takes over at its end", async () => {
    simulator.setFaults(SILENCE);
    const first = await start();
    assert.equal(await send(first), 200);
    const second = await start();
    await assertTrouble(second, /Another process uses the folder .*: most likely a second Node-RED with the same user/);
    assert.equal(await send(first), 200);
    assert.equal(occurrences(first.log(), /cannot store|Another process/), 0);
    assert.equal(await waiting(first), acknowledged.length);
    await first.stop();
    simulator.setFaults(undefined);
    await untilAnswered(200, second);
    await untilArrived(second);
  });

  it("no LevelDB for the platform: the nodes load all the same", async () => {
    rmSync(join(userDir, "node_modules", "classic-level", "prebuilds"), { recursive: true });
    const nodeRed = await start();
    await assertTrouble(nodeRed, /The database LevelDB does not work on this platform .* and restart Node-RED\./);
    const { text } = await nodeRed.get(`${nodeRed.adminUrl}/nodes`, { accept: "application/json" });
    const ours = (JSON.parse(text) as { module: string; err?: string }[]).filter(({ module }) =>
      module.startsWith("@bl"),
    );
    assert.ok(ours.length >= 6);
    assert.deepEqual(ours.map(({ err }) => err).filter(Boolean), []);
  });
});
