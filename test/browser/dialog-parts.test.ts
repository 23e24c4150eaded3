import assert from "node:assert/strict";
import type { Browser } from "playwright-core";
import { Editor, startBrowser } from "../support/editor";
import { type NodeRedProcess, startNodeRed } from "../support/node-red-process";

const TAB = "partstab";
const at = { z: TAB, x: 200, y: 100, name: "", wires: [[]] };
const ACCOUNTS = { account: "partsvoucherify" };
/** One of each, as the palette makes it; two webhooks that want the same path. */
const NODES = [
  { id: TAB, type: "tab", label: "Parts" },
  { id: "partsthrottle", type: "bv-throttle", name: "", requests: 100, period: "minute", share: 70, concurrency: 5 },
  {
    ...{ id: "partsbloomreach", type: "bv-bloomreach-account", apiUrl: "https://api.exponea.com" },
    ...{ hardId: "registered", idSync: "soft", idSyncName: "voucherify_id", requestsPerSecond: 50 },
  },
  {
    ...{ id: "partsvoucherify", type: "bv-voucherify-account", apiUrl: "simulator", hardId: "registered" },
    ...{ plan: "own", requests: 100, period: "minute", throttle: "partsthrottle", transport: "gateway" },
  },
  {
    ...{ ...at, id: "partsin", type: "bv-bloomreach-in", account: "partsbloomreach" },
    ...{ kind: "events", path: "/taken/by-both", output: "webhook", eventKey: "event_key", maxBytes: 10 },
  },
  {
    ...{ ...at, ...ACCOUNTS, id: "partswebhooks", type: "bv-voucherify-in", path: "/taken/by-both" },
    ...{ dropEchoes: true, kinds: ["customer.rewarded"], publicUrl: "", wires: [[], []] },
  },
  { ...at, ...ACCOUNTS, id: "partsupsert", type: "bv-customer-upsert", emptyValues: "keep", concurrency: 2 },
  {
    ...{ ...at, id: "partsforward", type: "bv-event-forward", sendTo: "bloomreach", account: "partsbloomreach" },
    ...{ send: "both", names: {}, currency: "EUR", fillMs: 1000, repeat: "at-least-once", concurrency: 4 },
  },
  { ...at, ...ACCOUNTS, id: "partsactivity", type: "bv-voucherify-activity", days: 1, dropEchoes: true, kinds: [] },
  {
    ...{ ...at, ...ACCOUNTS, id: "partspublish", type: "bv-voucherify-publish", answer: "queue", campaign: "" },
    ...{ frequency: "send", currency: "EUR", channel: "Bloomreach", joinOnce: false, concurrency: 2 },
  },
  {
    ...{ ...at, ...ACCOUNTS, id: "partslookup", type: "bv-voucherify-lookup", what: "points", program: "" },
    ...{ look: "both", currency: "EUR", cacheSeconds: 60 },
  },
  {
    ...{ ...at, id: "partssimulator", type: "bv-simulator", plays: "requests", account: "partsbloomreach" },
    ...{ path: "/taken/by-both", send: "single", count: 3, batchSize: 1000, campaign: "Cart", event: "seen" },
  },
];
const DIALOGS = NODES.map(({ id }) => id).filter((id) => id !== TAB);

const ALL = [
  "bloomreach-in",
  "customer-upsert",
  "event-forward",
  "simulator",
  "voucherify-activity",
  "voucherify-in",
  "voucherify-lookup",
  "voucherify-publish",
];
/** What people type into the palette's search, and every node that has to do with it. */
const SEARCHES: Record<string, readonly string[]> = {
  voucherify: ALL,
  bloomreach: ALL,
  coupon: ALL.filter((name) => name !== "customer-upsert"),
  loyalty: ALL.filter((name) => name !== "customer-upsert"),
  Exponea: ["bloomreach-in", "customer-upsert", "event-forward", "simulator"],
  "customer upsert": ["customer-upsert"],
};

/** Longer than any label, as other languages have it: words that can be broken only inside. */
const LONG_LABEL = "Höchstgeschwindigkeitsüberschreitung der Kundendatenaktualisierungswarteschlange";

for (const major of [4, 5] as const)
  describe(`the parts of the dialogs, in Node-RED ${major} below another address`, () => {
    let nodeRed: NodeRedProcess;
    let browser: Browser;
    let editor: Editor;

    before(async () => {
      nodeRed = await startNodeRed({ major, settings: { httpAdminRoot: "/back/office" } });
      browser = await startBrowser();
      editor = await Editor.open(browser, nodeRed.adminUrl);
      await editor.importNodes(NODES);
    });
    after(async () => {
      await browser?.close();
      await nodeRed?.remove();
    });
    afterEach(async () => {
      await editor.closeDialogs();
      assert.deepEqual(editor.problems.splice(0), [], "the page complained");
    });

    it("are loaded once, though each dialog asks for them", async () => {
      const sheets = editor.page.locator('link[href$="/@bloomreach-voucherify/node-red/dialog.css"]');
      assert.equal(await sheets.count(), 1);
      const looked = await sheets.evaluate((link: HTMLLinkElement) => link.sheet?.cssRules.length ?? 0);
      assert.ok(looked > 10);
    });

    for (const [typed, expected] of Object.entries(SEARCHES))
      it(`the palette's search finds what has to do with "${typed}"`, async () => {
        const search = editor.page.locator("#red-ui-palette-search input");
        await search.fill(typed);
        await search.dispatchEvent("keyup");
        const found = editor.page.locator('.red-ui-palette-node[data-palette-type^="bv-"]:not([data-filter])');
        const types = async (): Promise<string[]> =>
          (
            await found.evaluateAll((nodes) => nodes.map((node) => node.getAttribute("data-palette-type") ?? ""))
          ).sort();
        const wanted = expected.map((name) => `bv-${name}`);
        // The search waits until nobody types.
        await editor.page
          .waitForFunction(
            (count) =>
              document.querySelectorAll('.red-ui-palette-node[data-palette-type^="bv-"]:not([data-filter])').length ===
                count &&
              document.querySelectorAll('.red-ui-palette-node[data-palette-type="inject"][data-filter]').length,
            wanted.length,
            { timeout: 5_000 },
          )
          .catch(() => undefined);
        assert.deepEqual(await types(), wanted);
        await search.fill("");
        await search.dispatchEvent("keyup");
      });

    it("leave the labels in the palette as they are", async () => {
      const shown = editor.page.locator('.red-ui-palette-node[data-palette-type="bv-customer-upsert"]');
      assert.equal((await shown.textContent())?.trim().replace(/\s+/g, ""), "customerupsert");
    });

    for (const id of DIALOGS)
      it(`${id}: no label slips under its field, however long it is and however narrow the dialog`, async () => {
        await editor.openDialog(id);
        await editor.expandAll();
        if (id === "partsin" || id === "partswebhooks") await editor.page.waitForSelector("#bv-paste-blocks .bv-copy");
        for (const [width, text] of [
          ["", ""],
          ["300px", ""],
          ["", LONG_LABEL],
          ["420px", LONG_LABEL],
          ["300px", LONG_LABEL],
        ] as const) {
          const slipped = await editor.page.locator(".bv-form").evaluate(
            (form: HTMLElement, [formWidth, longText]) => {
              form.style.width = formWidth;
              const labels = Array.from(form.querySelectorAll<HTMLLabelElement>(".form-row label"));
              const names = Array.from(form.querySelectorAll<HTMLElement>(".bv-copy-name"));
              const pairs = [
                ...labels.map((name) => ({ name, field: document.getElementById(name.htmlFor) })),
                ...names.map((name) => ({ name, field: name.parentElement?.querySelector<HTMLElement>("pre") })),
              ];
              if (longText) for (const { name } of pairs) (name.querySelector("span") ?? name).textContent = longText;
              return pairs.flatMap(({ name, field }) => {
                if (!field || !name.offsetParent || !field.offsetParent) return [];
                const words = document.createRange();
                words.selectNodeContents(name);
                const label = words.getBoundingClientRect();
                const box = field.getBoundingClientRect();
                const edge = form.getBoundingClientRect().right + 1;
                const overlaps =
                  label.left < box.right && box.left < label.right && label.top < box.bottom && box.top < label.bottom;
                return overlaps || label.right > edge || box.right > edge || box.width < 12 ? [field.id || "copy"] : [];
              });
            },
            [width, text] as const,
          );
          assert.deepEqual(slipped, [], `${width || "usual"} ${text && "long"}`);
        }
      });

    for (const [id, path] of [
      ["partsin", "/free/one"],
      ["partswebhooks", "/free/two"],
    ] as const)
      it(`${id}: a path that another node or Node-RED has is explained below the field, without hovering`, async () => {
        await editor.openDialog(id);
        const problem = editor.page.locator("#bv-path-owner");
        await problem.waitFor({ state: "visible" });
        assert.equal(await problem.innerText(), "Another node has this path. Choose a different one.");
        assert.equal(await editor.isWrong("path"), true);

        await editor.type("path", path);
        await problem.waitFor({ state: "hidden" });
        assert.equal(await editor.isWrong("path"), false);

        await editor.type("path", "/back/office/flows");
        await problem.waitFor({ state: "visible" });
        assert.match(await problem.innerText(), /^This path belongs to Node-RED's editor.* Choose another one/);

        await editor.type("path", "customers");
        assert.match(await problem.innerText(), /^Type a path that starts with \//);
        await editor.type("path", "${WEBHOOK_PATH}");
        assert.equal(await problem.isVisible(), false);
      });

    it("say about each field, to whoever cannot see it, what stands below it", async () => {
      await editor.openDialog("partsin");
      const path = editor.field("path");
      const ids = ((await path.getAttribute("aria-describedby")) ?? "").split(" ");
      const sentences = await Promise.all(ids.map((id) => editor.page.locator(`#${id}`).innerText()));
      assert.ok(sentences.some((one) => /^The end of the URL/.test(one)));
      assert.ok(sentences.some((one) => /^Another node/.test(one)));
    });
  });
