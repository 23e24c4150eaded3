import { createServer, type RequestListener, type Server } from "node:http";
import type { AddressInfo } from "node:net";
import { mkdtempSync, rmSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import type { NodeAPI } from "node-red";
import helper from "node-red-node-test-helper";
import bloomreachAccount from "../../nodes/bloomreach-account";
import bloomreachIn from "../../nodes/bloomreach-in";
import customerUpsert from "../../nodes/customer-upsert";
import { deliveryLife } from "../../nodes/lib/delivery/delivery-life";
import throttle from "../../nodes/throttle";
import voucherifyAccount from "../../nodes/voucherify-account";
import type { Delivery } from "../../src/delivery/delivery";
import type { FlowNode } from "./flows";

// eslint-disable-next-line @typescript-eslint/no-explicit-any -- a message can hold anything, and tests look inside
export type Received = Record<string, any>;

// eslint-disable-next-line @typescript-eslint/no-require-imports -- not typed as a part of Node-RED
const { hooks } = require("@node-red/util");
/** What every flow of these tests may hold. */
const USUAL = [bloomreachAccount, voucherifyAccount, throttle, bloomreachIn, customerUpsert];

/** Node-RED's runtime in this process, with real HTTP and a user directory of its own. Call it once in a `describe`. */
export class FlowUnderTest {
  readonly userDir = mkdtempSync(join(tmpdir(), "flow-under-test-"));
  /** What arrived at nodes of type "helper", by their id. */
  readonly received = new Map<string, Received[]>();
  /** The helper knows one user directory at a time: that of the file that was loaded last. */
  private usedDir = this.userDir;
  url = "";
  /** What the nodes of the last flow were given. */
  RED!: NodeAPI;
  private server: Server | undefined;
  private httpNode: RequestListener = (_request, response) => void response.writeHead(404).end();

  constructor(private readonly nodes: ((RED: NodeAPI) => void)[]) {
    helper.init(require.resolve("node-red"), { userDir: this.userDir } as never);
    before(async () => {
      // Typed as void, but it returns a promise.
      await (helper.startServer() as unknown as Promise<void>);
      // The helper serves Node-RED's admin side only.
      const server = (this.server = createServer((request, response) => this.httpNode(request, response)));
      await new Promise<void>((resolve) => server.listen(0, "127.0.0.1", resolve));
      this.url = `http://127.0.0.1:${(server.address() as AddressInfo).port}`;
    });
    after(async () => {
      this.server?.closeAllConnections();
      this.server?.close();
      await (helper.stopServer() as unknown as Promise<void>);
      rmSync(this.userDir, { recursive: true, force: true });
    });
    afterEach(() => helper.unload());
  }

  async load(flow: readonly FlowNode[], credentials: Record<string, object> = {}): Promise<void> {
    this.received.clear();
    const watch = (RED: NodeAPI): void => {
      this.RED = RED;
      this.httpNode = RED.httpNode;
      this.usedDir = RED.settings.userDir ?? this.userDir;
      // The helper leaves out what the runtime has.
      Object.assign(RED, { server: this.server, hooks });
    };
    await helper.load([watch, ...USUAL, ...this.nodes], flow as never, credentials);
    for (const { id, type } of flow) {
      if (type !== "helper") continue;
      const messages: Received[] = [];
      this.received.set(id, messages);
      helper.getNode(id).on("input", (message: object) => messages.push(message));
    }
  }

  /** Ends the flow before the test ends. */
  async unload(): Promise<void> {
    await helper.unload();
  }

  node(id: string): ReturnType<typeof helper.getNode> {
    return helper.getNode(id);
  }

  of(id: string): Received[] {
    return this.received.get(id) ?? [];
  }

  /** What the nodes have kept, once there was one. */
  get delivery(): Delivery {
    return deliveryLife().get(this.queueFolder)!;
  }

  /** Where it lies. */
  get queueFolder(): string {
    return join(this.usedDir, "bloomreach-voucherify", "queue");
  }

  /** The text of a node's last status. */
  status(id: string): string {
    const { status } = helper.getNode(id) as unknown as { status: { lastCall?: { args: [{ text?: string }] } } };
    return status.lastCall?.args[0].text ?? "";
  }

  async post(
    path: string,
    body: string | object,
    headers: Record<string, string> = {},
  ): Promise<{ status: number; body: Received }> {
    const response = await fetch(this.url + path, {
      method: "POST",
      headers: { "content-type": "application/json", ...headers },
      body: typeof body === "string" ? body : JSON.stringify(body),
    });
    return { status: response.status, body: JSON.parse(await response.text()) as Received };
  }
}
