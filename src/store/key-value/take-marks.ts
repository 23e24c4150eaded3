import type { JsonObject } from "../../json";
import { HASH_LENGTH, hashOf, type IncomingRecord, joinMark, MARK_LENGTH, type Rename, splitMark } from "../take-mark";

/** The takes of one write, as they are kept. */
export interface KeptMarks extends JsonObject {
  marks: string;
}

/**
 * Which records of one inbox entry one node has taken, or is about to take. The marks of a take are kept as one joined
 * text; most entries see one take, so they are told apart only when a second one comes.
 */
export class TakeMarks {
  /** How many takes are on disk. */
  written = 0;
  /** The number that the next take gets; numbers are unique within the entry and node. */
  next = 0;
  /** By the numbers of the takes. */
  private readonly joined = new Map<number, string>();
  /** Hashes without places, as release 0.1.0 wrote them. */
  private readonly former = new Map<number, string>();
  private formerIndex: ReadonlySet<string> | undefined;
  private index: Map<string, Set<string>> | undefined;

  /** Whether nothing was taken. */
  get isEmpty(): boolean {
    return this.joined.size === 0 && this.former.size === 0;
  }

  has(record: IncomingRecord, mark: string): boolean {
    if (this.joined.size > 0 && this.byHash().get(mark.slice(0, HASH_LENGTH))?.has(mark)) return true;
    if (this.former.size === 0) return false;
    const former = (this.formerIndex ??= new Set([...this.former.values()].flatMap((all) => cut(all, HASH_LENGTH))));
    const texts = record.formerTexts?.() ?? [];
    return [[record.text], texts].some((all) => all.length > 0 && all.every((text) => former.has(hashOf(text))));
  }

  /** How many records equal to that of the mark were taken at places of which `besides` has none. */
  elsewhere(mark: string, besides: ReadonlySet<string>): number {
    if (this.joined.size === 0) return 0;
    const equal = this.byHash().get(mark.slice(0, HASH_LENGTH)) ?? [];
    return [...equal].filter((other) => !besides.has(other)).length;
  }

  /** Adds a take of an earlier life. @param kept a text is of release 0.1.0 */
  add(kept: KeptMarks | string, number: number): void {
    if (typeof kept === "string") this.former.set(number, kept);
    else this.joined.set(number, kept.marks);
    this.forgetIndex();
    this.written++;
    this.next = Math.max(this.next, number + 1);
  }

  /** Adds a take that is about to be written; returns its number. */
  hold(joined: string): number {
    this.joined.set(this.next, joined);
    if (this.index) for (const mark of cut(joined, MARK_LENGTH)) addTo(this.index, mark);
    return this.next++;
  }

  /** Takes back a take that was not written. */
  release(number: number): void {
    this.joined.delete(number);
    this.forgetIndex();
    if (this.next === number + 1) this.next = number;
  }

  /**
   * The records have become others. To be called while no take is being written. Returns what has to be written of it.
   */
  rename(rename: Rename): { readonly number: number; readonly kept: KeptMarks | string }[] {
    const changed: { number: number; kept: KeptMarks | string }[] = [];
    for (const [number, joined] of this.joined) {
      const marks = cut(joined, MARK_LENGTH).map(rename).join("");
      if (marks === joined) continue;
      this.joined.set(number, marks);
      changed.push({ number, kept: { marks } });
    }
    for (const [number, hashes] of this.former) {
      const renamed = cut(hashes, HASH_LENGTH).map((hash) => splitMark(rename(joinMark({ hash, place: "" }))).hash);
      const kept = renamed.join("");
      if (kept === hashes) continue;
      this.former.set(number, kept);
      changed.push({ number, kept });
    }
    this.forgetIndex();
    return changed;
  }

  /** Takes back a renaming that was not written. @param before what `copy` has given */
  restore(before: TakeMarks): void {
    for (const [kept, earlier] of [
      [this.joined, before.joined],
      [this.former, before.former],
    ] as const)
      for (const [number, marks] of earlier) if (kept.has(number)) kept.set(number, marks);
    this.forgetIndex();
  }

  /** The takes as they are now. */
  copy(): TakeMarks {
    const copy = new TakeMarks();
    for (const [number, marks] of this.joined) copy.joined.set(number, marks);
    for (const [number, hashes] of this.former) copy.former.set(number, hashes);
    return copy;
  }

  private forgetIndex(): void {
    this.index = undefined;
    this.formerIndex = undefined;
  }

  private byHash(): Map<string, Set<string>> {
    if (!this.index) {
      this.index = new Map();
      for (const joined of this.joined.values()) for (const mark of cut(joined, MARK_LENGTH)) addTo(this.index, mark);
    }
    return this.index;
  }
}

/**
 * Places of the records that no node's marks know. A record of a list that stands at another place than before (a join
 * gathered others this time, a filter passes more) is the same one, as long as no more equal ones come than were taken.
 * @param asked the marks of the records
 * @param marks of each entry that the message came from
 */
export function untaken(
  records: readonly IncomingRecord[],
  asked: readonly string[],
  marks: readonly TakeMarks[],
): readonly number[] {
  const taken = marks.filter((one) => !one.isEmpty);
  if (taken.length === 0) return [...records.keys()];
  const besides = new Set(asked);
  const moved = new Map<string, number>();
  return [...records.keys()].filter((place) => {
    const [record, mark] = [records[place]!, asked[place]!];
    if (taken.some((one) => one.has(record, mark))) return false;
    if (record.isPart) return true;
    const hash = mark.slice(0, HASH_LENGTH);
    const left = moved.get(hash) ?? Math.max(...taken.map((one) => one.elsewhere(mark, besides)));
    moved.set(hash, left - 1);
    return left <= 0;
  });
}

function addTo(index: Map<string, Set<string>>, mark: string): void {
  const hash = mark.slice(0, HASH_LENGTH);
  const equal = index.get(hash);
  if (equal) equal.add(mark);
  else index.set(hash, new Set([mark]));
}

function cut(joined: string, length: number): string[] {
  const parts: string[] = [];
  for (let place = 0; place < joined.length; place += length) parts.push(joined.slice(place, place + length));
  return parts;
}
