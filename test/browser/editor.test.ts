import assert from "node:assert/strict";
import { readFileSync } from "node:fs";
import { join } from "node:path";
import type { Browser } from "playwright-core";
import { Editor, startBrowser } from "../support/editor";
import { type NodeRedProcess, startNodeRed } from "../support/node-red-process";

const PATH = "/bloomreach-engagement/upsert-customer-bulk";

/** The example's nodes, and what to type into their fields: something wrong, then what is saved. */
const DIALOGS: Record<string, { wrong: Record<string, string>; saved: Record<string, string> }> = {
  bv01bloomreach: {
    wrong: { hardId: "main hard id", publicUrl: "node-red.example.com", headerName: "my key" },
    saved: { hardId: "customer_no", publicUrl: "https://node-red.example.com", headerName: "X-My-Key" },
  },
  bv01voucherify: {
    wrong: { hardId: "", requests: "many" },
    saved: { hardId: "customer_no", plan: "own", requests: "250", period: "hour", testCustomers: "a@example.com\nb" },
  },
  bv01throttle: {
    wrong: { requests: "0", share: "120", concurrency: "none" },
    saved: { requests: "60", period: "hour", share: "50", concurrency: "3" },
  },
  bv01in: {
    wrong: { path: "customers", maxBytes: "0" },
    saved: { path: "/bloomreach-engagement/other", output: "customer", maxBytes: "5" },
  },
  bv01upsert: {
    wrong: { concurrency: "0" },
    saved: { name: "To Voucherify", emptyValues: "clear", concurrency: "4" },
  },
  bv01sim: {
    wrong: { path: "other", batchSize: "1001" },
    saved: { path: "/bloomreach-engagement/other", send: "batch", batchSize: "10", mess: "leftovers" },
  },
};

for (const major of [4, 5] as const)
  describe(`the editor of Node-RED ${major}`, () => {
    let nodeRed: NodeRedProcess;
    let browser: Browser;
    let editor: Editor;

    before(async () => {
      nodeRed = await startNodeRed({ major });
      browser = await startBrowser();
      editor = await Editor.open(browser, nodeRed.adminUrl);
      await editor.importExample("01 - Customers from Bloomreach to Voucherify", "bv01tab");
      await editor.importNodes([
        {
          id: "bv01throttle",
          type: "bv-throttle",
          name: "",
          requests: 100,
          period: "minute",
          share: 70,
          concurrency: 5,
        },
      ]);
      await editor.deploy();
    });
    after(async () => {
      await browser?.close();
      await nodeRed?.remove();
    });
    afterEach(async () => {
      await editor.closeDialogs();
      assert.deepEqual(editor.problems.splice(0), [], "the page complained");
    });

    it("runs the imported example: its button, and the result in the Debug sidebar", async () => {
      await editor.press("bv01inject");
      const result = await editor.debugMessage("Result");
      const failed = await editor.debugMessage("What failed");
      assert.match(result, /delivered/);
      assert.match(result, /omitted/);
      assert.match(failed, /registered/);
    });

    it("shows the nodes in a category of their own", async () => {
      const category = editor.page.locator(".red-ui-palette-category", { hasText: "Bloomreach + Voucherify" });
      const types = await category
        .locator(".red-ui-palette-node")
        .evaluateAll((nodes) => nodes.map((node) => node.getAttribute("data-palette-type")));
      assert.deepEqual(types.sort(), ["bv-bloomreach-in", "bv-customer-upsert", "bv-simulator"]);
    });

    for (const id of Object.keys(DIALOGS))
      it(`${id}: opens, and is unchanged after Done without an edit`, async () => {
        const before = await editor.flows();
        await editor.openDialog(id);
        await editor.done();
        assert.deepEqual(await editor.flows(), before);
        assert.equal(before.dirty, false);
      });

    for (const [id, { wrong }] of Object.entries(DIALOGS))
      it(`${id}: says in a sentence what is wrong, and takes an environment variable`, async () => {
        await editor.openDialog(id);
        await editor.expandAll();
        if (id === "bv01voucherify") await editor.type("plan", "own");
        if (id === "bv01bloomreach") await editor.page.selectOption("#bv-target", "live");
        for (const [property, value] of Object.entries(wrong)) {
          await editor.type(property, value);
          assert.equal(await editor.isWrong(property), true, `${property} ${value}`);
          assert.match(await editor.explain(id, property, value), /^[A-Z].* .*[.~]$/, property);
          await editor.type(property, "${FROM_ENVIRONMENT}");
          assert.equal(await editor.isWrong(property), false, property);
        }
        await editor.cancel();
      });

    it("offers the addresses that Voucherify has, keeps them in one property, and hides them from the user", async () => {
      await editor.openDialog("bv01voucherify");
      for (const [region, apiUrl] of [
        ["United States", "https://us1.api.voucherify.io"],
        ["Asia (Singapore)", "https://as1.api.voucherify.io"],
        ["Europe", "https://api.voucherify.io"],
        ["Built-in simulator (no account)", "simulator"],
      ] as const) {
        await editor.page.selectOption("#bv-region", { label: region });
        assert.equal(await editor.field("apiUrl").inputValue(), apiUrl);
        assert.equal(await editor.field("apiUrl").isVisible(), false);
      }
      await editor.page.selectOption("#bv-region", { label: "Dedicated URL" });
      assert.equal(await editor.isWrong("apiUrl"), true);
      await editor.type("apiUrl", "https://example.api.voucherify.io");
      assert.equal(await editor.isWrong("apiUrl"), false);
      await editor.cancel();
    });

    for (const [id, name] of [
      ["bv01bloomreach", "Bloomreach"],
      ["bv01voucherify", "Voucherify"],
    ] as const)
      it(`tests the connection to the simulated ${name}`, async () => {
        await editor.openDialog(id);
        await editor.page.click("#bv-test");
        await editor.page.waitForSelector("#bv-checks .fa-check");
        assert.equal(await editor.page.locator("#bv-checks .fa-times").count(), 0);
        for (const line of await editor.page.locator("#bv-checks li").allInnerTexts())
          assert.match(line, /^\S.*: .+\.$/s);
        await editor.cancel();
      });

    it("shows what to paste into Bloomreach, with the metadata that Voucherify has defined", async () => {
      await editor.openDialog("bv01in");
      await editor.expand("bv-paste");
      await editor.page.waitForSelector("#bv-paste-blocks .bv-copy");
      const blocks = await editor.page.locator("#bv-paste-blocks").innerText();
      assert.ok(blocks.includes(`${nodeRed.url}${PATH}`), blocks);
      for (const expected of [
        "application-id",
        "secret-key",
        "{% output customers",
        "customer_ids.registered",
        "metadata",
      ])
        assert.ok(blocks.includes(expected), `${expected} in ${blocks}`);
      const lines = editor.page.locator("#bv-paste-blocks .bv-copy");
      const withoutCopy = lines.filter({ hasNot: editor.page.locator("button[aria-label]") });
      assert.deepEqual(
        (await withoutCopy.locator(".bv-copy-name").allInnerTexts()).map((name) => name.split("\n")[0]),
        ["Custom header secret-key"],
        "only what nobody but the user knows cannot be copied",
      );
      await editor.cancel();
    });

    it("refuses a path that Node-RED itself answers", async () => {
      await editor.openDialog("bv01in");
      await editor.type("path", "/flows");
      await editor.page.waitForSelector("#bv-path-owner:visible");
      assert.match(await editor.page.locator("#bv-path-owner").innerText(), /belongs to Node-RED's editor/);
      assert.equal(await editor.isWrong("path"), true);
      await editor.cancel();
    });

    it("generates webhook keys, shows the secret once, and keeps it out of the flow file", async () => {
      await editor.openDialog("bv01bloomreach");
      await editor.page.click("#bv-generate");
      const [applicationId = "", secret = ""] = await editor.page
        .locator("#bv-generated .bv-copy-value")
        .allInnerTexts();
      assert.match(applicationId, /^[0-9a-f]{32}$/);
      assert.match(secret, /^[0-9a-f]{64}$/);
      assert.equal(await editor.field("webhookApplicationId").inputValue(), applicationId);
      assert.equal(await editor.field("webhookSecretKey").inputValue(), secret);
      await editor.done();
      await editor.deploy();
      await editor.reload();

      await editor.openDialog("bv01bloomreach");
      assert.equal(await editor.field("webhookApplicationId").inputValue(), applicationId);
      assert.equal(await editor.field("webhookSecretKey").inputValue(), "__PWRD__");
      assert.equal(await editor.page.locator("#bv-generated").isVisible(), false);
      await editor.done();
      assert.equal((await editor.flows()).dirty, false);
      assert.ok(!(await editor.page.content()).includes(secret));
      assert.ok(!readFileSync(join(nodeRed.userDir, "flows.json"), "utf8").includes(secret));
    });

    it("keeps what was typed", async () => {
      for (const [id, { saved }] of Object.entries(DIALOGS)) {
        await editor.openDialog(id);
        await editor.expandAll();
        if (id === "bv01bloomreach") await editor.page.selectOption("#bv-target", "live");
        for (const [property, value] of Object.entries(saved)) await editor.type(property, value);
        await editor.done();
      }
      await editor.deploy();
      await editor.reload();
      for (const [id, { saved }] of Object.entries(DIALOGS)) {
        await editor.openDialog(id);
        for (const [property, value] of Object.entries(saved))
          assert.equal(await editor.field(property).inputValue(), value, `${id}.${property}`);
        await editor.done();
      }
      assert.equal((await editor.flows()).dirty, false);
    });
  });
