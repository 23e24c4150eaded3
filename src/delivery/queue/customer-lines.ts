import { DueTimes } from "../../async/due-times";
import { Fifo } from "../../async/fifo";
import type { TriedGroup } from "../../store/kept-record";
import { customerOf } from "../../store/record-key";
import { CustomerLine } from "./customer-line";
import { DEFAULT_RETRY } from "../retry-policy";

/**
 * The lines of all customers with records that are lent or that the cursor has passed: which of them may be lent from now,
 * and when those that rest are due. Only numbers of records, and only in memory.
 */
export class CustomerLines {
  private readonly lines = new Map<string, CustomerLine>();
  private readonly ready = new Fifo<CustomerLine>();
  private readonly resting = new DueTimes<CustomerLine>();
  /** Tried records of the last life, which the cursor passes over: their groups know them. */
  private readonly aside = new Set<number>();

  /** @param tried what earlier lives tried and did not conclude */
  constructor(tried: readonly TriedGroup[]) {
    for (const group of tried) {
      for (const id of group.ids) this.aside.add(id);
      this.rest(this.of(group.key), group);
    }
  }

  /** How many customers have a line. */
  get size(): number {
    return this.lines.size;
  }

  /** Whether the cursor passes over a record, because a group of the last life knows it. */
  isAside(id: number): boolean {
    return this.aside.has(id);
  }

  get(key: string): CustomerLine | undefined {
    return this.lines.get(key);
  }

  /** The line of a key, which begins now when there is none. */
  of(key: string): CustomerLine {
    const line = this.lines.get(key) ?? new CustomerLine(key);
    this.lines.set(key, line);
    return line;
  }

  /** The lines of records that are lent, each once. */
  ofAll(records: readonly { readonly key: string }[]): CustomerLine[] {
    return [...new Set(records.map(({ key }) => this.lines.get(key)!))];
  }

  ofCustomer(customer: string): CustomerLine[] {
    return [...this.lines.values()].filter(({ key }) => customerOf(key) === customer);
  }

  /** The one at a place of those that may be lent from; it may have been erased meanwhile. */
  readyAt(place: number): CustomerLine | undefined {
    return this.ready.at(place);
  }

  /** The first of those that may be lent from is lent. */
  dropReady(): void {
    this.ready.drop(1);
  }

  /** What is due by now (Unix ms) may be lent. */
  wake(now: number): void {
    this.limitPauses(now);
    for (const line of this.resting.takeUntil(now)) this.makeReady(line);
  }

  /** When the next resting line is due (Unix ms), if one rests. */
  nextDue(): number | undefined {
    this.limitPauses(Date.now());
    return this.resting.next();
  }

  /** The lent records of a line are done with: its others may go. */
  free(line: CustomerLine): void {
    for (const id of line.group?.ids ?? []) this.aside.delete(id);
    line.settle();
    if (line.untried.size > 0) this.makeReady(line);
    else this.forget(line);
  }

  /** The lent records of a line were tried, and go on together when they are due. */
  rest(line: CustomerLine, group: TriedGroup): void {
    line.rest(group);
    this.resting.add(group.dueAt, line);
  }

  makeReady(line: CustomerLine): void {
    if (!this.isCurrent(line)) return;
    line.giveBack("ready");
    this.ready.push(line);
  }

  /** False for a line that was erased and still stands among the ready or resting ones. */
  isCurrent(line: CustomerLine): boolean {
    return this.lines.get(line.key) === line;
  }

  forget(line: CustomerLine): void {
    for (const id of line.group?.ids ?? []) this.aside.delete(id);
    this.lines.delete(line.key);
  }

  /** Nothing waits any more. */
  clear(): void {
    this.lines.clear();
    this.aside.clear();
    this.ready.drop(this.ready.size);
    this.resting.takeUntil(Infinity);
  }

  /** When the clock of the machine has stepped back, in this life or since the last one, nothing rests longer than the pause that it was given. */
  private limitPauses(now: number): void {
    const first = this.resting.first()?.group;
    if (first && this.resting.next()! > now + pauseOf(first))
      this.resting.limit(({ group }) => (group ? now + pauseOf(group) : now));
  }
}

/** The longest that a group may rest, in ms. */
function pauseOf({ pauseMs = DEFAULT_RETRY.capMs }: TriedGroup): number {
  return pauseMs;
}
