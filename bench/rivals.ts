import { readFileSync } from "node:fs";
import { type NodeRedProcess, startNodeRed } from "../test/support/node-red-process";
import { type Arrived, SimulatorProcess } from "../test/support/simulator-process";
import { TEST_KEYS, WEBHOOK_KEYS } from "../test/support/flows";
import { median, quantile } from "./figures";
import { benchFlows, PATHS, SIGNING_SECRET } from "./flows";
import type { LoadBody } from "./load";
import { LoadProcess } from "./load-process";

/** Measured so often, in turns. */
const ROUNDS = 3;
/** Clock ticks of /proc, Linux. */
const TICK_MS = 10;

export type Rival = "ours" | "core" | "direct";

/** One job, as each rival is asked to do it. */
export interface Job {
  readonly path: keyof typeof PATHS;
  readonly body: LoadBody;
  readonly senders: number;
  readonly requests: number;
  readonly perSecond?: number;
  /** Records in all, and where they arrive; a rival that only receives has nothing to wait for. */
  readonly records: number;
  readonly arrivesAs?: keyof Arrived;
  readonly rivals: readonly Rival[];
  /** How long the API takes for each answer. */
  readonly apiMs?: number;
}

/** Medians of all rounds. */
export interface Figures {
  /** ms. */
  readonly answer: number;
  readonly p99: number;
  readonly slowest: number;
  readonly answersPerSecond: number;
  /** Until all have arrived. */
  readonly recordsPerSecond: number;
  /** Of Node-RED's process, microseconds. */
  readonly cpuPerRecord: number;
  /** Answers other than 200, in all rounds. */
  readonly refused: number;
}

/** One Node-RED with our flows and those of core nodes, one simulator and one sender, each in a process of its own. */
export class Rivals {
  private constructor(
    private readonly simulator: SimulatorProcess,
    private readonly apiUrl: string,
    private readonly nodeRed: NodeRedProcess,
    private readonly load = new LoadProcess(),
  ) {}

  static async during<Result>(work: (rivals: Rivals) => Promise<Result>): Promise<Result> {
    const simulator = await SimulatorProcess.start();
    try {
      const apiUrl = await simulator.ask("url");
      const nodeRed = await startNodeRed({ major: 4, ...benchFlows(apiUrl), settings: { apiMaxLength: "50mb" } });
      const rivals = new Rivals(simulator, apiUrl, nodeRed);
      try {
        return await work(rivals);
      } finally {
        rivals.load.stop();
        await nodeRed.remove();
      }
    } finally {
      await simulator.stop();
    }
  }

  /** Lets every rival do the job, in turns, after one round that counts for nothing but compilation. */
  async compare(job: Job): Promise<Readonly<Record<Rival, Figures>>> {
    const measured: Record<Rival, Measured[]> = { ours: [], core: [], direct: [] };
    const warming = {
      ...job,
      requests: Math.ceil(job.requests / 5),
      records: Math.ceil(job.requests / 5) * (job.records / job.requests),
    };
    for (const rival of job.rivals) await this.measure(warming, rival);
    for (let round = 0; round < ROUNDS; round++)
      for (const rival of round % 2 ? [...job.rivals].reverse() : job.rivals)
        measured[rival].push(await this.measure(job, rival));
    return { ours: figuresOf(measured.ours), core: figuresOf(measured.core), direct: figuresOf(measured.direct) };
  }

  private async measure(job: Job, rival: Rival): Promise<Measured> {
    const { path, body, senders, requests, perSecond, records, arrivesAs, apiMs } = job;
    await this.simulator.ask("reset");
    if (apiMs !== undefined) await this.simulator.ask("faults", { seed: 1, rateSlow: 1, slowMs: apiMs });
    const isDirect = rival === "direct";
    const url = isDirect ? `${this.apiUrl}/v1/publications` : this.nodeRed.url + PATHS[path][rival];
    const headers = isDirect
      ? { "x-app-id": TEST_KEYS.applicationId, "x-app-token": TEST_KEYS.secretKey }
      : WEBHOOK_KEYS;
    const cpuBefore = this.cpuMs();
    const startedAt = performance.now();
    const { answers, lastedMs, statuses } = await this.load.send({
      ...{ url, headers, senders, requests, secret: SIGNING_SECRET },
      body: isDirect ? { kind: "publication" } : body,
      ...(perSecond !== undefined && { perSecond }),
    });
    const waitsFor = rival === "core" && path === "receive" ? undefined : arrivesAs;
    if (waitsFor) await this.arrival(waitsFor, records);
    const arrivedMs = performance.now() - startedAt;
    return {
      answer: median(answers),
      p99: quantile(answers, 0.99),
      slowest: Math.max(...answers),
      answersPerSecond: (requests * 1_000) / lastedMs,
      recordsPerSecond: (records * 1_000) / Math.max(arrivedMs, lastedMs),
      cpuPerRecord: ((this.cpuMs() - cpuBefore) * 1_000) / records,
      refused: requests - (statuses[200] ?? 0),
    };
  }

  /** Waits until all records have arrived. Asks seldom: the simulator counts in its own process, beside its work. */
  private async arrival(kind: keyof Arrived, records: number): Promise<void> {
    for (let idle = 0, last = -1; ;) {
      const count = (await this.simulator.ask("arrived"))[kind];
      if (count >= records) return;
      idle = count === last ? idle + 1 : 0;
      last = count;
      if (idle > 600) throw new Error(`Of ${records} ${kind} only ${count} arrived.`);
      await new Promise((resolve) => setTimeout(resolve, 50));
    }
  }

  /** CPU time of Node-RED's process so far (proc(5), /proc/pid/stat: utime and stime). */
  private cpuMs(): number {
    const fields = readFileSync(`/proc/${this.nodeRed.pid}/stat`, "utf8").split(") ")[1]!.split(" ");
    return (Number(fields[11]) + Number(fields[12])) * TICK_MS;
  }
}

type Measured = Figures;

function figuresOf(rounds: readonly Measured[]): Figures {
  const of = (figure: keyof Figures): number => median(rounds.map((round) => round[figure]));
  return {
    answer: of("answer"),
    p99: of("p99"),
    slowest: Math.max(...rounds.map(({ slowest }) => slowest)),
    answersPerSecond: of("answersPerSecond"),
    recordsPerSecond: of("recordsPerSecond"),
    cpuPerRecord: of("cpuPerRecord"),
    refused: rounds.reduce((sum, { refused }) => sum + refused, 0),
  };
}
