import assert from "node:assert/strict";
import { once } from "node:events";
import { existsSync, mkdtempSync, readFileSync, rmSync } from "node:fs";
import { createServer, type Server } from "node:http";
import type { AddressInfo } from "node:net";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { text } from "node:stream/consumers";
import type { Browser, Locator } from "playwright-core";
import type { DeadLetter } from "../../src/store/dead-letters";
import { Simulator } from "../../src/simulator";
import { Editor, startBrowser } from "../support/editor";
import { customerFlow, CUSTOMERS_PATH, TEST_KEYS, WEBHOOK_KEYS } from "../support/flows";
import { type NodeRedProcess, startNodeRed } from "../support/node-red-process";

/** The part of Node-RED's editor API that the tests use inside the page. */
declare const RED: { sidebar: { show(id: string): void }; view: { reveal(id: string): void } };

const POISON = "poison<b>@example.com";

/** Stands before the simulator, which refuses no customer for good, and does. */
class Refusing {
  /** Calls that contain it are refused for good. */
  poison: string | undefined;
  /** Every call is refused as if the keys were wrong. */
  wrongKeys = false;

  private constructor(
    readonly simulator: Simulator,
    private readonly server: Server,
  ) {}

  static async start(): Promise<Refusing> {
    const simulator = await Simulator.start({ keys: TEST_KEYS });
    const server = createServer((request, response) => {
      const answer = async (): Promise<void> => {
        const body = await text(request);
        const refusal = refusing.refusalOf(body);
        const { status, answer } =
          refusal ?? (await refusing.forward(request.method, request.url, request.headers, body));
        response.writeHead(status, { "content-type": "application/json" }).end(answer);
      };
      void answer().catch(() => response.destroy());
    });
    const refusing = new Refusing(simulator, server);
    server.listen(0, "127.0.0.1");
    await once(server, "listening");
    return refusing;
  }

  get url(): string {
    return `http://127.0.0.1:${(this.server.address() as AddressInfo).port}`;
  }

  async stop(): Promise<void> {
    this.server.closeAllConnections();
    this.server.close();
    await this.simulator.stop();
  }

  private refusalOf(body: string): { status: number; answer: string } | undefined {
    const error = (code: number, key: string, message: string): { status: number; answer: string } => ({
      status: code,
      answer: JSON.stringify({ code, key, message, details: "The test refuses this." }),
    });
    if (this.wrongKeys) return error(401, "unauthorized", "Unauthorized");
    if (this.poison && body.includes(this.poison)) return error(400, "invalid_customer", "Invalid customer");
    return undefined;
  }

  private async forward(
    method = "GET",
    path = "/",
    headers: Record<string, string | string[] | undefined>,
    body: string,
  ): Promise<{ status: number; answer: string }> {
    const kept = Object.entries(headers).filter(([name]) => /^(x-app-|content-type)/.test(name)) as [string, string][];
    const response = await fetch(this.simulator.url + path, { method, headers: kept, ...(body !== "" && { body }) });
    return { status: response.status, answer: await response.text() };
  }
}

for (const major of [4, 5] as const)
  describe(`the sidebar of Node-RED ${major}`, () => {
    let voucherify: Refusing;
    let flow: ReturnType<typeof customerFlow>;
    let nodeRed: NodeRedProcess;
    let browser: Browser;
    let editor: Editor;
    /** In memory, where the system has such a disk. */
    let store: string;

    before(async () => {
      voucherify = await Refusing.start();
      flow = customerFlow(voucherify.url);
      store = mkdtempSync(join(existsSync("/dev/shm") ? "/dev/shm" : tmpdir(), "sidebar-"));
      nodeRed = await startNodeRed({ major, ...flow, settings: { bloomreachVoucherify: { store } } });
      browser = await startBrowser();
      editor = await Editor.open(browser, nodeRed.adminUrl);
      await editor.page.evaluate(() => RED.sidebar.show("bv-queues"));
    });
    after(async () => {
      await browser?.close();
      await nodeRed?.remove();
      await voucherify?.stop();
      rmSync(store, { recursive: true, force: true });
    });
    beforeEach(() => {
      voucherify.poison = POISON;
      voucherify.wrongKeys = false;
    });
    afterEach(() => assert.deepEqual(editor.problems.splice(0), [], "the page complained"));

    const sidebar = (): Locator => editor.page.locator("#bv-queues-content");
    const queue = (): Locator => sidebar().locator("li", { has: editor.page.locator('[data-node="upsert"]') });
    const letters = (customer: string): Locator => sidebar().locator("li[data-letter]", { hasText: customer });
    const count = (name: string, value: number): Promise<void> =>
      queue()
        .locator("dl > div", { hasText: new RegExp(`^${name}\\s*${value}$`) })
        .waitFor();
    const press = (name: string, within = sidebar()): Promise<void> =>
      within.getByRole("button", { name, exact: true }).click();
    const says = (sentence: string | RegExp): Promise<void> =>
      sidebar().locator('[role="status"]', { hasText: sentence }).waitFor();
    const confirm = (name: string): Promise<void> =>
      editor.page.getByRole("dialog").getByRole("button", { name, exact: true }).click();

    /** Sends a webhook with these customers; gives the `request_id` of its answer. */
    async function send(...customers: string[]): Promise<string> {
      const body = customers.map((registered) => ({ registered, name: "Somebody" }));
      const { status, text: answer } = await nodeRed.post(`${nodeRed.url}${CUSTOMERS_PATH}`, body, WEBHOOK_KEYS);
      assert.equal(status, 200, answer);
      return (JSON.parse(answer) as { request_id: string }).request_id;
    }

    it("shows what was delivered and what failed, and shows the node where it stands", async () => {
      await send("anna@example.com", POISON, "bob@example.com");
      await letters(POISON).waitFor();
      assert.match(await letters(POISON).innerText(), /The test refuses this/);
      await count("delivered", 2);
      await count("failed \\(kept\\)", 1);
      await count("waiting", 0);

      const revealed = editor.page.evaluate(
        () => new Promise((resolve) => (RED.view.reveal = (id: string) => resolve(id))),
      );
      await press("customer upsert");
      assert.equal(await revealed, "upsert");
    });

    it("shows where all this is kept, and that it does not last there", async () => {
      const kept = sidebar().getByText(store);
      await kept.first().waitFor();
      if (!store.startsWith("/dev/shm")) return;
      assert.equal(await kept.first().innerText(), `${store} (file system tmpfs)`);
      await sidebar()
        .locator(".bv-queues-problem", {
          hasText: "what is accepted is lost when the machine or the container restarts",
        })
        .waitFor();
    });

    it("replays: what is refused again comes back, what is accepted is gone", async () => {
      const id = await letters(POISON).getAttribute("data-letter");
      await press(`Replay: ${POISON}`);
      await says("Waiting again: 1.");
      await sidebar().locator(`[data-letter="${id}"]`).waitFor({ state: "detached" });
      await letters(POISON).waitFor();

      voucherify.poison = undefined;
      await press("Replay all");
      await sidebar().getByText("Nothing has failed.").waitFor();
      await count("failed \\(kept\\)", 0);
      await count("delivered", 3);
      assert.ok(voucherify.simulator.customers.has(POISON));
    });

    it("discards one, and all after a question", async () => {
      const many = ["a", "b", "c"].map((name) => `${name}.${POISON}`);
      await send(...many);
      await count("failed \\(kept\\)", 3);
      await press(`Discard: ${many[0]}`);
      await says("Discarded: 1.");
      await letters(many[0]!).waitFor({ state: "detached" });

      await press("Discard all");
      await confirm("Cancel");
      assert.equal(await letters(POISON).count(), 2);
      await press("Discard all");
      await confirm("Discard all");
      await says("Discarded: 2.");
      await sidebar().getByText("Nothing has failed.").waitFor();
    });

    it("turns pages, and downloads everything as JSON lines", async () => {
      const customers = Array.from({ length: 25 }, (_, index) => `${String(index).padStart(2, "0")}.${POISON}`);
      await send(...customers);
      await count("failed \\(kept\\)", 25);
      await press("Next");
      await sidebar().getByRole("button", { name: "Previous", exact: true }).waitFor();
      assert.equal(await letters(POISON).count(), 5);
      await press("Previous");
      await sidebar().getByRole("button", { name: "Next", exact: true }).waitFor();
      assert.equal(await letters(POISON).count(), 20);

      const downloading = editor.page.waitForEvent("download");
      await press("Export");
      const lines = readFileSync(await (await downloading).path(), "utf8")
        .trimEnd()
        .split("\n");
      assert.deepEqual(lines.map((line) => (JSON.parse(line) as DeadLetter).customer).sort(), customers);
      await press("Discard all");
      await confirm("Discard all");
      await says("Discarded: 25.");
    });

    it("finds a webhook by the request_id of its answer, and erases one customer", async () => {
      const requestId = await send(POISON, "carl@example.com");
      await letters(POISON).waitFor();
      const field = sidebar().getByLabel("Find a webhook by its request_id");
      await field.fill(requestId);
      await field.press("Enter");
      await says("Failed (kept): customer upsert 1.");
      await field.fill("nothing");
      await field.press("Enter");
      await says(/^Nothing of this webhook/);

      await sidebar().getByLabel("Erase one customer").fill(POISON);
      await press("Erase");
      await confirm("Erase");
      await says(/^Erased: 0 waiting, 1 failed/);
      await sidebar().getByText("Nothing has failed.").waitFor();
    });

    it("says why a queue is paused, and lets the queue of a removed node be discarded", async () => {
      voucherify.wrongKeys = true;
      await send("dora@example.com", "emil@example.com");
      await count("waiting", 2);
      await queue()
        .getByText(/^paused: ./)
        .waitFor();
      await queue()
        .getByText(/^oldest: \d+ seconds?$/)
        .waitFor();

      await nodeRed.deploy(flow.flows.filter(({ id }) => id !== "upsert"));
      await editor.reload();
      await editor.page.evaluate(() => RED.sidebar.show("bv-queues"));
      await queue()
        .getByText(/^This node is not deployed/)
        .waitFor();
      await press("Discard", queue());
      await confirm("Discard");
      await says("Discarded: 2.");
      await queue().waitFor({ state: "detached" });
    });

    it("asks again and again while somebody looks, and not while nobody does", async () => {
      await editor.page.clock.install();
      await editor.reload();
      const isReport = (url: string): boolean => url.endsWith("/bloomreach-voucherify/queues");
      let asked = 0;
      editor.page.on("request", (request) => void (asked += isReport(request.url()) ? 1 : 0));

      const answered = (): Promise<unknown> => editor.page.waitForResponse((response) => isReport(response.url()));
      const first = answered();
      await editor.page.evaluate(() => RED.sidebar.show("bv-queues"));
      await first;
      const second = answered();
      await editor.page.clock.fastForward(5_000);
      await second;

      await editor.page.evaluate(() => RED.sidebar.show("info"));
      await sidebar().waitFor({ state: "hidden" });
      await editor.page.evaluate(() => new Promise((resolve) => requestAnimationFrame(() => setTimeout(resolve))));
      const before = asked;
      await editor.page.clock.runFor(60_000);
      assert.equal(asked, before);
    });
  });

describe("the sidebar of somebody who may only look", () => {
  let nodeRed: NodeRedProcess;
  let browser: Browser;
  before(async () => {
    const adminAuth = { type: "credentials", users: [], default: { permissions: "read" } };
    nodeRed = await startNodeRed({ major: 4, ...customerFlow("simulator"), settings: { adminAuth } });
    browser = await startBrowser();
  });
  after(async () => {
    await browser?.close();
    await nodeRed?.remove();
  });

  it("shows the queues and has no button that changes anything", async () => {
    const editor = await Editor.open(browser, nodeRed.adminUrl);
    await editor.page.evaluate(() => RED.sidebar.show("bv-queues"));
    const sidebar = editor.page.locator("#bv-queues-content");
    await sidebar.getByText("Nothing has failed.").waitFor();
    assert.deepEqual(
      (await sidebar.getByRole("button").allInnerTexts()).filter(
        (name) => !/^(Refresh|Find|customer upsert)$/.test(name),
      ),
      [],
    );
    assert.deepEqual(editor.problems, []);
  });
});

describe("the sidebar in test mode", () => {
  let simulator: Simulator;
  let nodeRed: NodeRedProcess;
  let browser: Browser;

  before(async () => {
    simulator = await Simulator.start({ keys: TEST_KEYS });
    const { flows, ...others } = customerFlow(simulator.url);
    const inTestMode = flows.map((node) =>
      node.type === "bv-voucherify-account" ? { ...node, testCustomers: "anna@example.com" } : node,
    );
    nodeRed = await startNodeRed({ major: 5, ...others, flows: inTestMode });
    browser = await startBrowser();
  });
  after(async () => {
    await browser?.close();
    await nodeRed?.remove();
    await simulator?.stop();
  });

  it("says so in the row of the node, and counts who was not sent", async () => {
    const editor = await Editor.open(browser, nodeRed.adminUrl);
    await editor.page.evaluate(() => RED.sidebar.show("bv-queues"));
    const row = editor.page.locator("#bv-queues-content li", { has: editor.page.locator('[data-node="upsert"]') });
    await row.getByText("Test mode: only the test customers").waitFor();
    const customers = ["anna@example.com", "bob@example.com", "eve@example.com"];
    const body = customers.map((registered) => ({ registered, name: "Somebody" }));
    await nodeRed.post(`${nodeRed.url}${CUSTOMERS_PATH}`, body, WEBHOOK_KEYS);
    await row.locator("dl > div", { hasText: /^not sent\s*2$/ }).waitFor();
    await row.locator("dl > div", { hasText: /^delivered\s*1$/ }).waitFor();
    await editor.page.getByText(/^test mode, 2 not sent: 1 delivered/).waitFor();
    assert.deepEqual(editor.problems, []);
  });
});
