import { createHash } from "node:crypto";
import { isJsonObject, type JsonObject, type JsonValue } from "../../json";
import { fitLearned, type LearnedMetadata, type LearnedProperty } from "../../mapping/customers/learned-metadata";
import { type Omission, Omissions } from "../../mapping/values/omissions";
import { type MetadataComplaint, readMetadataComplaints } from "../../voucherify/metadata-complaints";

/** Schemas change: what was learned is forgotten after this time, and learned again where it still holds. */
const KEPT_MS = 10 * 60_000;
/** Kinds of events, keys of one kind, and values of one key; the oldest give way. */
const MOST_KINDS = 1_000;
const MOST_KEYS = 500;
const MOST_VALUES = 100;

/** Metadata as it is to be sent. */
export interface FittedMetadata {
  readonly metadata: JsonObject;
  readonly omitted: readonly Omission[];
}

/**
 * What Voucherify's refusals have taught about the metadata of a project's custom events: their schemas cannot be read with
 * the keys of an application (docs.voucherify.io/prepare/custom-events). In memory; whatever is forgotten is learned again by
 * one more call.
 */
export class EventLessons {
  private readonly kinds = new Map<string, { readonly lesson: EventLesson; readonly learnedAt: number }>();

  /** What is known of events of this name; undefined: nothing. */
  known(event: string): EventLesson | undefined {
    const kind = this.kinds.get(event);
    if (kind && Date.now() - kind.learnedAt < KEPT_MS) return kind.lesson;
    this.kinds.delete(event);
    return undefined;
  }

  /** The same, to learn more about. */
  of(event: string): EventLesson {
    const known = this.known(event);
    if (known) return known;
    const lesson = new EventLesson();
    setBounded(this.kinds, event, { lesson, learnedAt: Date.now() }, MOST_KINDS);
    return lesson;
  }
}

/** What is known of the metadata of one kind of event. */
export class EventLesson implements LearnedMetadata {
  private readonly properties = new Map<string, LearnedProperty>();
  /** Words against single values, by key and by the value's fingerprint. */
  private readonly refused = new Map<string, Map<string, string>>();

  propertyOf(key: string): LearnedProperty | undefined {
    return this.properties.get(key);
  }

  refusalOf(key: string, value: JsonValue): string | undefined {
    const against = this.refused.get(key);
    return against && against.get(fingerprint(value));
  }

  fit(metadata: JsonObject): FittedMetadata {
    const omissions = new Omissions();
    return { metadata: fitLearned(metadata, this, omissions), omitted: omissions.list() };
  }

  /**
   * Learns from a refusal.
   * @param body the answer's
   * @param sent the metadata that was refused
   * @param original the same as it came
   * @returns how to send it now; undefined when there is nothing to learn that would change it
   */
  learn(body: JsonValue | undefined, sent: JsonObject, original: JsonObject): FittedMetadata | undefined {
    for (const complaint of readMetadataComplaints(body, sent)) this.consider(complaint, sent, original);
    const fitted = this.fit(original);
    return JSON.stringify(fitted.metadata) === JSON.stringify(sent) ? undefined : fitted;
  }

  private consider(complaint: MetadataComplaint, sent: JsonObject, original: JsonObject): void {
    const { key, words } = complaint;
    const values = valuesAt(sent, key);
    for (const property of this.untried(complaint)) {
      setBounded(this.properties, key, property, MOST_KEYS);
      if (property.kind === "undefined") return;
      const { metadata } = this.fit(part(original, key));
      if (JSON.stringify(valuesAt(metadata, key)) !== JSON.stringify(values)) return;
    }
    // The type is right, and it is refused all the same: it is the value.
    const against = this.refused.get(key) ?? new Map<string, string>();
    for (const value of values) setBounded(against, fingerprint(value), words, MOST_VALUES);
    setBounded(this.refused, key, against, MOST_KEYS);
  }

  private untried(complaint: MetadataComplaint): LearnedProperty[] {
    const all = propertiesFor(complaint);
    const known = JSON.stringify(this.properties.get(complaint.key));
    return all.slice(all.findIndex((property) => JSON.stringify(property) === known) + 1);
  }
}

/** What a complaint may mean, the likeliest first: dates are told apart by their time in some projects, and not in others. */
function propertiesFor({ isUndefined, type, array }: MetadataComplaint): LearnedProperty[] {
  if (isUndefined) return [{ kind: "undefined" }];
  if (type === undefined && !array) return [];
  const property = { kind: "typed", type, array } as const;
  return type === "date" ? [property, { ...property, type: "datetime" }] : [property];
}

/** The values of a key; several where it lies in a list of objects. */
function valuesAt(metadata: JsonObject, key: string): JsonValue[] {
  if (Object.hasOwn(metadata, key)) return [metadata[key]!];
  return Object.entries(part(metadata, key)).flatMap(([outer, value]) => {
    const inner = key.slice(outer.length + 1);
    const objects = (Array.isArray(value) ? value : [value]).filter(isJsonObject);
    return objects.flatMap((one) => (Object.hasOwn(one, inner) ? [one[inner]!] : []));
  });
}

/** The entry in which a key lies. */
function part(metadata: JsonObject, key: string): JsonObject {
  return Object.fromEntries(Object.entries(metadata).filter(([outer]) => outer === key || key.startsWith(`${outer}.`)));
}

/** Knows a value again without keeping it: it is a customer's, and may be large. */
function fingerprint(value: JsonValue): string {
  return createHash("sha256").update(JSON.stringify(value)).digest("base64");
}

function setBounded<Value>(map: Map<string, Value>, key: string, value: Value, most: number): void {
  map.delete(key);
  map.set(key, value);
  if (map.size <= most) return;
  const [oldest] = map.keys();
  map.delete(oldest!);
}
