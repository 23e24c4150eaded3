import { type Browser, chromium, type Locator, type Page } from "playwright-core";
import type { FlowNode } from "./flows";

/** A node as the editor holds it. */
interface EditorNode {
  id: string;
  type: string;
  changed?: boolean;
  valid?: boolean;
  validationErrors?: string[];
  _def: { category: string; defaults: Record<string, { validate?: (value: string, options: object) => unknown }> };
}

/** The part of Node-RED's editor API that the tests use inside the page. */
interface EditorApi {
  actions: { invoke(action: string): void };
  comms: { subscribe(topic: string, callback: (topic: string, payload: unknown) => void): void };
  editor: { edit(node: unknown): void; editConfig(name: string, type: string, id: string): void };
  nodes: {
    node(id: string): EditorNode | null;
    eachNode(visit: (node: EditorNode) => void): void;
    eachConfig(visit: (node: EditorNode) => void): void;
    workspace(id: string): object | null;
    dirty(): boolean;
    createCompleteNodeSet(options?: object): FlowNode[];
  };
  sidebar: { show(id: string): void };
  workspaces: { active(): string; show(id: string): void };
}
declare const RED: EditorApi;

/** What the runtime told the editor. */
interface Comms {
  /** What Debug nodes sent, by node id; objects as objects. */
  debug: { id: string; message: unknown }[];
  /** The last status of each node. */
  statuses: Record<string, { fill?: string; text?: string }>;
}
/** Where the page keeps what it was told. */
declare const bvComms: Comms;

const CHROMIUM = process.env.CHROMIUM ?? "/usr/bin/chromium";

/** Starts Debian's Chromium without a window; `CHROMIUM` names another one. */
export function startBrowser(): Promise<Browser> {
  const args = ["--no-sandbox", "--disable-gpu", "--no-first-run", "--disable-background-networking"];
  return chromium.launch({ executablePath: CHROMIUM, headless: true, args });
}

/** What Node-RED's editor shows in one browser page, and what a user does there. */
export class Editor {
  /** Everything that the page complained about: console errors and uncaught exceptions. */
  readonly problems: string[] = [];

  private constructor(readonly page: Page) {
    page.on("console", (message) => {
      if (message.type() === "error") this.problems.push(message.text());
    });
    page.on("pageerror", (error) => {
      // Node-RED's own: on a busy machine it sets up the HTML mode of its code editor (Monaco) before that has loaded.
      if (error.message !== "Cannot read properties of undefined (reading 'html')") this.problems.push(error.message);
    });
  }

  /** Opens the editor at `url` and waits until it can be used. */
  static async open(
    browser: Browser,
    url: string,
    {
      width = 1440,
      height = 1000,
      theme = "light",
    }: { width?: number; height?: number; theme?: "light" | "dark" } = {},
  ): Promise<Editor> {
    const page = await browser.newPage({ viewport: { width, height } });
    await page.addInitScript((chosen) => localStorage.setItem("view-dark-theme", chosen), theme);
    page.setDefaultTimeout(30_000);
    page.setDefaultNavigationTimeout(120_000);
    const editor = new Editor(page);
    await page.goto(url);
    await editor.ready();
    return editor;
  }

  /** Loads the page anew: what is not deployed is gone. */
  async reload(): Promise<void> {
    await this.page.reload();
    await this.ready();
  }

  private async ready(): Promise<void> {
    await this.page.waitForSelector("#red-ui-editor");
    await this.page.waitForFunction(
      () =>
        document.querySelectorAll("#red-ui-palette .red-ui-palette-node").length > 10 &&
        Boolean(RED.workspaces.active()),
    );
    await this.page.waitForSelector("#red-ui-loading-progress", { state: "hidden" });
    // Toasts cover tabs and nodes; tips change by themselves.
    await this.page.addStyleTag({ content: ".red-ui-notification, .red-ui-help-tips { display: none !important; }" });
  }

  /** Imports one of the package's examples as a user does (menu, Import, Examples) and shows its tab. */
  async importExample(name: string, tab: string): Promise<void> {
    await this.page.click("#red-ui-header-button-sidemenu");
    await this.page.click("#menu-item-import");
    await this.page.locator("#red-ui-clipboard-dialog-import-tabs a", { hasText: "Examples" }).click();
    for (const label of ["@bloomreach-voucherify/node-red", name])
      await this.page.locator("#red-ui-clipboard-dialog .red-ui-treeList-label:visible", { hasText: label }).click();
    await this.confirmImport(tab);
    await this.show(tab);
  }

  /** Imports nodes by pasting them into the Import dialog. */
  async importNodes(nodes: readonly FlowNode[]): Promise<void> {
    await this.page.evaluate(() => RED.actions.invoke("core:show-import-dialog"));
    await this.page.fill("#red-ui-clipboard-dialog-import-text", JSON.stringify(nodes));
    await this.page.dispatchEvent("#red-ui-clipboard-dialog-import-text", "keyup");
    await this.confirmImport(nodes[0]?.id ?? "");
  }

  /** Presses Import once the dialog has checked what was chosen, and waits until the node `id` is there. */
  private async confirmImport(id: string): Promise<void> {
    await this.page.click("#red-ui-clipboard-dialog-ok:not(.ui-button-disabled)");
    await this.page.waitForFunction((node) => Boolean(RED.nodes.node(node) ?? RED.nodes.workspace(node)), id);
  }

  /** Presses Deploy and waits until the runtime has taken the flows. */
  async deploy(): Promise<void> {
    const answered = this.page.waitForResponse(
      (response) => response.url().endsWith("/flows") && response.request().method() === "POST",
    );
    await this.page.click("#red-ui-header-button-deploy");
    await answered;
    await this.page.waitForSelector("#red-ui-header-button-deploy.disabled");
  }

  /** Opens the dialog of a node or a config node. */
  async openDialog(id: string): Promise<void> {
    await this.page.evaluate((nodeId) => {
      const node = RED.nodes.node(nodeId);
      if (node?._def.category === "config") RED.editor.editConfig("", node.type, nodeId);
      else RED.editor.edit(node);
    }, id);
    await this.page.waitForSelector(".red-ui-tray .bv-form", { state: "visible" });
    // The tray slides in; until it stands, a click can miss.
    await this.page.waitForFunction(() => {
      const tray = document.querySelector<HTMLElement>(".red-ui-tray:last-child");
      return (
        tray !== null && !tray.classList.contains("ui-draggable-dragging") && parseInt(tray.style.right || "0") === 0
      );
    });
  }

  /** Presses Done (or Add, Update) in the open dialog. */
  async done(): Promise<void> {
    await this.page.click("#node-dialog-ok:visible, #node-config-dialog-ok:visible");
    await this.page.waitForSelector(".red-ui-tray", { state: "detached" });
  }

  /** Presses Cancel in the open dialog. */
  async cancel(): Promise<void> {
    await this.page.click("#node-dialog-cancel:visible, #node-config-dialog-cancel:visible");
    await this.page.waitForSelector(".red-ui-tray", { state: "detached" });
  }

  /** Leaves every dialog that a failed test left open. */
  async closeDialogs(): Promise<void> {
    const cancel = this.page.locator("#node-dialog-cancel:visible, #node-config-dialog-cancel:visible");
    while ((await cancel.count()) > 0) {
      const trays = await this.page.locator(".red-ui-tray").count();
      await cancel.last().click();
      await this.page.waitForFunction((before) => document.querySelectorAll(".red-ui-tray").length < before, trays);
    }
  }

  /** The field of a property in the open dialog. */
  field(property: string): Locator {
    return this.page.locator(`#node-input-${property}, #node-config-input-${property}`);
  }

  /** What the open dialog shows in the fields of these properties, as text; properties without a field are left out. */
  values(properties: readonly string[]): Promise<Record<string, string>> {
    return this.page.evaluate((names) => {
      const values: Record<string, string> = {};
      for (const name of names) {
        const field = document.querySelector<HTMLInputElement | HTMLSelectElement | HTMLTextAreaElement>(
          `#node-input-${name}, #node-config-input-${name}`,
        );
        if (!field) continue;
        // "Add new ..." is what Node-RED shows where no config node is chosen.
        const text = field.value === "_ADD_" ? "" : field.value;
        values[name] = field instanceof HTMLInputElement && field.type === "checkbox" ? String(field.checked) : text;
      }
      return values;
    }, properties);
  }

  /** Types text into a field, or chooses the option with this value. */
  async type(property: string, value: string): Promise<void> {
    const field = this.field(property);
    if ((await field.evaluate((element) => element.tagName)) === "SELECT") await field.selectOption(value);
    else await field.fill(value);
    await field.dispatchEvent("change");
  }

  /** The sentence with which the node's definition refuses a value. */
  explain(id: string, property: string, value: string): Promise<string> {
    return this.page.evaluate(
      ([nodeId, name, refused]) => {
        const node = RED.nodes.node(nodeId);
        return String(node?._def.defaults[name]?.validate?.call(node, refused, {}));
      },
      [id, property, value] as const,
    );
  }

  /** True when the open dialog marks this field as wrong. */
  async isWrong(property: string): Promise<boolean> {
    return (await this.field(property).getAttribute("class"))?.includes("input-error") ?? false;
  }

  /** Opens a collapsed part of the dialog. */
  async expand(id: string): Promise<void> {
    const part = this.page.locator(`#${id}`);
    if ((await part.getAttribute("open")) === null) await part.locator("summary").click();
  }

  /** Opens every collapsed part of the dialog. */
  async expandAll(): Promise<void> {
    const closed = this.page.locator(".bv-form details:not([open]) > summary");
    while ((await closed.count()) > 0) await closed.first().click();
  }

  /** Presses the button of an inject node. */
  async press(id: string): Promise<void> {
    await this.page.evaluate(() => RED.sidebar.show("debug"));
    await this.page.locator(`[id="${id}"] .red-ui-flow-node-button-button`).first().click();
  }

  /** The newest message of a Debug node in the sidebar. */
  debugEntry(name: string): Locator {
    const header = this.page.locator(".red-ui-debug-msg-name", { hasText: `node: ${name}` });
    return this.page.locator(".red-ui-debug-msg", { has: header }).last();
  }

  /** Waits for the message of a Debug node in the sidebar, unfolds it and reads it. */
  async debugMessage(name: string): Promise<string> {
    const message = this.debugEntry(name);
    const folded = message.locator(".collapsed > .red-ui-debug-msg-expandable");
    await message.waitFor();
    while ((await folded.count()) > 0) await folded.first().click();
    return message.innerText();
  }

  /** Shows a tab. */
  async show(tab: string): Promise<void> {
    await this.page.evaluate((id) => RED.workspaces.show(id), tab);
  }

  /** The nodes that the editor marks as not properly configured, each with what it says. */
  invalidNodes(): Promise<string[]> {
    return this.page.evaluate(() => {
      const all: EditorNode[] = [];
      RED.nodes.eachNode((node) => void all.push(node));
      RED.nodes.eachConfig((node) => void all.push(node));
      return all
        .filter(({ valid }) => valid === false)
        .map(({ type, id, validationErrors }) => `${type} ${id}: ${(validationErrors ?? []).join(" ")}`);
    });
  }

  /** From now on the page keeps what the runtime tells the editor (`/comms`). */
  async collectComms(): Promise<void> {
    await this.page.evaluate(() => {
      const kept: Comms = { debug: [], statuses: {} };
      Object.assign(window, { bvComms: kept });
      RED.comms.subscribe("debug", (_, payload) => {
        const { id, msg, format } = payload as { id: string; msg: string; format: string };
        kept.debug.push({ id, message: /^(object|array|error)/i.test(format) ? JSON.parse(msg) : msg });
      });
      RED.comms.subscribe("status/#", (topic, payload) => {
        kept.statuses[topic.slice("status/".length)] = payload as { fill?: string; text?: string };
      });
    });
  }

  /** What was kept since `collectComms`. */
  comms(): Promise<Comms> {
    return this.page.evaluate(() => bvComms);
  }

  /** All nodes as the editor would deploy them, and whether anything is not deployed yet. */
  flows(): Promise<{ nodes: FlowNode[]; dirty: boolean; changed: string[] }> {
    return this.page.evaluate(() => {
      const nodes = RED.nodes.createCompleteNodeSet({ credentials: false });
      const changed = nodes.flatMap(({ id }) => (RED.nodes.node(id)?.changed ? id : []));
      return { nodes, dirty: RED.nodes.dirty(), changed };
    });
  }
}
