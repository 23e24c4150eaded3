import { printTable, whole } from "./figures";
import { type Figures, type Job, type Rival, Rivals } from "./rivals";

/** Bloomreach waits this long (documentation.bloomreach.com/engagement/docs/creating-api-endpoint-for-webhooks). */
const ANSWER_LIMIT_MS = 1_000;

type All = Readonly<Record<Rival, Figures>>;

/** What must hold of one figure. */
interface Target {
  readonly name: string;
  readonly value: (all: All) => number;
  readonly least?: number;
  readonly most?: number;
}

interface Case extends Job {
  readonly name: string;
  readonly targets: readonly Target[];
}

const perSecond = (figure: "answersPerSecond" | "recordsPerSecond", than: Rival, least: number): Target => ({
  name: `${figure === "answersPerSecond" ? "answers" : "records"} a second against ${NAMES[than]}`,
  value: (all) => all.ours[figure] / all[than].answersPerSecond,
  least,
});
const NAMES: Readonly<Record<Rival, string>> = { ours: "ours", core: "core nodes", direct: "a direct call" };
const noneRefused: Target = { name: "requests refused", value: ({ ours }) => ours.refused, most: 0 };
const inTime: Target = { name: "slowest answer (ms)", value: ({ ours }) => ours.slowest, most: ANSWER_LIMIT_MS };

const codeNow = (senders: number, requests: number, apiMs: number | undefined, targets: readonly Target[]): Case => ({
  name: `code in the answer: ${senders} waiting${apiMs ? `, API takes ${apiMs} ms` : ""}`,
  ...{ path: "codesNow", body: { kind: "code-request" }, senders, requests, records: requests },
  rivals: ["ours", "core", "direct"],
  ...(apiMs !== undefined && { apiMs }),
  targets: [noneRefused, ...targets],
});
const asFastAsCore: Target = {
  name: "median answer against core nodes",
  value: ({ ours, core }) => core.answer / ours.answer,
  least: 1,
};

/** The four jobs, each against core nodes, and codes in the answer also against a direct call of the API. */
const CASES: readonly Case[] = [
  codeNow(1, 300, undefined, [perSecond("answersPerSecond", "core", 1.2), asFastAsCore]),
  codeNow(20, 3_000, undefined, [perSecond("answersPerSecond", "core", 1.2)]),
  codeNow(100, 4_000, undefined, [perSecond("answersPerSecond", "core", 1.2)]),
  codeNow(20, 1_500, 50, [perSecond("answersPerSecond", "direct", 0.85)]),
  codeNow(100, 3_000, 50, [perSecond("answersPerSecond", "core", 1)]),
  {
    name: "codes from a queue: 20 webhooks of 100",
    ...{
      path: "codesQueued",
      body: { kind: "code-requests", records: 100 },
      senders: 20,
      requests: 20,
      records: 2_000,
    },
    arrivesAs: "publications",
    rivals: ["ours", "core"],
    targets: [noneRefused, inTime],
  },
  {
    name: "single customers: 50 connections",
    ...{ path: "receive", body: { kind: "customers", records: 1 }, senders: 50, requests: 6_000, records: 6_000 },
    arrivesAs: "customers",
    rivals: ["ours", "core"],
    targets: [noneRefused, perSecond("answersPerSecond", "core", 1.5), perSecond("recordsPerSecond", "core", 0.75)],
  },
  {
    name: "customers in bulk: 20 webhooks of 1,000",
    ...{ path: "customers", body: { kind: "customers", records: 1_000 }, senders: 20, requests: 20, records: 20_000 },
    arrivesAs: "customers",
    rivals: ["ours", "core"],
    targets: [
      noneRefused,
      inTime,
      {
        name: "records a second against core nodes",
        value: ({ ours, core }) => ours.recordsPerSecond / core.recordsPerSecond,
        least: 12,
      },
      { name: "CPU of a customer (microseconds)", value: ({ ours }) => ours.cpuPerRecord, most: 60 },
    ],
  },
  {
    name: "events to Voucherify: 20 webhooks of 100",
    ...{
      path: "eventsToVoucherify",
      body: { kind: "events", records: 100 },
      senders: 20,
      requests: 20,
      records: 2_000,
    },
    arrivesAs: "customEvents",
    rivals: ["ours", "core"],
    targets: [noneRefused, inTime],
  },
  {
    name: "events to Bloomreach: 20 connections",
    ...{
      path: "eventsToBloomreach",
      body: { kind: "voucherify-webhook" },
      senders: 20,
      requests: 3_000,
      records: 3_000,
    },
    arrivesAs: "trackedEvents",
    rivals: ["ours", "core"],
    targets: [noneRefused, inTime],
  },
];

/** A target is missed: by a tenth it is worth a look, by a quarter something has broken. */
export interface Miss {
  readonly sentence: string;
  readonly isBroken: boolean;
}

/** Measures every job whose name holds `only`. Returns the targets that were missed. */
export async function compareJobs(only = ""): Promise<Miss[]> {
  const misses: Miss[] = [];
  const rows: string[][] = [];
  await Rivals.during(async (rivals) => {
    for (const one of CASES.filter(({ name }) => name.includes(only))) {
      const all = await rivals.compare(one);
      rows.push(...one.rivals.map((rival) => rowOf(one, rival, all)));
      console.error(
        rows
          .slice(-one.rivals.length)
          .map((row) => row.join(" | "))
          .join("\n"),
      );
      for (const target of one.targets) misses.push(...missOf(one, target, all));
    }
  });
  console.log("\nMedians of three rounds, in turns. In brackets: of the same figure of core nodes.");
  printTable(
    [
      "job",
      "",
      "answer, median (ms)",
      "p99 (ms)",
      "answers a second",
      "records a second, to the end",
      "CPU a record (µs)",
      "refused",
    ],
    rows,
  );
  return misses;
}

function rowOf({ name, rivals }: Case, rival: Rival, all: All): string[] {
  const { answer, p99, answersPerSecond, recordsPerSecond, cpuPerRecord, refused } = all[rival];
  const core = rival === "ours" ? all.core : undefined;
  const ratio = (mine: number, theirs: number | undefined): string =>
    theirs === undefined ? "" : ` (${(mine / theirs).toFixed(2)})`;
  return [
    rival === rivals[0] ? name : "",
    NAMES[rival],
    `${answer.toFixed(1)}${ratio(answer, core?.answer)}`,
    whole(p99),
    `${whole(answersPerSecond)}${ratio(answersPerSecond, core?.answersPerSecond)}`,
    `${whole(recordsPerSecond)}${ratio(recordsPerSecond, core?.recordsPerSecond)}`,
    rival === "direct" ? "" : `${whole(cpuPerRecord)}${ratio(cpuPerRecord, core?.cpuPerRecord)}`,
    whole(refused),
  ];
}

function missOf({ name }: Case, target: Target, all: All): Miss[] {
  const value = target.value(all);
  const { least, most } = target;
  const off = least !== undefined ? 1 - value / least : value / Math.max(most!, 1) - 1;
  if (!(off > 0)) return [];
  const limit = least !== undefined ? `at least ${least}` : `at most ${most}`;
  const sentence = `${name}: ${target.name} is ${value.toFixed(2)}, and should be ${limit}.`;
  return off > 0.1 ? [{ sentence, isBroken: off > 0.25 }] : [];
}
