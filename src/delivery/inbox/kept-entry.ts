import type { Change } from "../../store/change";
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

/** An entry that somebody else's atomic write keeps. */
export interface PreparedEntry {
  readonly receipt: string;
  /** What has to be in that write. */
  readonly changes: readonly Change[];
  /** The write has resolved: from now on the entry is there. */
  readonly kept: () => void;
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

/** A take's write is done, or was given up. */
export function endTake(entry: KeptEntry): void {
  entry.pendingTakes--;
  if (entry.pendingTakes === 0) for (const go of entry.awaitingTakes.splice(0)) go();
}

/** Resolves when no take is under way, at once where there is none. */
export async function takesEnded(entry: KeptEntry): Promise<void> {
  while (entry.pendingTakes > 0) await new Promise<void>((resolve) => entry.awaitingTakes.push(resolve));
}
