import assert from "node:assert/strict";
import { EventEmitter, once } from "node:events";
import { chmodSync, mkdirSync, mkdtempSync, readFileSync, rmSync, statSync, writeFileSync } from "node:fs";
import { createServer, request as httpRequest, type Server } from "node:http";
import { createRequire } from "node:module";
import { type AddressInfo, connect } from "node:net";
import { tmpdir } from "node:os";
import { dirname, join } from "node:path";
import FakeTimers, { type Clock } from "@sinonjs/fake-timers";
import fc from "fast-check";
import { isDeepStrictEqual } from "node:util";
import type { NodeAPI } from "node-red";
import { BodyMemory, readBody } from "../../src/webhooks/request-body";
import { normalizePath, pathProblem } from "../../src/webhooks/webhook-path";
import type { WebhookHandler, WebhookRequest } from "../../src/webhooks/webhook-request";
import { webhookRoutes } from "../../nodes/lib/webhooks/webhook-routes";
import { waitFor } from "../support/wait-for";

const requireNodeRed = createRequire(require.resolve("node-red"));
const express = requireNodeRed("express");
const bodyParser = requireNodeRed("body-parser");

const PATH = "/bloomreach-engagement/upsert-customer-bulk";
const STOP_CODES = [400, 404, 410, 412, 413, 418];
const options = { maxBytes: 1000 };

interface Response {
  send(text: string): void;
  sendStatus(status: number): void;
}

interface Answer {
  status: number;
  text: string;
  json: ReturnType<typeof JSON.parse>;
}

/** Node-RED as a node file sees it: the apps mounted as its red.js mounts them, and nothing behind them. */
class FakeNodeRed {
  readonly events = new EventEmitter();
  readonly httpNode = express();
  readonly httpAdmin = express();
  readonly logged: string[] = [];
  readonly server: Server;
  readonly RED: NodeAPI;

  constructor(
    readonly userDir: string,
    roots: { httpAdminRoot?: string | false; httpNodeRoot?: string | false } = {},
  ) {
    const settings = { httpAdminRoot: "/", httpNodeRoot: "/", userDir, ...roots };
    const app = express();
    this.server = createServer(app);
    const editorApi = express();
    editorApi.use(bodyParser.json({ limit: "5mb" }));
    const hiddenApp = express();
    hiddenApp.get("/", (_: unknown, response: Response) => response.send("editor"));
    hiddenApp.post("/flows", (_: unknown, response: Response) => response.send("deployed"));
    editorApi.use(hiddenApp);
    editorApi.use(this.httpAdmin);
    if (settings.httpAdminRoot !== false) app.use(settings.httpAdminRoot, editorApi);
    if (settings.httpNodeRoot !== false) {
      app.use(settings.httpNodeRoot, (_: unknown, response: Response) => response.sendStatus(401)); // httpNodeAuth
      app.use(settings.httpNodeRoot, this.httpNode);
    }
    const log = (text: unknown): number => this.logged.push(String(text));
    const { events, httpNode, httpAdmin, server } = this;
    this.RED = {
      settings,
      events,
      httpNode,
      httpAdmin,
      server,
      log: { info: () => undefined, warn: log, error: log },
    } as unknown as NodeAPI;
  }

  async listen(): Promise<void> {
    this.server.listen(0, "127.0.0.1");
    await once(this.server, "listening");
  }

  get port(): number {
    return (this.server.address() as AddressInfo).port;
  }

  send(
    path: string,
    { method = "POST", body = "{}", headers = {} }: { method?: string; body?: string | Buffer; headers?: object } = {},
  ): Promise<Answer> {
    const all = { "content-length": Buffer.byteLength(body), ...headers };
    return new Promise((resolve, reject) => {
      const request = httpRequest(
        { port: this.port, host: "127.0.0.1", path, method, headers: all, agent: false },
        (answer) => {
          const chunks: Buffer[] = [];
          answer.on("data", (chunk: Buffer) => chunks.push(chunk));
          answer.on("end", () => {
            const text = Buffer.concat(chunks).toString();
            let json: unknown;
            try {
              json = JSON.parse(text);
            } catch {
              json = undefined;
            }
            resolve({ status: answer.statusCode ?? 0, text, json });
          });
        },
      );
      request.on("error", reject);
      request.end(body);
    });
  }

  /** Sends bytes that no HTTP client would send, and reads until the other side closes. */
  async sendRaw(bytes: string): Promise<string> {
    const socket = connect(this.port, "127.0.0.1");
    let text = "";
    socket.on("data", (chunk) => (text += chunk.toString()));
    socket.write(bytes);
    await once(socket, "close");
    return text;
  }
}

describe("webhook routes", () => {
  let userDir: string;
  let nodeRed: FakeNodeRed;
  let clock: Clock | undefined;

  beforeEach(() => {
    userDir = mkdtempSync(join(tmpdir(), "webhook-routes-"));
  });
  afterEach(() => {
    clock?.uninstall();
    clock = undefined;
    nodeRed.server.closeAllConnections();
    nodeRed.server.close();
    rmSync(userDir, { recursive: true, force: true });
  });

  const start = async (roots = {}): Promise<ReturnType<typeof webhookRoutes>> => {
    nodeRed = new FakeNodeRed(userDir, roots);
    const routes = webhookRoutes(nodeRed.RED);
    await nodeRed.listen();
    return routes;
  };
  const startFlows = (): boolean => nodeRed.events.emit("flows:started", {});
  /** A handler that answers 200 with what it got. */
  const echo: WebhookHandler = ({ body, headers: _, query, ...request }) =>
    Promise.resolve({ status: 200, body: { ...request, body: body.toString(), query: query.toString() } });
  const pathsFile = (): string => join(userDir, "bloomreach-voucherify", "paths.json");
  const remember = (paths: object): void => {
    mkdirSync(join(userDir, "bloomreach-voucherify"), { recursive: true });
    writeFileSync(pathsFile(), JSON.stringify(paths));
  };
  it("let no other user of the machine read the paths, also those of release 0.1.0", async function () {
    if (process.platform === "win32") this.skip();
    const openTo = (path: string): number => statSync(path).mode & 0o077;
    remember({ "/old": null });
    chmodSync(dirname(pathsFile()), 0o755);
    chmodSync(pathsFile(), 0o644);
    const routes = await start();
    assert.deepEqual([openTo(dirname(pathsFile())), openTo(pathsFile())], [0, 0]);
    assert.ok(routes.claim(PATH, echo, options).ok);
    assert.ok(Object.keys(JSON.parse(readFileSync(pathsFile(), "utf8")) as object).includes(PATH));
    assert.equal(openTo(pathsFile()), 0);
  });

  const fakeTimers = (): Clock => (clock = FakeTimers.install({ toFake: ["setTimeout", "clearTimeout", "Date"] }));

  it("are one object for every node file, installed once", async () => {
    const routes = await start();
    assert.equal(webhookRoutes(nodeRed.RED), routes);
    assert.ok(routes.enabled);
    const parent = nodeRed.httpNode.parent;
    const { stack } = parent._router;
    assert.equal(stack.filter((layer: { handle: unknown }) => layer.handle === stack[0].handle).length, 1);
  });

  for (const [roots, prefix] of [
    [{}, ""],
    [{ httpAdminRoot: "/admin", httpNodeRoot: "/api" }, "/api"],
    [{ httpAdminRoot: false, httpNodeRoot: "/api/" }, "/api"],
  ] as const)
    it(`hand over exact bytes, of every method, before parsers and authentication: ${JSON.stringify(roots)}`, async () => {
      const routes = await start(roots);
      assert.ok(routes.claim(PATH, echo, options).ok);
      startFlows();
      for (const method of ["POST", "GET", "PUT", "PATCH", "DELETE", "OPTIONS"]) {
        const { status, json } = await nodeRed.send(`${prefix}${PATH}`, { method, body: '{ "a": 1.0, broken' });
        assert.equal(status, 200);
        assert.equal(json.method, method);
        assert.equal(json.path, `${prefix}${PATH}`);
        assert.equal(json.body, '{ "a": 1.0, broken');
        assert.equal(json.tooLarge, false);
      }
      const head = await nodeRed.send(`${prefix}${PATH}`, { method: "HEAD", body: "" });
      assert.deepEqual([head.status, head.text], [200, ""]);
    });

  it("tolerate a trailing slash, doubled slashes, a query, another case and an absolute address", async () => {
    const routes = await start();
    assert.ok(routes.claim(PATH, echo, options).ok);
    startFlows();
    for (const path of [
      `${PATH}/`,
      `//bloomreach-engagement///upsert-customer-bulk//`,
      PATH.toUpperCase(),
      `http://x.test${PATH}`,
    ])
      assert.equal((await nodeRed.send(path)).status, 200, path);
    assert.equal((await nodeRed.send(`${PATH}/?a=1&a=2`)).json.query, "a=1&a=2");
  });

  it("tell who has keys the paths that these open and no others, and leave other paths alone", async () => {
    const routes = await start();
    const knows = (headers: object): boolean => "x-key" in headers;
    const others = (headers: object): boolean => "x-other-key" in headers;
    assert.ok(routes.claim(PATH, echo, { ...options, knows }).ok);
    assert.ok(routes.claim("/my/hook", echo, { ...options, knows }).ok);
    assert.ok(routes.claim("/other/account", echo, { ...options, knows: others }).ok);
    assert.ok(routes.claim("/voucherify/events", echo, options).ok);
    startFlows();
    for (const path of ["/bloomreach-engagement", "/bloomreach-engagement/", "/bloomreach-engagement/upsert?x"]) {
      const stranger = await nodeRed.send(path, { body: Buffer.alloc(100_000) });
      assert.equal(stranger.status, 500);
      assert.doesNotMatch(stranger.text, /upsert-customer-bulk|hook|other|voucherify/);
      const { status, json } = await nodeRed.send(path, { method: "PUT", headers: { "x-key": "1" } });
      assert.equal(status, 500);
      assert.equal(json.success, false);
      assert.ok(json.request_id);
      assert.match(
        json.errors[0].description,
        /Valid paths: \/bloomreach-engagement\/upsert-customer-bulk, \/my\/hook\./,
      );
    }
    assert.equal((await nodeRed.send("/my/hook")).status, 200);
    for (const path of ["/my", "/my/hook/below", "/bloomreach-engagement-2"])
      assert.equal((await nodeRed.send(path)).status, 401, path);
  });

  it("know a path in every spelling", async () => {
    const routes = await start();
    assert.ok(routes.claim(PATH, echo, options).ok);
    startFlows();
    const spelled = [
      "/%62loomreach-engagement/upsert-customer-bulk",
      "/bloomreach%2Dengagement%2Fupsert-customer-bulk",
      "/x/../bloomreach-engagement/./upsert-customer-bulk",
      "/bloomreach-engagement/%2e%2e/bloomreach-engagement/upsert-customer-bulk",
      "/bloomreach-engagement\\upsert-customer-bulk",
      "HTTP://user@x.test:80/bloomreach-engagement/upsert-customer-bulk?a#b",
    ];
    for (const path of spelled) assert.equal((await raw(`POST ${path}`)).status, 200, path);
    const ours = [
      `${PATH}.`,
      "/bloomreach-engagement.",
      "/bloomreach-engagement;a",
      "/bloomreach-engagement%20/x",
      "/bloomreach-engagement/../flows",
      "/bloomreach-engagement/%zz",
    ];
    for (const path of ours) assert.equal((await raw(`POST ${path}`)).status, 500, path);
  });

  /** One request as it is written, with an empty object as its body, and its answer. */
  const raw = async (
    start: string,
    {
      version = "1.1",
      headers = ["Host: x"],
      body = "{}",
    }: { version?: string; headers?: string[]; body?: string } = {},
  ): Promise<{ status: number; text: string }> => {
    const lines = [`${start} HTTP/${version}`, ...headers, `Content-Length: ${body.length}`];
    if (!headers.some((header) => header.startsWith("Connection"))) lines.push("Connection: close");
    const text = await nodeRed.sendRaw(`${lines.join("\r\n")}\r\n\r\n${body}`);
    return { status: Number(/^HTTP\/1\.1 (\d+)/.exec(text.replace("HTTP/1.1 100 Continue\r\n\r\n", ""))?.[1]), text };
  };

  it("answer a request that offers another protocol, expects something, or has no Host", async () => {
    const routes = await start();
    nodeRed.server.on("upgrade", () => undefined); // as Node-RED's editor has one
    assert.ok(routes.claim(PATH, echo, { maxBytes: 100_000 }).ok);
    startFlows();
    const long = `"${"x".repeat(90_000)}"`;
    for (const [version, headers] of [
      ["1.1", ["Host: x", "Connection: Upgrade, HTTP2-Settings", "Upgrade: h2c", "HTTP2-Settings: AAMAAABk"]],
      ["1.1", ["Host: x", "Connection: Upgrade", "Upgrade: websocket"]],
      ["1.1", ["Host: x", "Expect: 100-continue"]],
      ["1.1", ["Host: x", "Expect: the-impossible"]],
      ["1.1", []],
      ["1.0", []],
    ] as const)
      for (const body of ["{}", long]) {
        const answer = await raw(`POST ${PATH}`, { version, headers: [...headers], body });
        assert.equal(answer.status, 200, headers.join());
        assert.ok(answer.text.includes(JSON.stringify(body)), headers.join());
      }
    assert.equal((await raw("POST /other", { headers: [] })).status, 400);
    assert.equal((await raw("POST /other", { headers: ["Host: x", "Expect: the-impossible"] })).status, 417);
  });

  it("answer every method, also one that is none, and several requests at once", async () => {
    const routes = await start();
    assert.ok(routes.claim(PATH, echo, options).ok);
    startFlows();
    for (const method of ["HEAD", "OPTIONS", "PUT", "DELETE", "TRACE", "PROPFIND", "M-SEARCH"])
      assert.equal((await raw(`${method} ${PATH}`)).status, 200, method);
    for (const start of [`post ${PATH}`, `BREW ${PATH}`, `CONNECT ${PATH}`])
      assert.equal((await raw(start)).status, 500, start);
    const one = (body: string): string => `POST ${PATH} HTTP/1.1\r\nHost: x\r\nContent-Length: ${body.length}\r\n`;
    const chunked = `POST ${PATH} HTTP/1.1\r\nHost: x\r\nTransfer-Encoding: chunked\r\nTrailer: X-End\r\nConnection: close\r\n\r\n2\r\n{}\r\n0\r\nX-End: 1\r\n\r\n`;
    const answers = await nodeRed.sendRaw(`${one("a")}\r\na${one("bb")}\r\nbb${chunked}`);
    assert.deepEqual(answers.match(/HTTP\/1\.1 \d+/g), Array(3).fill("HTTP/1.1 200"));
  });

  describe("of a request that breaks in a later packet", () => {
    const inTwo = async (head: string, rest: string): Promise<string> => {
      const socket = connect(nodeRed.port, "127.0.0.1");
      let text = "";
      socket.on("data", (chunk) => (text += chunk.toString()));
      const [[serverSide]] = await Promise.all([once(nodeRed.server, "connection"), once(socket, "connect")]);
      socket.write(head);
      while ((serverSide as { bytesRead: number }).bytesRead === 0) await new Promise(setImmediate);
      socket.write(rest);
      await once(socket, "close");
      return text;
    };
    const chunked = (path: string): string => `POST ${path} HTTP/1.1\r\nHost: x\r\nTransfer-Encoding: chunked\r\n\r\n`;
    const TOO_LONG = `1;${"e".repeat(20_000)}\r\na\r\n`;

    it("answer 500 where it is on our path, or could be", async () => {
      const routes = await start();
      assert.ok(routes.claim(PATH, echo, options).ok);
      startFlows();
      for (const [head, rest] of [
        [`POST ${PATH} HTTP/1.1\r\nHost: x\r\n`, "Content-Length: abc\r\n\r\n"],
        [`POST ${PATH} HTTP/1.1\r\nHost: x\r\n`, "Content-Type: application/json\r\nContent-Length: abc\r\n\r\n"],
        [chunked(PATH), "not a size\r\n"],
        [chunked(PATH), TOO_LONG],
      ] as const)
        assert.match(await inTwo(head, rest), /^HTTP\/1\.1 500 .*"success":false/s, JSON.stringify(rest.slice(0, 60)));
    });

    it("leave Node's answer where it is on somebody else's", async () => {
      await start();
      startFlows();
      // It was answered 401 before its body came.
      assert.match(await inTwo(chunked("/other"), "not a size\r\n"), /^HTTP\/1\.1 401 .*HTTP\/1\.1 400 /s);
      assert.match(await inTwo(chunked("/other"), TOO_LONG), /^HTTP\/1\.1 401 .*HTTP\/1\.1 413 /s);
    });
  });

  describe("bodies in memory", () => {
    const MEGABYTE = 2 ** 20;
    const sockets: ReturnType<typeof connect>[] = [];
    afterEach(() => sockets.splice(0).forEach((socket) => socket.destroy()));
    /** Requests that send 9 MB of 10 and wait. */
    const begin = async (count: number, path = PATH, header = ""): Promise<void> => {
      for (let at = 0; at < count; at++) {
        const socket = connect(nodeRed.port, "127.0.0.1");
        sockets.push(socket);
        const [serverSide] = (await once(nodeRed.server, "connection")) as [{ bytesRead: number }];
        socket.write(`POST ${path} HTTP/1.1\r\nHost: x\r\n${header}Content-Length: ${10 * MEGABYTE}\r\n\r\n`);
        socket.write(Buffer.alloc(9 * MEGABYTE));
        while (serverSide.bytesRead < 9 * MEGABYTE) await new Promise(setImmediate);
      }
    };
    const refusal = ({ headers }: { headers: object }): { status: number; body: object } | undefined =>
      "x-key" in headers ? undefined : { status: 401, body: { success: false } };
    const keyed = { headers: { "x-key": "1" }, body: Buffer.alloc(9 * MEGABYTE) };

    it("have a bound: beyond it 500, and room again when a request has ended", async () => {
      const routes = await start();
      const size: WebhookHandler = ({ body }) => Promise.resolve({ status: 200, body: { size: body.length } });
      assert.ok(routes.claim(PATH, size, { maxBytes: 10 * MEGABYTE, refusal }).ok);
      startFlows();
      await begin(7, PATH, "X-Key: 1\r\n");
      assert.equal((await nodeRed.send(PATH, keyed)).status, 500);
      sockets.splice(0, 1).forEach((socket) => socket.destroy());
      while ((await promisedConnections()) > 6) await new Promise(setImmediate);
      assert.equal((await nodeRed.send(PATH, keyed)).json.size, 9 * MEGABYTE);
      assert.equal((await nodeRed.send(PATH, keyed)).json.size, 9 * MEGABYTE);
    });

    it("are not those of senders without keys, or to unknown paths", async () => {
      const routes = await start();
      const size: WebhookHandler = ({ body }) => Promise.resolve({ status: 200, body: { size: body.length } });
      assert.ok(routes.claim(PATH, size, { maxBytes: 10 * MEGABYTE, refusal }).ok);
      startFlows();
      await begin(8);
      await begin(8, "/bloomreach-engagement/unknown", "X-Key: 1\r\n");
      assert.equal((await nodeRed.send(PATH, keyed)).json.size, 9 * MEGABYTE);
      assert.equal((await nodeRed.send(PATH, { body: Buffer.alloc(12 * MEGABYTE) })).status, 401);
    });

    for (const limits of [{ stalledMs: 1 }, { longestMs: -1 }])
      it(`end when a body does not: ${JSON.stringify(limits)}`, async () => {
        await start();
        const memory = new BodyMemory(() => 10);
        const server = createServer((request, response) => {
          void readBody(request, { most: 10, memory, ...limits }).then((body) => response.end(JSON.stringify(body)));
        }).listen(0, "127.0.0.1");
        await once(server, "listening");
        const socket = connect((server.address() as AddressInfo).port, "127.0.0.1");
        socket.write("POST / HTTP/1.1\r\nHost: x\r\nContent-Length: 20\r\n\r\n0123456789");
        const [answer] = (await once(socket, "data")) as [Buffer];
        assert.match(answer.toString(), /"isCut":true/);
        assert.ok(memory.take(10));
        socket.destroy();
        server.close();
      });
  });

  it("drain a body over the limit, then hand it over empty", async () => {
    const routes = await start();
    assert.ok(routes.claim(PATH, echo, options).ok);
    startFlows();
    const exact = await nodeRed.send(PATH, { body: "x".repeat(1000) });
    assert.deepEqual([exact.json.body.length, exact.json.tooLarge], [1000, false]);
    const over = await nodeRed.send(PATH, { body: Buffer.alloc(12 * 2 ** 20, "x") });
    assert.deepEqual([over.status, over.json.body, over.json.tooLarge], [200, "", true]);
  });

  it("hold a request between two lives of its node, and hand it over once flows have started", async () => {
    const routes = await start();
    const first = routes.claim(PATH, echo, options);
    startFlows();
    nodeRed.events.emit("flows:stopping", {});
    assert.ok(first.ok);
    first.release(false);
    const waiting = nodeRed.send(PATH, { body: "kept" });
    await once(nodeRed.server, "request");

    let flowsRun = false;
    const second = routes.claim(PATH, (request) => (assert.ok(flowsRun), echo(request)), options);
    assert.ok(second.ok);
    first.release(false); // a late second close of the first node changes nothing
    flowsRun = true;
    startFlows();
    assert.equal((await waiting).json.body, "kept");
  });

  it("answer 500 when nothing comes back within 800 ms", async () => {
    const routes = await start();
    const claim = routes.claim(PATH, echo, options);
    startFlows();
    assert.ok(claim.ok);
    claim.release(false);
    const timers = fakeTimers();
    let answered = false;
    const waiting = nodeRed.send(PATH).finally(() => (answered = true));
    while (timers.countTimers() === 0) await new Promise(setImmediate);
    timers.tick(799);
    await nodeRed.send("/bloomreach-engagement/other"); // a whole round trip later
    assert.equal(answered, false);
    timers.tick(1);
    const { status, json } = await waiting;
    assert.equal(status, 500);
    assert.equal(json.success, false);
    assert.equal(json.errors[0].code, "retry_later");
  });

  it("ask for a retry when a request was cut by the default limit but its node takes more", async () => {
    remember({ [PATH]: null });
    const routes = await start();
    const waiting = nodeRed.send(PATH, { body: Buffer.alloc(33 * 2 ** 20) });
    const [request] = (await once(nodeRed.server, "request")) as [EventEmitter];
    await once(request, "end");
    assert.ok(routes.claim(PATH, echo, { maxBytes: 50 * 2 ** 20 }).ok);
    startFlows();
    assert.equal((await waiting).status, 500);
  });

  it("turn rejections, throws, stop codes, nonsense and silence of a handler into 500", async () => {
    const routes = await start();
    const circular: { self?: object } = {};
    circular.self = circular;
    const handlers: WebhookHandler[] = [
      () => Promise.reject(new Error("no")),
      () => {
        throw new Error("no");
      },
      () => Promise.resolve({ status: 200, body: circular }),
      () => Promise.resolve({ status: 42, body: {} }),
      () => Promise.resolve(undefined as never),
      ...STOP_CODES.map(
        (status): WebhookHandler =>
          () =>
            Promise.resolve({ status, body: {} }),
      ),
    ];
    startFlows();
    for (const handler of handlers) {
      const claim = routes.claim(PATH, handler, options);
      assert.ok(claim.ok);
      assert.equal((await nodeRed.send(PATH)).status, 500, String(handler));
      claim.release(false);
    }

    const timers = fakeTimers();
    assert.ok(routes.claim(PATH, () => new Promise(() => undefined), options).ok);
    const silent = nodeRed.send(PATH);
    while (timers.countTimers() === 0) await new Promise(setImmediate);
    timers.tick(10_000);
    assert.equal((await silent).status, 500);
  });

  it("survive clients that hang up, and do not hand over what nobody waits for", async () => {
    const routes = await start();
    const got: WebhookRequest[] = [];
    const handler: WebhookHandler = (request) => (got.push(request), echo(request));
    const head = `POST ${PATH} HTTP/1.1\r\nHost: x\r\nContent-Length: 5\r\n\r\n`;
    assert.ok(routes.claim(PATH, handler, options).ok);
    for (const bytes of [head, `${head}abc`, `${head}abcde`]) {
      const socket = connect(nodeRed.port, "127.0.0.1");
      socket.write(bytes);
      const [request] = (await once(nodeRed.server, "request")) as [EventEmitter];
      const closed = new Promise((resolve) => request.on("close", resolve)); // `once` would reject at its "error"
      if (bytes.endsWith("abcde")) await once(request, "end"); // now it is held: flows do not run yet
      socket.destroy();
      await closed;
    }
    while ((await promisedConnections()) > 0) await new Promise(setImmediate);
    startFlows();
    assert.equal((await nodeRed.send(PATH, { body: "last" })).status, 200);
    assert.deepEqual(
      got.map(({ body }) => body.toString()),
      ["last"],
    );
  });
  const promisedConnections = (): Promise<number> =>
    new Promise((resolve, reject) =>
      nodeRed.server.getConnections((error, count) => (error ? reject(error) : resolve(count))),
    );

  it("answer 500, not Node's 400 or 413, to broken HTTP on our paths only", async () => {
    const routes = await start();
    assert.ok(routes.claim(PATH, echo, options).ok);
    startFlows();
    const ours = [
      `POST ${PATH} HTTP/1.1\r\nHost: x\r\nContent-Length: abc\r\n\r\n`,
      `POST ${PATH} HTTP/1.1\r\nHost: x\r\nContent-Length: 5\r\nTransfer-Encoding: chunked\r\n\r\n`,
      `POST ${PATH} HTTP/1.1\r\nHost: x\r\nTransfer-Encoding: chunked\r\n\r\nnot a size\r\n`,
      `POST ${PATH} HTTP/1.1\r\nHost: x\r\nTransfer-Encoding: chunked\r\n\r\n1;${"e".repeat(20_000)}\r\na\r\n`,
      `POST ${PATH} HTTP/1.1\r\nHost: x\r\nX-Long: ${"h".repeat(20_000)}\r\n\r\n`,
    ];
    for (const bytes of ours) assert.match(await nodeRed.sendRaw(bytes), /^HTTP\/1\.1 500 .*"success":false/s);
    const others = await nodeRed.sendRaw("POST /other HTTP/1.1\r\nHost: x\r\nContent-Length: abc\r\n\r\n");
    assert.match(others, /^HTTP\/1\.1 400 /);
    const expecting = `POST ${PATH} HTTP/1.1\r\nHost: x\r\nConnection: close\r\nContent-Length: 2\r\nExpect: 100-continue\r\n\r\n{}`;
    assert.match(await nodeRed.sendRaw(expecting), /^HTTP\/1\.1 100 Continue\r\n\r\nHTTP\/1\.1 200 /);
  });

  it("let the first of two nodes with one path work on, also when both restart", async () => {
    const routes = await start();
    const first = routes.claim(PATH, () => Promise.resolve({ status: 200, body: { node: 1 } }), options);
    const second = routes.claim(`${PATH}/`, echo, options);
    assert.ok(first.ok && !second.ok);
    assert.match(second.reason, /Another node already receives on/);
    startFlows();
    assert.equal((await nodeRed.send(PATH)).json.node, 1);

    first.release(false);
    const restarted = routes.claim(PATH, () => Promise.resolve({ status: 200, body: { node: "1 again" } }), options);
    assert.ok(restarted.ok && !routes.claim(PATH, echo, options).ok);
    startFlows();
    assert.equal((await nodeRed.send(PATH)).json.node, "1 again");
  });

  it("are switched off by httpNodeRoot false", async () => {
    const routes = await start({ httpNodeRoot: false });
    const claim = routes.claim(PATH, echo, options);
    assert.ok(!routes.enabled && !claim.ok);
    assert.match(claim.reason, /httpNodeRoot/);
    startFlows();
    assert.equal((await nodeRed.send(PATH)).status, 404);
  });

  it("never throw at load", () => {
    nodeRed = new FakeNodeRed(userDir);
    const routes = webhookRoutes({ ...nodeRed.RED, httpNode: {} } as unknown as NodeAPI);
    assert.ok(!routes.enabled && !routes.claim(PATH, echo, options).ok);
    assert.equal(nodeRed.logged.length, 1);
  });

  describe("paths that belong to somebody else", () => {
    it("of Node-RED's admin app, and of other nodes in it, are refused where the roots overlap", async () => {
      const routes = await start();
      nodeRed.httpAdmin.get("/other-node/list", () => undefined);
      for (const path of ["/", "/flows", "/Flows/", "/settings/user", "/other-node/list"]) {
        const claim = routes.claim(path, echo, options);
        assert.ok(!claim.ok && /already belongs to/.test(claim.reason), path);
        assert.ok(routes.pathOwner(path), path);
      }
      assert.equal(routes.pathOwner("/other-node/list/below"), undefined);
      assert.equal(routes.pathOwner(PATH), undefined);
    });

    it("of the admin app are free where the roots do not overlap", async () => {
      const routes = await start({ httpAdminRoot: "/admin", httpNodeRoot: "/api" });
      assert.equal(routes.pathOwner("/flows"), undefined);
      assert.equal(routes.pathOwner("/"), undefined);
      nodeRed.server.close();
      const nested = await start({ httpAdminRoot: "/api/admin", httpNodeRoot: "/api" });
      assert.equal(nested.pathOwner("/admin"), "Node-RED's editor");
      assert.equal(nested.pathOwner("/admin/flows"), "Node-RED's editor");
      assert.equal(nested.pathOwner("/flows"), undefined);
      nodeRed.server.close();
      assert.equal((await start({ httpAdminRoot: false })).pathOwner("/flows"), undefined);
    });

    it("of an http in are refused; catch-all routes and middleware own no path", async () => {
      const routes = await start();
      nodeRed.httpNode.use((_request: unknown, _response: unknown, next: () => void) => next());
      nodeRed.httpNode.use("/dashboard", () => undefined);
      nodeRed.httpNode.get("/taken", () => undefined);
      nodeRed.httpNode.post("/items/:id", () => undefined);
      nodeRed.httpNode.get("*", () => undefined);
      for (const path of ["/taken", "/Taken/", "/items/7", "/dashboard/page"]) assert.ok(routes.pathOwner(path), path);
      for (const path of [PATH, "/items", "/free"]) assert.equal(routes.pathOwner(path), undefined, path);
    });

    it("are given up when an http in turns out to own them, and left to it", async () => {
      const routes = await start({ httpAdminRoot: "/admin" });
      const refused: string[] = [];
      const claim = routes.claim("/hook", echo, { ...options, onRefused: (reason) => refused.push(reason) });
      assert.ok(claim.ok);
      nodeRed.httpNode.post("/hook", (_: unknown, response: Response) => response.send("http in"));
      startFlows();
      assert.equal(refused.length, 1);
      assert.match(refused[0] ?? "", /\/hook already belongs to another node/);
      claim.release(true);
      assert.equal((await nodeRed.send("/hook")).status, 401); // the authentication in front of the http in
      assert.deepEqual(JSON.parse(readFileSync(pathsFile(), "utf8")), {});
    });

    it("are not held for us after a restart", async () => {
      remember({ "/flows": null, "/hook": null });
      const routes = await start({ httpAdminRoot: "/" });
      nodeRed.httpNode.post("/hook", () => undefined);
      startFlows();
      assert.equal((await nodeRed.send("/flows")).text, "deployed");
      assert.equal((await nodeRed.send("/hook")).status, 401);
      assert.ok(routes.enabled);
    });
  });

  it("refuse paths with anything but plain characters, with a sentence", async () => {
    const routes = await start();
    for (const path of ["", "hook", "/a b", "/a?b", "/a#b", "/:id", "/*", "/a/../flows", "/a\n", "/(x)"]) {
      const claim = routes.claim(path, echo, options);
      assert.ok(!claim.ok && claim.reason.startsWith("The path "), path);
    }
    fc.assert(
      fc.property(fc.string(), (text) => void (normalizePath(text), pathProblem(text), routes.pathOwner(text))),
    );
    fc.assert(
      fc.property(fc.webUrl({ withQueryParameters: true, withFragments: true }), (url) => {
        const once = normalizePath(url);
        return once.startsWith("/") && !once.includes("?") && !once.includes("//") && normalizePath(once) === once;
      }),
    );
  });

  describe("remembered paths", () => {
    it("are full paths on disk, held after a restart before the flows start", async () => {
      const routes = await start({ httpNodeRoot: "/api" });
      assert.ok(routes.claim("/my/Hook", echo, options).ok);
      assert.deepEqual(JSON.parse(readFileSync(pathsFile(), "utf8")), { "/api/my/hook": null });
      nodeRed.server.close();

      const again = await start({ httpNodeRoot: "/api" });
      const waiting = nodeRed.send("/api/my/hook", { body: "early" });
      await once(nodeRed.server, "request");
      assert.ok(again.claim("/my/Hook", echo, options).ok);
      startFlows();
      assert.equal((await waiting).json.body, "early");
    });

    it("are forgotten 24 h after their node was removed", async () => {
      const routes = await start();
      const claim = routes.claim("/hook", echo, options);
      startFlows();
      assert.ok(claim.ok);
      const timers = fakeTimers();
      claim.release(true);
      assert.deepEqual(JSON.parse(readFileSync(pathsFile(), "utf8")), { "/hook": 0 });
      const held = nodeRed.send("/hook");
      while (timers.countTimers() === 0) await new Promise(setImmediate);
      timers.tick(800);
      assert.equal((await held).status, 500);
      const unknown = await nodeRed.send("/bloomreach-engagement/x");
      assert.doesNotMatch(unknown.json.errors[0].description, /\/hook/);
      timers.setSystemTime(24 * 60 * 60 * 1000);
      assert.equal((await nodeRed.send("/hook")).status, 401);
      assert.ok(routes.claim(PATH, echo, options).ok);
      assert.deepEqual(JSON.parse(readFileSync(pathsFile(), "utf8")), { [PATH]: null });
    });

    it("of nodes that did not come back count as removed once flows have started", async () => {
      remember({ [PATH]: null, "/gone": null });
      const routes = await start();
      assert.ok(routes.claim(PATH, echo, options).ok);
      startFlows();
      const kept = JSON.parse(readFileSync(pathsFile(), "utf8"));
      assert.equal(kept[PATH], null);
      assert.ok(Date.now() - kept["/gone"] < 60_000);
    });

    it("may be damaged, missing or unwritable", async () => {
      for (const text of ["", "[]", "null", '{"a":{}}', '{"/x":"y"'])
        await (async () => {
          remember({});
          writeFileSync(pathsFile(), text);
          const routes = await start();
          assert.ok(routes.claim(PATH, echo, options).ok, text);
          startFlows();
          assert.equal((await nodeRed.send(PATH)).status, 200);
          nodeRed.server.close();
        })();

      rmSync(join(userDir, "bloomreach-voucherify"), { recursive: true });
      writeFileSync(join(userDir, "bloomreach-voucherify"), "a file where the folder should be");
      const routes = await start();
      assert.ok(routes.claim(PATH, echo, options).ok);
      assert.ok(routes.claim("/second", echo, options).ok);
      startFlows();
      assert.equal((await nodeRed.send(PATH)).status, 200);
      assert.equal(nodeRed.logged.length, 1);
      assert.match(nodeRed.logged[0] ?? "", /could not be saved/);
    });
  });

  describe("the health check", () => {
    const READY = "/bloomreach-engagement/ready";
    const ask = (path = READY, method = "GET"): Promise<Answer> => nodeRed.send(path, { method, body: "" });
    const untilReady = (status: number): Promise<boolean> =>
      waitFor(`the health check to answer ${status}`, async () => (await ask()).status === status, 15_000);

    it("is 200 without keys while flows run and something can be kept, below httpNodeRoot, in every spelling", async () => {
      await start({ httpAdminRoot: "/admin", httpNodeRoot: "/api" });
      startFlows();
      // A busy disk may not be ready for a moment.
      for (const path of [READY, `${READY}/`, `${READY}?x=1`, READY.toUpperCase(), "/bloomreach-engagement/%72eady"]) {
        const ready = { ready: true, message: "Webhooks can be received." };
        await waitFor(path, async () => isDeepStrictEqual((await ask(`/api${path}`)).json, ready));
      }
      await waitFor("HEAD", async () => (await ask(`/api${READY}`, "HEAD")).status === 200);
      assert.equal((await ask(`/api${READY}`, "HEAD")).text, "");
      assert.equal((await ask(READY)).status, 404); // not ours
      for (const method of ["POST", "PUT", "DELETE"])
        assert.match((await ask(`/api${READY}`, method)).text, /unknown_path/);
    });

    it("is 500 with a sentence while flows do not run, and waits for them as a webhook does", async () => {
      await start();
      fakeTimers();
      const early = ask();
      await clock!.tickAsync(700);
      startFlows();
      clock!.uninstall();
      assert.equal((await early).status, 200);
      nodeRed.events.emit("flows:stopping");
      const { status, json } = await ask();
      assert.equal(status, 500);
      assert.deepEqual(json, {
        ready: false,
        message: "The flows of this Node-RED do not run, so no webhook can be received now.",
      });
    });

    it("is 500 while nothing can be kept, tells no place, and 200 again without a restart", async () => {
      mkdirSync(join(userDir, "bloomreach-voucherify"));
      const folder = join(userDir, "bloomreach-voucherify", "queue");
      writeFileSync(folder, "a file in its place");
      await start();
      startFlows();
      const { status, text, json } = await ask();
      assert.equal(status, 500);
      assert.deepEqual(Object.keys(json), ["ready", "message"]);
      assert.match(text, /Nothing can be kept safely now.*see the log of Node-RED/);
      assert.doesNotMatch(text, /voucherify\/queue|tmp/);
      rmSync(folder);
      await untilReady(200);
    });

    for (const path of [READY, `${READY}/`, "/Bloomreach-Engagement/READY"])
      it(`keeps its path: no node gets ${path}`, async () => {
        const routes = await start();
        assert.equal(routes.pathOwner(path), "the health check of this package");
        const result = routes.claim(path, echo, options);
        assert.ok(!result.ok);
        assert.match(result.reason, /already belongs to the health check of this package\. Choose another one/);
      });
  });
});
