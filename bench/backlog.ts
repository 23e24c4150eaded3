import { type ChildProcess, fork } from "node:child_process";
import { once } from "node:events";
import { mkdtempSync, rmSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { median, printTable, whole } from "./figures";

const BACKLOGS = [0, 100_000, 1_000_000];
/** Records of one measurement; enough to last some seconds. */
const WORK = 50_000;
/** Measurements of each backlog, in turns, so that a busy machine disturbs all of them. */
const ROUNDS = 3;
const MOST_MEMORY_MB = 150;
const LEAST_THROUGHPUT = 0.8;
const LONGEST_START_MS = 3_000;

interface Round {
  readonly readyMs: number;
  readonly perSecond: number;
  /** Highest anonymous memory while it worked, MB. */
  readonly memoryMb: number;
}

/** The queue with many waiting records. Returns which of the promises does not hold with the largest backlog. */
export async function measureBacklogs(): Promise<string[]> {
  const parent = mkdtempSync(join(tmpdir(), "bench-queue-"));
  try {
    const folders = BACKLOGS.map((backlog) => join(parent, `${backlog}`));
    for (const [place, backlog] of BACKLOGS.entries())
      await inProcess(async (call) => {
        await call("open", folders[place]!);
        await call("fill", backlog);
      });
    const rounds: Round[][] = BACKLOGS.map(() => []);
    for (let round = 0; round < ROUNDS; round++)
      for (const [place, folder] of folders.entries()) rounds[place]!.push(await measure(folder));
    return report(rounds);
  } finally {
    rmSync(parent, { recursive: true, force: true });
  }
}

function report(rounds: readonly Round[][]): string[] {
  const of = (place: number, figure: keyof Round): number => median(rounds[place]!.map((round) => round[figure]));
  const throughput = (place: number): number => of(place, "perSecond") / of(0, "perSecond");
  const growth = (place: number): number => of(place, "memoryMb") - of(0, "memoryMb");
  printTable(
    ["waiting records", "ready after (ms)", "accepted and delivered a second", "of an empty queue's", "memory (MB)"],
    BACKLOGS.map((backlog, place) => [
      whole(backlog),
      whole(of(place, "readyMs")),
      whole(of(place, "perSecond")),
      `${whole(throughput(place) * 100)} %`,
      `${whole(of(place, "memoryMb"))} (${growth(place) < 0 ? "" : "+"}${whole(growth(place))})`,
    ]),
  );
  const last = BACKLOGS.length - 1;
  const waiting = `With ${whole(BACKLOGS[last]!)} waiting records`;
  const problems: string[] = [];
  if (!(growth(last) <= MOST_MEMORY_MB))
    problems.push(`${waiting} memory grows by ${whole(growth(last))} MB: more than ${MOST_MEMORY_MB} MB.`);
  if (!(throughput(last) >= LEAST_THROUGHPUT))
    problems.push(
      `${waiting} throughput is ${whole(throughput(last) * 100)} %: less than ${LEAST_THROUGHPUT * 100} %.`,
    );
  if (!(of(last, "readyMs") <= LONGEST_START_MS))
    problems.push(
      `${waiting} a start takes ${whole(of(last, "readyMs"))} ms: more than ${whole(LONGEST_START_MS)} ms.`,
    );
  return problems;
}

function measure(folder: string): Promise<Round> {
  return inProcess(async (call) => {
    const readyMs = await call("open", folder);
    let memoryMb = 0;
    const look = setInterval(() => void call("memory").then((now) => (memoryMb = Math.max(memoryMb, now))), 100);
    // One unmeasured round, so that compilation and caches are the same for all.
    await call("work", WORK);
    const worked: number[] = [];
    for (let times = 0; times < 3; times++) worked.push(await call("work", WORK));
    clearInterval(look);
    return { readyMs, perSecond: (WORK / median(worked)) * 1_000, memoryMb };
  });
}

type Call = (name: string, argument?: unknown) => Promise<number>;

/** A fresh process for each measurement; ends with it. */
async function inProcess<Result>(work: (call: Call) => Promise<Result>): Promise<Result> {
  const child: ChildProcess = fork(join(__dirname, "backlog-child.ts"), { execArgv: ["--import", "tsx"] });
  const answers: ((result: number) => void)[] = [];
  let next = 0;
  child.on("message", ({ id, result }: { id: number; result: number }) => answers[id]?.(result));
  const call: Call = (name, argument) =>
    new Promise((resolve, reject) => {
      const id = next++;
      answers[id] = resolve;
      child.once("exit", () => reject(new Error("The measuring process ended.")));
      child.send({ id, name, argument });
    });
  child.setMaxListeners(0);
  try {
    return await work(call);
  } finally {
    child.removeAllListeners("exit");
    const ended = once(child, "exit");
    child.kill("SIGTERM");
    await ended;
  }
}
