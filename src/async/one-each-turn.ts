import { Fifo } from "./fifo";

/**
 * Runs work in its order, one piece in each turn of the event loop. Node.js takes in one new connection in each turn, so turns
 * must be short: otherwise a few of many large webhooks that come at once would be answered long after all the others.
 */
export class OneEachTurn {
  private readonly waiting = new Fifo<() => void>();

  run(work: () => void): void {
    this.waiting.push(work);
    if (this.waiting.size === 1) setImmediate(this.next);
  }

  /** Resolves when it is the caller's turn. */
  turn(): Promise<void> {
    return new Promise((resolve) => this.run(resolve));
  }

  private readonly next = (): void => {
    try {
      this.waiting.at(0)?.();
    } finally {
      this.waiting.drop(1);
      if (this.waiting.size > 0) setImmediate(this.next);
    }
  };
}
