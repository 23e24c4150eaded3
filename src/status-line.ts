/** How urgent a status is; how each looks: nodes/lib/runtime/status.ts. */
export type StatusLook = "idle" | "ok" | "working" | "waiting" | "problem";

/** What a node is to show: a key of its catalog (`<node>.status.<key>`), and what stands in it beside the time. */
export interface StatusLine {
  readonly look: StatusLook;
  readonly key: string;
  readonly values?: Readonly<Record<string, string | number>>;
}
