import type { JsonObject } from "../../json";
import { StoreUnavailableError } from "../../store/durable-store";
import type { RunningClock } from "../../async/running-clock";
import { sleep } from "../../async/sleep";

/**
 * How long an entry that is emitted again, and not taken, holds up the next ones. Flows drop messages on purpose, and what is
 * received meanwhile waits for the end of the replay.
 */
export const REPLAY_HOLD_MS = 100;
/** How long a replay waits before it reads again from a store that does not work. */
const KNOCK_MS = 500;

/** Where a replay gets a message, and where it goes. */
interface ReplaySteps {
  /** undefined when it is not there any more. May throw a StoreUnavailableError: then it is asked again. */
  read(this: void, receipt: string): Promise<JsonObject | undefined>;
  emit(this: void, receipt: string, message: JsonObject | undefined): void;
}

/** In which order entries are emitted again, and how many of them are under way at one time. */
export class Replay {
  /** Emitted again and not taken since, with the running time of their emission. */
  private readonly underWay = new Map<string, number>();
  private current = new AbortController();
  /** Receipts that have to be emitted, in order; also before the first replay, and while flows are stopped. */
  private toEmit: string[] | undefined = [];
  private onPlaceFree: (() => void) | undefined;

  /**
   * @param atOnce so many are under way at one time
   * @param onFull a place has to be waited for: from now on `nextDue` says when to call `freeOverdue`
   */
  constructor(
    private readonly clock: RunningClock,
    private readonly atOnce: number,
    private readonly onFull: () => void,
  ) {}

  /** Some that were emitted hold a place. */
  get isUnderWay(): boolean {
    return this.underWay.size > 0;
  }

  /** The running time at which the first one holds nobody up any more; Infinity when there is none. */
  nextDue(): number {
    const [emittedAt = Infinity] = this.underWay.values();
    return emittedAt + REPLAY_HOLD_MS;
  }

  /** Puts what has just been kept at the end of a replay; false when there is none, and it may go its own way. */
  joins(receipt: string): boolean {
    this.toEmit?.push(receipt);
    return this.toEmit !== undefined;
  }

  /**
   * Emits all of them in this order, then those that have joined. Resolves when that is done, or at the next call, or at `stop`.
   */
  async run(receipts: string[], { read, emit }: ReplaySteps): Promise<void> {
    this.end();
    const { signal } = (this.current = new AbortController());
    this.underWay.clear();
    this.toEmit = receipts;
    // What comes meanwhile joins them at their end.
    for (const receipt of receipts) {
      while (this.underWay.size >= this.atOnce && !signal.aborted) await this.placeFree();
      const message = await untilRead(() => read(receipt), signal);
      if (signal.aborted) return;
      emit(receipt, message);
    }
    this.toEmit = undefined;
  }

  /** Ends a replay. What is kept from now on waits for the next one. */
  stop(): void {
    this.end();
    this.toEmit ??= [];
  }

  /** It is emitted again now, and has a place until it is taken, or for a short time. */
  started(receipt: string): void {
    this.underWay.set(receipt, this.clock.now());
  }

  /** It was taken, or went nowhere. */
  ended(receipt: string): void {
    if (this.underWay.delete(receipt)) this.onPlaceFree?.();
  }

  /** Frees the places of those that were emitted some time ago: the flow has dropped them, or they wait there on purpose. */
  freeOverdue(): void {
    for (const [receipt, emittedAt] of this.underWay) {
      if (emittedAt + REPLAY_HOLD_MS > this.clock.now()) break;
      this.ended(receipt);
    }
  }

  private end(): void {
    this.current.abort();
    this.onPlaceFree?.();
  }

  /** Resolves when it is worth looking whether another entry can be replayed. */
  private placeFree(): Promise<void> {
    this.onFull();
    return new Promise((resolve) => (this.onPlaceFree = resolve));
  }
}

/** What is read, however long the store does not work; undefined when aborted. */
async function untilRead<T>(read: () => Promise<T>, signal: AbortSignal): Promise<T | undefined> {
  while (!signal.aborted) {
    try {
      return await read();
    } catch (error) {
      if (!(error instanceof StoreUnavailableError)) throw error;
      await sleep(KNOCK_MS, signal);
    }
  }
  return undefined;
}
