import { type ChildProcess, spawn, spawnSync } from "node:child_process";
import { once } from "node:events";
import { mkdirSync } from "node:fs";

/** Why a process cannot have a disk of its own here; undefined when it can. */
function whyNoOwnDisk(): string | undefined {
  const tried = spawnSync("unshare", ["-Urm", "mount", "-t", "tmpfs", "none", "/mnt"], { encoding: "utf8" });
  return tried.status === 0 ? undefined : `no tmpfs in a user namespace here (${tried.error?.message ?? tried.stderr})`;
}

/** Skips a test where the system gives no process a disk of its own, and says why in its title. */
export function skipWithoutOwnDisk(context: Mocha.Context): void {
  const why = whyNoOwnDisk();
  if (why === undefined) return;
  context.test!.title += ` (skipped: ${why})`;
  context.skip();
}

/**
 * A small disk in a mount namespace of its own: only commands that are started with `command` in front of them see it. It
 * outlives these, and goes with `remove` or with the test.
 */
export class OwnDisk {
  private constructor(
    readonly folder: string,
    private readonly holder: ChildProcess,
  ) {}

  /** @param folder where it is mounted; made when it is not there */
  static async mount(folder: string, megabytes: number): Promise<OwnDisk> {
    mkdirSync(folder, { recursive: true });
    const script = `mount -t tmpfs -o size=${megabytes}m none "$0" && echo mounted && exec cat`;
    const holder = spawn("unshare", ["-Urm", "sh", "-c", script, folder], { stdio: ["pipe", "pipe", "inherit"] });
    await Promise.race([
      once(holder.stdout, "data"),
      once(holder, "exit").then(() => Promise.reject(new Error(script))),
    ]);
    return new OwnDisk(folder, holder);
  }

  /** What comes before a command that is to see the disk. */
  get command(): readonly string[] {
    return ["nsenter", "--target", String(this.holder.pid), "--user", "--mount", "--preserve-credentials", "--"];
  }

  /** Leaves no byte free. */
  fill(): void {
    this.run('cat /dev/zero > "$0/filler" 2> /dev/null || true');
  }

  free(): void {
    this.run('rm "$0/filler"');
  }

  setReadOnly(readOnly: boolean): void {
    this.run(`mount -o remount,bind,${readOnly ? "ro" : "rw"} "$0"`);
  }

  async remove(): Promise<void> {
    const { holder } = this;
    if (holder.exitCode !== null || holder.signalCode !== null) return;
    holder.kill("SIGKILL");
    await once(holder, "exit");
  }

  private run(script: string): void {
    const [command = "", ...words] = [...this.command, "sh", "-c", script, this.folder];
    const { status, stderr } = spawnSync(command, words, { encoding: "utf8" });
    if (status !== 0) throw new Error(`${script}: ${stderr}`);
  }
}
