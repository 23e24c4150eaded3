import assert from "node:assert/strict";
import { type ChildProcess, execFileSync, spawn, spawnSync } from "node:child_process";
import { once } from "node:events";
import { chownSync, mkdtempSync, readdirSync, readFileSync, rmSync, writeFileSync } from "node:fs";
import { request } from "node:https";
import { type AddressInfo, createServer } from "node:net";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { text } from "node:stream/consumers";
import { connect } from "node:tls";
import { sampleWebhook, sendWebhook, Simulator } from "../../src/simulator";
import { customerFlow, CUSTOMERS_PATH, TEST_KEYS, WEBHOOK_KEYS } from "../support/flows";
import { type NodeRedProcess, startNodeRed } from "../support/node-red-process";
import { waitFor } from "../support/wait-for";

const SIGNING_SECRET = "test-signing-secret-41bc";
const NGINX = { ...process.env, PATH: `${process.env.PATH}:/usr/sbin` };
const RETRY_LATER = '{"success":false,"error":"Not taken. Send it again later."}';
/** Root's nginx would start its workers as somebody else; ours runs as nobody altogether. */
const NOBODY = process.getuid?.() === 0 ? { uid: 65_534, gid: 65_534 } : {};

const missing = ["nginx", "openssl"].filter((program) => spawnSync(program, ["-v"], { env: NGINX }).error);

describe("The nginx block of the README", function () {
  let folder: string;
  let port: number;
  let nodeRed: NodeRedProcess;
  let simulator: Simulator;
  let nginx: ChildProcess | undefined;

  before(async function () {
    if (missing.length > 0) {
      console.log(`    Skipped: ${missing.join(" and ")} not installed (apt-get install nginx openssl).`);
      return this.skip();
    }
    simulator = await Simulator.start({ keys: TEST_KEYS });
    const { flows, credentials } = customerFlow(simulator.url);
    const account = { account: "voucherify", path: "/voucherify/webhooks", dropEchoes: true, kinds: [] };
    const webhooks = { id: "webhooks", type: "bv-voucherify-in", z: "tab", x: 100, y: 500, name: "", ...account };
    nodeRed = await startNodeRed({
      major: 4,
      flows: [...flows, { ...webhooks, wires: [[], []] }],
      credentials: { ...credentials, webhooks: { secret: SIGNING_SECRET } },
    });
    folder = mkdtempSync(join(tmpdir(), "nginx-"));
    port = await freePort();
    certificate();
    writeFileSync(join(folder, "nginx.conf"), configuration());
    if (NOBODY.uid !== undefined)
      for (const path of [folder, ...readdirSync(folder).map((name) => join(folder, name))])
        chownSync(path, NOBODY.uid, NOBODY.gid);
    let printed = "";
    const started = spawn("nginx", ["-p", folder, "-c", join(folder, "nginx.conf"), "-e", "stderr"], {
      env: NGINX,
      stdio: ["ignore", "ignore", "pipe"],
      ...NOBODY,
    });
    nginx = started;
    started.stderr.on("data", (chunk: Buffer) => (printed += chunk.toString()));
    await waitFor("nginx to answer", async () => {
      assert.equal(started.exitCode, null, printed);
      return call("/").then(
        () => true,
        () => false,
      );
    });
  });
  after(async () => {
    if (nginx?.exitCode === null) {
      const exit = once(nginx, "exit");
      nginx.kill("SIGTERM");
      await exit;
    }
    await nodeRed?.remove();
    await simulator?.stop();
    if (folder) rmSync(folder, { recursive: true, force: true });
  });

  /** A self-signed certificate in the folder. */
  const certificate = (): void => {
    const files = ["-keyout", join(folder, "key.pem"), "-out", join(folder, "cert.pem")];
    const what = ["req", "-x509", "-newkey", "rsa:2048", "-nodes", "-days", "2", "-subj", "/CN=flows.example.com"];
    execFileSync("openssl", [...what, ...files], { stdio: "ignore" });
  };

  /** The README's block; only addresses, ports and files are this machine's. */
  const configuration = (): string => {
    const readme = readFileSync(join(__dirname, "../../README.md"), "utf8");
    const places: [string, string][] = [
      ["listen 443 ssl;", `listen 127.0.0.1:${port} ssl;`],
      ["/etc/ssl/flows.example.com.pem", join(folder, "cert.pem")],
      ["/etc/ssl/flows.example.com.key", join(folder, "key.pem")],
      ["127.0.0.1:1880", `127.0.0.1:${nodeRed.port}`],
    ];
    let block = /```nginx\n(.*?)```/s.exec(readme)?.[1] ?? "";
    for (const [written, here] of places) {
      assert.ok(block.includes(written), `${written} in the README's block`);
      block = block.replaceAll(written, here);
    }
    const temporary = ["client_body", "proxy", "fastcgi", "uwsgi", "scgi"].map(
      (name) => `${name}_temp_path ${join(folder, name)};`,
    );
    return `daemon off; pid ${join(folder, "nginx.pid")}; events {}
      http { access_log off; ${temporary.join(" ")}\n${block}}`;
  };

  /** What a client gets; its path goes out as it is written. */
  const call = async (
    path: string,
    { method = "GET", headers = {}, body }: { method?: string; headers?: object; body?: string | Buffer } = {},
  ): Promise<{ status?: number; text: string }> => {
    const all = { host: "flows.example.com", ...headers };
    const asked = request({ port, host: "127.0.0.1", path, method, headers: all, rejectUnauthorized: false });
    asked.end(body);
    const [response] = await once(asked, "response");
    return { status: response.statusCode, text: await text(response) };
  };

  /** The first line and the body of the answer to bytes that no client library sends. */
  const answerTo = async (bytes: string): Promise<string> => {
    const socket = connect({ port, host: "127.0.0.1", rejectUnauthorized: false });
    socket.write(bytes);
    return text(socket);
  };

  const customers = (body: string | Buffer): ReturnType<typeof call> =>
    call(CUSTOMERS_PATH, { method: "POST", body, headers: { "content-type": "application/json", ...WEBHOOK_KEYS } });

  it("lets Bloomreach's webhooks pass", async () => {
    const { status, text } = await customers('[{"registered":"jane@example.com","name":"Jane"}]');
    assert.deepEqual([status, JSON.parse(text).accepted], [200, 1]);
    assert.equal((await call(CUSTOMERS_PATH)).status, 401, "the answer of the node itself");
  });

  it("lets Voucherify's webhooks pass, with the bytes that were signed", async () => {
    const body = sampleWebhook("customer.redemption.succeeded", "project", { customer: { source_id: "jane" } });
    const url = `https://127.0.0.1:${port}/voucherify/webhooks`;
    const { statuses } = await sendWebhook({ url, body, secret: SIGNING_SECRET, retries: 0, insecureTls: true });
    assert.deepEqual(statuses, [200]);
  });

  it("lets the node answer a body above the node's own limit", async () => {
    const { status, text } = await customers(Buffer.alloc(11 * 2 ** 20, " "));
    assert.deepEqual([status, JSON.parse(text).success], [200, false]);
  });

  it("answers 500 to what is too large for nginx itself", async () => {
    assert.deepEqual(await customers(Buffer.alloc(13 * 2 ** 20, " ")), { status: 500, text: RETRY_LATER });
  });

  it("answers 500 below both prefixes where nobody receives", async () => {
    for (const path of ["/bloomreach-engagement/nobody", "/voucherify/nobody", "/bloomreach-engagment/mistyped"])
      assert.equal((await call(path, { method: "POST", body: "{}" })).status, 500, path);
  });

  it("answers 500 to what nginx cannot read", async () => {
    const line = `POST ${CUSTOMERS_PATH} HTTP/1.1\r\n`;
    for (const [what, bytes] of [
      ["no host", `${line}Connection: close\r\n\r\n`],
      ["two lengths", `${line}Host: flows.example.com\r\nContent-Length: 1\r\nContent-Length: 2\r\n\r\n`],
      ["a long header", `${line}Host: flows.example.com\r\nX-Long: ${"x".repeat(40_000)}\r\nConnection: close\r\n\r\n`],
      ["a long address", `GET /bloomreach-engagement/${"x".repeat(40_000)} HTTP/1.1\r\n\r\n`],
      ["an unknown method", `B@D ${CUSTOMERS_PATH} HTTP/1.1\r\n\r\n`],
    ] as const)
      assert.match(await answerTo(bytes), /^HTTP\/1\.1 500 [^]*"success":false/, what);
  });

  it("does not expose the editor, however its address is spelled", async () => {
    const hidden = "/locales/..%2fvoucherify%2fx";
    assert.equal((await nodeRed.get(nodeRed.adminUrl + hidden)).status, 200, "the editor itself answers this spelling");
    for (const path of [
      ...["/", "/flows", "/settings", "/red/red.min.js", "//settings", "/auth/login", hidden],
      ...["/bloomreach-engagement/../settings", "/voucherify/%2e%2e/settings", "/voucherify/..%2fsettings"],
      ...["/bloomreach-engagement/..;/settings", "/voucherify\\..\\settings", "/500.json"],
    ])
      assert.equal((await call(path)).status, 500, path);
  });

  it("answers 500 while Node-RED is away", async () => {
    await nodeRed.stop();
    const answers = [
      await customers('[{"registered":"jane"}]'),
      await call("/voucherify/webhooks", { method: "POST" }),
    ];
    assert.deepEqual(answers, Array(2).fill({ status: 500, text: RETRY_LATER }));
  });
});

async function freePort(): Promise<number> {
  const server = createServer().listen(0, "127.0.0.1");
  await once(server, "listening");
  const { port } = server.address() as AddressInfo;
  server.close();
  await once(server, "close");
  return port;
}
