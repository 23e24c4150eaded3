import type { JsonObject } from "../json";
import { DueTimes } from "./due-times";
import { Fifo } from "./fifo";
import type { Conclusion, LaneStore, MessageProgress, Postponed, TakeLimits, WaitingRecord } from "./store";

/** A record as it lies here: its JSON, so that nobody who still holds the object can change what was accepted. */
interface Kept {
  readonly id: number;
  readonly message: KeptMessage;
  readonly index: number;
  readonly json: string;
  readonly bytes: number;
  readonly acceptedAt: number;
  attempts: number;
  firstTriedAt?: number;
  /** Id of the first of the records that it was tried together with. */
  triedWith?: number;
}

interface KeptMessage {
  readonly id: string;
  readonly envelope: string;
  readonly total: number;
  settled: number;
}

/** The records of one key, in order. A key that rests is in none of the lines. */
interface KeyLine {
  readonly key: string;
  readonly records: Fifo<Kept>;
}

/**
 * Keeps waiting records in memory. Every operation costs constant time per record (a resting key: the logarithm of the
 * number of resting keys), however many wait: resting keys lie aside and are not searched.
 */
export class MemoryStore<Body> implements LaneStore<Body> {
  private readonly lines = new Map<string, KeyLine>();
  /** Lines that may be lent: what came back goes before what is new. */
  private readonly returned = new Fifo<KeyLine>();
  private readonly fresh = new Fifo<KeyLine>();
  private readonly resting = new DueTimes<KeyLine>();
  private lastId = 0;
  private kept = 0;

  append(
    message: { readonly id: string; readonly envelope: JsonObject },
    records: readonly { readonly key: string; readonly body: Body }[],
    now: number,
  ): Promise<void> {
    const envelope = JSON.stringify(message.envelope);
    const keptMessage: KeptMessage = { id: message.id, envelope, total: records.length, settled: 0 };
    // All texts first: a body that is no JSON must not leave half a message behind.
    const texts = records.map(({ key, body }) => {
      const json = JSON.stringify(body);
      return { key, json, bytes: Buffer.byteLength(json) };
    });
    for (const [index, { key, json, bytes }] of texts.entries()) {
      const record = { id: ++this.lastId, message: keptMessage, index, json, bytes, acceptedAt: now, attempts: 0 };
      this.lineOf(key).records.push(record);
    }
    this.kept += records.length;
    return Promise.resolve();
  }

  take(limits: TakeLimits, now: number): Promise<readonly WaitingRecord<Body>[]> {
    for (const line of this.resting.takeUntil(now)) this.returned.push(line);
    const taken: WaitingRecord<Body>[] = [];
    let bytesLeft = limits.bytes;
    for (const lines of [this.returned, this.fresh]) {
      for (let line = lines.at(0); line; line = lines.at(0)) {
        const run = nextRun(line.records, limits.records - taken.length, bytesLeft, limits.together);
        if (!run.fits && taken.length > 0) return Promise.resolve(taken);
        lines.drop(1);
        for (let index = 0; index < run.length; index++) taken.push(lend<Body>(line.key, line.records.at(index)!));
        bytesLeft -= run.bytes;
      }
    }
    return Promise.resolve(taken);
  }

  conclude({ settled, postponed, unsent }: Conclusion<Body>): Promise<readonly MessageProgress[]> {
    for (const key of countByKey(unsent).keys()) this.returned.push(this.lines.get(key)!);
    for (const one of postponed) this.postpone(one);
    const messages = new Set<KeptMessage>();
    for (const [key, count] of countByKey(settled)) this.forget(this.lines.get(key)!, count, messages);
    this.kept -= settled.length;
    const progress = [...messages].map(({ id, envelope, total, settled }) => ({
      id,
      envelope: JSON.parse(envelope) as JsonObject,
      total,
      settled,
    }));
    return Promise.resolve(progress);
  }

  count(): number {
    return this.kept;
  }

  nextDue(): number | undefined {
    return this.resting.next();
  }

  private postpone({ records, triedAt, dueAt }: Postponed<Body>): void {
    const first = records[0]!;
    const line = this.lines.get(first.key)!;
    for (let index = 0; index < records.length; index++) {
      const record = line.records.at(index)!;
      record.attempts++;
      record.firstTriedAt ??= triedAt;
      record.triedWith = first.id;
    }
    this.resting.add(dueAt, line);
  }

  private forget(line: KeyLine, count: number, messages: Set<KeptMessage>): void {
    for (let index = 0; index < count; index++) {
      const { message } = line.records.at(index)!;
      message.settled++;
      messages.add(message);
    }
    line.records.drop(count);
    if (line.records.size > 0) this.fresh.push(line);
    else this.lines.delete(line.key);
  }

  private lineOf(key: string): KeyLine {
    let line = this.lines.get(key);
    if (!line) {
      line = { key, records: new Fifo() };
      this.lines.set(key, line);
      this.fresh.push(line);
    }
    return line;
  }
}

/** How many records at the head of a line go together, and whether they are within the limits (the first always goes). */
function nextRun(
  records: Fifo<Kept>,
  recordsLeft: number,
  bytesLeft: number,
  together: boolean,
): { length: number; bytes: number; fits: boolean } {
  const first = records.at(0)!;
  let length = 1;
  let bytes = first.bytes;
  for (let next = records.at(length); next; next = records.at(length)) {
    // What was tried as one stays one, whatever the limits say; nothing else joins it.
    const joins =
      next.triedWith === first.triedWith &&
      (first.triedWith !== undefined || (together && length < recordsLeft && bytes + next.bytes <= bytesLeft));
    if (!joins) break;
    length++;
    bytes += next.bytes;
  }
  return { length, bytes, fits: length <= recordsLeft && bytes <= bytesLeft };
}

function lend<Body>(
  key: string,
  { message, json, bytes: _bytes, triedWith: _triedWith, ...rest }: Kept,
): WaitingRecord<Body> {
  return { ...rest, key, messageId: message.id, body: JSON.parse(json) as Body };
}

function countByKey(records: readonly { readonly key: string }[]): Map<string, number> {
  const counts = new Map<string, number>();
  for (const { key } of records) counts.set(key, (counts.get(key) ?? 0) + 1);
  return counts;
}
