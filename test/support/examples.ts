import { readdirSync, readFileSync } from "node:fs";
import { join } from "node:path";
import { DEFAULT_EVENT_NAMES } from "../../src/mapping/events/event-names";
import type { FlowNode } from "./flows";

/** What each example shows in the Debug sidebar after its buttons were pressed, as `util.inspect` prints it. */
const SHOWN: Readonly<Record<string, readonly RegExp[]>> = {
  "01": [
    /settled: 2, waiting: 0, total: 2/,
    /1 of 3 customers not accepted/,
    /metadata\.loyalty_points/,
    /metadata\.favorite_color/,
  ],
  "02": [/event: 'voucherify_loyalty_points_rewarded'/],
  "03": Object.values(DEFAULT_EVENT_NAMES).map((name) => new RegExp(`event: '${name}'`)),
  "04": [
    /1 customer without ID: is "registered" the right name/,
    /event: 'voucherify_publication_succeeded'/,
    /settled: \d+, waiting: 0/,
  ],
  "05": [/your code for 15 % off: \w{5,}/, /answered: true/],
  "06": [/accepted: 200/, /event: 'voucherify_publication_succeeded'/],
  // All examples share one simulated project, as flows share a real one: the review of example 02 brings points too, and the
  // newest discount is a code of another example when that was clicked before.
  "07": [/you have (50|100) points/, /today for you: [\d.]+ (% off|EUR off|EUR gift)/],
  "08": [/worth: '50 EUR gift'/, /event: 'voucherify_publication_succeeded'/],
};

/** One of the package's examples. */
export interface Example {
  /** As the Import dialog shows it. */
  readonly name: string;
  readonly tab: string;
  readonly nodes: readonly FlowNode[];
  readonly shown: readonly RegExp[];
}

function examplesIn(folder: string): Example[] {
  return readdirSync(folder).map((file) => {
    const nodes = JSON.parse(readFileSync(join(folder, file), "utf8")) as FlowNode[];
    const shown = SHOWN[file.slice(0, 2)];
    if (!shown) throw new Error(`What "${file}" shows stands in no table of the tests.`);
    return { name: file.replace(/\.json$/, ""), tab: nodes.find(({ type }) => type === "tab")?.id ?? "", nodes, shown };
  });
}

/** Every example of the package, in the order of the Import dialog. */
export const EXAMPLES: readonly Example[] = examplesIn(join(__dirname, "../../examples"));

/** The examples as users of release 0.1.0 have them in their flows: those files are never edited. */
export const FROZEN_EXAMPLES: readonly Example[] = examplesIn(join(__dirname, "../fixtures/flows-0.1"));

/** The nodes as they are, but inject nodes fire by themselves and debug nodes print to the log. */
export const thatRuns = (nodes: readonly FlowNode[]): FlowNode[] =>
  nodes.map((node) => {
    if (node.type === "inject") return { ...node, once: true };
    return node.type === "debug" ? { ...node, console: true } : node;
  });
