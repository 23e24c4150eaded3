import type { Node, NodeAPI, NodeStatusFill, NodeStatusShape } from "node-red";
import type { StatusLine, StatusLook } from "../../../src/status-line";

/** One look everywhere (docs/node-properties.md lists every status). */
const looks = {
  idle: { fill: "grey", shape: "ring" },
  ok: { fill: "green", shape: "dot" },
  working: { fill: "blue", shape: "dot" },
  waiting: { fill: "yellow", shape: "ring" },
  problem: { fill: "red", shape: "ring" },
} as const satisfies Record<StatusLook, { fill: NodeStatusFill; shape: NodeStatusShape }>;

/** A node's status line: a catalog key of its node set, never text. */
export class NodeStatus {
  private shown = "";
  /** In test mode: how many were not sent. */
  private notSent: (() => number) | undefined;

  /** @param set the node set whose catalog holds the keys `<set>.status.<key>` */
  constructor(
    private readonly RED: NodeAPI,
    private readonly node: Node,
    private readonly set: string,
  ) {}

  /** From now on every status says that only test customers are delivered, and how many were not sent; none is green. */
  tellTestMode(notSent: () => number): void {
    this.notSent = notSent;
  }

  /** Shows the status `key`; repeated calls with the same result send nothing to the editor. */
  show(look: StatusLook, key: string, values: Record<string, string | number> = {}): void {
    const text = this.RED._(`${this.set}.status.${key}`, values);
    const testMode = this.testMode();
    if (testMode === undefined) this.display(look, text);
    else this.display(look === "problem" ? look : "waiting", `${testMode}: ${text}`);
  }

  /** Shows what was decided, with the time of now. */
  tell({ look, key, values }: StatusLine): void {
    this.show(look, key, { ...values, time: clock(Date.now()) });
  }

  /** Shows nothing, but for test mode. */
  clear(): void {
    const testMode = this.testMode();
    if (testMode !== undefined) return this.display("waiting", testMode);
    if (this.shown === "") return;
    this.shown = "";
    this.node.status({});
  }

  private display(look: StatusLook, text: string): void {
    if (this.shown === look + text) return;
    this.shown = look + text;
    this.node.status({ ...looks[look], text });
  }

  private testMode(): string | undefined {
    const count = this.notSent?.();
    if (count === undefined) return undefined;
    const number = count.toLocaleString("en-US");
    return this.RED._(`${this.set}.status.${count > 0 ? "test-mode-not-sent" : "test-mode"}`, { number });
  }
}

/** A moment as people read it on a status: hours and minutes, local time, with the day if it is not today. `at` is Unix ms. */
export function clock(at: number): string {
  const time = new Date(at);
  const two = (value: number): string => String(value).padStart(2, "0");
  const ofDay = `${two(time.getHours())}:${two(time.getMinutes())}`;
  const isToday = time.toDateString() === new Date().toDateString();
  return isToday ? ofDay : `${time.getFullYear()}-${two(time.getMonth() + 1)}-${two(time.getDate())} ${ofDay}`;
}
