/** Entries that grow old are forgotten together, this often at most. */
const SWEEP_MS = 1_000;

/** Tells which entries have grown old. Time only counts while flows run; an idle clock keeps no timer. */
export class InboxClock {
  /** Receipts and the running time when their clock started, the oldest first. */
  private readonly untaken = new Map<string, number>();
  private readonly taken = new Map<string, number>();
  private ranBefore = 0;
  private runningSince: number | undefined;
  private timer: NodeJS.Timeout | undefined;
  private sweeping = false;
  private closed = false;

  /** @param forget rejects when it could not forget them now: they are told again */
  constructor(
    private readonly takenMs: number,
    private readonly untakenMs: number,
    private readonly forget: (receipts: readonly string[]) => Promise<void>,
  ) {}

  /** An entry came, or was taken (again): its time starts anew. */
  start(receipt: string, isTaken: boolean): void {
    this.untaken.delete(receipt);
    this.taken.delete(receipt);
    (isTaken ? this.taken : this.untaken).set(receipt, this.ran());
    this.setTimer();
  }

  running(isRunning: boolean): void {
    this.ranBefore = this.ran();
    this.runningSince = isRunning ? performance.now() : undefined;
    clearTimeout(this.timer);
    this.timer = undefined;
    this.setTimer();
  }

  close(): void {
    this.closed = true;
    clearTimeout(this.timer);
  }

  private ran(): number {
    return this.ranBefore + (this.runningSince === undefined ? 0 : performance.now() - this.runningSince);
  }

  private setTimer(): void {
    if (this.timer || this.sweeping || this.closed || this.runningSince === undefined) return;
    const due = [this.firstDue(this.taken, this.takenMs), this.firstDue(this.untaken, this.untakenMs)];
    const next = Math.min(...due);
    if (next === Infinity) return;
    this.timer = setTimeout(() => void this.sweep(), Math.max(next - this.ran(), SWEEP_MS)).unref();
  }

  private firstDue(started: ReadonlyMap<string, number>, afterMs: number): number {
    for (const at of started.values()) return at + afterMs;
    return Infinity;
  }

  private async sweep(): Promise<void> {
    this.timer = undefined;
    this.sweeping = true;
    const ran = this.ran();
    const old = [...dueOf(this.taken, ran - this.takenMs), ...dueOf(this.untaken, ran - this.untakenMs)];
    try {
      await this.forget(old);
      for (const receipt of old) {
        this.taken.delete(receipt);
        this.untaken.delete(receipt);
      }
    } catch {
      // The store does not work now; it says so itself.
    }
    this.sweeping = false;
    this.setTimer();
  }
}

/** Those that started until then: they stand first. */
function dueOf(started: ReadonlyMap<string, number>, until: number): string[] {
  const due: string[] = [];
  for (const [receipt, at] of started) {
    if (at > until) break;
    due.push(receipt);
  }
  return due;
}
