import { createHash, randomBytes } from "node:crypto";
import type { JsonObject } from "../json";
import type { DurableStore, StoreOperation } from "./durable-store";
import { InboxClock } from "./inbox-clock";
import { padded, readAll } from "./store-keys";
import { TakeMarks } from "./take-marks";

/** A webhook, or the output of a delivery node, that is kept until every delivery node behind it has surely taken it. */
export interface InboxEntry {
  readonly receipt: string;
  /** Id of the node that emits it. */
  readonly node: string;
  /** Unix ms. */
  readonly receivedAt: number;
  /** As the sender was told it. */
  readonly requestId?: string;
  /** What the node emits. */
  readonly message: JsonObject;
}

export interface InboxOptions {
  /** How long an entry is kept after its last take; running time, ms. */
  readonly forgetTakenAfterMs?: number;
  /** How long an entry is kept that nobody takes; running time, ms. */
  readonly forgetUntakenAfterMs?: number;
  /** The most entries that are emitted again and not taken yet at one time. */
  readonly replayAtOnce?: number;
}

/** What a node may take of the records that it has got. */
export interface Claim {
  /** Places of the records that the node has not taken before. */
  readonly fresh: readonly number[];
  /** The marks, for the same write in which the fresh records are kept. */
  readonly operations: readonly StoreOperation[];
  /** That write has resolved. */
  done(): void;
  /** That write has failed: the same records may be claimed again. */
  release(): void;
}

/** What stands in the store beside the message, so that a start needs not read the messages. */
interface Notice {
  readonly node: string;
  readonly receivedAt: number;
  readonly requestId?: string;
}

interface Kept extends Notice {
  readonly receipt: string;
  /** What each delivery node has taken. */
  readonly takes: Map<string, TakeMarks>;
}

const NOTICES = { gte: "inbox/notice/", lt: "inbox/notice0" };
const MARKS = { gte: "inbox/taken/", lt: "inbox/taken0" };

const READ_AGAIN_MS = 500;

/**
 * Keeps what was received until the delivery nodes of the flow have it in their own queues. A take never removes an entry:
 * the message may be on its way to another delivery node, or in another part after a split. Instead each node marks which
 * records it has taken, in the same write in which it keeps them, so that an entry can be emitted again after a crash or a
 * deploy without doubling anything (docs/durable-store.md). An entry is forgotten some seconds after its last take.
 */
export class Inbox {
  private readonly entries = new Map<string, Kept>();
  private readonly clock: InboxClock;
  private readonly replayAtOnce: number;
  /** Emitted again and not taken yet. */
  private readonly replaying = new Set<string>();
  private replays = 0;
  private wakeReplay: (() => void) | undefined;
  private lastMs = 0;
  private lastCount = 0;
  private forgottenUntaken = 0;

  constructor(
    private readonly store: DurableStore,
    options: InboxOptions = {},
  ) {
    const { forgetTakenAfterMs = 10_000, forgetUntakenAfterMs = 600_000, replayAtOnce = 50 } = options;
    this.replayAtOnce = replayAtOnce;
    this.clock = new InboxClock(forgetTakenAfterMs, forgetUntakenAfterMs, (receipts) => this.forget(receipts));
  }

  /** Reads what the last life left; once, before anything else. @throws StoreUnavailableError */
  async open(): Promise<void> {
    for await (const [key, value] of readAll(this.store, NOTICES)) {
      const receipt = key.slice(NOTICES.gte.length);
      this.entries.set(receipt, { ...(value as unknown as Notice), receipt, takes: new Map() });
      this.clock.start(receipt, false);
    }
    const orphans: StoreOperation[] = [];
    for await (const [key, value] of readAll(this.store, MARKS)) {
      const [receipt = "", node = "", number = ""] = key.slice(MARKS.gte.length).split("/");
      const entry = this.entries.get(receipt);
      if (entry) this.marksOf(entry, decodeURIComponent(node)).remember(Number(number), String(value));
      else orphans.push({ type: "del", key });
    }
    for (const { receipt, takes } of this.entries.values()) if (takes.size > 0) this.clock.start(receipt, true);
    if (orphans.length > 0) await this.store.write(orphans);
  }

  /** Keeps an entry; resolves with its receipt when it is on disk. @throws StoreUnavailableError when nothing was kept */
  async receive(entry: Omit<InboxEntry, "receipt">): Promise<string> {
    const { receipt, operations, kept } = this.prepare(entry);
    await this.store.write(operations);
    kept();
    return receipt;
  }

  /** An entry that is to be kept by somebody else's write; `kept` must be called when that has resolved. */
  prepare({ node, receivedAt, requestId, message }: Omit<InboxEntry, "receipt">): {
    readonly receipt: string;
    readonly operations: readonly StoreOperation[];
    kept(): void;
  } {
    const receipt = this.nextReceipt();
    const notice: Notice = { node, receivedAt, ...(requestId !== undefined && { requestId }) };
    return {
      receipt,
      operations: [
        { type: "put", key: NOTICES.gte + receipt, value: { ...notice } },
        { type: "put", key: messageKey(receipt), value: message },
      ],
      kept: () => {
        this.entries.set(receipt, { ...notice, receipt, takes: new Map() });
        this.clock.start(receipt, false);
      },
    };
  }

  /**
   * Which of these records the node has not taken yet, and is not about to take by another claim.
   * @param receipts of the message: several after a join; what was taken by any of them is taken. Unknown ones count for
   *   nothing: they are forgotten, or somebody else's
   * @param records their texts; equal records of one claim are all fresh
   */
  claim(receipts: readonly string[], node: string, records: readonly string[]): Claim {
    const entries = receipts.flatMap((receipt) => this.entries.get(receipt) ?? []);
    const marks = entries.map((entry) => this.marksOf(entry, node));
    const hashes = entries.length === 0 ? [] : records.map(hashOf);
    const fresh = [...records.keys()].filter((place) => !marks.some((mark) => mark.has(hashes[place]!)));
    const taken = fresh.map((place) => hashes[place]!);
    const holds = taken.length === 0 ? [] : marks.map((mark) => mark.hold(taken));
    const operations = holds.map(({ number, text }, place): StoreOperation => {
      return { type: "put", key: markKey(entries[place]!.receipt, node, number), value: text };
    });
    return {
      fresh,
      operations,
      done: () => {
        for (const hold of holds) hold.keep();
        for (const { receipt } of entries) this.taken(receipt);
      },
      release: () => {
        for (const hold of holds) hold.release();
      },
    };
  }

  /** Whether flows run: only then entries grow old. */
  running(isRunning: boolean): void {
    this.clock.running(isRunning);
  }

  /**
   * Emits everything that is kept now once more, in the order of receipt, also what was taken: another branch may have
   * missed it. A new call ends an earlier one.
   * @param emit returns false when there is no such node now
   */
  async replay(emit: (entry: InboxEntry) => boolean): Promise<void> {
    const replay = ++this.replays;
    this.replaying.clear();
    this.wakeReplay?.();
    for (const receipt of [...this.entries.keys()].sort()) {
      while (this.replaying.size >= this.replayAtOnce && replay === this.replays)
        await new Promise<void>((resolve) => (this.wakeReplay = resolve));
      const message = await this.insistOnMessage(receipt, () => replay !== this.replays);
      if (replay !== this.replays) return;
      const entry = this.entries.get(receipt);
      if (!entry || !message) continue;
      const { takes: _takes, ...kept } = entry;
      this.replaying.add(receipt);
      if (!emit({ ...kept, message })) this.replaying.delete(receipt);
    }
  }

  /** Where a webhook is, by the `request_id` of its answer; undefined when it is not kept any more. */
  find(requestId: string): { receipt: string; node: string; receivedAt: number; takenBy: string[] } | undefined {
    for (const { receipt, node, receivedAt, takes, ...entry } of this.entries.values())
      if (entry.requestId === requestId) return { receipt, node, receivedAt, takenBy: [...takes.keys()] };
    return undefined;
  }

  /** Rewrites messages. @param change returns undefined for what stays. Returns how many were rewritten. */
  async rewrite(change: (message: JsonObject) => JsonObject | undefined): Promise<number> {
    let rewritten = 0;
    for (const receipt of this.entries.keys()) {
      const message = await this.messageOf(receipt);
      const value = message && change(message);
      if (!value || !this.entries.has(receipt)) continue;
      await this.store.write([{ type: "put", key: messageKey(receipt), value }]);
      rewritten++;
    }
    return rewritten;
  }

  /** How many entries are kept. */
  get size(): number {
    return this.entries.size;
  }

  /** How many entries were given up since the start because nobody took them. */
  get givenUp(): number {
    return this.forgottenUntaken;
  }

  /** Stops the clocks. */
  close(): void {
    this.replays++;
    this.wakeReplay?.();
    this.clock.close();
  }

  private taken(receipt: string): void {
    this.clock.start(receipt, true);
    if (this.replaying.delete(receipt)) this.wakeReplay?.();
  }

  private async forget(receipts: readonly string[]): Promise<void> {
    const entries = receipts.flatMap((receipt) => this.entries.get(receipt) ?? []);
    const keys = entries.flatMap(({ receipt, takes }) => [
      NOTICES.gte + receipt,
      messageKey(receipt),
      ...[...takes].flatMap(([node, marks]) => marks.numbers().map((number) => markKey(receipt, node, number))),
    ]);
    await this.store.write(keys.map((key) => ({ type: "del", key })));
    for (const { receipt, takes } of entries) {
      this.entries.delete(receipt);
      if (takes.size === 0) this.forgottenUntaken++;
      if (this.replaying.delete(receipt)) this.wakeReplay?.();
    }
  }

  /** The store may not work for a while. */
  private async insistOnMessage(receipt: string, isOver: () => boolean): Promise<JsonObject | undefined> {
    while (!isOver()) {
      try {
        return await this.messageOf(receipt);
      } catch {
        await new Promise((resolve) => setTimeout(resolve, READ_AGAIN_MS).unref());
      }
    }
    return undefined;
  }

  private async messageOf(receipt: string): Promise<JsonObject | undefined> {
    const [message] = await this.store.get([messageKey(receipt)]);
    return message as JsonObject | undefined;
  }

  private marksOf({ takes }: Kept, node: string): TakeMarks {
    const marks = takes.get(node) ?? new TakeMarks();
    takes.set(node, marks);
    return marks;
  }

  /** Never given twice, also after everything was forgotten, and sorts by arrival. */
  private nextReceipt(): string {
    const now = Math.max(Date.now(), this.lastMs);
    this.lastCount = now === this.lastMs ? this.lastCount + 1 : 0;
    this.lastMs = now;
    return `${padded(now)}-${String(this.lastCount).padStart(6, "0")}-${randomBytes(4).toString("hex")}`;
  }
}

function messageKey(receipt: string): string {
  return `inbox/message/${receipt}`;
}

function markKey(receipt: string, node: string, number: number): string {
  return `${MARKS.gte}${receipt}/${encodeURIComponent(node)}/${number}`;
}

/** Says which record it is; equal records of one receipt are one. */
function hashOf(record: string): string {
  return createHash("sha1").update(record).digest("base64").slice(0, TakeMarks.HASH_LENGTH);
}
