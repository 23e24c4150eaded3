import { type ChildProcess, spawn } from "node:child_process";
import { once } from "node:events";
import { join, resolve } from "node:path";
import type { Faults } from "../../src/simulator";

const root = resolve(__dirname, "../..");

/** What can be asked of the simulator; `test/support/simulator-child.ts` answers. */
export interface SimulatorCalls {
  url(): string;
  faults(faults: Faults | null): null;
  customers(): [sourceId: string, name: string | null][];
  customEvents(): Record<string, number>;
  trackedEvents(): Record<string, number>;
  codes(): Record<string, string[]>;
  arrived(): Arrived;
  reset(): null;
}

/** How much of each has arrived since the last reset. */
export interface Arrived {
  readonly customers: number;
  readonly publications: number;
  readonly customEvents: number;
  readonly trackedEvents: number;
}

/** A simulator in a process of its own, so that a long run does not share its event loop with what is tested. */
export class SimulatorProcess {
  private readonly answers = new Map<number, (result: never) => void>();
  private lastId = 0;

  private constructor(private readonly child: ChildProcess) {
    child.on("message", ({ id, result }: { id?: number; result?: unknown }) => {
      if (id !== undefined) this.answers.get(id)?.(result as never);
    });
  }

  static async start(): Promise<SimulatorProcess> {
    const words = ["--import", "tsx", join(root, "test/support/simulator-child.ts")];
    const child = spawn(process.execPath, words, {
      cwd: root,
      env: { ...process.env, NODE_OPTIONS: "" },
      stdio: ["ignore", "ignore", "inherit", "ipc"],
    });
    const simulator = new SimulatorProcess(child);
    await once(child, "message");
    return simulator;
  }

  ask<Call extends keyof SimulatorCalls>(
    call: Call,
    ...[argument]: Parameters<SimulatorCalls[Call]>
  ): Promise<ReturnType<SimulatorCalls[Call]>> {
    const id = ++this.lastId;
    return new Promise((resolve) => {
      this.answers.set(id, resolve);
      this.child.send({ id, call, argument: argument ?? null });
    });
  }

  async stop(): Promise<void> {
    if (this.child.exitCode !== null || this.child.signalCode !== null) return;
    const exit = once(this.child, "exit");
    this.child.kill("SIGKILL");
    await exit;
  }
}
