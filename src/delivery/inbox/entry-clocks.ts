import type { RunningClock } from "../../async/running-clock";
import type { KeptEntry } from "./kept-entry";

/** When entries are to be forgotten: some time after their last take, or a long time without any, of running time. */
export class EntryClocks {
  /** Both in the order in which the clocks were set, so that only the first ones have to be looked at. */
  private readonly untaken = new Set<KeptEntry>();
  private readonly takenLately = new Set<KeptEntry>();

  /** @param takenMs how long an entry is kept after its last take; untakenMs: without any */
  constructor(
    private readonly clock: RunningClock,
    private readonly takenMs: number,
    private readonly untakenMs: number,
  ) {}

  /** Starts the clock of an entry anew. Returns the running time at which it is due. */
  set(entry: KeptEntry, isTaken: boolean): number {
    this.delete(entry);
    entry.clockSetAt = this.clock.now();
    (isTaken ? this.takenLately : this.untaken).add(entry);
    return entry.clockSetAt + (isTaken ? this.takenMs : this.untakenMs);
  }

  delete(entry: KeptEntry): void {
    this.untaken.delete(entry);
    this.takenLately.delete(entry);
  }

  /** The running time at which the first is due; Infinity when there is none. */
  nextDue(): number {
    const [untaken] = this.untaken;
    const [taken] = this.takenLately;
    return Math.min((untaken?.clockSetAt ?? Infinity) + this.untakenMs, (taken?.clockSetAt ?? Infinity) + this.takenMs);
  }

  /** Those that are to be forgotten now, at most so many. */
  due(atMost: number): KeptEntry[] {
    const due: KeptEntry[] = [];
    const now = this.clock.now();
    for (const [entries, isTaken] of [
      [this.takenLately, true],
      [this.untaken, false],
    ] as const)
      for (const entry of entries) {
        if (due.length === atMost || entry.clockSetAt + (isTaken ? this.takenMs : this.untakenMs) > now) break;
        // A mark that is being written, or a message that comes with the next replay, needs the entry.
        if (entry.pendingTakes > 0 || entry.awaitsReplay) this.set(entry, isTaken);
        else due.push(entry);
      }
    return due;
  }
}
