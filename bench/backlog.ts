import { mkdtempSync, rmSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { median, printTable, whole } from "./figures";
import { MeasuringProcess } from "./measuring-process";

const BACKLOGS = [0, 100_000, 1_000_000];
/** Records of one measurement; enough to last some seconds. */
const WORK = 50_000;
/** Processes for each backlog. */
const ROUNDS = 5;
/** Measurements in each process. */
const TIMES = 2;
const MOST_MEMORY_MB = 150;
const LEAST_THROUGHPUT = 0.8;
const LONGEST_START_MS = 3_000;

interface Measured {
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
      await MeasuringProcess.during(async (process) => {
        await process.call("open", folders[place]!);
        await process.call("fill", backlog);
      });
    const rounds: Measured[][] = [];
    for (let round = 0; round < ROUNDS; round++) rounds.push(await measureInTurns(folders, round % 2 === 1));
    return report(rounds);
  } finally {
    rmSync(parent, { recursive: true, force: true });
  }
}

/** One round: each folder once, forwards or backwards, so that a machine that gets busier or less so favours none. */
async function measureInTurns(folders: readonly string[], backwards: boolean): Promise<Measured[]> {
  const order = backwards ? [...folders].reverse() : folders;
  const measured: Measured[] = [];
  for (const folder of order) measured.push(await measure(folder));
  return backwards ? measured.reverse() : measured;
}

function measure(folder: string): Promise<Measured> {
  return MeasuringProcess.during(async (process) => {
    const readyMs = await process.call("open", folder);
    const worked: number[] = [];
    const memoryMb = await process.highestMemoryDuring(async () => {
      // Once unmeasured, so that compilation and caches are the same for all.
      await process.call("work", WORK);
      for (let time = 0; time < TIMES; time++) worked.push(await process.call("work", WORK));
    });
    return { readyMs, perSecond: (WORK * TIMES * 1_000) / worked.reduce((sum, ms) => sum + ms, 0), memoryMb };
  });
}

function report(rounds: readonly (readonly Measured[])[]): string[] {
  const of = (place: number, figure: keyof Measured): number => median(rounds.map((round) => round[place]![figure]));
  // Compared within each round first: what disturbs a whole round does not count.
  const throughput = (place: number): number =>
    median(rounds.map((round) => round[place]!.perSecond / round[0]!.perSecond));
  const growth = (place: number): number => median(rounds.map((round) => round[place]!.memoryMb - round[0]!.memoryMb));
  console.log(`\nThe queue in a process of its own, started ${ROUNDS} times with each backlog; medians.`);
  printTable(
    [
      "waiting records",
      "process start to ready (ms)",
      "accepted and delivered a second",
      "of an empty queue's",
      "anonymous memory (MB)",
    ],
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
