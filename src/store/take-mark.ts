import { createHash } from "node:crypto";

/** Characters of a record's hash: 72 bits, far more than the records of one inbox entry need to stay apart. */
export const HASH_LENGTH = 12;
/** Characters of its place; only equal records have to be told apart by it. */
const PLACE_LENGTH = 4;
export const MARK_LENGTH = HASH_LENGTH + PLACE_LENGTH;

/** A record as it reached a delivery node, before the node's settings have made anything of it. */
export interface IncomingRecord {
  /** Its JSON. */
  readonly text: string;
  /** Where it stands in its message, or where its message stands in the sequence that it was split from. */
  readonly place: string;
  /** It came alone out of a sequence: at another place of it, an equal record is another record. */
  readonly isPart: boolean;
  /** What release 0.1.0 marked instead, where that was not the record itself: asked only when such marks are there. */
  readonly formerTexts?: () => readonly string[];
}

/** What tells a record from the others of an inbox entry: its hash, then its place. */
export function markOf({ text, place }: IncomingRecord): string {
  return joinMark({ hash: hashOf(text), place });
}

/** What a mark becomes when its record becomes another one. */
export type Rename = (mark: string) => string;

/** A mark of its parts. */
export function joinMark({ hash, place }: { readonly hash: string; readonly place: string }): string {
  // Places are small numbers nearly always.
  const shortPlace = place.length > PLACE_LENGTH ? hashOf(place).slice(0, PLACE_LENGTH) : place;
  return hash + shortPlace.padStart(PLACE_LENGTH, "~");
}

/** The parts of a mark; a long place is a hash. */
export function splitMark(mark: string): { readonly hash: string; readonly place: string } {
  return { hash: mark.slice(0, HASH_LENGTH), place: mark.slice(HASH_LENGTH).replace(/^~+/, "") };
}

/** How marks of a message's records follow when the message is rewritten. */
export interface MarkTranslation {
  /** Of marks that are kept, also of records that a flow has changed: their places move too. */
  readonly kept: Rename;
  /**
   * Of records that come now. They may be of a message that the flow was handed before: what it says of them is then no more
   * known than by their JSON, and one of several equal records that has moved cannot be told from its neighbour.
   */
  readonly coming: Rename;
}

/** The hash that stands for a text in a mark. */
export function hashOf(text: string): string {
  return createHash("sha256").update(text).digest("base64").slice(0, HASH_LENGTH);
}
