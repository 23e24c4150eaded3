import type { AboutEntry } from "../../store/inbox-store";

/** What is in memory of an entry. */
export interface KeptEntry extends AboutEntry {
  /** Some node took from it, in this life or an earlier one. */
  taken: boolean;
  /** Takes whose write is not done. */
  pendingTakes: number;
  /** Wait until there is none. */
  readonly awaitingTakes: (() => void)[];
  /** A replay has it still to emit: until then it must stay. */
  awaitsReplay: boolean;
  /** It may have been emitted before. */
  wasEmitted: boolean;
  /** How often its emission has failed in this life. */
  failures: number;
  /** When its clock was set, in running time. */
  clockSetAt: number;
}

/** An entry that has just come. */
export function keptEntry(about: AboutEntry): KeptEntry {
  return {
    ...about,
    taken: false,
    pendingTakes: 0,
    awaitingTakes: [],
    awaitsReplay: false,
    wasEmitted: false,
    failures: 0,
    clockSetAt: 0,
  };
}

/** What the store knows of it. */
export function aboutOf({ receipt, node, receivedAt, requestId }: KeptEntry): AboutEntry {
  return { receipt, node, receivedAt, ...(requestId !== undefined && { requestId }) };
}
