import type { JsonObject, JsonValue } from "../../json";
import { Mutex } from "../../async/mutex";
import type { Change } from "../../store/change";
import type { DurableStore } from "../../store/durable-store";
import type { KeptRecord, MessageProgress, NewRecord } from "../../store/kept-record";
import type { LaneOwner, OpenedLane } from "../../store/lanes";
import { customerOf } from "../../store/record-key";
import type { CustomerLine } from "./customer-line";
import { CustomerLines } from "./customer-lines";
import { LentBatch } from "./lent-batch";
import {
  type Conclusion,
  leading,
  type LendLimits,
  triedGroup,
  type WaitingRecord,
  waitingRecord,
} from "./waiting-record";

/** So many records that the cursor has passed are read at one go. */
const PAGE = 500;

/**
 * The waiting records of one lane, and which of them goes next. What is lent stays kept, and its key rests, until its
 * conclusion. After a crash everything that was lent waits again.
 *
 * Records lie in the order of acceptance and are read once, by a cursor: seeking the head of the queue again would scan
 * over everything that was deleted there (docs/durable-delivery.md). In memory are only the numbers of the records that the
 * cursor has passed and that still wait: because their key rests, or another record of their key is lent.
 * A rejected promise means that nothing was changed, and the same call may be repeated.
 */
export class LaneQueue<Body> {
  private readonly mutex = new Mutex();
  private readonly lines: CustomerLines;
  /** So many lent records are not kept any more. */
  private erasedAndLent = 0;
  private cursor = 0;
  private appends = 0;
  private appending = 0;
  private nextAcceptedAt: number | undefined;

  private constructor(private readonly lane: OpenedLane) {
    this.lines = new CustomerLines(lane.work.tried);
  }

  /** Goes on with what the last life left. Once for each queue in a process. @throws StoreUnavailableError */
  static async open<Body>(store: DurableStore, owner: LaneOwner): Promise<LaneQueue<Body>> {
    return new LaneQueue<Body>(await store.lanes.open(owner));
  }

  get owner(): LaneOwner {
    return this.lane.work.owner;
  }

  set owner(owner: LaneOwner) {
    this.lane.work.owner = owner;
  }

  /** Adds one message and its records, see `LaneIntake`. */
  async append(
    message: { readonly id: string; readonly envelope: JsonObject },
    records: readonly NewRecord<Body>[],
    now: number,
    also?: readonly Change[],
  ): Promise<void> {
    this.appends++;
    this.appending++;
    this.nextAcceptedAt ??= now;
    try {
      await this.lane.intake.append(message, records, now, also);
    } finally {
      this.appending--;
    }
  }

  /**
   * Lends the next records of keys that do not rest, up to the limits (always at least one when there is one): first those
   * that the cursor has passed and whose key is due or free again, then the others in the order in which they came.
   * Records of one key come one behind the other: all that were tried as one, or untried ones of one kind that wait together.
   */
  lend(limits: LendLimits, now: number): Promise<readonly WaitingRecord<Body>[]> {
    return this.mutex.run(async () => {
      this.lines.wake(now);
      const batch = new LentBatch<Body>(limits);
      // Of an append that is under way now, or begins before the end, nobody knows whether its records were read.
      const { appends, appending } = this;
      const mayHaveMissed = (): boolean => appending > 0 || this.appends !== appends;
      if (await this.lendReady(batch)) {
        this.nextAcceptedAt = await this.lendOnwards(batch);
        if (mayHaveMissed()) this.nextAcceptedAt ??= now;
      }
      const { all } = batch;
      // Counted, but neither here nor on the disk any more: it was lost while this ran.
      if (all.length === 0 && this.lines.size === 0 && this.lane.work.kept > 0 && !mayHaveMissed())
        this.lane.work.missAll();
      return all;
    });
  }

  /**
   * Writes down that lent records are being sent, each group as one: should this life end before their conclusion, they
   * count in the next one as sent, with a lost answer.
   * @param now when this try began, Unix ms
   */
  noteSending(groups: readonly (readonly WaitingRecord<Body>[])[], now: number): Promise<void> {
    return this.mutex.run(async () => {
      const noted = groups
        .filter(([first]) => !this.isErased(first!))
        .map((records) => triedGroup<Body>({ records, triedAt: now, dueAt: now, pauseMs: 0, lost: true }));
      await this.lane.work.note(noted);
      for (const { key, ids } of noted) this.lines.get(key)!.noted = ids[0];
    });
  }

  /**
   * Keeps what became of lent records, all or nothing, and forgets finished messages. Returns how far the messages of the
   * settled ones are. Of records that were erased meanwhile nothing is kept, whatever became of them.
   * @param also gets the same, and which records were erased, and gives what must be written with it
   */
  conclude(
    { settled, postponed, unsent }: Conclusion<Body>,
    also: (
      progress: readonly MessageProgress[],
      isErased: (record: WaitingRecord<Body>) => boolean,
    ) => readonly Change[] = () => [],
  ): Promise<readonly MessageProgress[]> {
    return this.mutex.run(async () => {
      const isErased = (record: WaitingRecord<Body>): boolean => this.isErased(record);
      const groups = postponed.filter(({ records }) => !isErased(records[0]!)).map((one) => triedGroup(one));
      const returned = [...postponed.flatMap(({ records }) => records), ...unsent];
      const gone = this.lines.ofAll([...settled, ...returned.filter(isErased)]);
      const back = this.lines.ofAll(unsent.filter((record) => !isErased(record)));
      const unnoted = gone.flatMap((line) => line.notedId ?? []);
      for (const line of back) if (!line.group && line.noted !== undefined) unnoted.push(line.noted);
      const noted = [...back.flatMap(({ group, noted }) => (group && noted !== undefined ? [group] : [])), ...groups];
      // The messages of erased records were told at once.
      const told = settled.filter((record) => !isErased(record));
      const erased = [...settled, ...returned].filter(isErased).length;
      const progress = await this.lane.work.conclude({ settled: told, noted, unnoted }, (messages) =>
        also(messages, isErased),
      );
      this.erasedAndLent -= erased;
      for (const line of gone) this.lines.free(line);
      for (const group of groups) this.lines.rest(this.lines.get(group.key)!, group);
      for (const line of back) this.lines.makeReady(line);
      return progress;
    });
  }

  /** Number of records kept, lent ones included; also those that were erased while they are lent. */
  count(): number {
    return this.lane.work.kept + this.erasedAndLent;
  }

  /** When the next resting key is due (Unix ms), if one rests. */
  nextDue(): number | undefined {
    return this.lines.nextDue();
  }

  /** When the first of the records that were not lent yet was accepted (Unix ms), as far as that was in this life. */
  nextSince(): number | undefined {
    return this.nextAcceptedAt;
  }

  /** When the oldest kept record was accepted (Unix ms). */
  oldest(): Promise<number | undefined> {
    return this.lane.work.oldest();
  }

  /**
   * Forgets every record of a customer, without any news of them, also of those that are lent: they count until their
   * conclusion. Returns how many there were.
   */
  erase(customer: string): Promise<number> {
    return this.mutex.run(async () => {
      const lines = this.lines.ofCustomer(customer);
      const ids = lines.flatMap((line) => line.unlent);
      const lent = lines.filter(({ isErased }) => !isErased).flatMap((line) => line.lentIds);
      for await (const page of this.lane.work.onwards(this.cursor, PAGE))
        for (const [id, record] of page)
          if (record && !this.lines.isAside(id) && customerOf(record.key) === customer) ids.push(id);
      ids.push(...lent);
      const erased = await this.lane.work.erase(
        ids,
        lines.flatMap((line) => line.notedId ?? []),
      );
      this.erasedAndLent += lent.length;
      for (const line of lines) {
        if (line.lentCount > 0) line.erase();
        else this.lines.forget(line);
      }
      return erased;
    });
  }

  /** Changes the envelopes of messages with waiting records, and the bodies of records, see `LaneWork`. */
  rewrite(change: {
    envelope(envelope: JsonObject): JsonObject;
    body(body: JsonValue, customer: string): JsonValue;
  }): Promise<number> {
    return this.mutex.run(() => this.lane.work.rewrite(change));
  }

  /** Forgets everything, also that there was a queue; for a node that is gone. Returns how many records there were. */
  discard(): Promise<number> {
    return this.mutex.run(async () => {
      const discarded = await this.lane.work.discard();
      this.lines.clear();
      return discarded;
    });
  }

  /** The envelopes of the messages with waiting records, and how many records of each wait. */
  messages(): AsyncIterable<{ readonly envelope: JsonObject; readonly waiting: number }> {
    return this.lane.work.messages();
  }

  /** Lends from the lines that are ready; false when the batch is full. */
  private async lendReady(batch: LentBatch<Body>): Promise<boolean> {
    for (;;) {
      const lines: { readonly line: CustomerLine; readonly ids: readonly number[] }[] = [];
      let wanted = 0;
      for (let line = this.lines.readyAt(0); line && wanted < PAGE; line = this.lines.readyAt(lines.length)) {
        const ids = this.lines.isCurrent(line) ? line.next(batch.limits) : [];
        lines.push({ line, ids });
        wanted += ids.length;
      }
      if (lines.length === 0) return true;
      const records = await this.lane.work.read(lines.flatMap(({ ids }) => ids));
      for (const { line, ids } of lines) {
        const sizes = leading(ids.map((id) => records.get(id))).map((record) => record?.bytes ?? 0);
        const count = batch.fitting(sizes, line.group !== undefined);
        if (count === 0 && ids.length > 0) return false;
        this.lines.dropReady();
        this.lendFrom(line, ids.slice(0, count), records, batch);
      }
    }
  }

  private lendFrom(
    line: CustomerLine,
    ids: readonly number[],
    records: ReadonlyMap<number, KeptRecord>,
    batch: LentBatch<Body>,
  ): void {
    line.lend(ids.length);
    const found = ids.filter((id) => records.has(id));
    for (const id of found) batch.add(waitingRecord(id, records.get(id)!, line.group), records.get(id)!.bytes);
    // Others of the key must not wait for records that the store has lost: it has said so.
    if (found.length === 0 && this.lines.isCurrent(line)) this.lines.free(line);
  }

  /**
   * Lends what the cursor finds, and notes what has to wait for others of its key. Returns when the record was accepted
   * that had no room any more.
   */
  private async lendOnwards(batch: LentBatch<Body>): Promise<number | undefined> {
    // One more than the batch takes, to know when the next one was accepted.
    const pages = this.lane.work.onwards(this.cursor, Math.min(batch.limits.records + 1, PAGE));
    for await (const page of pages)
      for (const [id, record] of page) {
        if (this.lines.isAside(id)) continue;
        if (!record) {
          // Damaged, which the store has said: nobody can deliver it.
          this.cursor = id;
          continue;
        }
        const line = this.lines.get(record.key);
        const lendable = !line || (batch.limits.together && line.isLentToTheLast && batch.goesWith(record));
        // Without room it is read again next time.
        if (lendable && !batch.hasRoom(record.bytes)) return record.acceptedAt;
        this.cursor = id;
        if (lendable) {
          this.lines.of(record.key).lendAlso(id);
          batch.add(waitingRecord(id, record), record.bytes);
        } else line.untried.push(id);
      }
    return undefined;
  }

  private isErased({ key }: WaitingRecord<Body>): boolean {
    return this.lines.get(key)?.isErased === true;
  }
}
