import assert from "node:assert/strict";
import { createHmac } from "node:crypto";
import { existsSync, readFileSync } from "node:fs";
import { Session } from "node:inspector";
import { join, relative, resolve } from "node:path";
import { fileURLToPath } from "node:url";
import eventForward from "../../nodes/event-forward";
import voucherifyIn from "../../nodes/voucherify-in";
import voucherifyPublish from "../../nodes/voucherify-publish";
import { Simulator } from "../../src/simulator";
import { sampleWebhook } from "../../src/simulator/scenario/voucherify-webhooks";
import { FlowUnderTest } from "../support/flow-under-test";
import { BLOOMREACH_KEYS, type FlowNode, TEST_KEYS, WEBHOOK_KEYS } from "../support/flows";
import { waitFor } from "../support/wait-for";

const root = resolve(__dirname, "../..");
const page = readFileSync(join(root, "docs/architecture.md"), "utf8");
const ROOMS = [...page.matchAll(/^\| `([^`]+)`/gm)].map(([, room]) => room!);
const SECRET = "test-signing-secret-3c70";

/** The rooms of a walk with their files, as they are written. */
function walkOf(title: string): { room: string; files: string[] }[] {
  const [, section = ""] = page.split(`\n### ${title}\n`);
  const lines = section.split(/\n#{2,3} /)[0]!.matchAll(/^\d+\. `([^`]+)`: (.+(?:\n {3,}.+)*)/gm);
  return [...lines].map(([, room, names]) => ({
    room: room!,
    files: [...names!.matchAll(/`([^`]+)`/g)].map(([, name]) => `${room}/${name}.ts`),
  }));
}

describe("the walks in docs/architecture.md", () => {
  const flow = new FlowUnderTest([voucherifyIn, eventForward, voucherifyPublish]);
  const session = new Session();
  let simulator: Simulator;
  before(async () => {
    simulator = await Simulator.start({ keys: { ...TEST_KEYS, ...BLOOMREACH_KEYS }, asyncActionMs: 50 });
    session.connect();
  });
  after(() => {
    session.disconnect();
    return simulator.stop();
  });
  beforeEach(async () => {
    await flow.load(
      [
        { id: "tab", type: "tab" },
        {
          ...{ id: "walk-bloomreach", type: "bv-bloomreach-account", apiUrl: simulator.url, hardId: "registered" },
          projectToken: BLOOMREACH_KEYS.projectToken,
        },
        {
          ...{ id: "walk-voucherify", type: "bv-voucherify-account", apiUrl: simulator.url, hardId: "registered" },
          ...{ plan: "own", requests: 2000, period: "minute" },
        },
        ...chain("customers", { kind: "customers" }, { type: "bv-customer-upsert", emptyValues: "keep" }),
        ...chain("events", { type: "bv-voucherify-in" }, { type: "bv-event-forward", sendTo: "bloomreach" }),
        ...chain("codes", { kind: "requests" }, { type: "bv-voucherify-publish", campaign: "Abandoned cart" }),
      ],
      {
        "walk-bloomreach": {
          ...{ apiKeyId: BLOOMREACH_KEYS.apiKeyId, apiSecret: BLOOMREACH_KEYS.apiSecret },
          webhookApplicationId: WEBHOOK_KEYS["application-id"],
          webhookSecretKey: WEBHOOK_KEYS["secret-key"],
        },
        "walk-voucherify": TEST_KEYS,
        "walk-events-in": { secret: SECRET },
      },
    );
    await flow.delivery.usable(15_000);
  });
  const webhook = JSON.stringify(sampleWebhook("customer.redemption.succeeded", "project"));
  const signature = createHmac("sha256", SECRET).update(webhook).digest("hex");

  for (const { title, most, path, body, headers } of [
    {
      ...{ title: "One customer", most: 63, path: "customers", headers: WEBHOOK_KEYS },
      body: { registered: "anna", name: "Anna", metadata: { vip: "true" } },
    },
    {
      ...{ title: "One Voucherify webhook", most: 57, path: "events", body: webhook },
      headers: { "x-voucherify-signature": signature },
    },
    {
      ...{ title: 'One code request, "answer now"', most: 31, path: "codes", headers: WEBHOOK_KEYS },
      body: { registered: "anna" },
    },
  ])
    it(`${title}: names each room and each file once, at most ${most}, and all of them run`, async () => {
      const walk = walkOf(title);
      const rooms = walk.map(({ room }) => room);
      const files = walk.flatMap((line) => line.files);
      assert.deepEqual(
        rooms,
        [...new Set(rooms)].filter((room) => ROOMS.includes(room)),
      );
      assert.deepEqual(
        files,
        [...new Set(files)].filter((file) => existsSync(join(root, file))),
      );
      assert.ok(files.length > 20 && files.length <= most, `${files.length} files`);

      const ran = await filesRun(session, async () => {
        const { status } = await flow.post(`/walks/${path}`, body, headers);
        assert.equal(status, 200);
        await waitFor("what comes of it", () => flow.of(`walk-${path}-result`).length > 0);
      });
      assert.deepEqual(
        files.filter((file) => !ran.has(file)),
        [],
      );
    });
});

/** A node that receives at a path of this name, one that delivers, and a result. */
function chain(name: string, receives: object, delivers: { type: string; [property: string]: unknown }): FlowNode[] {
  const id = `walk-${name}`;
  const account = { z: "tab", account: "walk-voucherify", voucherifyAccount: "walk-voucherify" };
  const bloomreach = { account: "walk-bloomreach" };
  return [
    {
      ...{ ...account, id: `${id}-in`, type: "bv-bloomreach-in", path: `/walks/${name}`, wires: [[`${id}-out`]] },
      ...("kind" in receives ? bloomreach : {}),
      ...receives,
    },
    {
      ...{ ...account, id: `${id}-out`, wires: [[`${id}-result`]], ...delivers },
      ...("sendTo" in delivers ? bloomreach : {}),
    },
    { id: `${id}-result`, type: "helper", z: "tab" },
  ];
}

/** The project's files of which a function runs during `work`. */
async function filesRun(session: Session, work: () => Promise<void>): Promise<Set<string>> {
  session.post("Profiler.enable");
  session.post("Profiler.startPreciseCoverage", { callCount: true, detailed: false });
  await work();
  const ran = new Set<string>();
  session.post("Profiler.takePreciseCoverage", (error, coverage) => {
    if (error) throw error;
    for (const { url, functions } of coverage.result)
      if (url.startsWith("file:") && functions.some(({ ranges }) => ranges.some(({ count }) => count > 0)))
        ran.add(relative(root, fileURLToPath(url)));
  });
  session.post("Profiler.stopPreciseCoverage");
  session.post("Profiler.disable");
  return ran;
}
