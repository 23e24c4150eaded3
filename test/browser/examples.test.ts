import assert from "node:assert/strict";
import { inspect } from "node:util";
import type { Browser } from "playwright-core";
import { Editor, startBrowser } from "../support/editor";
import { EXAMPLES } from "../support/examples";
import { type NodeRedProcess, startNodeRed } from "../support/node-red-process";
import { waitFor } from "../support/wait-for";

for (const major of [4, 5] as const)
  describe(`All examples in one Node-RED ${major}`, function () {
    this.bail(true); // what was not imported or deployed cannot be clicked
    let nodeRed: NodeRedProcess;
    let browser: Browser;
    let editor: Editor;

    before(async () => {
      nodeRed = await startNodeRed({ major });
      browser = await startBrowser();
      editor = await Editor.open(browser, nodeRed.adminUrl);
      await editor.collectComms();
    });
    after(async () => {
      await browser?.close();
      await nodeRed?.remove();
    });
    afterEach(() => assert.deepEqual(editor.problems.splice(0), [], "the page complained"));

    it("are imported one after the other through the menu, without a question", async () => {
      for (const { name, tab } of EXAMPLES) await editor.importExample(name, tab);
      const imported = new Set((await editor.flows()).nodes.map(({ id }) => id));
      const missing = EXAMPLES.flatMap(({ nodes }) => nodes.filter(({ id }) => !imported.has(id)));
      assert.deepEqual(missing, []);
    });

    it("have no node that the editor finds not properly configured", async () => {
      assert.deepEqual(await editor.invalidNodes(), []);
    });

    it("are deployed once, and no node has a problem", async () => {
      await editor.deploy();
      const simulators = EXAMPLES.flatMap(({ nodes }) => nodes.filter(({ type }) => type === "bv-simulator"));
      await waitFor("every simulator to run", async () => {
        const { statuses } = await editor.comms();
        return simulators.every(({ id }) => statuses[id]);
      });
      const { statuses } = await editor.comms();
      assert.deepEqual(
        Object.entries(statuses).filter(([, { fill }]) => fill === "red"),
        [],
      );
    });

    // What one example leaves behind in the simulator must not spoil another: each order is tried once.
    for (const { name, tab, nodes, shown } of major === 4 ? EXAMPLES : EXAMPLES.toReversed())
      it(`${name}: shows its result after the first click`, async () => {
        await editor.show(tab);
        for (const { id, type } of nodes) if (type === "inject") await editor.press(id);
        const own = new Set(nodes.map(({ id }) => id));
        const messages = async (): Promise<string[]> =>
          (await editor.comms()).debug.flatMap(({ id, message }) =>
            own.has(id) ? inspect(message, { depth: 20, breakLength: Infinity }) : [],
          );
        try {
          for (const text of shown)
            await waitFor(`${text}`, async () => (await messages()).some((message) => text.test(message)), 30_000);
        } catch (error) {
          console.log((await messages()).join("\n"));
          throw error;
        }
      });
  });
