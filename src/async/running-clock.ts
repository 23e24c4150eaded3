/** Counts the milliseconds during which it runs. Does not step when somebody sets the time of the machine. */
export class RunningClock {
  private before = 0;
  private since: number | undefined;

  get isRunning(): boolean {
    return this.since !== undefined;
  }

  /** Milliseconds that it has run until now. */
  now(): number {
    return this.before + (this.since === undefined ? 0 : performance.now() - this.since);
  }

  run(): void {
    this.since ??= performance.now();
  }

  stop(): void {
    this.before = this.now();
    this.since = undefined;
  }
}
