import { type ChildProcess, fork } from "node:child_process";
import { once } from "node:events";
import { readFileSync } from "node:fs";
import { join } from "node:path";
import type { Calls } from "./backlog-child";

/** How often memory is looked at. */
const LOOK_EVERY_MS = 50;

/** A fresh process that runs backlog-child.ts; measurements of one do not disturb those of the next. */
export class MeasuringProcess {
  private readonly child: ChildProcess = fork(join(__dirname, "backlog-child.ts"), { execArgv: ["--import", "tsx"] });
  /** Rejects when the process ends while somebody waits for its answer. */
  private readonly ended = once(this.child, "exit").then(() => {
    throw new Error("The measuring process ended too early.");
  });

  private constructor() {
    this.ended.catch(() => undefined); // it always ends, and mostly when nobody waits
  }

  /** Gives `work` a new process, which ends with it. */
  static async during<Result>(work: (process: MeasuringProcess) => Promise<Result>): Promise<Result> {
    const measuring = new MeasuringProcess();
    try {
      return await work(measuring);
    } finally {
      measuring.child.kill("SIGKILL"); // as a crash: the next open reads LevelDB's log
      await measuring.ended.catch(() => undefined);
    }
  }

  /** Runs one of the calls, one at a time. Returns what it measured. */
  async call<Name extends keyof Calls>(name: Name, argument: Parameters<Calls[Name]>[0]): Promise<number> {
    const answer = once(this.child, "message");
    this.child.send({ name, argument });
    const [result] = (await Promise.race([answer, this.ended])) as [number];
    return result;
  }

  /** Highest anonymous memory of the process during `work`, MB. What LevelDB maps of its files is page cache, and not counted. */
  async highestMemoryDuring(work: () => Promise<unknown>): Promise<number> {
    let highest = this.memory();
    const look = setInterval(() => (highest = Math.max(highest, this.memory())), LOOK_EVERY_MS);
    try {
      await work();
    } finally {
      clearInterval(look);
    }
    return highest;
  }

  private memory(): number {
    const kilobytes = /^RssAnon:\s+(\d+) kB/m.exec(readFileSync(`/proc/${this.child.pid}/status`, "utf8"))?.[1];
    return Number(kilobytes ?? 0) / 1_024; // none in the moment of its end
  }
}
