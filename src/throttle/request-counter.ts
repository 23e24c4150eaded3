import { Fifo } from "../async/fifo";

/** Who asks for a place: work that waits in a queue, or work that somebody waits for at this moment. */
export type Urgency = "queued" | "urgent";

/** Places that come back at one time. `others`: taken by other programs that use the same account. */
interface Returning {
  at: number;
  readonly use: Urgency | "others";
  readonly count: number;
}

/** How old the numbers in an answer can be: places that came back since then were still counted in them. */
const ANSWER_AGE_MS = 2_000;

/**
 * One of the API's request counters as we see it: a number of places, each of them used by at most one request in any
 * period.
 *
 * A place is taken when a request starts and comes back one period after its ANSWER. The server saw the request not
 * later than the answer, and the next user of the place starts not earlier than one period after it. So no window of
 * that length at the server can hold more requests than there are places, whatever the network and the event loop do.
 *
 * All times are ms of `performance.now()`: a clock that somebody sets cannot give places back early.
 */
export class RequestCounter {
  /** Nothing starts before this time. */
  pausedUntil = -Infinity;

  private readonly used = { queued: 0, urgent: 0, others: 0 };
  /** In order of time: all come back one period after they were put here. */
  private readonly returning = new Fifo<Returning>();
  /** Places that came back a moment ago. */
  private readonly returned = new Fifo<Returning>();

  /**
   * @param limit requests per period; `Infinity` when there is no limit or it is not known yet
   * @param periodMs length of the API's window
   * @param share part of the places (0 to 1) that queued work may use
   */
  constructor(
    private limit: number,
    private periodMs: number,
    private share: number,
  ) {}

  /** Changes the limits. Places that are in use keep their age. */
  configure(limit: number, periodMs: number, share: number): void {
    for (let place = 0; place < this.returning.size; place++) this.returning.at(place)!.at += periodMs - this.periodMs;
    this.limit = limit;
    this.periodMs = periodMs;
    this.share = share;
  }

  /** How many requests may start now. */
  free(urgency: Urgency, now: number): number {
    return now < this.pausedUntil ? 0 : this.freePlaces(urgency, now);
  }

  /** A request starts. */
  take(urgency: Urgency): void {
    this.used[urgency]++;
  }

  /** The request has its answer, or will get none. */
  giveBack(urgency: Urgency, now: number): void {
    this.returning.push({ at: now + this.periodMs, use: urgency, count: 1 });
  }

  /** The API says that only `remaining` requests are left: what we did not use ourselves is in use by others. */
  holdBack(remaining: number, now: number): void {
    const count = this.freePlaces("urgent", now) - this.justReturned(now) - remaining;
    if (count <= 0 || count === Infinity) return;
    this.used.others += count;
    this.returning.push({ at: now + this.periodMs, use: "others", count });
  }

  /** Requests per period that queued work may use when nobody else uses the account. */
  queuedPerPeriod(): number {
    return this.shareOf(this.limit);
  }

  /** When to look again, for a request that may not start now; undefined when only an answer can change that. */
  nextChange(now: number): number | undefined {
    return now < this.pausedUntil ? this.pausedUntil : this.returning.at(0)?.at;
  }

  /** Estimates when the request at `position` (1 = the next) of the queued work will start. */
  estimateStart(position: number, now: number): number {
    const earliest = Math.max(now, this.pausedUntil);
    const late = position - 1 - this.freePlaces("queued", now);
    if (late < 0) return earliest;
    const round = this.queuedPerPeriod();
    return Math.max(earliest, this.returnTime(late % round, now) + Math.floor(late / round) * this.periodMs);
  }

  private freePlaces(urgency: Urgency, now: number): number {
    this.collectReturned(now);
    const { queued, urgent, others } = this.used;
    const free = Math.max(0, this.limit - queued - urgent - others);
    // The share is a share of what others leave, so that some of it stays for urgent work.
    return urgency === "urgent" ? free : Math.max(0, Math.min(free, this.shareOf(this.limit - others) - queued));
  }

  private shareOf(places: number): number {
    // 100 * 0.57 is 56.99999999999999
    return Math.max(1, Math.floor(places * this.share + 1e-6));
  }

  private collectReturned(now: number): void {
    for (let first = this.returning.at(0); first && first.at <= now; first = this.returning.at(0)) {
      this.used[first.use] -= first.count;
      this.returning.drop(1);
      this.returned.push(first);
    }
    for (let first = this.returned.at(0); first && first.at + ANSWER_AGE_MS <= now; first = this.returned.at(0))
      this.returned.drop(1);
  }

  private justReturned(now: number): number {
    const since = now - Math.min(ANSWER_AGE_MS, this.periodMs / 20);
    let sum = 0;
    // The newest stand at the end.
    for (let place = this.returned.size - 1; place >= 0 && this.returned.at(place)!.at > since; place--)
      sum += this.returned.at(place)!.count;
    return sum;
  }

  /** When the place `index` (0 = the next) that queued work can use comes back. */
  private returnTime(index: number, now: number): number {
    let counted = 0;
    for (let place = 0; place < this.returning.size; place++) {
      const { at, use, count } = this.returning.at(place)!;
      if (use !== "urgent") counted += count;
      if (counted > index) return at;
    }
    return now + this.periodMs;
  }
}
