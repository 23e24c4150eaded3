import assert from "node:assert/strict";
import { once } from "node:events";
import { createServer, get as httpGet, type Server } from "node:http";
import type { AddressInfo } from "node:net";
import { setImmediate as turn } from "node:timers/promises";
import express, { type RequestHandler } from "express";
import type { NodeAPI } from "node-red";
import { addQueueRoutes } from "../../nodes/lib/delivery/queue-routes";
import type { DeadLetter } from "../../src/store/dead-letters";
import { StoreUnavailableError } from "../../src/store/durable-store";
import type {
  ErasedCounts,
  QueueDesk,
  QueueReport,
  ReplayResult,
  WebhookTrace,
} from "../../src/delivery/desk/queue-desk";
import { MemoryDurableStore } from "../support/memory-durable-store";

/** How Node-RED itself compares scopes. */
// eslint-disable-next-line @typescript-eslint/no-require-imports -- it has no types
const permissions = require("@node-red/editor-api/lib/auth/permissions") as {
  hasPermission(this: void, scope: string, permission: string): boolean;
};

const REPORT: QueueReport = {
  node: "upsert",
  name: "To Voucherify",
  type: "bv-customer-upsert",
  exists: true,
  waiting: 3,
  inFlight: 1,
  delivered: 20,
  notSent: 0,
  failed: 2,
  oldestAt: 1_700_000_000_000,
  paused: { reason: "Voucherify does not know these keys.", since: 1_700_000_000_000 },
};

const ERASED: ErasedCounts = { waiting: 1, failed: 2, received: 3, mentions: 4, setAside: ["/data/queue.damaged-1"] };

const PLACE = { folder: "/data/place", fileSystem: "overlay", warning: "Mount a volume." };

/** A desk over real dead letters; the rest is made up. */
class FakeDesk implements QueueDesk {
  problem: string | undefined;
  readonly store = new MemoryDurableStore();
  readonly failed = this.store.deadLetters;
  readonly replayed: string[] = [];
  readonly erased: string[] = [];
  /** Hears of each replay before it is done. */
  onReplay: () => Promise<void> = () => Promise.resolve();

  async keep(count: number, overrides: Partial<DeadLetter> = {}): Promise<void> {
    const letters = Array.from({ length: count }, (_, index) => ({
      node: "upsert",
      customer: `c${index}`,
      body: { note: "ü\n" },
      reason: "Refused.",
      reasonKey: "refused",
      attempts: 1,
      acceptedAt: 1,
      failedAt: 1000 + index,
      messageId: "m",
      index,
      envelope: {},
      ...overrides,
    }));
    await this.store.write(this.failed.prepare(letters).changes);
  }

  report(): Promise<QueueReport[]> {
    return Promise.resolve([REPORT]);
  }

  async replay(ids: readonly string[]): Promise<ReplayResult> {
    const letters = await this.failed.read(ids);
    await this.onReplay();
    const gone = letters.filter(({ node }) => node === "gone").map(({ id }) => ({ id, reason: "Put the node back." }));
    const going = letters.filter(({ node }) => node !== "gone");
    await this.store.write(this.failed.removal(going).changes);
    this.replayed.push(...going.map(({ customer }) => customer));
    return { replayed: going.length, refused: gone };
  }

  discard(ids: readonly string[]): Promise<number> {
    return this.failed.discard(ids);
  }

  discardAll(node: string | undefined): Promise<number> {
    return this.failed.discardAll(node);
  }

  discardQueue(node: string): Promise<{ discarded: number } | { refused: string }> {
    return Promise.resolve(node === "gone" ? { discarded: 7 } : { refused: "The node is deployed." });
  }

  find(requestId: string): Promise<WebhookTrace> {
    return Promise.resolve({ receivedAt: 5, waiting: { [requestId]: 1 }, failed: {} });
  }

  erase(hardId: string): Promise<ErasedCounts> {
    this.erased.push(hardId);
    return Promise.resolve(ERASED);
  }
}

interface Reply {
  status: number;
  headers: Headers;
  text: string;
  json: any; // eslint-disable-line @typescript-eslint/no-explicit-any -- the tests look into it freely
}

describe("admin routes of the queues", () => {
  let desk: FakeDesk;
  let server: Server;
  let root: string;
  let scope: string;

  beforeEach(async () => {
    desk = new FakeDesk();
    scope = "*";
    const app = express();
    app.use(express.json());
    const needsPermission =
      (permission: string): RequestHandler =>
      (_request, response, next) =>
        permissions.hasPermission(scope, permission) ? next() : void response.status(401).end();
    const RED = { httpAdmin: app, auth: { needsPermission } } as unknown as NodeAPI;
    addQueueRoutes(
      RED,
      () => Promise.resolve(desk),
      () => PLACE,
    );
    server = createServer(app).listen(0, "127.0.0.1");
    await once(server, "listening");
    root = `http://127.0.0.1:${(server.address() as AddressInfo).port}/bloomreach-voucherify/queues`;
  });
  afterEach(() => {
    server.closeAllConnections();
    server.close();
  });

  async function reply(response: Response): Promise<Reply> {
    const text = await response.text();
    const isJson = response.headers.get("content-type")?.startsWith("application/json");
    return { status: response.status, headers: response.headers, text, json: isJson ? JSON.parse(text) : undefined };
  }
  const get = async (path: string): Promise<Reply> => reply(await fetch(root + path));
  const post = async (path: string, body: object): Promise<Reply> =>
    reply(
      await fetch(root + path, {
        method: "POST",
        headers: { "content-type": "application/json" },
        body: JSON.stringify(body),
      }),
    );

  const GETS = ["", "/failed", "/failed/export", "/failed/some-id", "/find?request_id=w"];
  const POSTS: [string, object][] = [
    ["/failed/replay", { all: true }],
    ["/failed/discard", { all: true }],
    ["/discard", { node: "gone" }],
    ["/erase", { hardId: "anna" }],
  ];

  it("lets a read-only user look and not act, and nobody without a permission do either", async () => {
    await desk.keep(1);
    scope = "read";
    for (const path of GETS) assert.notEqual((await get(path)).status, 401, path);
    for (const [path, body] of POSTS) assert.equal((await post(path, body)).status, 401, path);
    scope = "flows.write";
    for (const path of GETS) assert.equal((await get(path)).status, 401, path);
    for (const [path, body] of POSTS) assert.equal((await post(path, body)).status, 401, path);
    assert.equal(await desk.failed.count(), 1);
    assert.deepEqual(desk.erased, []);
  });

  it("takes JSON only: what a page of somebody else can have a browser post does nothing", async () => {
    await desk.keep(1);
    for (const [path, body] of POSTS) {
      for (const type of ["text/plain", "application/x-www-form-urlencoded", "multipart/form-data"]) {
        const headers = { "content-type": type };
        const { status, json } = await reply(
          await fetch(root + path, { method: "POST", headers, body: JSON.stringify(body) }),
        );
        assert.equal(status, 415, path);
        assert.match(json.error, /Send JSON/);
      }
      assert.equal((await reply(await fetch(root + path, { method: "POST" }))).status, 415);
    }
    assert.deepEqual([await desk.failed.count(), desk.replayed, desk.erased], [1, [], []]);
  });

  it("reports the queues, and says what is wrong with the store", async () => {
    const { json, headers } = await get("");
    assert.deepEqual(json, { queues: [REPORT], place: PLACE });
    assert.equal(headers.get("cache-control"), "no-store");
    desk.problem = "The disk is full.";
    assert.deepEqual((await get("")).json, { problem: "The disk is full.", queues: [], place: PLACE });
  });

  it("lists what failed page by page, of all nodes or of one", async () => {
    await desk.keep(3);
    await desk.keep(1, { node: "other", customer: "o" });
    const first = (await get("/failed?limit=2&node=upsert")).json;
    assert.deepEqual(
      first.letters.map(({ customer }: DeadLetter) => customer),
      ["c0", "c1"],
    );
    const second = (await get(`/failed?limit=2&node=upsert&after=${first.next}`)).json;
    assert.deepEqual(
      second.letters.map(({ customer }: DeadLetter) => customer),
      ["c2"],
    );
    assert.equal(second.next, undefined);
    assert.equal((await get("/failed")).json.letters.length, 4);
    assert.deepEqual((await get(`/failed/${first.letters[0].id}`)).json, first.letters[0]);
  });

  it("refuses with a sentence what it cannot answer", async () => {
    for (const [path, status] of [
      ["/failed?limit=0", 400],
      ["/failed?limit=201", 400],
      ["/failed?limit=many", 400],
      ["/failed/nothing", 404],
      ["/find", 400],
    ] as const) {
      const answer = await get(path);
      assert.equal(answer.status, status, path);
      assert.match(answer.json.error, /^[A-Z].*\.$/);
    }
    await desk.keep(1);
    const tooMany = Array.from({ length: 201 }, String);
    for (const [path, body] of [
      ...["/failed/replay", "/failed/discard"].flatMap((path) =>
        [{}, { all: "true" }, { ids: [1] }, { ids: "x" }, { ids: tooMany }, { node: "" }, { ids: [], all: true }].map(
          (body) => [path, body] as const,
        ),
      ),
      ["/discard", {}],
      ["/erase", { hardId: " " }],
    ] as const) {
      const answer = await post(path, body);
      assert.equal(answer.status, 400, `${path} ${JSON.stringify(body)}`);
      assert.match(answer.json.error, /^[A-Z].*\.$/);
    }
    assert.equal(await desk.failed.count(), 1);
  });

  it("says 503 while the store does not work, and 500 for everything else", async () => {
    const broken = (): Promise<never> => Promise.reject(new StoreUnavailableError("The disk is full."));
    Object.assign(desk.store.engine, { get: broken, read: broken });
    desk.find = () => Promise.reject(new Error("Something else."));
    for (const path of ["/failed", "/failed/x", "/failed/export"])
      assert.deepEqual([(await get(path)).status, (await get(path)).json], [503, { error: "The disk is full." }], path);
    const { status, json } = await get("/find?request_id=x");
    assert.deepEqual([status, json], [500, { error: "Something else." }]);
    assert.equal((await post("/failed/discard", { all: true })).status, 503);
  });

  it("replays by id, by node and all, and names what was refused", async () => {
    await desk.keep(3);
    await desk.keep(2, { node: "gone", customer: "g" });
    await desk.keep(1, { node: "other", customer: "o" });
    const { letters } = await desk.failed.list({ node: "upsert", limit: 1 });
    assert.deepEqual((await post("/failed/replay", { ids: [letters[0]!.id] })).json, { replayed: 1, refused: [] });
    assert.equal((await post("/failed/replay", { node: "upsert" })).json.replayed, 2);
    const { replayed, refused } = (await post("/failed/replay", { all: true })).json;
    assert.equal(replayed, 1);
    assert.deepEqual(
      refused.map(({ reason }: { reason: string }) => reason),
      ["Put the node back.", "Put the node back."],
    );
    assert.deepEqual(desk.replayed, ["c0", "c1", "c2", "o"]);
  });

  it("replays everything once, though what fails again comes back", async () => {
    await desk.keep(450);
    desk.onReplay = () => desk.keep(1, { customer: "again", failedAt: Date.now() + 1 });
    assert.equal((await post("/failed/replay", { all: true })).json.replayed, 450);
    assert.equal(await desk.failed.count(), 3);
  });

  it("discards by id, by node and all", async () => {
    await desk.keep(2);
    await desk.keep(2, { node: "other" });
    await desk.keep(1, { node: "third" });
    const { letters } = await desk.failed.list({ limit: 1 });
    assert.deepEqual((await post("/failed/discard", { ids: [letters[0]!.id, "none"] })).json, { discarded: 1 });
    assert.deepEqual((await post("/failed/discard", { node: "other" })).json, { discarded: 2 });
    assert.deepEqual((await post("/failed/discard", { all: true })).json, { discarded: 2 });
    assert.equal(await desk.failed.count(), 0);
  });

  it("exports JSON lines as a download, of all or of one node", async () => {
    await desk.keep(250);
    await desk.keep(1, { node: "other" });
    const { headers, text } = await get("/failed/export");
    assert.match(headers.get("content-disposition") ?? "", /attachment; filename="failed\.jsonl"/);
    assert.equal(headers.get("content-type"), "application/x-ndjson; charset=utf-8");
    const lines = text.trimEnd().split("\n");
    assert.deepEqual(
      lines.map((line) => JSON.parse(line) as DeadLetter),
      (await desk.failed.list({ limit: 300 })).letters,
    );
    assert.equal((await get("/failed/export?node=other")).text.trimEnd().split("\n").length, 1);
    assert.equal((await get("/failed/export?node=none")).text, "");
  });

  it("reads on for an export only as fast as it is taken, and stops when nobody takes it", async () => {
    await desk.keep(1000, { body: { text: "x".repeat(100_000) } });
    const { engine } = desk.store;
    const read = engine.read.bind(engine);
    let pages = 0;
    engine.read = (range) => {
      pages++;
      return read(range);
    };
    const request = httpGet(`${root}/failed/export`);
    const [response] = (await once(request, "response")) as [NodeJS.ReadableStream & { destroy(): void }];
    response.pause();
    let before = -1;
    while (before !== pages) {
      before = pages;
      for (let index = 0; index < 500; index++) await turn();
    }
    assert.ok(pages < 10, `${pages} pages of 100 letters were read for nobody`);
    response.destroy();
    await once(request, "close");
    for (let index = 0; index < 500; index++) await turn();
    assert.ok(pages < 10);
  });

  it("discards the queue of a removed node, and says why not that of another", async () => {
    assert.deepEqual((await post("/discard", { node: "gone" })).json, { discarded: 7 });
    const { status, json } = await post("/discard", { node: "upsert" });
    assert.deepEqual([status, json], [409, { error: "The node is deployed." }]);
  });

  it("finds a webhook and erases a customer", async () => {
    assert.deepEqual((await get("/find?request_id=w%2F1")).json, { receivedAt: 5, waiting: { "w/1": 1 }, failed: {} });
    assert.deepEqual((await post("/erase", { hardId: " anna " })).json, ERASED);
    assert.deepEqual(desk.erased, ["anna"]);
  });
});
