import assert from "node:assert/strict";
import { type EventEmitter, once } from "node:events";
import { createServer, type Server } from "node:http";
import type { AddressInfo } from "node:net";
import express, { type RequestHandler } from "express";
import type { NodeAPI } from "node-red";
import bloomreachAccount from "../../nodes/bloomreach-account";
import bloomreachIn from "../../nodes/bloomreach-in";
import eventForward from "../../nodes/event-forward";
import voucherifyAccount from "../../nodes/voucherify-account";
import voucherifyIn from "../../nodes/voucherify-in";
import voucherifyLookup from "../../nodes/voucherify-lookup";
import voucherifyPublish from "../../nodes/voucherify-publish";

/** Those of the process: what watches the flows watches them for every test of it. */
// eslint-disable-next-line @typescript-eslint/no-require-imports -- it has no types
const { events } = require("@node-red/util") as { events: EventEmitter };

const SECRET = "stored-secret-41c7";
const OF_ENVIRONMENT = "secret-of-the-environment-9d02";
const UNTOUCHED = "__PWRD__";

const ACCOUNTS = [
  {
    route: "bloomreach-account/test",
    type: "bv-bloomreach-account",
    keys: { projectToken: "token", apiKeyId: "key-id", apiSecret: UNTOUCHED },
    stored: { apiKeyId: "key-id", apiSecret: SECRET },
    secret: "apiSecret",
  },
  {
    route: "voucherify-account/test",
    type: "bv-voucherify-account",
    keys: { applicationId: "app", secretKey: UNTOUCHED },
    stored: { applicationId: "app", secretKey: SECRET },
    secret: "secretKey",
  },
];

describe("admin routes that act", () => {
  /** What an address of somebody's own hears. */
  let heard: string[];
  let listener: Server;
  let admin: Server;
  let url: string;
  let paths: string[];
  const deployed = new Map<string, object>();

  before(() => (process.env.BV_TEST_SECRET = OF_ENVIRONMENT));
  after(() => delete process.env.BV_TEST_SECRET);
  beforeEach(async () => {
    heard = [];
    listener = createServer((request, response) => {
      heard.push(JSON.stringify([request.url, request.headers]), String(basicOf(request.headers.authorization)));
      response.writeHead(401).end("{}");
    }).listen(0, "127.0.0.1");
    await once(listener, "listening");
    url = addressOf(listener);

    const app = express();
    app.use(express.json(), express.urlencoded({ extended: true }));
    paths = [];
    const pass: RequestHandler = (_request, _response, next) => next();
    const RED = {
      settings: { httpNodeRoot: false, userDir: "/nowhere" },
      events,
      log: console,
      auth: { needsPermission: () => pass },
      nodes: {
        registerType: () => undefined,
        eachNode: () => undefined,
        getNode: (id: string) => deployed.get(id) ?? null,
      },
      httpAdmin: {
        get: () => undefined,
        post: (path: string, ...handlers: RequestHandler[]) => {
          paths.push(path);
          app.post(path, ...handlers);
        },
      },
    } as unknown as NodeAPI;
    for (const node of [
      ...[bloomreachAccount, bloomreachIn, eventForward, voucherifyAccount],
      ...[voucherifyIn, voucherifyLookup, voucherifyPublish],
    ])
      node(RED);
    admin = createServer(app).listen(0, "127.0.0.1");
    await once(admin, "listening");
  });
  afterEach(() => {
    deployed.clear();
    for (const server of [listener, admin]) {
      server.closeAllConnections();
      server.close();
    }
  });

  const post = async (path: string, body: string, type: string): Promise<{ status: number; text: string }> => {
    const response = await fetch(addressOf(admin) + path, { method: "POST", body, headers: { "content-type": type } });
    return { status: response.status, text: await response.text() };
  };
  const test = async (route: string, posted: object): Promise<string> =>
    (await post(`/bloomreach-voucherify/${route}`, JSON.stringify(posted), "application/json")).text;

  it("take JSON only: what a page of somebody else can have a browser post is refused", async () => {
    // Eight of dialogs, four of queues.
    assert.equal(paths.length, 12);
    for (const path of paths)
      for (const [body, type] of [
        [`apiUrl=${url}&secretKey=x`, "application/x-www-form-urlencoded"],
        [JSON.stringify({ apiUrl: url }), "text/plain"],
        ["--b--", "multipart/form-data; boundary=b"],
      ] as const) {
        const { status, text } = await post(path, body, type);
        assert.equal(status, 415, `${path} ${type}`);
        assert.match(text, /Send JSON/);
      }
    assert.deepEqual(heard, []);
  });

  for (const { route, type, keys, stored, secret } of ACCOUNTS)
    describe(route, () => {
      const refused = async (posted: object): Promise<void> => {
        const answer = await test(route, { id: "account", apiUrl: url, ...keys, ...posted });
        assert.match(
          answer,
          /Type the (API secret|API Key ID|Secret key|Project token|Application ID) anew, or deploy first/,
        );
        assert.deepEqual(heard, []);
        for (const one of [SECRET, OF_ENVIRONMENT]) assert.ok(!answer.includes(one));
      };
      const deploy = (apiUrl: string): unknown =>
        deployed.set("account", { type, apiUrl, credentials: { ...stored, webhookSecretKey: SECRET } });

      it("sends a stored secret to the deployed address", async () => {
        deploy(`${url}/`);
        await test(route, { id: "account", apiUrl: url, ...keys });
        assert.ok(heard.some((request) => request.includes(SECRET)));
      });

      it("sends a stored secret to no other address", async () => {
        deploy("https://api.example.com");
        await refused({});
        await refused({ [secret]: undefined });
      });

      it("sends an environment variable to no other address, in whatever field", async () => {
        deploy("https://api.example.com");
        for (const field of Object.keys(keys)) await refused({ [secret]: "typed", [field]: "${BV_TEST_SECRET}" });
        deployed.clear();
        await refused({ [secret]: " ${BV_TEST_SECRET} " });
      });

      it("sends a secret of another kind of node nowhere", async () => {
        deployed.set("account", { type: "other", apiUrl: url, credentials: { ...stored } });
        await refused({});
      });

      it("does not look up an address in the environment before it is deployed", async () => {
        process.env.BV_TEST_ADDRESS = url;
        const answer = await test(route, { id: "account", ...keys, [secret]: "typed", apiUrl: "${BV_TEST_ADDRESS}" });
        assert.match(answer, /Deploy first/);
        deploy(url);
        await test(route, { id: "account", ...keys, apiUrl: "${BV_TEST_ADDRESS}" });
        delete process.env.BV_TEST_ADDRESS;
        assert.ok(heard.some((request) => request.includes(SECRET)));
      });

      it("tries a new address with a secret that was typed", async () => {
        deploy("https://api.example.com");
        await test(route, { id: "account", apiUrl: url, ...keys, [secret]: "typed-secret" });
        assert.ok(heard.some((request) => request.includes("typed-secret")));
      });

      it("tries the built-in simulator without any key", async () => {
        deploy("https://api.example.com");
        const answer = await test(route, { id: "account", apiUrl: "simulator", ...keys });
        assert.match(answer, /"ok":true/);
        assert.doesNotMatch(answer, /"ok":false/);
      });
    });
});

function addressOf(server: Server): string {
  return `http://127.0.0.1:${(server.address() as AddressInfo).port}`;
}

function basicOf(authorization: string | undefined): string {
  return Buffer.from(authorization?.replace(/^Basic /, "") ?? "", "base64").toString("utf8");
}
