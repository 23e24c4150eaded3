/** Items that were taken are cut off when there are at least this many, and more of them than items left. */
const CUT_FROM = 32;

/** First in, first out, in constant time per item however long it is (`Array.shift` moves all the others). */
export class Fifo<T> {
  private items: T[] = [];
  private head = 0;

  get size(): number {
    return this.items.length - this.head;
  }

  push(item: T): void {
    this.items.push(item);
  }

  /** The item at a place, 0 = the next; it stays. */
  at(index: number): T | undefined {
    return this.items[this.head + index];
  }

  /** Takes the next `count` items out. */
  drop(count: number): void {
    this.head = Math.min(this.head + count, this.items.length);
    if (this.head < CUT_FROM || this.head < this.size) return;
    this.items = this.items.slice(this.head);
    this.head = 0;
  }
}
