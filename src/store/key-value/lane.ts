import type { JsonObject, JsonValue } from "../../json";
import type { Change } from "../change";
import type { KeptRecord, MessageProgress, NewRecord, TriedGroup } from "../kept-record";
import type { LaneIntake } from "../lane-intake";
import type { LaneConclusion, LaneWork } from "../lane-work";
import type { LaneOwner } from "../lanes";
import { customerOf } from "../record-key";
import { operationsOf } from "./changes";
import type { KeyValueEngine, KeyValueOperation } from "./engine";
import { LaneKeys } from "./lane-keys";
import { keyPages, readAll, readPages } from "./pages";
import { forgetSeen } from "./seen-events";

/** So many values are read or deleted at one go. */
const PAGE = 500;

/** What stands under the key of a queue itself. */
export interface LaneSummary {
  /** Number of records kept, to find out at the next opening what a damaged disk has lost. */
  readonly count: number;
  /** Highest id given so far. */
  readonly lastId: number;
  readonly name: string;
  readonly type: string;
}

interface KeptMessage {
  readonly envelope: JsonObject;
  readonly total: number;
  settled: number;
}

/**
 * One queue under the keys of `LaneKeys`. The only process of the engine counts its records and allots their ids in memory:
 * what is kept is counted from the keys at the opening, and from then on by what is written and what is found damaged.
 */
export class KeyValueLane implements LaneIntake, LaneWork {
  tried: readonly TriedGroup[] = [];
  kept = 0;
  private readonly keys: LaneKeys;
  /** Records whose place is known, but which the engine has lost or cannot read: they do not count. */
  private readonly missed = new Set<number>();
  /** Highest id given so far. */
  private lastId = 0;

  private constructor(
    private readonly engine: KeyValueEngine,
    public owner: LaneOwner,
  ) {
    this.keys = new LaneKeys(owner.node);
  }

  static async open(engine: KeyValueEngine, owner: LaneOwner): Promise<KeyValueLane> {
    const lane = new KeyValueLane(engine, owner);
    await lane.readLastLife();
    return lane;
  }

  async append(
    message: { readonly id: string; readonly envelope: JsonObject },
    records: readonly NewRecord<unknown>[],
    now: number,
    also: readonly Change[] = [],
  ): Promise<void> {
    const operations = [...operationsOf(also)];
    for (const [index, record] of records.entries()) {
      const bytes = Buffer.byteLength(JSON.stringify(record.body));
      const value = { ...record, message: message.id, index, bytes, acceptedAt: now } as unknown as JsonValue;
      operations.push({ type: "put", key: this.keys.record(++this.lastId), value });
    }
    const kept = { envelope: message.envelope, total: records.length, settled: 0 };
    if (records.length > 0) operations.push({ type: "put", key: this.keys.message(message.id), value: kept });
    await this.write(operations, records.length);
  }

  async *onwards(
    id: number,
    pageSize: number,
  ): AsyncGenerator<readonly (readonly [id: number, record?: KeptRecord])[]> {
    for await (const page of readPages(this.engine, this.keys.recordsAfter(id), pageSize)) {
      const records: (readonly [number, KeptRecord?])[] = [];
      for (const [key, value] of page) {
        const id = LaneKeys.idOf(key);
        if (this.missed.has(id)) continue;
        if (value === undefined) this.miss(id);
        records.push([id, value as unknown as KeptRecord | undefined]);
      }
      yield records;
    }
  }

  async read(ids: readonly number[]): Promise<ReadonlyMap<number, KeptRecord>> {
    const found = await this.recordsOf(ids);
    for (const id of ids) if (!found.has(id)) this.miss(id);
    return found;
  }

  missAll(): void {
    this.tellMissing(this.kept);
    this.kept = 0;
  }

  note(groups: readonly TriedGroup[]): Promise<void> {
    return this.engine.write(groups.map((group) => this.noteOf(group)));
  }

  async conclude(
    { settled, noted, unnoted }: LaneConclusion,
    also: (progress: readonly MessageProgress[]) => readonly Change[] = () => [],
  ): Promise<readonly MessageProgress[]> {
    const operations = settled.map(({ id }): KeyValueOperation => ({ type: "del", key: this.keys.record(id) }));
    for (const first of unnoted) operations.push(this.deletionOf(first));
    for (const group of noted) operations.push(this.noteOf(group));
    const progress = await this.settleMessages(settled, operations);
    operations.push(...operationsOf(also(progress)));
    if (operations.length > 0) await this.write(operations, -settled.length);
    return progress;
  }

  async erase(ids: readonly number[], unnoted: readonly number[]): Promise<number> {
    const records = [...(await this.recordsOf(ids)).values()];
    const gone = records.map(({ message }) => ({ messageId: message }));
    const operations: KeyValueOperation[] = ids.map((id) => ({ type: "del", key: this.keys.record(id) }));
    operations.push(...mayComeAgain(records));
    for (const first of unnoted) operations.push(this.deletionOf(first));
    await this.settleMessages(gone, operations);
    if (operations.length > 0) await this.write(operations, -ids.filter((id) => !this.missed.has(id)).length);
    return gone.length;
  }

  async rewrite(change: {
    envelope(envelope: JsonObject): JsonObject;
    body(body: JsonValue, customer: string): JsonValue;
  }): Promise<number> {
    let changed = 0;
    for await (const [key, value] of readAll(this.engine, this.keys.messages)) {
      const message = value as unknown as KeptMessage;
      const envelope = change.envelope(message.envelope);
      if (envelope === message.envelope) continue;
      await this.engine.write([{ type: "put", key, value: { ...message, envelope } }]);
      changed++;
    }
    for await (const [key, value] of readAll(this.engine, this.keys.records)) {
      const record = value as unknown as KeptRecord;
      const body = change.body(record.body, customerOf(record.key));
      if (body === record.body) continue;
      const bytes = Buffer.byteLength(JSON.stringify(body));
      const rewritten = { ...record, body, bytes } as unknown as JsonObject;
      await this.engine.write([{ type: "put", key, value: rewritten }]);
      changed++;
    }
    return changed;
  }

  async discard(): Promise<number> {
    const discarded = this.kept;
    await this.clear();
    await this.engine.write([{ type: "del", key: this.keys.summary }]);
    this.kept = 0;
    this.missed.clear();
    return discarded;
  }

  async *messages(): AsyncGenerator<{ readonly envelope: JsonObject; readonly waiting: number }> {
    for await (const [, value] of readAll(this.engine, this.keys.messages)) {
      const { envelope, total, settled } = value as unknown as KeptMessage;
      yield { envelope, waiting: total - settled };
    }
  }

  async oldest(): Promise<number | undefined> {
    for await (const [, value] of readAll(this.engine, this.keys.records, 1))
      return (value as unknown as KeptRecord).acceptedAt;
    return undefined;
  }

  private async readLastLife(): Promise<void> {
    const [found] = (await this.engine.get([this.keys.summary])) as unknown as [LaneSummary | undefined];
    const groups: TriedGroup[] = [];
    for await (const [, group] of readAll(this.engine, this.keys.allTried)) groups.push(group as unknown as TriedGroup);
    const tried = new Set(groups.flatMap(({ ids }) => ids));
    const there = new Set<number>();
    this.lastId = found?.lastId ?? 0;
    for await (const page of keyPages(this.engine, this.keys.records)) {
      this.kept += page.length;
      this.lastId = Math.max(this.lastId, LaneKeys.idOf(page.at(-1)!));
      if (tried.size === 0) continue;
      for (const key of page) if (tried.has(LaneKeys.idOf(key))) there.add(LaneKeys.idOf(key));
    }
    if (found && found.count > this.kept) this.tellMissing(found.count - this.kept);
    // Messages whose records are all gone: nobody would ever finish them.
    if (this.kept === 0) await this.clear();
    const left = groups.map((group) => ({ ...group, ids: group.ids.filter((id) => there.has(id)) }));
    this.tried = left.filter(({ ids }) => ids.length > 0);
    const mended = left.flatMap((group, place): KeyValueOperation[] => {
      const before = groups[place]!;
      if (group.ids.length === before.ids.length) return [];
      return [this.deletionOf(before.ids[0]!), ...(group.ids.length > 0 ? [this.noteOf(group)] : [])];
    });
    if (mended.length > 0 || (found && found.count !== this.kept)) await this.write(mended, 0);
  }

  /** It cannot be delivered, which the engine has said. */
  private miss(id: number): void {
    if (this.missed.has(id)) return;
    this.missed.add(id);
    this.kept--;
  }

  private tellMissing(count: number): void {
    const { node, name, type } = this.owner;
    this.engine.tellLoss(
      `${count} of the records that waited in the queue of ${name ? `"${name}"` : type || "a node"} (${node}) are not on the disk any more, and will not be delivered. Check the disk.`,
    );
  }

  /** Deletes everything of the queue but its summary. */
  private async clear(): Promise<void> {
    for await (const page of keyPages(this.engine, this.keys.all, PAGE)) {
      const found = (await this.engine.get(page)) as unknown as readonly (Partial<KeptRecord> | undefined)[];
      const deletions = page.map((key): KeyValueOperation => ({ type: "del", key }));
      await this.engine.write([...deletions, ...mayComeAgain(found.flatMap((one) => one ?? []))]);
    }
  }

  private async recordsOf(ids: readonly number[]): Promise<Map<number, KeptRecord>> {
    const values = await this.engine.get(ids.map((id) => this.keys.record(id)));
    const found = ids.map((id, place) => [id, values[place] as unknown as KeptRecord | undefined] as const);
    return new Map(found.filter((pair): pair is [number, KeptRecord] => pair[1] !== undefined));
  }

  /** Counts settled records on their messages; adds what has to be written. */
  private async settleMessages(
    settled: readonly { readonly messageId: string }[],
    operations: KeyValueOperation[],
  ): Promise<MessageProgress[]> {
    const counts = new Map<string, number>();
    for (const { messageId } of settled) counts.set(messageId, (counts.get(messageId) ?? 0) + 1);
    const ids = [...counts.keys()];
    const messages = await this.engine.get(ids.map((id) => this.keys.message(id)));
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
  private async write(operations: readonly KeyValueOperation[], change: number): Promise<void> {
    this.kept += change;
    const { name, type } = this.owner;
    const value = { count: this.kept, lastId: this.lastId, name, type };
    try {
      await this.engine.write([...operations, { type: "put", key: this.keys.summary, value }]);
    } catch (error) {
      this.kept -= change;
      throw error;
    }
  }

  private noteOf(group: TriedGroup): KeyValueOperation {
    return { type: "put", key: this.keys.tried(group.ids[0]!), value: { ...group, ids: [...group.ids] } };
  }

  /** @param first id of the first record of the group */
  private deletionOf(first: number): KeyValueOperation {
    return { type: "del", key: this.keys.tried(first) };
  }
}

/** What must be written when records end without being delivered: the same may come again. */
function mayComeAgain(records: readonly Partial<KeptRecord>[]): KeyValueOperation[] {
  return records.flatMap(({ repetition }) => (repetition ? [forgetSeen(repetition.seen)] : []));
}
