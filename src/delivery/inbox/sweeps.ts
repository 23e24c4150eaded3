import type { RunningClock } from "../../async/running-clock";

/** What a sweep looks after. */
interface Swept {
  /** The running time at which there is something to do; Infinity when there is nothing. */
  nextDue(this: void): number;
  /** Least time between a sweep and the next, so that much is done together. */
  leastMs(this: void): number;
  /** Does what is due; what could not be done is due again. Does not throw. */
  sweep(this: void): Promise<void>;
}

/** One timer for everything that is due at some running time: one sweep at a time, and none while the clock stands. */
export class Sweeps {
  private timer: NodeJS.Timeout | undefined;
  private timerDue = Infinity;
  private isSweeping = false;

  constructor(
    private readonly clock: RunningClock,
    private readonly swept: Swept,
  ) {}

  /** The clock runs again, or something is due that was not before. */
  goOn(): void {
    this.wakeBy(this.swept.nextDue());
  }

  /** Sweeps at this running time, or earlier. */
  wakeBy(due: number, leastMs = 0): void {
    if (!this.clock.isRunning || this.isSweeping || due >= this.timerDue) return;
    this.stop();
    this.timerDue = due;
    const ms = Math.max(Math.ceil(due - this.clock.now()), leastMs);
    this.timer = setTimeout(() => void this.ring(), ms).unref();
  }

  stop(): void {
    clearTimeout(this.timer);
    this.timerDue = Infinity;
  }

  private async ring(): Promise<void> {
    this.stop();
    this.isSweeping = true;
    await this.swept.sweep();
    this.isSweeping = false;
    this.wakeBy(this.swept.nextDue(), this.swept.leastMs());
  }
}
