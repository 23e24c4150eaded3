import assert from "node:assert/strict";
import type { Browser } from "playwright-core";
import { Editor, startBrowser } from "../support/editor";
import { FROZEN_EXAMPLES } from "../support/examples";
import type { FlowNode } from "../support/flows";
import { type NodeRedProcess, startNodeRed } from "../support/node-red-process";

const NODES = FROZEN_EXAMPLES.flatMap(({ nodes }) => nodes);
const OURS = NODES.filter(({ type }) => type.startsWith("bv-"));

/** Nodes by id, and of each only what the frozen one has: Node-RED adds what its own nodes have got since. */
function alike(nodes: readonly FlowNode[]): Record<string, object> {
  const given = new Map(nodes.map((node) => [node.id, node]));
  return Object.fromEntries(
    NODES.map((frozen) => {
      const node = given.get(frozen.id);
      return [frozen.id, Object.fromEntries(Object.keys(frozen).map((name) => [name, node?.[name]]))];
    }),
  );
}

/** Those whose dialogs are opened: all of ours; on Node-RED 5, where dialogs are the same, one of each type of an example. */
function opened(nodes: readonly FlowNode[], major: 4 | 5): readonly FlowNode[] {
  const ours = nodes.filter(({ type }) => type.startsWith("bv-"));
  return major === 4 ? ours : [...new Map(ours.map((node) => [node.type, node])).values()];
}

for (const major of [4, 5] as const)
  describe(`Flows of release 0.1.0 in the editor of Node-RED ${major}`, function () {
    this.bail(true); // what is not there cannot be opened
    let nodeRed: NodeRedProcess;
    let browser: Browser;
    let editor: Editor;

    before(async () => {
      nodeRed = await startNodeRed({ major, flows: NODES });
      browser = await startBrowser();
      editor = await Editor.open(browser, nodeRed.adminUrl);
    });
    after(async () => {
      await browser?.close();
      await nodeRed?.remove();
    });
    afterEach(() => assert.deepEqual(editor.problems.splice(0), [], "the page complained"));

    it("open without a change, and without a node that is not properly configured", async () => {
      const { nodes, dirty, changed } = await editor.flows();
      assert.deepEqual({ dirty, changed }, { dirty: false, changed: [] });
      assert.deepEqual(alike(nodes), alike(NODES));
      assert.deepEqual(await editor.invalidNodes(), []);
    });

    for (const { name, tab, nodes } of FROZEN_EXAMPLES)
      it(`${name}: every dialog shows what was saved, and Done changes nothing`, async () => {
        await editor.show(tab);
        for (const node of opened(nodes, major)) {
          await editor.openDialog(node.id);
          for (const [property, shown] of Object.entries(await editor.values(Object.keys(node))))
            assert.equal(shown, String(node[property]), `${node.type} ${node.id}: ${property}`);
          await editor.done();
        }
        const { dirty, changed } = await editor.flows();
        assert.deepEqual({ dirty, changed }, { dirty: false, changed: [] });
      });

    it("are deployed as they were, when something else has changed", async () => {
      const [{ id }] = OURS.filter(({ type }) => type === "bv-customer-upsert") as [FlowNode];
      await editor.openDialog(id);
      await editor.type("name", "To Voucherify");
      await editor.done();
      await editor.deploy();
      const deployed = (await (await fetch(`${nodeRed.adminUrl}/flows`)).json()) as FlowNode[];
      assert.deepEqual(alike(deployed), { ...alike(NODES), [id]: { ...alike(NODES)[id], name: "To Voucherify" } });
    });

    it("are imported through the dialog as they were", async () => {
      const fresh = await startNodeRed({ major });
      try {
        const other = await Editor.open(browser, fresh.adminUrl);
        await other.importNodes(NODES);
        await other.deploy();
        await other.reload();
        const { nodes, dirty } = await other.flows();
        assert.equal(dirty, false);
        assert.deepEqual(alike(nodes), alike(NODES));
        assert.deepEqual(other.problems, []);
      } finally {
        await fresh.remove();
      }
    });
  });

describe("Properties of another release in the editor", () => {
  const IN = OURS.find(({ type }) => type === "bv-bloomreach-in") as FlowNode;
  /** The table of a made-up release, in which a bloomreach in says its limit in half megabytes. */
  const TABLE = `export const NODE_MIGRATIONS = { "bv-bloomreach-in": [(saved) => ({ maxBytes: saved.maxBytes * 2 })] };`;
  let nodeRed: NodeRedProcess;
  let browser: Browser;

  before(async () => {
    nodeRed = await startNodeRed({ major: 4, flows: NODES });
    browser = await startBrowser();
  });
  after(async () => {
    await browser?.close();
    await nodeRed?.remove();
  });

  /** The editor of a release with this table. */
  const openWith = (table: string): Promise<Editor> => {
    const newPage: Browser["newPage"] = async (options) => {
      const page = await browser.newPage(options);
      await page.route("**/node-migrations.js", (route) =>
        route.fulfill({ contentType: "text/javascript", body: table }),
      );
      return page;
    };
    return Editor.open({ newPage } as Browser, nodeRed.adminUrl);
  };
  const limitOf = async (editor: Editor): Promise<unknown[]> => {
    const node = (await editor.flows()).nodes.find(({ id }) => id === IN.id);
    return [node?.maxBytes, node?.version];
  };

  it("an earlier one: shown and saved as this release writes them, once, and nothing is marked as changed", async () => {
    const editor = await openWith(TABLE);
    assert.deepEqual(await limitOf(editor), [20, 2]);
    const { dirty, changed } = await editor.flows();
    assert.deepEqual({ dirty, changed }, { dirty: false, changed: [] });
    await editor.openDialog(IN.id);
    assert.deepEqual(await editor.values(["maxBytes"]), { maxBytes: "20" });
    await editor.type("name", "Customers");
    await editor.done();
    await editor.deploy();
    await editor.reload();
    assert.deepEqual(await limitOf(editor), [20, 2], "what this release has saved is not changed again");
    assert.deepEqual(editor.problems, []);
  });

  it("a newer one: the node is marked, and its dialog says which release it needs", async () => {
    const editor = await openWith("export const NODE_MIGRATIONS = {};");
    assert.deepEqual(await limitOf(editor), [20, 2], "left as it was saved");
    assert.match(JSON.stringify(await editor.invalidNodes()), new RegExp(`${IN.id}`));
    assert.match(await editor.explain(IN.id, "version", "2"), /newer release .* Install that release again/);
  });
});
