import { mkdirSync } from "node:fs";
import { join } from "node:path";
import type { Browser } from "playwright-core";
import { Editor, startBrowser } from "../support/editor";
import { type NodeRedProcess, startNodeRed } from "../support/node-red-process";

const images = join(__dirname, "../../docs/images");

/** The README's pictures: `SCREENSHOTS=1 npm run test:browser`. */
if (process.env.SCREENSHOTS)
  describe("the README's screenshots", () => {
    let nodeRed: NodeRedProcess;
    let browser: Browser;

    before(async () => {
      mkdirSync(images, { recursive: true });
      nodeRed = await startNodeRed({ major: 5 });
      browser = await startBrowser();
    });
    after(async () => {
      await browser?.close();
      await nodeRed?.remove();
    });

    /** The whole window, or only the open dialog. */
    const photograph = async (editor: Editor, name: string, what: "window" | "dialog" = "dialog"): Promise<void> => {
      await editor.page.mouse.move(0, 0);
      const path = join(images, `${name}.png`);
      if (what === "window") await editor.page.screenshot({ path });
      else await editor.page.locator(".red-ui-tray").screenshot({ path });
    };

    it("show the example after a click on its button", async () => {
      const editor = await Editor.open(browser, nodeRed.adminUrl, { width: 1700, height: 800 });
      await editor.importExample("01 - Customers from Bloomreach to Voucherify", "bv01tab");
      await editor.deploy();
      await editor.press("bv01inject");
      for (const name of ["Result", "What failed", "Answer to Bloomreach"]) await editor.debugEntry(name).waitFor();
      await editor.page.locator("#red-ui-workspace-chart").evaluate((canvas) => canvas.scrollTo(0, 0));
      await editor.page
        .locator(".red-ui-palette-category", { hasText: "Bloomreach + Voucherify" })
        .evaluate((category) => category.scrollIntoView({ block: "end" }));
      await editor.page.locator(".red-ui-debug-content-list").evaluate((messages) => messages.scrollTo(0, 0));
      await photograph(editor, "example", "window");
      await editor.page.close();
    });

    it("show the dialogs", async () => {
      const editor = await Editor.open(browser, nodeRed.adminUrl, { width: 1300, height: 1000 });
      await editor.openDialog("bv01voucherify");
      await editor.page.click("#bv-test");
      await editor.page.waitForSelector("#bv-checks .fa-check");
      await photograph(editor, "voucherify-account");
      await editor.cancel();

      await editor.openDialog("bv01bloomreach");
      await editor.page.selectOption("#bv-target", "live");
      await editor.type("publicUrl", "https://node-red.example.com");
      await editor.done();
      await editor.page.setViewportSize({ width: 1300, height: 1850 });
      await editor.openDialog("bv01in");
      await editor.expand("bv-paste");
      await editor.page.waitForSelector("#bv-paste-blocks .bv-copy");
      await photograph(editor, "bloomreach-in");
      await editor.page.close({ runBeforeUnload: false });
    });

    it("show the dark theme", async () => {
      const editor = await Editor.open(browser, nodeRed.adminUrl, { width: 1300, height: 1120, theme: "dark" });
      await editor.openDialog("bv01bloomreach");
      await editor.page.selectOption("#bv-target", "live");
      await editor.page.click("#bv-generate");
      // The picture must not show keys that anybody could take for real ones.
      await editor.field("webhookApplicationId").evaluate((field: HTMLInputElement) => {
        field.value = "made in your browser";
      });
      await editor.page.locator("#bv-generated .bv-copy-value").evaluateAll((values) => {
        for (const value of values) value.textContent = "shown once, in your editor";
      });
      await photograph(editor, "bloomreach-account-dark");
      await editor.page.close();
    });
  });
