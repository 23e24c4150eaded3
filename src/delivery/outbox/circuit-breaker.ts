import { retryDelay, type RetryPolicy } from "../retry-policy";

/** So many different calls that fail one after another mean that the destination is down. */
const CALLS_UNTIL_DOWN = 3;
/** Probes while a human is needed. */
const PROBE: RetryPolicy = { firstMs: 30_000, capMs: 300_000, giveUpAfterMs: Infinity };

/** Why nothing but a probe may be sent. Times are Unix ms. */
export interface Opened {
  /** `paused`: a human must act. `down`: the destination does not work. */
  readonly kind: "paused" | "down";
  /** A sentence for the user. */
  readonly reason: string;
  readonly since: number;
  readonly nextProbe: number;
}

/** The right to send one call; what became of the call is told with it. */
export interface Ticket {
  readonly wakes: number;
}

/**
 * Decides whether a lane may send: everything, or one call now and then to see whether the destination works again.
 * While it is open only the probe's outcome counts, because other calls in flight are older.
 */
export class CircuitBreaker {
  private state: (Opened & { readonly failures: number; readonly pauseMs: number }) | undefined;
  private probe: Ticket | undefined;
  private wakes = 0;
  /** Calls that failed one after another, and whose records they had. */
  private failedCalls = 0;
  private readonly failedKeys = new Set<string>();

  /** @param random from 0 to 1, for the jitter */
  constructor(
    private readonly policy: RetryPolicy,
    private readonly random: () => number,
  ) {}

  get opened(): Opened | undefined {
    return this.state;
  }

  /** Whether a call may start now. */
  allowsCall(now: number): boolean {
    if (!this.state) return true;
    const waitMs = this.state.nextProbe - now;
    // Longer than was ever meant: the clock of the machine has stepped back.
    return !this.probe && (waitMs <= 0 || waitMs > this.state.pauseMs);
  }

  /** A call starts. */
  enter(): Ticket {
    const ticket: Ticket = { wakes: this.wakes };
    if (this.state) this.probe = ticket;
    return ticket;
  }

  /** A call ended, whatever became of it. */
  leave(ticket: Ticket): void {
    if (this.probe === ticket) this.probe = undefined;
  }

  /** The destination took care of a call, be it by refusing its records. */
  answered(ticket: Ticket): void {
    this.failedCalls = 0;
    this.failedKeys.clear();
    if (this.probe !== ticket) return;
    this.probe = undefined;
    this.state = undefined;
  }

  /** The destination did not work for a whole call with records of these keys. */
  unreachable(ticket: Ticket, keys: readonly string[], reason: string, now: number): void {
    if (this.state) {
      if (this.probe === ticket) this.trip("down", reason, now, this.failures("down") + 1);
      return;
    }
    // A call that is only repeated may be to blame itself, and must not hold up the others.
    if (keys.every((key) => this.failedKeys.has(key))) return;
    for (const key of keys) this.failedKeys.add(key);
    if (++this.failedCalls >= CALLS_UNTIL_DOWN) this.trip("down", reason, now, 1);
  }

  /** A call was refused until a human has acted. */
  refused(ticket: Ticket, reason: string, now: number): void {
    if (this.state && this.probe !== ticket && this.state.kind === "paused") return;
    this.trip("paused", reason, now, this.failures("paused") + 1);
    // Somebody has acted since this call began: ask again at once.
    if (ticket.wakes !== this.wakes && this.state) this.state = { ...this.state, nextProbe: now };
  }

  /** Somebody acted: the next probe may start at once, even while one is in flight. */
  wake(now: number): void {
    this.wakes++;
    this.probe = undefined;
    if (this.state) this.state = { ...this.state, nextProbe: now, failures: 0 };
  }

  private failures(kind: Opened["kind"]): number {
    return this.state?.kind === kind ? this.state.failures : 0;
  }

  private trip(kind: Opened["kind"], reason: string, now: number, failures: number): void {
    const wait = kind === "paused" ? retryDelay(PROBE, failures, 1) : retryDelay(this.policy, failures, this.random());
    const since = this.state?.kind === kind ? this.state.since : now;
    this.state = { kind, reason, since, nextProbe: now + wait, pauseMs: wait, failures };
    this.probe = undefined;
    this.failedCalls = 0;
    this.failedKeys.clear();
  }
}
