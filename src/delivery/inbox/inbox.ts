import type { JsonObject } from "../../json";
import type { Change } from "../../store/change";
import type { DurableStore } from "../../store/durable-store";
import type { AboutEntry, InboxEntry, Take } from "../../store/inbox-store";
import type { IncomingRecord } from "../../store/take-mark";
import { Mutex } from "../../async/mutex";
import { EntryClocks } from "./entry-clocks";
import { aboutOf, endTake, type KeptEntry, keptEntry, type PreparedEntry, takesEnded } from "./kept-entry";
import { translationOf } from "./mark-translation";
import { Receipts } from "./receipts";
import { RunningClock } from "../../async/running-clock";
import { Replay, REPLAY_HOLD_MS } from "./replay";
import { Sweeps } from "./sweeps";

/** So many entries are forgotten in one write. */
const FORGOTTEN_AT_ONCE = 3_000;
/** Least time between two looks at the clocks, so that entries are forgotten together. */
const FORGETTING_MS = 1_000;

/** How long entries are kept while flows run, and how many are replayed at one time. */
export interface InboxOptions {
  /** After its last take. Default 10,000. */
  readonly forgetTakenAfterMs?: number;
  /** Without any take. Default 600,000. */
  readonly forgetUntakenAfterMs?: number;
  /** Default 50. */
  readonly replayAtOnce?: number;
}

/**
 * What was received and not yet taken by every delivery node behind it. An entry is one message on disk. A take never
 * removes it: each (entry, node, incoming record) has a mark, written in one with the take, so that fan-out, split, replay
 * and changed settings neither lose a record nor take it twice. An entry is forgotten some time after its last take, or after a long time
 * without any: flows drop messages on purpose. These clocks run only while flows run.
 */
export class Inbox {
  private readonly entries = new Map<string, KeptEntry>();
  private readonly receipts = new Receipts();
  private readonly clock = new RunningClock();
  private readonly clocks: EntryClocks;
  /** Forgetting and rewriting exclude each other: a rewrite must not bring a deleted message back. */
  private readonly mutex = new Mutex();
  private readonly replaying: Replay;
  private readonly sweeps: Sweeps;

  constructor(
    private readonly store: DurableStore,
    options: InboxOptions = {},
  ) {
    const { forgetTakenAfterMs = 10_000, forgetUntakenAfterMs = 600_000 } = options;
    this.clocks = new EntryClocks(this.clock, forgetTakenAfterMs, forgetUntakenAfterMs);
    this.sweeps = new Sweeps(this.clock, {
      nextDue: () => Math.min(this.clocks.nextDue(), this.replaying.nextDue()),
      leastMs: () => (this.replaying.isUnderWay ? REPLAY_HOLD_MS : FORGETTING_MS),
      sweep: () => {
        this.replaying.freeOverdue();
        // What could not be deleted is due again at the next sweep.
        return this.mutex.run(() => this.forgetDue()).catch(() => undefined);
      },
    });
    this.replaying = new Replay(this.clock, options.replayAtOnce ?? 50, () => this.sweeps.goOn());
  }

  /** How many entries are kept. */
  get size(): number {
    return this.entries.size;
  }

  /** Flows run. */
  get isRunning(): boolean {
    return this.clock.isRunning;
  }

  /**
   * Reads what the last life left, without the messages. Call it before anything else; it may be repeated when it failed.
   * @throws StoreUnavailableError
   */
  async open(): Promise<void> {
    this.entries.clear();
    for (const { entry, isTaken } of await this.store.inbox.open()) {
      const kept = this.remember(entry);
      this.receipts.goOnAfter(kept.receipt);
      kept.taken = isTaken;
      kept.awaitsReplay = true;
      kept.wasEmitted = true;
      this.setClock(kept);
    }
  }

  /**
   * Keeps a message; resolves with its receipt when it is on disk.
   * @param also what must be written in the same moment
   * @throws StoreUnavailableError when nothing was kept
   */
  async receive(entry: Omit<InboxEntry, "receipt">, also: readonly Change[] = []): Promise<string> {
    const { receipt, changes, kept } = this.prepare(entry);
    await this.store.write([...changes, ...also]);
    kept();
    return receipt;
  }

  /** Makes an entry for an output that has to be kept in one write with something else. */
  prepare({ node, receivedAt, requestId, message }: Omit<InboxEntry, "receipt">): PreparedEntry {
    const receipt = this.receipts.next(message.simulated === true);
    const about = { receipt, node, receivedAt, ...(requestId !== undefined && { requestId }) };
    return {
      receipt,
      changes: this.store.inbox.adding({ ...about, message }),
      kept: () => this.setClock(this.remember(about)),
    };
  }

  /**
   * Says which records of a message a node may take, see `InboxStore.take`. What was forgotten marks nothing. While a take is
   * under way its entries stay, and they are forgotten some time after it.
   */
  async take(receipts: readonly string[], node: string, records: readonly IncomingRecord[]): Promise<Take> {
    const entries = [...new Set(receipts)].flatMap((receipt) => this.entries.get(receipt) ?? []);
    for (const entry of entries) entry.pendingTakes++;
    const release = (): void => entries.forEach(endTake);
    try {
      const kept = entries.map(({ receipt }) => receipt);
      const take = await this.store.inbox.take(kept, node, records);
      return {
        ...take,
        done: () => {
          take.done();
          for (const entry of entries) this.taken(entry);
        },
        release: () => {
          take.release();
          release();
        },
      };
    } catch (error) {
      release();
      throw error;
    }
  }

  /** Flows have started (true), or stop (false), which ends a replay. */
  running(isRunning: boolean): void {
    if (isRunning) {
      this.clock.run();
      this.sweeps.goOn();
    } else {
      this.clock.stop();
      this.sweeps.stop();
      this.replaying.stop();
    }
  }

  /**
   * Whether an entry that has just been kept may be emitted now. During a replay it may not, because it would overtake
   * what was received before it: then the replay emits it, in its turn.
   */
  mayEmit(receipt: string): boolean {
    const entry = this.entries.get(receipt);
    if (entry && this.replaying.joins(receipt)) {
      entry.awaitsReplay = true;
      return false;
    }
    if (entry) entry.wasEmitted = true;
    return true;
  }

  /**
   * Emits every entry that is there now, by order of receipt, also those that were taken: another branch may have missed
   * them; then those that came meanwhile. Of what it emits again, at most `replayAtOnce` are under way: not taken since,
   * and emitted only just now (what is older was dropped by the flow, or waits there on purpose).
   * Resolves when all were emitted, or when flows stop, or at the next call.
   * @param emit false when the entry's node does not exist now
   */
  replay(emit: (entry: InboxEntry, isReplayed: boolean) => boolean): Promise<void> {
    for (const entry of this.entries.values()) entry.awaitsReplay = true;
    return this.replaying.run([...this.entries.keys()].sort(), {
      read: (receipt) => this.store.inbox.message(receipt),
      emit: (receipt, message) => {
        const entry = this.entries.get(receipt);
        if (entry) this.emit(entry, message, emit);
      },
    });
  }

  /**
   * An emission has thrown. Returns how often that has happened; undefined for an entry that is not there any more.
   */
  emissionFailed(receipt: string): number | undefined {
    const entry = this.entries.get(receipt);
    return entry && ++entry.failures;
  }

  /**
   * Takes an entry away that cannot be emitted.
   * @param keep what must be written in the same moment, so that its message is kept elsewhere
   * @throws StoreUnavailableError when nothing was changed
   */
  async setAside(receipt: string, keep: (entry: InboxEntry) => readonly Change[]): Promise<void> {
    await this.mutex.run(async () => {
      const entry = this.entries.get(receipt);
      const message = await this.store.inbox.message(receipt);
      if (!entry || message === undefined) return;
      await this.store.inbox.forget([receipt], keep({ ...aboutOf(entry), message }));
      this.forget(entry);
    });
  }

  /** The entry of a webhook, and which nodes took from it. @throws StoreUnavailableError */
  find(requestId: string): ReturnType<DurableStore["inbox"]["find"]> {
    return this.store.inbox.find(requestId);
  }

  /**
   * Changes the messages of all entries. Which records were taken stays as it is. Returns how many were changed.
   * @param change returns the new message, the same one for no change, undefined to forget the entry; it must make of each
   *   record the same whatever other records stand beside it
   * @throws StoreUnavailableError when not all could be changed; the same call may be repeated
   */
  rewrite(change: (message: JsonObject) => JsonObject | undefined): Promise<number> {
    return this.mutex.run(async () => {
      let changed = 0;
      for await (const page of this.store.inbox.messages())
        for (const { receipt, message } of page) {
          const rest = change(message);
          if (rest === message) continue;
          changed++;
          const entry = this.entries.get(receipt);
          if (rest) {
            const marks = translationOf(message, change);
            // What is being written would have marks of the records as they were.
            if (entry) await takesEnded(entry);
            await this.store.inbox.rewrite(receipt, rest, marks);
          } else {
            await this.store.inbox.forget([receipt]);
            this.forget(entry);
          }
        }
      return changed;
    });
  }

  /** Stops the clocks; everything stays kept. */
  close(): void {
    this.running(false);
  }

  private remember(about: AboutEntry): KeptEntry {
    const entry = keptEntry(about);
    this.entries.set(entry.receipt, entry);
    return entry;
  }

  private taken(entry: KeptEntry): void {
    endTake(entry);
    entry.taken = true;
    this.replaying.ended(entry.receipt);
    // Also for an entry that was forgotten during the write: this take's marks have to be deleted as well.
    this.setClock(entry);
  }

  private emit(
    entry: KeptEntry,
    message: JsonObject | undefined,
    emit: (entry: InboxEntry, isReplayed: boolean) => boolean,
  ): void {
    const { receipt, wasEmitted } = entry;
    entry.awaitsReplay = false;
    entry.wasEmitted = true;
    // New ones come at their own pace.
    if (wasEmitted) this.replaying.started(receipt);
    // It must still be known when it arrives, however long its last take is ago: else it would be taken a second time.
    if (entry.taken) this.setClock(entry, false);
    // A message that the store has lost (and has told of) cannot be emitted.
    if (message && emit({ ...aboutOf(entry), message }, wasEmitted)) return;
    this.replaying.ended(receipt);
    if (entry.taken) this.setClock(entry);
  }

  /** Starts the clock of an entry anew. */
  private setClock(entry: KeptEntry, isTaken = entry.taken): void {
    this.sweeps.wakeBy(this.clocks.set(entry, isTaken));
  }

  private async forgetDue(): Promise<void> {
    for (;;) {
      const forgotten = this.clocks.due(FORGOTTEN_AT_ONCE);
      if (forgotten.length === 0) return;
      await this.store.inbox.forget(forgotten.map(({ receipt }) => receipt));
      for (const entry of forgotten) this.forget(entry);
    }
  }

  private forget(entry: KeptEntry | undefined): void {
    if (!entry) return;
    this.entries.delete(entry.receipt);
    this.clocks.delete(entry);
    this.replaying.ended(entry.receipt);
  }
}
