import { type ChildProcess, spawn } from "node:child_process";
import { once } from "node:events";
import { join, resolve } from "node:path";
import { waitFor } from "./wait-for";

const root = resolve(__dirname, "../..");
const program = [process.execPath, "--import", "tsx", join(root, "test/support/level-store-child.ts")];

/** A process that has a LevelStore open in a folder (test/support/level-store-child.ts). */
export class StoreProcess {
  problem: string | undefined = "Nothing was heard yet.";
  readonly logged: { level: string; sentence: string }[] = [];
  /** What `writeForEver` acknowledged. */
  readonly acknowledged: number[] = [];
  private readonly answers = new Map<number, (answer: { result?: unknown; error?: string }) => void>();
  private lastId = 0;

  private constructor(private readonly child: ChildProcess) {
    child.on("message", (message: Record<string, unknown>) => {
      if ("problem" in message) this.problem = (message.problem as string | null) ?? undefined;
      if ("log" in message) this.logged.push(message.log as { level: string; sentence: string });
      if ("acknowledged" in message) this.acknowledged.push(message.acknowledged as number);
      if ("id" in message) this.answers.get(message.id as number)?.(message);
    });
  }

  /**
   * @param folder of the store
   * @param user id of the user to become (needs root)
   * @param env environment variables beside those of this process
   */
  static start(folder: string, { user = "", env = {} }: { user?: string; env?: NodeJS.ProcessEnv } = {}): StoreProcess {
    return StoreProcess.spawn([...program, folder, user], env);
  }

  /** The same with the store on a disk of `megabytes` that this process alone sees, mounted at `parent`. */
  static startOnOwnDisk(parent: string, megabytes: number, readOnly = false): StoreProcess {
    const mount = `mount -t tmpfs -o size=${megabytes}m none "$0" ${readOnly ? '&& mount -o remount,bind,ro "$0"' : ""}`;
    const words = ["sh", "-c", `${mount} && exec "$@"`, parent, ...program, join(parent, "store"), "", parent];
    return StoreProcess.spawn(["unshare", "-Urm", ...words]);
  }

  private static spawn([command = "", ...words]: string[], env: NodeJS.ProcessEnv = {}): StoreProcess {
    return new StoreProcess(
      spawn(command, words, {
        cwd: root,
        env: { ...process.env, NODE_OPTIONS: "", ...env },
        stdio: ["ignore", "ignore", "inherit", "ipc"],
      }),
    );
  }

  /** Calls something in the process. @throws Error with the message of the error there */
  async call(call: string, argument: unknown = null): Promise<unknown> {
    const id = ++this.lastId;
    const answer = await new Promise<{ result?: unknown; error?: string }>((resolve, reject) => {
      this.answers.set(id, resolve);
      this.child.send({ id, call, argument }, (error) => error && reject(error));
    });
    if (answer.error !== undefined) throw new Error(answer.error);
    return answer.result;
  }

  /** Waits for a problem that matches, or for none. */
  async waitForProblem(pattern: RegExp | undefined): Promise<void> {
    await waitFor(`the problem ${pattern ?? "to end"}`, () =>
      pattern ? pattern.test(this.problem ?? "") : this.problem === undefined,
    );
  }

  async kill(): Promise<void> {
    if (this.child.exitCode !== null || this.child.signalCode !== null) return;
    this.child.kill("SIGKILL");
    await once(this.child, "exit");
  }
}
