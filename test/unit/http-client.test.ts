import assert from "node:assert/strict";
import { createServer, type IncomingMessage, type Server, type ServerResponse } from "node:http";
import { once } from "node:events";
import { type AddressInfo, createServer as createNetServer } from "node:net";
import type { Duplex } from "node:stream";
import { inspect } from "node:util";
import { type HttpRequest, sendHttp, TransportError } from "../../src/http/http-client";
import type { JsonObject } from "../../src/json";
import { waitFor } from "../support/wait-for";

const SECRET = "a-secret-that-must-stay-here";

describe("sendHttp", () => {
  let server: Server;
  let answer: (request: IncomingMessage, response: ServerResponse) => void;
  let received: { method?: string; body: string; headers: IncomingMessage["headers"] }[];

  before((done) => {
    server = createServer((request, response) => {
      const chunks: Buffer[] = [];
      request.on("data", (chunk: Buffer) => chunks.push(chunk));
      request.on("end", () => {
        received.push({ method: request.method, body: Buffer.concat(chunks).toString(), headers: request.headers });
        answer(request, response);
      });
    });
    server.listen(0, "127.0.0.1", done);
  });
  after(() => {
    server.closeAllConnections();
    server.close();
  });
  beforeEach(() => {
    received = [];
  });

  const send = (more: Partial<HttpRequest> = {}) =>
    sendHttp({
      method: "POST",
      url: `http://127.0.0.1:${(server.address() as AddressInfo).port}/path`,
      headers: { "X-App-Token": SECRET, "Content-Type": "application/json" },
      body: '{"a": 1.0}',
      timeoutMs: 5_000,
      ...more,
    });

  /** The error of a request that must fail; checks that it tells no secret, however it is printed. */
  async function failure(more: Partial<HttpRequest> = {}): Promise<TransportError> {
    const error = await send(more).then(
      () => assert.fail("the request did not fail"),
      (reason: unknown) => reason,
    );
    assert.ok(error instanceof TransportError);
    assert.ok(!inspect(error, { depth: 10, showHidden: true }).includes(SECRET));
    return error;
  }

  it("sends the exact bytes and gives back status, headers, text and JSON", async () => {
    answer = (_, response) => response.writeHead(202, { "X-Rate-Limit-Limit": "100" }).end('{"id": 1}');
    const { status, headers, text, json } = await send();
    assert.deepEqual({ status, text, json }, { status: 202, text: '{"id": 1}', json: { id: 1 } });
    assert.equal(headers["x-rate-limit-limit"], "100");
    assert.equal(received[0]?.body, '{"a": 1.0}');
    assert.equal(received[0]?.headers["x-app-token"], SECRET);
  });

  for (const status of [400, 401, 404, 429, 500, 503])
    it(`resolves on status ${status}`, async () => {
      answer = (_, response) => response.writeHead(status).end('{"code":1}');
      assert.equal((await send()).status, status);
    });

  for (const [what, text] of [
    ["a web page", "<html>"],
    ["half a JSON", '{"a":'],
    ["nothing", ""],
    ["a list of 101 levels", "[".repeat(101) + "]".repeat(101)],
    ["a list of 100,000 levels", "[".repeat(100_000) + "]".repeat(100_000)],
  ] as const)
    it(`takes ${what} for what it is`, async () => {
      answer = (_, response) => response.end(text);
      const { json, text: seen } = await send();
      assert.equal(json, undefined);
      assert.equal(seen, text);
    });

  it("follows no redirect, so that keys go nowhere else", async () => {
    answer = (_, response) => response.writeHead(307, { location: "/elsewhere" }).end();
    assert.equal((await send()).status, 307);
    assert.equal(received.length, 1);
  });

  it("ends a request that gets no answer", async () => {
    answer = () => undefined;
    const error = await failure({ timeoutMs: 200 });
    assert.equal(error.kind, "timeout");
    assert.match(error.message, /^127\.0\.0\.1:\d+ did not answer within 0\.2 s\.$/);
  });

  it("ends a request whose answer stops in the middle", async () => {
    answer = (_, response) => response.writeHead(200, { "content-length": "100" }).write("half");
    assert.equal((await failure({ timeoutMs: 200 })).kind, "timeout");
  });

  it("explains a connection that was cut", async () => {
    answer = (request) => request.socket.destroy();
    const error = await failure();
    assert.equal(error.kind, "network");
    assert.match(error.message, /closed the connection before it answered/);
  });

  it("explains an address where nothing listens, and one that is none", async () => {
    assert.match((await failure({ url: "http://127.0.0.1:1/" })).message, /refused the connection/);
    assert.match((await failure({ url: "not an address" })).message, /address|reached/);
  });

  it("gives up when told", async () => {
    const controller = new AbortController();
    answer = () => controller.abort();
    assert.equal((await failure({ signal: controller.signal })).kind, "aborted");
  });

  it("is given up as soon as its signal is aborted, however long it had", async () => {
    const controller = new AbortController();
    answer = () => controller.abort();
    assert.equal((await failure({ signal: controller.signal, timeoutMs: 2 ** 30 })).kind, "aborted");
  });

  it("carries 10 MB", async () => {
    answer = (_, response) => response.end("{}");
    const body = `"${"x".repeat(10_000_000)}"`;
    await send({ body });
    assert.equal(received[0]?.body.length, body.length);
  });

  describe("tells whether a request can have arrived", () => {
    const arrived = async (more: Partial<HttpRequest> = {}) => !(await failure(more)).unsent;

    it("yes: it left whole, and the answer did not come, or was cut", async () => {
      answer = () => undefined;
      assert.equal(await arrived({ timeoutMs: 200 }), true);
      answer = (_, response) => response.socket?.resetAndDestroy();
      assert.equal(await arrived(), true);
      answer = (_, response) => {
        response.writeHead(200, { "content-length": 100 }).write("half");
        setImmediate(() => response.socket?.destroy());
      };
      assert.equal(await arrived(), true);
    });

    it("no: refused, an unknown host, an address that is none, given up before it began", async () => {
      assert.equal(await arrived({ url: "http://127.0.0.1:1/" }), false);
      assert.equal(await arrived({ url: "http://nowhere.invalid/" }), false);
      assert.equal(await arrived({ url: "nonsense" }), false);
      assert.equal(await arrived({ signal: AbortSignal.abort() }), false);
      assert.equal(await arrived({ signal: AbortSignal.abort(), graceMs: 5_000 }), false);
      assert.equal(received.length, 0);
    });

    it("no: the body did not leave whole", async () => {
      const deaf = createNetServer((socket) => void socket.pause()).listen(0, "127.0.0.1");
      await once(deaf, "listening");
      const url = `http://127.0.0.1:${(deaf.address() as AddressInfo).port}/`;
      assert.equal(await arrived({ url, timeoutMs: 500, body: "x".repeat(50_000_000) }), false);
      deaf.close();
    });
  });

  describe("with a time of grace", () => {
    it("ends as it would have, when the answer comes in time", async () => {
      const stop = new AbortController();
      answer = (_, response) => {
        stop.abort();
        setTimeout(() => response.end("{}"), 50);
      };
      assert.equal((await send({ signal: stop.signal, graceMs: 5_000 })).status, 200);
    });

    it("is given up after it, as a request that may have arrived", async () => {
      const stop = new AbortController();
      answer = () => stop.abort();
      const { kind, unsent } = await failure({ signal: stop.signal, graceMs: 50 });
      assert.deepEqual({ kind, unsent }, { kind: "aborted", unsent: false });
    });
  });

  it("ends an answer that is too large, and one without end, before they fill the memory", async () => {
    let closed = 0;
    answer = (_, response) => {
      response.on("close", () => closed++);
      const chunk = Buffer.alloc(1_000_000, "x");
      const more = (): void => {
        while (!response.destroyed && response.write(chunk));
      };
      response.on("drain", more);
      more();
    };
    assert.match((await failure()).message, /^127\.0\.0\.1:\d+ sent an answer that is too large to read\.$/);
    await waitFor("the end of the answer", () => closed === 1);
  });

  describe("our own keys in an answer", () => {
    const ownKeys = { secrets: ['s"ecret/key+1', "basic-id:basic-secret"], identifiers: ["application-id"] };
    const forms = [
      's"ecret/key+1',
      JSON.stringify('s"ecret/key+1').slice(1, -1),
      encodeURIComponent('s"ecret/key+1'),
      Buffer.from("basic-id:basic-secret").toString("base64"),
      "application-id",
    ];
    it("never come back with an error, whether it is JSON or a page", async () => {
      for (const body of [
        JSON.stringify({ message: "wrong keys", headers: forms, [forms[0]!]: 1 }),
        `<p>${forms.join("</p><p>")}`,
      ]) {
        answer = (_, response) => response.writeHead(400).end(body);
        const { text, json } = await send({ ownKeys });
        for (const form of forms) assert.ok(!(text + JSON.stringify(json ?? "")).includes(form), form);
        if (json) assert.equal((json as JsonObject).message, "wrong keys");
      }
    });

    it("in a success: identifiers are data there, secrets never are", async () => {
      answer = (_, response) => response.end(JSON.stringify({ by: "application-id", echo: 's"ecret/key+1', n: 1.5 }));
      assert.deepEqual((await send({ ownKeys })).json, { by: "application-id", echo: "[removed]", n: 1.5 });
    });

    it("are not looked for when they are as short as a word", async () => {
      answer = (_, response) => response.writeHead(400).end("the id is wrong");
      assert.equal((await send({ ownKeys: { secrets: ["id", ""] } })).text, "the id is wrong");
    });
  });

  describe("with a proxy in the environment", () => {
    const names = ["HTTP_PROXY", "HTTPS_PROXY", "ALL_PROXY", "NO_PROXY"].flatMap((name) => [name, name.toLowerCase()]);
    let proxy: Server;
    let asked: string[];
    let before: Record<string, string | undefined>;
    beforeEach(async () => {
      asked = [];
      proxy = createServer((request, response) => {
        asked.push(`${request.method} ${request.url}`);
        response.end("{}");
      });
      proxy.on("connect", (request: IncomingMessage, socket: Duplex) => {
        asked.push(`CONNECT ${request.url}`);
        socket.end("HTTP/1.1 403 Forbidden\r\n\r\n");
      });
      proxy.listen(0, "127.0.0.1");
      await once(proxy, "listening");
      before = Object.fromEntries(names.map((name) => [name, process.env[name]]));
      for (const name of names) delete process.env[name];
    });
    afterEach(() => {
      for (const [name, value] of Object.entries(before))
        if (value === undefined) delete process.env[name];
        else process.env[name] = value;
      proxy.closeAllConnections();
      proxy.close();
    });

    for (const set of [["HTTP_PROXY", "HTTPS_PROXY"], ["http_proxy", "https_proxy"], ["ALL_PROXY"]])
      it(`${set.join(" and ")}: takes it to other machines, and never to this one`, async () => {
        const { port } = proxy.address() as AddressInfo;
        for (const name of set) process.env[name] = `http://127.0.0.1:${port}`;
        answer = (_, response) => response.end("{}");
        for (const host of ["127.0.0.1", "localhost"]) {
          const url = `http://${host}:${(server.address() as AddressInfo).port}/path`;
          assert.equal((await send({ url })).status, 200);
        }
        assert.deepEqual([received.length, asked], [2, []]);
        await send({ url: "http://api.voucherify.test/v1" });
        // The proxy's refusal is the answer, so that nothing went past it.
        assert.equal((await send({ url: "https://api.voucherify.test/v1" })).status, 403);
        assert.deepEqual(asked, ["POST http://api.voucherify.test/v1", "CONNECT api.voucherify.test:443"]);
      });

    it("NO_PROXY: not to what it names", async () => {
      process.env.HTTP_PROXY = `http://127.0.0.1:${(proxy.address() as AddressInfo).port}`;
      process.env.NO_PROXY = "nowhere.invalid";
      await failure({ url: "http://nowhere.invalid/" });
      assert.deepEqual(asked, []);
    });
  });
});
