import type { JsonObject, JsonValue } from "../../json";
import { DueTimes } from "../../async/due-times";
import type { DurableStore, StoreOperation } from "../../store/durable-store";
import { Fifo } from "../../async/fifo";
import { CustomerLine, type TriedGroup } from "./customer-line";
import { LaneKeys } from "./lane-keys";
import { Mutex } from "../../async/mutex";
import { customerOf } from "../record-key";
import { areOfOneKind } from "../record-kind";
import { mayComeAgain } from "../repetition";
import { DEFAULT_RETRY } from "./retry-policy";
import { keyPages, readAll, readPages } from "../../store/store-keys";
import { TakenBatch } from "./taken-batch";
import type { Conclusion, MessageProgress, NewRecord, Postponed, TakeLimits, WaitingRecord } from "./waiting-record";

/** So many records that the cursor has passed are read at one go. */
const PAGE = 500;

/** Whose queue it is, for people who look at it while the node is not there. */
export interface LaneOwner {
  readonly node: string;
  readonly name: string;
  readonly type: string;
}

/** What stands under the lane's state key. */
interface LaneSummary {
  /** Number of records kept, to find out at the next opening what a damaged disk has lost. */
  readonly count: number;
  /** Highest id given so far. */
  readonly lastId: number;
  readonly name: string;
  readonly type: string;
}

interface KeptRecord extends NewRecord<JsonValue> {
  readonly message: string;
  readonly index: number;
  /** Of the body's JSON. */
  readonly bytes: number;
  readonly acceptedAt: number;
}

interface KeptMessage {
  readonly envelope: JsonObject;
  readonly total: number;
  settled: number;
}

/**
 * Holds the waiting records of one lane on disk. What is taken is lent: it stays kept, and its key rests, until its
 * conclusion. After a crash everything that was lent waits again.
 *
 * Records lie in the order of acceptance and are read once, by a cursor: seeking the head of the queue again would scan
 * over everything that was deleted there (docs/durable-store.md). In memory are only the numbers of the records that the
 * cursor has passed and that still wait: because their key rests, or another record of their key is lent.
 * A rejected promise means that nothing was changed, and the same call may be repeated.
 * What is kept is counted from the keys at each opening, and from then on by what is written and what is found damaged.
 */
export class LaneStore<Body> {
  private readonly keys: LaneKeys;
  private readonly mutex = new Mutex();
  /** Keys with records that are lent or that the cursor has passed. */
  private readonly lines = new Map<string, CustomerLine>();
  private readonly ready = new Fifo<CustomerLine>();
  private readonly resting = new DueTimes<CustomerLine>();
  /** Tried records of the last life, which the cursor passes over: their groups know them. */
  private readonly aside = new Set<number>();
  /** Records whose place is known, but which the store has lost or cannot read: they do not count. */
  private readonly missed = new Set<number>();
  /** So many lent records are not kept any more. */
  private erasedAndLent = 0;
  private cursor = 0;
  private appends = 0;
  private appending = 0;
  private nextAcceptedAt: number | undefined;
  private kept = 0;
  /** Highest id given so far. */
  private lastId = 0;

  private constructor(
    private readonly store: DurableStore,
    public owner: LaneOwner,
  ) {
    this.keys = new LaneKeys(owner.node);
  }

  /**
   * Continues with what the last life left, and tells what of it is missing. One at a time for each queue: its counts and
   * numbers are in memory.
   * @throws StoreUnavailableError
   */
  static async open<Body>(store: DurableStore, owner: LaneOwner): Promise<LaneStore<Body>> {
    const lane = new LaneStore<Body>(store, owner);
    await lane.readLastLife();
    return lane;
  }

  /** Whose queues there are, whether their nodes exist or not; without name and type where these were lost. @throws StoreUnavailableError */
  static async owners(store: DurableStore): Promise<LaneOwner[]> {
    const owners = new Map<string, LaneOwner>();
    for await (const page of readPages(store, LaneKeys.allSummaries))
      for (const [key, value] of page) {
        const { name = "", type = "" } = (value ?? {}) as Partial<LaneSummary>;
        const node = LaneKeys.nodeOfSummary(key);
        owners.set(node, { node, name, type });
      }
    const { gte, lt } = LaneKeys.allContents;
    for (let [key] = await store.readKeys({ gte, lt, limit: 1 }); key !== undefined;) {
      const node = LaneKeys.nodeOfContent(key);
      if (!owners.has(node)) owners.set(node, { node, name: "", type: "" });
      [key] = await store.readKeys({ gte: new LaneKeys(node).all.lt, lt, limit: 1 });
    }
    return [...owners.values()];
  }

  /** Adds one message and its records (plain JSON); when the promise resolves they are kept, and `also` is written. */
  async append(
    message: { readonly id: string; readonly envelope: JsonObject },
    records: readonly NewRecord<Body>[],
    now: number,
    also: readonly StoreOperation[] = [],
  ): Promise<void> {
    const operations: StoreOperation[] = [...also];
    for (const [index, record] of records.entries()) {
      const bytes = Buffer.byteLength(JSON.stringify(record.body));
      const value = { ...record, message: message.id, index, bytes, acceptedAt: now } as unknown as JsonValue;
      operations.push({ type: "put", key: this.keys.record(++this.lastId), value });
    }
    const kept = { envelope: message.envelope, total: records.length, settled: 0 };
    if (records.length > 0) operations.push({ type: "put", key: this.keys.message(message.id), value: kept });
    this.appends++;
    this.appending++;
    this.nextAcceptedAt ??= now;
    try {
      await this.write(operations, records.length);
    } finally {
      this.appending--;
    }
  }

  /**
   * Lends the next records of keys that do not rest, up to the limits (always at least one when there is one): first those
   * that the cursor has passed and whose key is due or free again, then the others in the order in which they came.
   * Records of one key come one behind the other: all that were tried as one, or untried ones of one kind that wait together.
   */
  take(limits: TakeLimits, now: number): Promise<readonly WaitingRecord<Body>[]> {
    return this.mutex.run(async () => {
      this.limitPauses(now);
      for (const line of this.resting.takeUntil(now)) this.makeReady(line);
      const batch = new TakenBatch<Body>(limits);
      // Of an append that is under way now, or begins before the end, nobody knows whether its records were read.
      const { appends, appending } = this;
      const mayHaveMissed = (): boolean => appending > 0 || this.appends !== appends;
      if (await this.takeReady(batch)) {
        this.nextAcceptedAt = await this.takeOnwards(batch);
        if (mayHaveMissed()) this.nextAcceptedAt ??= now;
      }
      const { all } = batch;
      if (all.length === 0 && this.lines.size === 0 && this.kept > 0 && !mayHaveMissed()) this.missAll();
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
      await this.store.write(noted.map((group) => this.noteOf(group)));
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
    ) => readonly StoreOperation[] = () => [],
  ): Promise<readonly MessageProgress[]> {
    return this.mutex.run(async () => {
      const kept = postponed.filter(({ records }) => !this.isErased(records[0]!));
      const back = unsent.filter((record) => !this.isErased(record));
      const returned = [...postponed.flatMap(({ records }) => records), ...unsent];
      const gone = [...settled, ...returned.filter((record) => this.isErased(record))];
      const operations: StoreOperation[] = gone.map(({ id }) => ({ type: "del", key: this.keys.record(id) }));
      for (const { group, noted = group?.ids[0] } of this.linesOf(gone))
        if (noted !== undefined) operations.push(this.deletionOf(noted));
      for (const { group, noted } of this.linesOf(back))
        if (noted !== undefined) operations.push(group ? this.noteOf(group) : this.deletionOf(noted));
      const groups = kept.map((one) => triedGroup(one));
      operations.push(...groups.map((group) => this.noteOf(group)));
      // The messages of erased records were told at once.
      const told = settled.filter((record) => !this.isErased(record));
      const news = await this.settleMessages(told, operations);
      operations.push(...also(news, (record) => this.isErased(record)));
      const erased = gone.filter((record) => this.isErased(record)).length;
      if (operations.length > 0) await this.write(operations, erased - gone.length);
      this.erasedAndLent -= erased;
      for (const line of this.linesOf(gone)) this.free(line);
      for (const group of groups) this.rest(this.lines.get(group.key)!, group);
      for (const line of this.linesOf(back)) this.makeReady(line);
      return news;
    });
  }

  /** Number of records kept, lent ones included; also those that were erased while they are lent. */
  count(): number {
    return this.kept + this.erasedAndLent;
  }

  /** When the next resting key is due (Unix ms), if one rests. */
  nextDue(): number | undefined {
    this.limitPauses(Date.now());
    return this.resting.next();
  }

  /** When the first of the records that were not lent yet was accepted (Unix ms), as far as that was in this life. */
  nextSince(): number | undefined {
    return this.nextAcceptedAt;
  }

  /** When the oldest kept record was accepted (Unix ms). */
  async oldest(): Promise<number | undefined> {
    for await (const [, value] of readAll(this.store, this.keys.records, 1))
      return (value as unknown as KeptRecord).acceptedAt;
    return undefined;
  }

  /**
   * Forgets every record of a customer, without any news of them, also of those that are lent: they count until their
   * conclusion. Returns how many there were.
   */
  erase(customer: string): Promise<number> {
    return this.mutex.run(async () => {
      const lines = [...this.lines.values()].filter(({ key }) => customerOf(key) === customer);
      const unlent = lines.flatMap((line) => line.unlent);
      const lent = lines.filter(({ isErased }) => !isErased).flatMap((line) => line.lentIds);
      for await (const [id, record] of this.unread())
        if (record && customerOf(record.key) === customer) unlent.push(id);
      const ids = [...unlent, ...lent];
      const records = [...(await this.recordsOf(ids)).values()];
      const gone = records.map(({ message }) => ({ messageId: message }));
      const operations: StoreOperation[] = ids.map((id) => ({ type: "del", key: this.keys.record(id) }));
      operations.push(...mayComeAgain(records));
      for (const { group, noted = group?.ids[0] } of lines)
        if (noted !== undefined) operations.push(this.deletionOf(noted));
      await this.settleMessages(gone, operations);
      if (operations.length > 0) await this.write(operations, -ids.filter((id) => !this.missed.has(id)).length);
      this.erasedAndLent += lent.length;
      for (const line of lines) {
        if (line.lentCount > 0) line.erase();
        else this.forget(line);
      }
      return gone.length;
    });
  }

  /**
   * Changes the envelopes of messages with waiting records, and the bodies of records. Returns how many were changed.
   * @param change both return the same one for no change; `customer` is whose record it is
   */
  rewrite(change: {
    envelope(envelope: JsonObject): JsonObject;
    body(body: JsonValue, customer: string): JsonValue;
  }): Promise<number> {
    return this.mutex.run(async () => {
      let changed = 0;
      for await (const [key, value] of readAll(this.store, this.keys.messages)) {
        const message = value as unknown as KeptMessage;
        const envelope = change.envelope(message.envelope);
        if (envelope === message.envelope) continue;
        await this.store.write([{ type: "put", key, value: { ...message, envelope } }]);
        changed++;
      }
      for await (const [key, value] of readAll(this.store, this.keys.records)) {
        const record = value as unknown as KeptRecord;
        const body = change.body(record.body, customerOf(record.key));
        if (body === record.body) continue;
        const bytes = Buffer.byteLength(JSON.stringify(body));
        const rewritten = { ...record, body, bytes } as unknown as JsonObject;
        await this.store.write([{ type: "put", key, value: rewritten }]);
        changed++;
      }
      return changed;
    });
  }

  /** Forgets everything, also that there was a queue; for a node that is gone. Returns how many records there were. */
  discard(): Promise<number> {
    return this.mutex.run(async () => {
      const discarded = this.kept;
      await this.clear();
      await this.store.write([{ type: "del", key: this.keys.summary }]);
      this.kept = 0;
      this.lines.clear();
      this.aside.clear();
      this.missed.clear();
      this.ready.drop(this.ready.size);
      this.resting.takeUntil(Infinity);
      return discarded;
    });
  }

  /** The envelopes of the messages with waiting records, and how many records of each wait. */
  async *messages(): AsyncGenerator<{ readonly envelope: JsonObject; readonly waiting: number }> {
    for await (const [, value] of readAll(this.store, this.keys.messages)) {
      const { envelope, total, settled } = value as unknown as KeptMessage;
      yield { envelope, waiting: total - settled };
    }
  }

  private async readLastLife(): Promise<void> {
    const [found] = (await this.store.get([this.keys.summary])) as unknown as [LaneSummary | undefined];
    const groups: TriedGroup[] = [];
    for await (const [, group] of readAll(this.store, this.keys.allTried)) groups.push(group as unknown as TriedGroup);
    const tried = new Set(groups.flatMap(({ ids }) => ids));
    this.lastId = found?.lastId ?? 0;
    for await (const page of keyPages(this.store, this.keys.records)) {
      this.kept += page.length;
      this.lastId = Math.max(this.lastId, LaneKeys.idOf(page.at(-1)!));
      if (tried.size === 0) continue;
      for (const key of page) if (tried.has(LaneKeys.idOf(key))) this.aside.add(LaneKeys.idOf(key));
    }
    if (found && found.count > this.kept) this.tellMissing(found.count - this.kept);
    // Messages whose records are all gone: nobody would ever finish them.
    if (this.kept === 0) await this.clear();
    const mended = groups.flatMap((group) => this.restAgain(group));
    if (mended.length > 0 || (found && found.count !== this.kept)) await this.write(mended, 0);
  }

  /** A group of the last life, without what is lost of it. Returns what must be written then. */
  private restAgain(found: TriedGroup): StoreOperation[] {
    const group = { ...found, ids: found.ids.filter((id) => this.aside.has(id)) };
    if (group.ids.length > 0) this.rest(this.lineOf(group.key), group);
    if (group.ids.length === found.ids.length) return [];
    return [this.deletionOf(found.ids[0]!), ...(group.ids.length > 0 ? [this.noteOf(group)] : [])];
  }

  /** When the clock of the machine has stepped back, in this life or since the last one, nothing rests longer than the pause that it was given. */
  private limitPauses(now: number): void {
    const first = this.resting.first()?.group;
    if (first && this.resting.next()! > now + pauseOf(first))
      this.resting.limit(({ group }) => (group ? now + pauseOf(group) : now));
  }

  /** These cannot be delivered, which the store has said. */
  private miss(ids: readonly number[]): void {
    for (const id of ids) {
      if (this.missed.has(id)) continue;
      this.missed.add(id);
      this.kept--;
    }
  }

  /** Counted, but neither here nor on the disk any more: it was lost while this ran. */
  private missAll(): void {
    this.tellMissing(this.kept);
    this.kept = 0;
  }

  private tellMissing(count: number): void {
    const { node, name, type } = this.owner;
    this.store.tellLoss(
      `${count} of the records that waited in the queue of ${name ? `"${name}"` : type || "a node"} (${node}) are not on the disk any more, and will not be delivered. Check the disk.`,
    );
  }

  /** Deletes everything of the queue but its summary. */
  private async clear(): Promise<void> {
    for await (const page of keyPages(this.store, this.keys.all, PAGE)) {
      const found = (await this.store.get(page)) as unknown as readonly (Partial<KeptRecord> | undefined)[];
      const deletions = page.map((key): StoreOperation => ({ type: "del", key }));
      await this.store.write([...deletions, ...mayComeAgain(found.flatMap((one) => one ?? []))]);
    }
  }

  /** Lends from the lines that are ready; false when the batch is full. */
  private async takeReady(batch: TakenBatch<Body>): Promise<boolean> {
    for (;;) {
      const lines: { readonly line: CustomerLine; readonly ids: readonly number[] }[] = [];
      let wanted = 0;
      for (let line = this.ready.at(0); line && wanted < PAGE; line = this.ready.at(lines.length)) {
        const ids = this.isCurrent(line) ? line.next(batch.limits) : [];
        lines.push({ line, ids });
        wanted += ids.length;
      }
      if (lines.length === 0) return true;
      const records = await this.recordsOf(lines.flatMap(({ ids }) => ids));
      for (const { line, ids } of lines) {
        const sizes = leading(ids.map((id) => records.get(id))).map((record) => record?.bytes ?? 0);
        const count = batch.fitting(sizes, line.group !== undefined);
        if (count === 0 && ids.length > 0) return false;
        this.ready.drop(1);
        this.lend(line, ids.slice(0, count), records, batch);
      }
    }
  }

  private lend(
    line: CustomerLine,
    ids: readonly number[],
    records: ReadonlyMap<number, KeptRecord>,
    batch: TakenBatch<Body>,
  ): void {
    line.lend(ids.length);
    const found = ids.filter((id) => records.has(id));
    for (const id of found) batch.add(waitingRecord(id, records.get(id)!, line.group), records.get(id)!.bytes);
    // Records that the store has lost: it has said so, and others of the key must not wait for them.
    this.miss(ids.filter((id) => !records.has(id)));
    if (found.length === 0 && this.isCurrent(line)) this.free(line);
  }

  /**
   * Lends what the cursor finds, and notes what has to wait for others of its key. Returns when the record was accepted
   * that had no room any more.
   */
  private async takeOnwards(batch: TakenBatch<Body>): Promise<number | undefined> {
    // One more than the batch takes, to know when the next one was accepted.
    for await (const [id, record] of this.unread(Math.min(batch.limits.records + 1, PAGE))) {
      if (!record) {
        // Damaged, which the store has said: nobody can deliver it.
        this.cursor = id;
        this.miss([id]);
        continue;
      }
      const line = this.lines.get(record.key);
      const lendable = !line || (batch.limits.together && line.isLentToTheLast && batch.goesWith(record));
      // Without room it is read again next time.
      if (lendable && !batch.hasRoom(record.bytes)) return record.acceptedAt;
      this.cursor = id;
      if (lendable) {
        this.lineOf(record.key).lendAlso(id);
        batch.add(waitingRecord(id, record), record.bytes);
      } else line.untried.push(id);
    }
    return undefined;
  }

  /** The records that the cursor has not passed, without those of tried groups; undefined where one is damaged. */
  private async *unread(pageSize = PAGE): AsyncGenerator<readonly [number, KeptRecord | undefined]> {
    for await (const page of readPages(this.store, this.keys.recordsAfter(this.cursor), pageSize))
      for (const [key, value] of page) {
        const id = LaneKeys.idOf(key);
        if (!this.aside.has(id) && !this.missed.has(id)) yield [id, value as unknown as KeptRecord | undefined];
      }
  }

  /** The kept records of these ids. */
  private async recordsOf(ids: readonly number[]): Promise<Map<number, KeptRecord>> {
    const values = await this.store.get(ids.map((id) => this.keys.record(id)));
    const found = ids.map((id, place) => [id, values[place] as unknown as KeptRecord | undefined] as const);
    return new Map(found.filter((pair): pair is [number, KeptRecord] => pair[1] !== undefined));
  }

  /** Counts settled records on their messages; adds what has to be written. */
  private async settleMessages(
    settled: readonly { readonly messageId: string }[],
    operations: StoreOperation[],
  ): Promise<MessageProgress[]> {
    const counts = new Map<string, number>();
    for (const { messageId } of settled) counts.set(messageId, (counts.get(messageId) ?? 0) + 1);
    const ids = [...counts.keys()];
    const messages = await this.store.get(ids.map((id) => this.keys.message(id)));
    return ids.flatMap((id, place) => {
      const message = messages[place] as unknown as KeptMessage | undefined;
      if (!message) return [];
      const progress = { ...message, settled: message.settled + counts.get(id)! };
      const key = this.keys.message(id);
      operations.push(progress.settled < progress.total ? { type: "put", key, value: progress } : { type: "del", key });
      return [{ id, ...progress }];
    });
  }

  /** Writes with the number of records that are kept then. */
  private async write(operations: readonly StoreOperation[], change: number): Promise<void> {
    this.kept += change;
    const { name, type } = this.owner;
    const value = { count: this.kept, lastId: this.lastId, name, type };
    try {
      await this.store.write([...operations, { type: "put", key: this.keys.summary, value }]);
    } catch (error) {
      this.kept -= change;
      throw error;
    }
  }

  private lineOf(key: string): CustomerLine {
    const line = this.lines.get(key) ?? new CustomerLine(key);
    this.lines.set(key, line);
    return line;
  }

  private linesOf(records: readonly { readonly key: string }[]): CustomerLine[] {
    return [...new Set(records.map(({ key }) => this.lines.get(key)!))];
  }

  private isErased({ key }: WaitingRecord<Body>): boolean {
    return this.lines.get(key)?.isErased === true;
  }

  private noteOf(group: TriedGroup): StoreOperation {
    return { type: "put", key: this.keys.tried(group.ids[0]!), value: { ...group, ids: [...group.ids] } };
  }

  /** @param first id of the first record of the group */
  private deletionOf(first: number): StoreOperation {
    return { type: "del", key: this.keys.tried(first) };
  }

  /** Its lent records are done with: the others of the key may go. */
  private free(line: CustomerLine): void {
    for (const id of line.group?.ids ?? []) this.aside.delete(id);
    line.settle();
    if (line.untried.size > 0) this.makeReady(line);
    else this.forget(line);
  }

  private rest(line: CustomerLine, group: TriedGroup): void {
    line.rest(group);
    this.resting.add(group.dueAt, line);
  }

  private makeReady(line: CustomerLine): void {
    if (!this.isCurrent(line)) return;
    line.giveBack("ready");
    this.ready.push(line);
  }

  /** False for a line that was erased and still stands among the ready or resting ones. */
  private isCurrent(line: CustomerLine): boolean {
    return this.lines.get(line.key) === line;
  }

  private forget(line: CustomerLine): void {
    for (const id of line.group?.ids ?? []) this.aside.delete(id);
    this.lines.delete(line.key);
  }
}

/** The first records of a key that are of one kind: others come after them. Lost ones are none. */
function leading(records: readonly (KeptRecord | undefined)[]): readonly (KeptRecord | undefined)[] {
  const first = records.find((record) => record !== undefined);
  const end = records.findIndex((record) => record && !areOfOneKind(record, first!));
  return end < 0 ? records : records.slice(0, end);
}

/** The longest that a group may rest, in ms. */
function pauseOf({ pauseMs = DEFAULT_RETRY.capMs }: TriedGroup): number {
  return pauseMs;
}

function triedGroup<Body>({ records, triedAt, dueAt, pauseMs, lost }: Postponed<Body>): TriedGroup {
  const { key, attempts, firstTriedAt = triedAt, lostAnswers = 0 } = records[0]!;
  const lostNow = lostAnswers + (lost ? 1 : 0);
  const ids = records.map(({ id }) => id);
  return {
    key,
    ids,
    attempts: attempts + 1,
    // Not in the time to come, or it would be tried for longer than is meant: the clock of the machine can step back.
    firstTriedAt: Math.min(firstTriedAt, triedAt),
    dueAt,
    ...(pauseMs !== undefined && { pauseMs }),
    ...(lostNow > 0 && { lostAnswers: lostNow }),
  };
}

function waitingRecord<Body>(
  id: number,
  { message, body, bytes: _bytes, ...kept }: KeptRecord,
  group?: TriedGroup,
): WaitingRecord<Body> {
  return {
    ...kept,
    id,
    messageId: message,
    body: body as Body,
    attempts: group?.attempts ?? 0,
    ...(group && { firstTriedAt: group.firstTriedAt }),
    ...(group?.lostAnswers !== undefined && { lostAnswers: group.lostAnswers }),
  };
}
