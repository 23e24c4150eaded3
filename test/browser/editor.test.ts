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
    wrong: { path: "other", batchSize: "1001", count: "0" },
    saved: { path: "/bloomreach-engagement/other", send: "batch", batchSize: "10", count: "20", mess: "leftovers" },
  },
  bv01webhooks: {
    wrong: { path: "webhooks", publicUrl: "node-red.example.com" },
    saved: { path: "/voucherify/other", publicUrl: "https://node-red.example.com" },
  },
  bv01forward: {
    wrong: { currency: "euro", fillMs: "soon", concurrency: "0" },
    saved: { send: "event", currency: "PLN", fillMs: "200", concurrency: "2" },
  },
  bv01activity: { wrong: { days: "0" }, saved: { days: "7" } },
  bv01publish: {
    wrong: { currency: "euro" },
    saved: {
      answer: "queue",
      campaign: "Mass mailing",
      frequency: "year",
      currency: "PLN",
      channel: "E-mail",
      concurrency: "5",
    },
  },
  bv01lookup: {
    wrong: { currency: "euro", cacheSeconds: "long" },
    saved: { what: "discount", look: "wallet", currency: "PLN", cacheSeconds: "5" },
  },
};

const inTab = { z: "bv01tab", name: "" };
const accounts = { account: "bv01voucherify" };
/** Nodes that the first example does not have. */
const OTHERS = [
  { id: "bv01throttle", type: "bv-throttle", name: "", requests: 100, period: "minute", share: 70, concurrency: 5 },
  {
    ...inTab,
    ...accounts,
    id: "bv01webhooks",
    type: "bv-voucherify-in",
    path: "/voucherify/webhooks",
    dropEchoes: true,
    kinds: [],
    publicUrl: "",
    x: 200,
    y: 400,
    wires: [[], []],
  },
  {
    ...inTab,
    id: "bv01forward",
    type: "bv-event-forward",
    sendTo: "bloomreach",
    account: "bv01bloomreach",
    voucherifyAccount: "bv01voucherify",
    send: "both",
    names: { "customer.rewarded": "got_reward" },
    currency: "EUR",
    fillMs: 1000,
    repeat: "at-least-once",
    concurrency: 4,
    x: 400,
    y: 400,
    wires: [[]],
  },
  {
    ...inTab,
    ...accounts,
    id: "bv01activity",
    type: "bv-voucherify-activity",
    days: 1,
    dropEchoes: true,
    kinds: ["customer.validation.failed"],
    x: 600,
    y: 400,
    wires: [[]],
  },
  {
    ...inTab,
    ...accounts,
    id: "bv01publish",
    type: "bv-voucherify-publish",
    answer: "now",
    campaign: "",
    frequency: "send",
    currency: "EUR",
    channel: "Bloomreach",
    joinOnce: false,
    concurrency: 2,
    x: 800,
    y: 400,
    wires: [[]],
  },
  {
    ...inTab,
    ...accounts,
    id: "bv01lookup",
    type: "bv-voucherify-lookup",
    what: "points",
    program: "",
    look: "both",
    currency: "EUR",
    cacheSeconds: 60,
    x: 1000,
    y: 400,
    wires: [[]],
  },
];

/** Contrast of two colours (w3.org/TR/WCAG21, contrast ratio); 4.5 is readable. */
function contrast(one: string, other: string): number {
  const [light, dark] = [one, other]
    .map((color) => {
      const parts = (color.match(/[\d.]+/g) ?? []).slice(0, 3).map((part) => Number(part) / 255);
      const [red = 0, green = 0, blue = 0] = parts.map((part) =>
        part <= 0.03928 ? part / 12.92 : ((part + 0.055) / 1.055) ** 2.4,
      );
      return 0.2126 * red + 0.7152 * green + 0.0722 * blue;
    })
    .sort((a, b) => b - a);
  return (light! + 0.05) / (dark! + 0.05);
}

describe("the checklist and the limit in the dialog of the voucherify account", () => {
  let nodeRed: NodeRedProcess;
  let browser: Browser;
  before(async () => {
    nodeRed = await startNodeRed({ major: 5 });
    browser = await startBrowser();
    const editor = await Editor.open(browser, nodeRed.adminUrl);
    await editor.importExample("01 - Customers from Bloomreach to Voucherify", "bv01tab");
    await editor.openDialog("bv01voucherify");
    await editor.page.waitForFunction(() =>
      /not deployed yet/.test(document.querySelector("#bv-limit")?.textContent ?? ""),
    );
    await editor.cancel();
    await editor.deploy();
    await editor.page.close();
  });
  after(async () => {
    await browser?.close();
    await nodeRed?.remove();
  });

  for (const theme of ["light", "dark"] as const)
    it(`can be read in the ${theme} theme`, async () => {
      const editor = await Editor.open(browser, nodeRed.adminUrl, { theme });
      await editor.openDialog("bv01voucherify");
      await editor.page.waitForFunction(() =>
        /^In force: 2,000 requests a minute/.test(document.querySelector("#bv-limit")?.textContent ?? ""),
      );
      await editor.page.click("#bv-test");
      await editor.page.waitForSelector("#bv-checks .fa-minus");
      const lines = await editor.page.locator("#bv-checks li").evaluateAll((items) =>
        items.map((item) => {
          let behind: Element | null = item;
          // No function of its own: the compiler would name it with a helper that the page does not have.
          let fill = "rgba(0, 0, 0, 0)";
          while (behind && /^(rgba\(0, 0, 0, 0\)|transparent)$/.test(fill)) {
            fill = getComputedStyle(behind).backgroundColor;
            behind = behind.parentElement;
          }
          const sentence = getComputedStyle(item.querySelector("span")!).color;
          return {
            text: item.textContent,
            sentence,
            sign: getComputedStyle(item.querySelector("i")!).color,
            behind: fill,
          };
        }),
      );
      assert.deepEqual(
        lines.map(({ text }) => text.split(":")[0]),
        ["Region", "Keys", "Read metadata schemas", "Read async actions", "Write customers", "Not needed now"],
      );
      for (const { text, sentence, sign, behind } of lines) {
        assert.ok(contrast(sentence, behind) >= 4.5, `${text}: ${sentence} on ${behind}`);
        assert.ok(contrast(sign, behind) >= 3, `the sign of ${text}: ${sign} on ${behind}`);
      }
      await editor.cancel();
      await editor.page.close();
    });
});

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
      await editor.importNodes(OTHERS);
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
      assert.deepEqual(types.sort(), [
        "bv-bloomreach-in",
        "bv-customer-upsert",
        "bv-event-forward",
        "bv-simulator",
        "bv-voucherify-activity",
        "bv-voucherify-in",
        "bv-voucherify-lookup",
        "bv-voucherify-publish",
      ]);
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
        if (id === "bv01lookup") await editor.type("what", "discount");
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
        // The simulator's Application ID is nothing for Bloomreach.
        ["Custom header application-id", "Custom header secret-key"],
        "only what nobody but the user knows cannot be copied",
      );
      await editor.cancel();
    });

    it("shows what to paste for events and for requests, each with its usual path", async () => {
      await editor.openDialog("bv01in");
      await editor.expand("bv-paste");
      for (const [kind, path, expected] of [
        ["events", "/bloomreach-engagement/create-event-bulk", ["event_key", "review_left"]],
        [
          "requests",
          "/bloomreach-engagement/publications",
          ["scenario['id']", "{{ webhook['voucher.code'] }}", "{% if"],
        ],
      ] as const) {
        await editor.page.selectOption("#node-input-kind", kind);
        assert.equal(await editor.field("path").inputValue(), path);
        await editor.page.waitForFunction(
          (text) => document.querySelector("#bv-paste-blocks")?.textContent?.includes(text),
          expected[0],
        );
        const blocks = await editor.page.locator("#bv-paste-blocks").innerText();
        for (const text of expected) assert.ok(blocks.includes(text), `${text} in ${blocks}`);
      }
      await editor.cancel();
    });

    it("shows what to paste into Voucherify, and which events come another way", async () => {
      await editor.openDialog("bv01webhooks");
      await editor.expand("bv-paste");
      await editor.page.waitForSelector("#bv-paste-blocks .bv-copy");
      const blocks = await editor.page.locator("#bv-paste-blocks").innerText();
      for (const expected of [
        `${nodeRed.url}/voucherify/webhooks`,
        "redemption.rollback.failed",
        "customer.reward_redemptions.completed",
        "customer.validation.failed",
        "34.247.197.22",
      ])
        assert.ok(blocks.includes(expected), `${expected} in ${blocks}`);
      await editor.cancel();
    });

    it("lists the event names of Bloomreach, and sends a test event", async () => {
      await editor.openDialog("bv01forward");
      await editor.expandAll();
      await editor.page.waitForSelector("#bv-name-rows input");
      assert.equal(await editor.page.locator("#bv-name-rows input").count(), 12);
      assert.equal(await editor.page.locator("#bv-name-customer-rewarded").inputValue(), "got_reward");
      await editor.page.fill("#bv-test-customer", "jane");
      await editor.page.click("#bv-send-test");
      await editor.page.waitForFunction(() =>
        /voucherify_test/.test(document.querySelector("#bv-test-result")?.textContent ?? ""),
      );
      await editor.page.selectOption("#node-input-sendTo", "voucherify");
      assert.equal(await editor.page.locator("#bv-names").isVisible(), false);
      assert.equal(await editor.page.locator("#node-input-repeat").count(), 1);
      await editor.cancel();
    });

    it("the simulator asks only for what it plays, and each has its usual path", async () => {
      await editor.openDialog("bv01sim");
      for (const [plays, path, shown, hidden] of [
        [
          "events",
          "/bloomreach-engagement/create-event-bulk",
          ["event", "count", "send", "batchSize"],
          ["email", "mess"],
        ],
        ["requests", "/bloomreach-engagement/publications", ["campaign", "send", "batchSize"], ["event", "email"]],
        ["voucherify", "/voucherify/webhooks", ["kind", "form"], ["send", "batchSize", "count", "email", "mess"]],
      ] as const) {
        await editor.type("plays", plays);
        assert.equal(await editor.field("path").inputValue(), path);
        for (const property of shown) assert.equal(await editor.field(property).isVisible(), true, property);
        for (const property of hidden) assert.equal(await editor.field(property).isVisible(), false, property);
      }
      await editor.type("plays", "requests");
      await editor.type("send", "single");
      assert.equal(await editor.field("email").isVisible(), true);
      await editor.cancel();
    });

    it("offers the campaigns of the account", async () => {
      await editor.openDialog("bv01publish");
      await editor.page.waitForFunction(() => document.querySelectorAll("#bv-campaigns option").length > 3);
      const names = await editor.page
        .locator("#bv-campaigns option")
        .evaluateAll((options) => options.map((option) => (option as HTMLOptionElement).value));
      assert.ok(names.includes("Abandoned cart"));
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
