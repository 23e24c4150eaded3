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

    const photograph = (editor: Editor, name: string): Promise<Buffer> =>
      editor.page.screenshot({ path: join(images, `${name}.png`) });

    it("show the example after a click on its button, and the dialogs", async () => {
      const editor = await Editor.open(browser, nodeRed.adminUrl, { width: 1500, height: 860 });
      await editor.importExample("01 - Customers from Bloomreach to Voucherify", "bv01tab");
      await editor.deploy();
      await editor.press("bv01inject");
      await editor.debugMessage("Result");
      await editor.debugMessage("What failed");
      await editor.page.mouse.move(750, 600);
      await photograph(editor, "example");

      await editor.openDialog("bv01in");
      await editor.expand("bv-paste");
      await editor.page.waitForSelector("#bv-paste-blocks .bv-copy");
      await photograph(editor, "bloomreach-in");
      await editor.cancel();

      await editor.openDialog("bv01voucherify");
      await editor.page.click("#bv-test");
      await editor.page.waitForSelector("#bv-checks .fa-check");
      await photograph(editor, "voucherify-account");
      await editor.cancel();
    });

    it("show the dark theme", async () => {
      const editor = await Editor.open(browser, nodeRed.adminUrl, { width: 1500, height: 860, theme: "dark" });
      await editor.openDialog("bv01bloomreach");
      await editor.page.selectOption("#bv-target", "live");
      await editor.page.click("#bv-generate");
      // The picture must not show keys that anybody could take for real ones.
      await editor.page.locator("#bv-generated .bv-copy-value").evaluateAll((values) => {
        for (const value of values) value.textContent = "shown once, in your editor";
      });
      await editor.type("webhookApplicationId", "made in your browser");
      await photograph(editor, "bloomreach-account-dark");
      await editor.cancel();
    });
  });
