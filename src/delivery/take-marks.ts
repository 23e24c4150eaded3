import { createHash } from "node:crypto";

/** Characters of a record's hash: 72 bits, far more than the records of one inbox entry need to stay apart. */
const HASH_LENGTH = 12;

/** What tells a record from the others of an inbox entry. */
export function recordHash(text: string): string {
  return createHash("sha256").update(text).digest("base64").slice(0, HASH_LENGTH);
}

/**
 * Which records of one inbox entry one node has taken, or is about to take. The hashes of a take are kept as one joined
 * text; most entries see one take, so they are told apart only when a second one comes.
 */
export class TakeMarks {
  /** How many takes are on disk. */
  written = 0;
  /** The number that the next take gets; numbers are unique within the entry and node. */
  next = 0;
  private readonly joined: string[] = [];
  private hashes: Set<string> | undefined;

  has(hash: string): boolean {
    if (this.joined.length === 0) return false;
    this.hashes ??= new Set(this.joined.flatMap(hashesOf));
    return this.hashes.has(hash);
  }

  /** Adds a take of an earlier life. */
  add(joined: string, number: number): void {
    this.joined.push(joined);
    this.written++;
    this.next = Math.max(this.next, number + 1);
  }

  /** Adds a take that is about to be written; returns its number. */
  hold(joined: string): number {
    this.joined.push(joined);
    if (this.hashes) for (const hash of hashesOf(joined)) this.hashes.add(hash);
    return this.next++;
  }

  /** Takes back a take that was not written. */
  release(joined: string, number: number): void {
    this.joined.splice(this.joined.indexOf(joined), 1);
    this.hashes = undefined;
    if (this.next === number + 1) this.next = number;
  }
}

function hashesOf(joined: string): string[] {
  const hashes: string[] = [];
  for (let place = 0; place < joined.length; place += HASH_LENGTH)
    hashes.push(joined.slice(place, place + HASH_LENGTH));
  return hashes;
}
