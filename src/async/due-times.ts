/** Things that wait for their time, the earliest first (of equal times the first added): a binary heap, so that a hundred thousand of them cost little. */
export class DueTimes<T> {
  private readonly heap: { readonly at: number; readonly order: number; readonly item: T }[] = [];
  private added = 0;

  /** The earliest time, if anything waits. */
  next(): number | undefined {
    return this.heap[0]?.at;
  }

  /** What waits for the earliest time. */
  first(): T | undefined {
    return this.heap[0]?.item;
  }

  /** Brings forward what would wait longer than `latest` says of it. */
  limit(latest: (item: T) => number): void {
    const all = this.heap.splice(0).sort((one, other) => one.order - other.order);
    for (const { at, item } of all) this.add(Math.min(at, latest(item)), item);
  }

  add(at: number, item: T): void {
    let place = this.heap.length;
    this.heap.push({ at, order: this.added++, item });
    while (place > 0 && this.earlier(place, (place - 1) >> 1)) place = this.swap(place, (place - 1) >> 1);
  }

  /** Takes out everything whose time is not later than `now`, in the order of time. */
  takeUntil(now: number): T[] {
    const taken: T[] = [];
    for (let first = this.heap[0]; first && first.at <= now; first = this.heap[0]) {
      taken.push(first.item);
      this.removeFirst();
    }
    return taken;
  }

  private removeFirst(): void {
    const last = this.heap.pop();
    if (!last || this.heap.length === 0) return;
    this.heap[0] = last;
    for (let place = 0; ;) {
      const left = 2 * place + 1;
      const child = this.earlier(left + 1, left) ? left + 1 : left;
      if (!this.earlier(child, place)) return;
      place = this.swap(place, child);
    }
  }

  private earlier(place: number, other: number): boolean {
    const [one, two] = [this.heap[place], this.heap[other]];
    if (!one || !two) return one !== undefined;
    return one.at === two.at ? one.order < two.order : one.at < two.at;
  }

  private swap(place: number, other: number): number {
    const { heap } = this;
    [heap[place], heap[other]] = [heap[other]!, heap[place]!];
    return other;
  }
}
