import type { JsonObject, JsonValue } from "../../json";
import { hashOf, joinMark, type MarkTranslation, type Rename, splitMark } from "../../store/take-mark";

/** Where a message holds its records; the first that is there. */
const PARTS = ["payload", "records", "events"] as const;

/** A record of a message that was rewritten. */
interface Rewritten {
  readonly hash: string;
  /** Undefined where the record is gone. */
  readonly now?: { readonly hash: string; readonly index: number };
}

/**
 * Says what the marks of a message's records become when the message is rewritten: records keep their identity, although
 * their JSON may be another, and others before them are gone.
 * @param change makes of a message with one record the same with what is left of it, or undefined where nothing is
 */
export function translationOf(
  message: JsonObject,
  change: (message: JsonObject) => JsonObject | undefined,
): MarkTranslation {
  const part = PARTS.find((name) => message[name] !== undefined);
  if (part === undefined) return { kept: (mark) => mark, coming: (mark) => mark };
  const held = message[part]!;
  const records = rewritten(Array.isArray(held) ? held : [held], (record) => {
    const rest = change({ ...message, [part]: Array.isArray(held) ? [record] : record })?.[part];
    return Array.isArray(held) && Array.isArray(rest) ? rest[0] : rest;
  });
  const byHash = new Map<string, Rewritten[]>();
  for (const record of records) byHash.set(record.hash, [...(byHash.get(record.hash) ?? []), record]);

  const kept: Rename = (mark) => {
    const { hash, place } = splitMark(mark);
    const equal = byHash.get(hash);
    const [, index, inner] = /^(\d+)(.*)$/.exec(place) ?? [];
    const there = index === undefined ? undefined : records[Number(index)];
    // A flow may have left out others, so that what stands there is another one than this.
    const isThere = there?.now !== undefined && (equal === undefined || there.hash === hash);
    return joinMark({
      hash: equal?.[0]?.now?.hash ?? hash,
      place: isThere ? `${there.now.index}${inner}` : place,
    });
  };
  return {
    kept,
    coming: (mark) => {
      const { hash } = splitMark(mark);
      const equal = byHash.get(hash) ?? [];
      return equal.length === 1 || (equal[0]?.now && equal[0].now.hash !== hash) ? kept(mark) : mark;
    },
  };
}

function rewritten(
  records: readonly JsonValue[],
  change: (record: JsonValue) => JsonValue | undefined,
): readonly Rewritten[] {
  let index = 0;
  return records.map((record) => {
    const hash = hashOf(JSON.stringify(record));
    const rest = change(record);
    return { hash, ...(rest !== undefined && { now: { hash: hashOf(JSON.stringify(rest)), index: index++ } }) };
  });
}
