import { type ChildProcess, fork } from "node:child_process";
import { once } from "node:events";
import { join } from "node:path";
import type { Answered, Load } from "./load";

/** The process that sends. */
export class LoadProcess {
  private readonly child: ChildProcess = fork(join(__dirname, "load.ts"), { execArgv: ["--import", "tsx"] });
  private readonly ended = once(this.child, "exit").then(() => {
    throw new Error("The sending process ended too early.");
  });

  constructor() {
    this.ended.catch(() => undefined); // it always ends, and mostly when nobody waits
  }

  /** Has requests sent; resolves when all are answered. @throws an Error when one got no answer */
  async send(load: Load): Promise<Answered> {
    const answer = once(this.child, "message");
    this.child.send(load);
    const [answered] = (await Promise.race([answer, this.ended])) as [Answered | { error: string }];
    if ("error" in answered) throw new Error(answered.error);
    return answered;
  }

  stop(): void {
    this.child.kill("SIGKILL");
  }
}
