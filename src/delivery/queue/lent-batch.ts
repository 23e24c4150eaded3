import { areOfOneKind, type RecordKind } from "../record-kind";
import type { LendLimits, WaitingRecord } from "./waiting-record";

/** What is lent at one go: records by key, so that those of one key stand together. */
export class LentBatch<Body> {
  private readonly records = new Map<string, WaitingRecord<Body>[]>();
  private count = 0;
  private bytes = 0;

  constructor(readonly limits: LendLimits) {}

  get all(): WaitingRecord<Body>[] {
    return [...this.records.values()].flat();
  }

  /** Whether records of its key are in it, and are of its kind. */
  goesWith(record: RecordKind & { readonly key: string }): boolean {
    const last = this.records.get(record.key)?.at(-1);
    return last !== undefined && areOfOneKind(last, record);
  }

  /** Whether one more record fits; the first always does. */
  hasRoom(bytes: number): boolean {
    return this.count === 0 || (this.count < this.limits.records && this.bytes + bytes <= this.limits.bytes);
  }

  /** How many records of these sizes fit, from the first on. @param whole all of them or none */
  fitting(sizes: readonly number[], whole: boolean): number {
    let { count, bytes } = this;
    for (const [place, size] of sizes.entries()) {
      const fits = count < this.limits.records && bytes + size <= this.limits.bytes;
      if (!fits && whole) return this.count === 0 ? sizes.length : 0;
      if (!fits && count > 0) return place;
      count++;
      bytes += size;
    }
    return sizes.length;
  }

  add(record: WaitingRecord<Body>, bytes: number): void {
    const others = this.records.get(record.key);
    if (others) others.push(record);
    else this.records.set(record.key, [record]);
    this.count++;
    this.bytes += bytes;
  }
}
