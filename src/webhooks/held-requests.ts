/** How long a request waits between two lives of its node; Bloomreach waits 1,000 ms for an answer. */
const HOLD_MS = 800;

/** Requests that wait for a node or for the flows; each looks again when woken. */
export class HeldRequests {
  private readonly held = new Set<() => void>();

  /** What `find` finds, now or when woken; undefined when there is nothing within `HOLD_MS`. */
  soon<Found>(find: () => Found | undefined): Promise<Found | undefined> {
    return new Promise((resolve) => {
      const look = (): void => {
        const found = find();
        if (found !== undefined) settle(found);
      };
      const settle = (found: Found | undefined): void => {
        clearTimeout(timer);
        this.held.delete(look);
        resolve(found);
      };
      const timer = setTimeout(() => settle(undefined), HOLD_MS);
      this.held.add(look);
      look();
    });
  }

  /** Something has changed that they may wait for. */
  wake(): void {
    for (const look of [...this.held]) look();
  }
}
