import type { JsonObject } from "../../json";
import { type DurableStore, type StoreOperation, StoreUnavailableError } from "../../store/durable-store";
import { inboxKeys } from "./inbox-keys";
import { translationOf } from "./mark-translation";
import { Mutex } from "../../async/mutex";
import { Receipts } from "./receipts";
import { RunningClock } from "../../async/running-clock";
import { sleep } from "../../async/sleep";
import { keyPages, readAll, readable, readPages } from "../../store/store-keys";
import { type IncomingRecord, type KeptMarks, markOf, type Rename, TakeMarks, untaken } from "./take-marks";

/** So many messages are read at one go: one can have megabytes. */
const MESSAGE_PAGE = 20;
/** About so many deletions share a write. */
const DELETIONS_AT_ONCE = 10_000;
/** Least time between two looks at the clocks, so that entries are forgotten together. */
const SWEEP_MS = 1_000;
/**
 * How long an entry that is emitted again, and not taken, holds up the next ones. Flows drop messages on purpose, and what is
 * received meanwhile waits for the end of the replay.
 */
const REPLAY_HOLD_MS = 100;
/** How long a replay waits before it reads again from a store that does not work. */
const KNOCK_MS = 500;

/** One message on its way into the flow, kept until delivery nodes have taken its records. */
export interface InboxEntry {
  /** Unique for ever; receipts sort by arrival. */
  readonly receipt: string;
  /** Id of the node that emits it. */
  readonly node: string;
  /** Unix ms. */
  readonly receivedAt: number;
  /** Of the webhook that brought it. */
  readonly requestId?: string;
  /** What the node emits; opaque here, but for `simulated: true`, which its receipt tells too. */
  readonly message: JsonObject;
}

/** How long entries are kept while flows run, and how many are replayed at one time. */
export interface InboxOptions {
  /** After its last take. Default 10,000. */
  readonly forgetTakenAfterMs?: number;
  /** Without any take. Default 600,000. */
  readonly forgetUntakenAfterMs?: number;
  /** Default 50. */
  readonly replayAtOnce?: number;
}

/** What a node may take of a message. Exactly one of `done` and `release` has to be called, once. */
export interface Claim {
  /** Places of the records that the node has not taken before and that no other claim holds now. */
  readonly fresh: readonly number[];
  /** What has to be in the atomic write of the take. */
  readonly operations: readonly StoreOperation[];
  /** The write has resolved: the take counts, and the entries are forgotten some time after it. */
  done(): void;
  /** The write has failed: the same claim may be made again. */
  release(): void;
}

/** An entry that somebody else's atomic write keeps. */
export interface PreparedEntry {
  readonly receipt: string;
  /** What has to be in that write. */
  readonly operations: readonly StoreOperation[];
  /** The write has resolved: from now on the entry is there. */
  readonly kept: () => void;
}

/** What is known of an entry without reading its message. */
type AboutEntry = Omit<InboxEntry, "receipt" | "message">;

/** What is in memory of an entry. */
interface KeptEntry extends AboutEntry {
  readonly receipt: string;
  readonly takes: Map<string, TakeMarks>;
  /** Some node took from it, in this life or an earlier one. */
  taken: boolean;
  /** Claims whose write is not done. */
  pendingClaims: number;
  /** Wait until there is none. */
  readonly awaitingClaims: (() => void)[];
  /** What has become of its records since messages of it were handed to the flow. */
  readonly renames: Rename[];
  /** A replay has it still to emit: until then it must stay. */
  awaitsReplay: boolean;
  /** It may have been emitted before. */
  wasEmitted: boolean;
  /** How often its emission has failed in this life. */
  failures: number;
  /** When its clock was set, in running time. */
  clockSetAt: number;
}

/**
 * What was received and not yet taken by every delivery node behind it. An entry is one message on disk. A take never
 * removes it: each (entry, node, incoming record) has a mark, written in one with the take, so that fan-out, split, replay
 * and changed settings neither lose a record nor take it twice. An entry is forgotten some time after its last take, or after a long time
 * without any: flows drop messages on purpose. These clocks run only while flows run.
 */
export class Inbox {
  private readonly entries = new Map<string, KeptEntry>();
  /** Both in the order in which the clocks were set, so that only the first ones have to be looked at. */
  private readonly untaken = new Set<KeptEntry>();
  private readonly takenLately = new Set<KeptEntry>();
  /** Replayed and not taken since, with the running time of their emission. */
  private readonly inFlight = new Map<string, number>();
  private readonly receipts = new Receipts();
  private readonly clock = new RunningClock();
  /** Forgetting and rewriting exclude each other: a rewrite must not bring a deleted message back. */
  private readonly mutex = new Mutex();
  private readonly forgetTakenAfterMs: number;
  private readonly forgetUntakenAfterMs: number;
  private readonly replayAtOnce: number;
  private replaying = new AbortController();
  /** Receipts that a replay has to emit, in order; also before the first one, and while flows are stopped. */
  private line: string[] | undefined = [];
  private onPlaceFree: (() => void) | undefined;
  private timer: NodeJS.Timeout | undefined;
  private timerDue = Infinity;
  private isSweeping = false;
  private givenUpCount = 0;

  constructor(
    private readonly store: DurableStore,
    options: InboxOptions = {},
  ) {
    this.forgetTakenAfterMs = options.forgetTakenAfterMs ?? 10_000;
    this.forgetUntakenAfterMs = options.forgetUntakenAfterMs ?? 600_000;
    this.replayAtOnce = options.replayAtOnce ?? 50;
  }

  /** How many entries are kept. */
  get size(): number {
    return this.entries.size;
  }

  /** Flows run. */
  get isRunning(): boolean {
    return this.clock.isRunning;
  }

  /** How many entries were forgotten since the start without any take. */
  get givenUp(): number {
    return this.givenUpCount;
  }

  /**
   * Reads what the last life left, without the messages. Call it before anything else; it may be repeated when it failed.
   * @throws StoreUnavailableError
   */
  async open(): Promise<void> {
    this.entries.clear();
    for await (const [key, value] of readAll(this.store, inboxKeys.entries))
      this.remember(inboxKeys.receiptOf(key), value as unknown as AboutEntry);
    await this.tellMissing();
    const orphans: StoreOperation[] = [];
    for await (const [key, joined] of readAll(this.store, inboxKeys.marks)) {
      const { receipt, node, number } = inboxKeys.readMark(key);
      const entry = this.entries.get(receipt);
      if (entry) marksOf(entry, node).add(joined as KeptMarks | string, number);
      else orphans.push({ type: "del", key });
    }
    if (orphans.length > 0) await this.store.write(orphans);
    for (const entry of this.entries.values()) {
      this.receipts.goOnAfter(entry.receipt);
      entry.taken = entry.takes.size > 0;
      entry.awaitsReplay = true;
      entry.wasEmitted = true;
      this.setClock(entry);
    }
  }

  /**
   * Keeps a message; resolves with its receipt when it is on disk.
   * @param also what must be written in the same moment
   * @throws StoreUnavailableError when nothing was kept
   */
  async receive(entry: Omit<InboxEntry, "receipt">, also: readonly StoreOperation[] = []): Promise<string> {
    const { receipt, operations, kept } = this.prepare(entry);
    await this.store.write([...operations, ...also]);
    kept();
    return receipt;
  }

  /** Makes an entry for an output that has to be kept in one write with something else. */
  prepare({ node, receivedAt, requestId, message }: Omit<InboxEntry, "receipt">): PreparedEntry {
    const receipt = this.receipts.next(message.simulated === true);
    const about = { node, receivedAt, ...(requestId !== undefined && { requestId }) };
    return {
      receipt,
      operations: [
        { type: "put", key: inboxKeys.entry(receipt), value: about },
        { type: "put", key: inboxKeys.message(receipt), value: message },
      ],
      kept: () => this.setClock(this.remember(receipt, about)),
    };
  }

  /**
   * Says which records of a message a node may take: those that it has not taken before from the same entry. After a join a
   * message has several receipts: a record counts as taken when one of them has its mark. What was forgotten marks nothing.
   */
  claim(receipts: readonly string[], node: string, records: readonly IncomingRecord[]): Claim {
    const entries = [...new Set(receipts)].flatMap((receipt) => this.entries.get(receipt) ?? []);
    const marks = entries.map((entry) => marksOf(entry, node));
    const renames = entries.flatMap((entry) => entry.renames);
    const asked =
      marks.length === 0 ? [] : records.map((record) => renames.reduce((mark, to) => to(mark), markOf(record)));
    const fresh = untaken(records, asked, marks);
    const joined = marks.length === 0 ? "" : fresh.map((place) => asked[place]!).join("");
    const held = joined === "" ? [] : marks.map((taken) => ({ taken, number: taken.hold(joined) }));
    for (const entry of entries) entry.pendingClaims++;
    return {
      fresh,
      operations: held.map(({ number }, place) => {
        const { receipt } = entries[place]!;
        return { type: "put", key: inboxKeys.mark({ receipt, node, number }), value: { marks: joined } };
      }),
      done: () => {
        for (const { taken } of held) taken.written++;
        for (const entry of entries) this.take(entry);
      },
      release: () => {
        for (const { taken, number } of held) taken.release(number);
        for (const entry of entries) this.endClaim(entry);
      },
    };
  }

  /** Flows have started (true), or stop (false), which ends a replay. */
  running(isRunning: boolean): void {
    if (isRunning) {
      this.clock.run();
      this.wakeBy(this.nextDue());
    } else {
      this.clock.stop();
      this.stopTimer();
      this.endReplay();
      this.line ??= [];
    }
  }

  /**
   * Whether an entry that has just been kept may be emitted now. During a replay it may not, because it would overtake
   * what was received before it: then the replay emits it, in its turn.
   */
  mayEmit(receipt: string): boolean {
    const entry = this.entries.get(receipt);
    if (entry && this.line) {
      entry.awaitsReplay = true;
      this.line.push(receipt);
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
  async replay(emit: (entry: InboxEntry, isReplayed: boolean) => boolean): Promise<void> {
    this.endReplay();
    const { signal } = (this.replaying = new AbortController());
    this.inFlight.clear();
    for (const entry of this.entries.values()) entry.awaitsReplay = true;
    const line = (this.line = [...this.entries.keys()].sort());
    // What comes meanwhile joins the line at its end.
    for (const receipt of line) {
      while (this.inFlight.size >= this.replayAtOnce && !signal.aborted) await this.placeFree();
      const message = await this.messageOf(receipt, signal);
      if (signal.aborted) return;
      const entry = this.entries.get(receipt);
      if (entry) this.emit(entry, message, emit);
    }
    this.line = undefined;
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
  async setAside(receipt: string, keep: (entry: InboxEntry) => readonly StoreOperation[]): Promise<void> {
    await this.mutex.run(async () => {
      const entry = this.entries.get(receipt);
      const [message] = await this.store.get([inboxKeys.message(receipt)]);
      if (!entry || message === undefined) return;
      const { node, receivedAt, requestId } = entry;
      const about = { receipt, node, receivedAt, ...(requestId !== undefined && { requestId }) };
      await this.store.write([...keep({ ...about, message: message as JsonObject }), ...deletionOf(entry)]);
      // It has not been given up.
      entry.taken = true;
      this.forget(entry);
    });
  }

  /** The entry of a webhook, and which nodes took from it. */
  find(
    requestId: string,
  ): (Pick<InboxEntry, "receipt" | "node" | "receivedAt"> & { readonly takenBy: string[] }) | undefined {
    for (const entry of this.entries.values()) {
      if (entry.requestId !== requestId) continue;
      const takenBy = [...entry.takes].flatMap(([node, { written }]) => (written > 0 ? [node] : []));
      return { receipt: entry.receipt, node: entry.node, receivedAt: entry.receivedAt, takenBy };
    }
    return undefined;
  }

  /**
   * Changes the messages of all entries. Which records were taken stays as it is: their marks follow them in the same write.
   * Returns how many were changed.
   * @param change returns the new message, the same one for no change, undefined to forget the entry; it must make of each
   *   record the same whatever other records stand beside it
   * @throws StoreUnavailableError when not all could be changed; the same call may be repeated
   */
  rewrite(change: (message: JsonObject) => JsonObject | undefined): Promise<number> {
    return this.mutex.run(async () => {
      let changed = 0;
      for await (const page of readPages(this.store, inboxKeys.messages, MESSAGE_PAGE)) {
        for (const [key, message] of readable(page)) {
          const value = change(message as JsonObject);
          if (value === message) continue;
          changed++;
          const entry = this.entries.get(inboxKeys.receiptOfMessage(key));
          if (entry && value) await this.rewriteEntry(entry, message as JsonObject, value, change);
          else if (entry) {
            await this.store.write(deletionOf(entry));
            this.forget(entry);
          } else await this.store.write([value ? { type: "put", key, value } : { type: "del", key }]);
        }
      }
      return changed;
    });
  }

  /** Stops the clocks; everything stays kept. */
  close(): void {
    this.running(false);
  }

  /** Tells of what came in and has lost either half: what is known of it, or its message. */
  private async tellMissing(): Promise<void> {
    const bare = new Set(this.entries.keys());
    let unknown = 0;
    for await (const page of keyPages(this.store, inboxKeys.messages))
      for (const key of page) if (!bare.delete(inboxKeys.receiptOfMessage(key))) unknown++;
    for (const [count, what] of [
      [bare.size, "are empty, because the disk has lost what came with them"],
      [unknown, "cannot be handed to the flow, because the disk has lost which node they came to"],
    ] as const)
      if (count > 0)
        this.store.tellLoss(
          `${count} of the webhooks and messages that were kept for the flow ${what}. Check the disk, and send them again if you can.`,
        );
  }

  private async rewriteEntry(
    entry: KeptEntry,
    message: JsonObject,
    value: JsonObject,
    change: (message: JsonObject) => JsonObject | undefined,
  ): Promise<void> {
    const { kept, coming } = translationOf(message, change);
    // What is being written would have marks of the records as they were.
    while (entry.pendingClaims > 0) await new Promise<void>((resolve) => entry.awaitingClaims.push(resolve));
    const { receipt, takes } = entry;
    const before = [...takes].map(([node, marks]) => ({ node, marks, copy: marks.copy() }));
    const operations = before.flatMap(({ node, marks }) =>
      marks.rename(kept).map(({ number, kept: value }): StoreOperation => {
        return { type: "put", key: inboxKeys.mark({ receipt, node, number }), value };
      }),
    );
    entry.renames.push(coming);
    try {
      await this.store.write([{ type: "put", key: inboxKeys.message(receipt), value }, ...operations]);
    } catch (error) {
      // Claims made meanwhile stand behind this write, and fail with it.
      entry.renames.splice(entry.renames.indexOf(coming), 1);
      for (const { marks, copy } of before) marks.restore(copy);
      throw error;
    }
  }

  private remember(receipt: string, about: AboutEntry): KeptEntry {
    const entry = {
      ...about,
      receipt,
      takes: new Map<string, TakeMarks>(),
      taken: false,
      pendingClaims: 0,
      awaitingClaims: [],
      renames: [],
      awaitsReplay: false,
      wasEmitted: false,
      failures: 0,
      clockSetAt: 0,
    };
    this.entries.set(receipt, entry);
    return entry;
  }

  private endClaim(entry: KeptEntry): void {
    entry.pendingClaims--;
    if (entry.pendingClaims === 0) for (const go of entry.awaitingClaims.splice(0)) go();
  }

  private take(entry: KeptEntry): void {
    this.endClaim(entry);
    entry.taken = true;
    this.freePlace(entry.receipt);
    // Also for an entry that was forgotten during the write: this take's marks have to be deleted as well.
    this.setClock(entry);
  }

  private emit(
    entry: KeptEntry,
    message: JsonObject | undefined,
    emit: (entry: InboxEntry, isReplayed: boolean) => boolean,
  ): void {
    const { receipt, node, receivedAt, requestId, wasEmitted } = entry;
    entry.awaitsReplay = false;
    entry.wasEmitted = true;
    // New ones come at their own pace.
    if (wasEmitted) this.inFlight.set(receipt, this.clock.now());
    // It must still be known when it arrives, however long its last take is ago: else it would be taken a second time.
    if (entry.taken) this.setClock(entry, this.untaken);
    // A message that the store has lost (and has told of) cannot be emitted.
    const about = { receipt, node, receivedAt, ...(requestId !== undefined && { requestId }) };
    if (message && emit({ ...about, message }, wasEmitted)) return;
    this.freePlace(receipt);
    if (entry.taken) this.setClock(entry);
  }

  /** The message of an entry that is still there; waits for a store that does not work. */
  private async messageOf(receipt: string, signal: AbortSignal): Promise<JsonObject | undefined> {
    while (!signal.aborted) {
      try {
        const [message] = await this.store.get([inboxKeys.message(receipt)]);
        return message as JsonObject | undefined;
      } catch (error) {
        if (!(error instanceof StoreUnavailableError)) throw error;
        await sleep(KNOCK_MS, signal);
      }
    }
    return undefined;
  }

  private endReplay(): void {
    this.replaying.abort();
    this.onPlaceFree?.();
  }

  /** Resolves when it is worth looking whether another entry can be replayed. */
  private placeFree(): Promise<void> {
    this.wakeBy(this.nextDue());
    return new Promise((resolve) => (this.onPlaceFree = resolve));
  }

  private freePlace(receipt: string): void {
    if (this.inFlight.delete(receipt)) this.onPlaceFree?.();
  }

  /** Starts the clock of an entry anew. */
  private setClock(entry: KeptEntry, among = entry.taken ? this.takenLately : this.untaken): void {
    this.untaken.delete(entry);
    this.takenLately.delete(entry);
    entry.clockSetAt = this.clock.now();
    among.add(entry);
    this.wakeBy(entry.clockSetAt + this.patienceFor(among));
  }

  private patienceFor(entries: ReadonlySet<KeptEntry>): number {
    return entries === this.untaken ? this.forgetUntakenAfterMs : this.forgetTakenAfterMs;
  }

  /** The running time at which there is something to do; Infinity when there is nothing. */
  private nextDue(): number {
    const [untaken] = this.untaken;
    const [taken] = this.takenLately;
    const [emittedAt = Infinity] = this.inFlight.values();
    return Math.min(
      (untaken?.clockSetAt ?? Infinity) + this.forgetUntakenAfterMs,
      (taken?.clockSetAt ?? Infinity) + this.forgetTakenAfterMs,
      emittedAt + REPLAY_HOLD_MS,
    );
  }

  /** Looks at the clocks at this running time, or earlier. */
  private wakeBy(due: number, leastMs = 0): void {
    if (!this.clock.isRunning || this.isSweeping || due >= this.timerDue) return;
    this.stopTimer();
    this.timerDue = due;
    const ms = Math.max(Math.ceil(due - this.clock.now()), leastMs);
    this.timer = setTimeout(() => void this.sweep(), ms).unref();
  }

  private stopTimer(): void {
    clearTimeout(this.timer);
    this.timerDue = Infinity;
  }

  private async sweep(): Promise<void> {
    this.stopTimer();
    this.isSweeping = true;
    for (const [receipt, emittedAt] of this.inFlight) {
      if (emittedAt + REPLAY_HOLD_MS > this.clock.now()) break;
      this.freePlace(receipt);
    }
    // What could not be deleted is due again at the next sweep.
    await this.mutex.run(() => this.forgetDue()).catch(() => undefined);
    this.isSweeping = false;
    this.wakeBy(this.nextDue(), this.inFlight.size > 0 ? REPLAY_HOLD_MS : SWEEP_MS);
  }

  private async forgetDue(): Promise<void> {
    for (;;) {
      const forgotten: KeptEntry[] = [];
      const operations: StoreOperation[] = [];
      for (const entry of this.dueEntries()) {
        forgotten.push(entry);
        operations.push(...deletionOf(entry));
        if (operations.length >= DELETIONS_AT_ONCE) break;
      }
      if (forgotten.length === 0) return;
      await this.store.write(operations);
      for (const entry of forgotten) this.forget(entry);
    }
  }

  private *dueEntries(): Generator<KeptEntry> {
    const now = this.clock.now();
    for (const entries of [this.takenLately, this.untaken]) {
      for (const entry of entries) {
        if (entry.clockSetAt + this.patienceFor(entries) > now) break;
        // A mark that is being written, or a message that comes with the next replay, needs the entry.
        if (entry.pendingClaims > 0 || entry.awaitsReplay) this.setClock(entry, entries);
        else yield entry;
      }
    }
  }

  private forget(entry: KeptEntry): void {
    this.entries.delete(entry.receipt);
    this.untaken.delete(entry);
    this.takenLately.delete(entry);
    this.freePlace(entry.receipt);
    if (!entry.taken) this.givenUpCount++;
  }
}

function marksOf({ takes }: KeptEntry, node: string): TakeMarks {
  const marks = takes.get(node) ?? new TakeMarks();
  takes.set(node, marks);
  return marks;
}

function deletionOf({ receipt, takes }: KeptEntry): StoreOperation[] {
  const keys = [inboxKeys.entry(receipt), inboxKeys.message(receipt)];
  for (const [node, { next }] of takes)
    for (let number = 0; number < next; number++) keys.push(inboxKeys.mark({ receipt, node, number }));
  return keys.map((key) => ({ type: "del", key }));
}
