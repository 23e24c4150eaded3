import assert from "node:assert/strict";
import { createHash } from "node:crypto";
import { type NodeRedProcess, startNodeRed } from "../support/node-red-process";
import { type LoadKind, type LoadRecord, WebhookLoad } from "../support/webhook-load";

/** A webhook answered with one of these stops for every customer of the campaign. */
const STOP_CODES = [400, 404, 410, 412, 413, 418];
const DEPLOYS = 5;
const RESTARTS = ["SIGTERM", "SIGKILL", "SIGTERM"] as const;
const PER_SECOND = 250;

const path = "/bloomreach-engagement/upsert-customer-bulk";
const keys = { webhookApplicationId: "storm-application-id", webhookSecretKey: "storm-secret-key" };
const headers = {
  "content-type": "application/json",
  "application-id": keys.webhookApplicationId,
  "secret-key": keys.webhookSecretKey,
};
const customers = JSON.stringify(
  [1, 2, 3].map((n) => ({ registered: `customer-${n}@example.com`, name: `Customer ${n}`, metadata: { points: n } })),
);

/** Requests and the statuses that each may get; 500 ("retry later") is allowed between two lives of the node. */
const load: (LoadKind & { allowed: number[] })[] = [
  { name: "good JSON", path, headers, body: customers, allowed: [200, 500] },
  { name: "broken JSON", path, headers, body: customers.replace("Customer 2", 'Customer "2'), allowed: [200, 500] },
  { name: "empty body", path, headers, allowed: [200, 500] },
  { name: "trailing slash", path: `${path}/`, headers, body: customers, allowed: [200, 500] },
  { name: "GET", path, method: "GET", headers, allowed: [200, 500] },
  { name: "wrong path", path: `${path}s`, headers, body: customers, allowed: [500] },
  { name: "wrong keys", path, headers: { ...headers, "secret-key": "x" }, body: customers, allowed: [401, 500] },
  { name: "client hangs up", path, headers, body: customers, hangUp: true, everyRounds: 3, allowed: [200, 500] },
  { name: "12 MB", path, headers, body: Buffer.alloc(12 * 2 ** 20, " "), everyRounds: 20, allowed: [200, 500] },
];

/** The node under load, and enough others that a deploy takes a while. `version` makes each deploy a change. */
function flows(version: number): object[] {
  const tabs = [1, 2].map((tab) => ({ id: `tab${tab}`, type: "tab", label: `Storm ${tab}, version ${version}` }));
  const fillers = Array.from({ length: 100 }, (_, n) => ({
    ...{ id: `filler${n}`, z: n < 50 ? "tab1" : "tab2", type: "change", name: `Filler ${n} of version ${version}` },
    ...{ rules: [{ t: "set", p: "storm", pt: "msg", to: String(n), tot: "num" }] },
    ...{ x: 400, y: 40 + n * 20, wires: n % 50 === 49 ? [[]] : [[`filler${n + 1}`]] },
  }));
  return [
    ...tabs,
    {
      id: "account",
      type: "bv-bloomreach-account",
      name: "Storm",
      apiUrl: "https://api.exponea.com",
      hardId: "registered",
    },
    {
      ...{ id: "in", z: "tab1", type: "bv-bloomreach-in", account: "account", kind: "customers", path },
      ...{ output: "webhook", maxBytes: 10, x: 100, y: 40, wires: [["filler0"]] },
    },
    ...fillers,
  ];
}

interface Death {
  readonly signalledAt: number;
  /** When the process listened again and its flows had started. */
  readonly readyAt: number;
  readonly goneAt: number;
}

const basicAuth = { user: "owner", pass: createHash("md5").update("password").digest("hex") };

for (const major of [4, 5] as const)
  for (const settings of [
    { httpAdminRoot: "/", httpNodeRoot: "/" },
    { httpAdminRoot: "/admin", httpNodeRoot: "/api", httpNodeAuth: basicAuth },
  ])
    describe(`webhooks during deploys and restarts, Node-RED ${major}, admin ${settings.httpAdminRoot}, nodes ${settings.httpNodeRoot}`, () => {
      let nodeRed: NodeRedProcess;
      let records: readonly LoadRecord[] = [];
      const deaths: Death[] = [];

      before(async () => {
        nodeRed = await startNodeRed({ major, settings, flows: flows(0), credentials: { account: keys } });
        const root = settings.httpNodeRoot.replace(/\/$/, "");
        const storm = new WebhookLoad(
          nodeRed.port,
          load.map((kind) => ({ ...kind, path: root + kind.path })),
        );
        storm.start(PER_SECOND);
        for (let version = 1; version <= DEPLOYS; version++) {
          await storm.answered(100);
          await nodeRed.deploy(flows(version));
        }
        for (const signal of RESTARTS) {
          await storm.answered(100);
          const signalledAt = Date.now();
          await nodeRed.stop(signal);
          const goneAt = Date.now();
          await nodeRed.start();
          deaths.push({ signalledAt, goneAt, readyAt: Date.now() });
        }
        await storm.answered(200);
        records = await storm.stop();
      });
      after(() => nodeRed.remove());

      it("answers no request with a code that stops a campaign, and each kind as it should", () => {
        const wrong = load.flatMap(({ name, allowed }) =>
          records.filter(({ kind, status }) => kind === name && status !== undefined && !allowed.includes(status)),
        );
        assert.deepEqual(wrong, []);
        assert.deepEqual(
          records.filter(({ status }) => STOP_CODES.includes(status ?? 0)),
          [],
        );
      });

      it("leaves no request unanswered, except connections that were open when the process died", () => {
        assert.deepEqual(
          records.filter((record) => record.status === undefined && !excused(record, deaths)),
          [],
        );
      });

      it("answers the webhooks themselves, not only with 500", () => {
        for (const { name, allowed, hangUp } of load) {
          if (hangUp || !allowed.includes(200)) continue;
          const answers = records.filter(({ kind, status }) => kind === name && status !== undefined);
          const good = answers.filter(({ status }) => status === 200);
          assert.ok(
            answers.length > 0 && good.length >= answers.length / 2,
            `${name}: ${good.length} of ${answers.length}`,
          );
        }
      });
    });

/** No answer is owed to a client that hung up, while no process listened, and on connections that died with one. */
function excused({ kind, sentAt, openedAt, endedAt = 0, error }: LoadRecord, deaths: readonly Death[]): boolean {
  if (load.some(({ name, hangUp }) => hangUp && name === kind)) return true;
  return deaths.some(({ signalledAt, goneAt, readyAt }) => {
    if (endedAt < signalledAt) return false;
    if (openedAt !== undefined) return openedAt <= goneAt;
    // A dying process also resets connections whose opening it has not taken notice of yet.
    return error === "ECONNREFUSED" ? sentAt <= readyAt : error === "ECONNRESET" && sentAt <= goneAt;
  });
}
