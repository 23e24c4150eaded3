import { randomBytes } from "node:crypto";

const SIMULATED = "-simulated";

/** Whether an id, such as a receipt (also a forgotten one), is of something that the built-in simulator had a hand in. */
export function isSimulatedId(id: string): boolean {
  return id.endsWith(SIMULATED);
}

/** The id of the same thing, which says that the built-in simulator had a hand in it. */
export function simulatedId(id: string): string {
  return isSimulatedId(id) ? id : id + SIMULATED;
}

/** Gives ids that are unique for ever and sort by the order in which they were given, also when the clock steps back. */
export class Receipts {
  private lastMs = 0;
  private count = 0;

  /** @param simulated the built-in simulator had a hand in what is received */
  next(simulated = false): string {
    const now = Math.max(Date.now(), this.lastMs);
    this.count = now === this.lastMs ? this.count + 1 : 0;
    this.lastMs = now;
    // The random part tells apart what two lives of the process give in one millisecond.
    const id = `${String(now).padStart(16, "0")}-${String(this.count).padStart(9, "0")}-${randomBytes(4).toString("hex")}`;
    return simulated ? simulatedId(id) : id;
  }

  /** Those given from now on sort behind this one of an earlier life. */
  goOnAfter(receipt: string): void {
    this.lastMs = Math.max(this.lastMs, Number(receipt.slice(0, 16)) + 1);
  }
}
