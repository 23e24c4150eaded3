import assert from "node:assert/strict";
import type { Browser } from "playwright-core";
import { Editor, startBrowser } from "../support/editor";
import { type NodeRedProcess, startNodeRed } from "../support/node-red-process";

const TAB = "pastetab";
const account = { account: "bv05bloomreach" };
const at = { z: TAB, x: 200, y: 100, name: "" };
const incoming = { ...at, ...account, type: "bv-bloomreach-in", kind: "requests", maxBytes: 10 };
/** Wirings that no example has: over a link, into a subflow, two answers, a chosen campaign, none. */
const OTHERS = [
  { id: TAB, type: "tab", label: "Paste" },
  { ...incoming, id: "pastelinked", path: "/bloomreach-engagement/linked", wires: [["pasteout"]] },
  { ...at, id: "pasteout", type: "link out", mode: "link", links: ["pastein"], wires: [] },
  { ...at, id: "pastein", type: "link in", links: ["pasteout"], wires: [["pastevouchers"]] },
  {
    ...at,
    ...{ id: "pastevouchers", type: "bv-voucherify-lookup", account: "bv05voucherify", what: "vouchers" },
    wires: [[]],
  },
  { ...incoming, id: "pastetwo", path: "/bloomreach-engagement/two", wires: [["pastegift", "pastevouchers"]] },
  {
    ...{
      ...at,
      id: "pastegift",
      type: "bv-voucherify-publish",
      name: "Gift",
      account: "bv05voucherify",
      answer: "now",
    },
    ...{ campaign: "Anniversary gift", frequency: "year", currency: "EUR", channel: "Bloomreach", concurrency: 2 },
    wires: [[]],
  },
  { ...incoming, id: "pastenone", path: "/bloomreach-engagement/none", wires: [[]] },
];

describe("Paste into Bloomreach, by what is wired behind", () => {
  let nodeRed: NodeRedProcess;
  let browser: Browser;
  let editor: Editor;

  before(async () => {
    nodeRed = await startNodeRed({ major: 4 });
    browser = await startBrowser();
    editor = await Editor.open(browser, nodeRed.adminUrl);
    for (const [name, tab] of [
      ["05 - Coupon code for an abandoned cart", "bv05tab"],
      ["06 - Codes for a mass mailing", "bv06tab"],
      ["07 - Loyalty points and newest discount in a message", "bv07tab"],
      ["08 - Anniversary gift voucher", "bv08tab"],
    ] as const)
      await editor.importExample(name, tab);
    await editor.importNodes(OTHERS);
  });
  after(async () => {
    await browser?.close();
    await nodeRed?.remove();
  });
  afterEach(async () => {
    await editor.closeDialogs();
    assert.deepEqual(editor.problems.splice(0), [], "the page complained");
  });

  /** What the dialog of a bloomreach in hands out, once it holds `expected`. */
  const blocksOf = async (id: string, expected: string): Promise<string> => {
    await editor.openDialog(id);
    await editor.expand("bv-paste");
    return blocksWith(expected);
  };
  const blocksWith = async (expected: string): Promise<string> => {
    // Looked at and taken in one: the blocks are made anew whenever something of the node changes.
    const found = await editor.page.waitForFunction((text) => {
      const shown = document.querySelector<HTMLElement>("#bv-paste-blocks")?.innerText ?? "";
      return shown.includes(text) && shown;
    }, expected);
    return String(await found.jsonValue());
  };
  const options = (): Promise<string[]> => editor.page.locator("#bv-answered-by option").allInnerTexts();
  const holds = (blocks: string, texts: readonly string[], others: readonly string[] = []): void => {
    for (const text of texts) assert.ok(blocks.includes(text), `${text} in ${blocks}`);
    for (const text of others) assert.ok(!blocks.includes(text), `no ${text} in ${blocks}`);
  };

  it("an abandoned cart: a code in the answer, and a guard that sends no mail without one", async () => {
    const blocks = await blocksOf("bv05in", "{% abort %}");
    holds(
      blocks,
      ["{{ webhook['voucher.code'] }}", "event.timestamp", "time // 86400", "Discount code campaign name"],
      ["{% output", "event.voucher_code"],
    );
  });

  it("a mass mailing: batch templates, and a scenario that begins with the event that brings the code", async () => {
    const blocks = await blocksOf("bv06in", "{{ event.voucher_code }}");
    holds(
      blocks,
      ["{% output customers separated by ',' %}", "On event voucherify_publication_succeeded", "time // 86400"],
      ["webhook[", "Process the response"],
    );
  });

  it("points: their own tags, and a sentence that is left out where there are none", async () => {
    const blocks = await blocksOf("bv07in1", "{{ webhook.points }}");
    holds(
      blocks,
      ["{% if webhook.found %}", "webhook.points_expire_on", "Process the response"],
      ["abort", "campaign", "send"],
    );
    assert.deepEqual(await options(), ["Loyalty points: loyalty points"], "the other webhook's lookup is not behind");
  });

  it("the newest discount: its own tags", async () => {
    const blocks = await blocksOf("bv07in2", "{{ webhook.discount_text }}");
    holds(blocks, ["{{ webhook.discount_code }}", "{% if webhook.found %}"], ["abort", "webhook.points", "send"]);
  });

  it("a gift, one a year, from a queue: no send, and the event that brings it", async () => {
    const blocks = await blocksOf("bv08in", "{{ event.voucher_code }}");
    holds(blocks, ["{% output customers"], ["webhook[", '"send"']);
  });

  it("assigned vouchers behind a link node", async () => {
    const blocks = await blocksOf("pastelinked", "{{ webhook.count }}");
    holds(blocks, ["{{ webhook.discount_code }}"], ["abort"]);
  });

  it("two answers: the user chooses; a chosen campaign is not in the payload", async () => {
    const gift = await blocksOf("pastetwo", "{{ webhook['voucher.code'] }}");
    holds(gift, ["{{ webhook.valid_until }}"], ["Discount code campaign name", '"send"']);
    assert.deepEqual(await options(), ["Gift: a code in the answer", "voucherify lookup: vouchers of the customer"]);
    await editor.page.selectOption("#bv-answered-by", { index: 1 });
    holds(await blocksWith("{{ webhook.count }}"), [], ["voucher.code"]);
  });

  it("no answer wired: says so, and offers each kind", async () => {
    await blocksOf("pastenone", "{{ webhook['voucher.code'] }}");
    assert.match(await editor.page.locator("#bv-nobody-answers").innerText(), /No voucherify publish .* is wired/);
    for (const [index, text] of [
      [1, "No event forward node to Bloomreach is wired behind yet"],
      [2, "{{ webhook.points }}"],
      [3, "For you:"],
      [4, "{{ webhook.count }}"],
    ] as const) {
      await editor.page.selectOption("#bv-answered-by", { index });
      await blocksWith(text);
    }
  });
});
