import { isJsonObject, type JsonObject, type JsonValue } from "../json";
import type { MetadataType } from "../schemas/voucherify";

/** What Voucherify says about one metadata key that it refused. */
export interface MetadataComplaint {
  /** `stars`, or `address.city` in an object. */
  readonly key: string;
  /** The type that it must have; undefined where the words name none. */
  readonly type: MetadataType | undefined;
  /** It must be a list. */
  readonly array: boolean;
  /** The key is not defined, and only defined ones are allowed. */
  readonly isUndefined: boolean;
  /** What was said, without the value. */
  readonly words: string;
}

/** Fields that may hold the name of a key or the words about it, where complaints come as objects. */
const NAME_FIELDS = ["key", "property", "field", "path", "name", "param", "dataPath", "instancePath"];
const WORD_FIELDS = ["message", "reason", "details", "error", "description", "expected", "msg"];
const LONGEST_WORDS = 200;
/** Of what is told about all keys. */
const LONGEST_TEXT = 64 * 1024;

/**
 * Reads which metadata keys a 400 `metadata_validation_failed` is about. Documented is a text in `details`:
 * `ImageURL: must be a URL pointing to JPG/JPEG or PNG resource (actual value is 'http.com')`
 * (docs.voucherify.io/api-reference/publications); how several complaints are told is not, so lists and objects, by key or
 * with a key each, are read as well.
 * @param metadata what was refused: only its own keys can be meant
 */
export function readMetadataComplaints(body: JsonValue | undefined, metadata: JsonObject): MetadataComplaint[] {
  if (!isJsonObject(body)) return [];
  const reader = new ComplaintReader(metadata);
  for (const field of ["details", "errors", "message"]) {
    reader.read(body[field]);
    if (reader.found.size > 0) break;
  }
  return [...reader.found.values()];
}

class ComplaintReader {
  readonly found = new Map<string, MetadataComplaint>();
  private readonly names: ReadonlySet<string>;
  /** How the values stand in a text, the longest first. */
  private readonly shownValues: readonly string[];
  /** A name where a complaint about it begins: `stars:`, `, metadata.stars:`. */
  private readonly head: RegExp;
  /** A name that is marked as one inside a sentence: `"stars"`, `.metadata.stars`. */
  private readonly mention: RegExp;

  constructor(metadata: JsonObject) {
    const entries = Object.entries(metadata).flatMap(([key, value]): [string, JsonValue][] => {
      const nested = (Array.isArray(value) ? value : [value]).filter(isJsonObject).flatMap(Object.entries<JsonValue>);
      return [[key, value], ...nested.map(([inner, one]): [string, JsonValue] => [`${key}.${inner}`, one])];
    });
    this.names = new Set(entries.map(([name]) => name));
    const shown = entries.map(([, value]) => (typeof value === "string" ? value : JSON.stringify(value)));
    this.shownValues = [...new Set(shown)].sort((one, other) => other.length - one.length);
    const longestFirst = [...this.names].sort((one, other) => other.length - one.length);
    const name = longestFirst.map((one) => one.replace(/[.*+?^${}()|[\]\\]/g, "\\$&")).join("|") || "(?!)";
    this.head = new RegExp(`(?:^|[;,\\n])\\s*["'\`]?(?:\\.?metadata[./])?(${name})["'\`]?\\s*:`, "g");
    this.mention = new RegExp(`(?:^|["'\`./])(${name})(?=$|[\\s"'\`,;.)])`, "g");
  }

  /** @param key whose complaint this is, where that is known */
  read(told: JsonValue | undefined, key?: string): void {
    if (typeof told === "string") this.readText(told, key);
    else if (Array.isArray(told)) for (const one of told) this.read(one, key);
    else if (isJsonObject(told)) this.readObject(told, key);
  }

  private readObject(told: JsonObject, key?: string): void {
    const field = NAME_FIELDS.find((name) => this.nameIn(told[name]) !== undefined);
    const named = key ?? (field === undefined ? undefined : this.nameIn(told[field]));
    if (named === undefined) {
      for (const [name, value] of Object.entries(told)) this.read(value, this.nameIn(name));
      return;
    }
    const words = WORD_FIELDS.filter((name) => name !== field).flatMap((name) => textsOf(told[name]));
    this.add(named, (words.length > 0 ? words : textsOf(Object.values(told))).join(", "));
  }

  private readText(text: string, key?: string): void {
    const parsed = parseStructure(text);
    if (parsed !== undefined) return this.read(parsed, key);
    if (key !== undefined) return this.add(key, text);
    const plain = this.withoutValues(text.slice(0, LONGEST_TEXT)).replace(/\[\d*\]/g, "");
    const heads = [...plain.matchAll(this.head)];
    for (const [place, head] of heads.entries()) {
      const begin = head.index + head[0].length;
      const [words = ""] = plain.slice(begin, heads[place + 1]?.index).split(/[;\n]/);
      this.add(head[1]!, words);
    }
    if (heads.length > 0) return;
    for (const sentence of plain.split(/[;\n]/))
      for (const [, name] of sentence.matchAll(this.mention)) this.add(name!, sentence);
  }

  /** A value may hold anything, other keys too. */
  private withoutValues(text: string): string {
    let plain = text;
    for (const value of this.shownValues) plain = plain.replaceAll(`(actual value is '${value}')`, ";");
    return plain.replace(/\(actual value is [^)]*\)/g, ";");
  }

  private nameIn(value: JsonValue | undefined): string | undefined {
    if (typeof value !== "string") return undefined;
    if (this.names.has(value)) return value;
    const path = value
      .replace(/\[\d*\]/g, "")
      .replace(/\//g, ".")
      .replace(/^[.$]*(metadata\.)?/, "");
    return this.names.has(path) ? path : undefined;
  }

  private add(key: string, said: string): void {
    if (this.found.has(key)) return;
    const words = this.withoutValues(said)
      .replace(/[;\s]+$/, "")
      .trim();
    this.found.set(key, { key, ...meaningOf(words), words: words.slice(0, LONGEST_WORDS) });
  }
}

/** Complaints as JSON in a text. */
function parseStructure(text: string): JsonValue | undefined {
  if (!/^\s*[[{]/.test(text)) return undefined;
  try {
    return JSON.parse(text) as JsonValue;
  } catch {
    return undefined;
  }
}

function textsOf(value: JsonValue | undefined): string[] {
  if (typeof value === "string") return [value];
  return Array.isArray(value) ? value.flatMap(textsOf) : [];
}

/** Words for each type, the more special ones first. */
const TYPE_WORDS: readonly (readonly [MetadataType, RegExp])[] = [
  ["image_url", /image|jpe?g|png/],
  ["geopoint", /geo|latitude|coordinates/],
  ["datetime", /date[\s_-]*time|date and time|timestamp/],
  ["date", /\bdates?\b/],
  ["boolean", /bool|\bflags?\b|true or false/],
  ["number", /\b(numbers?|integers?|numeric|floats?|decimals?)\b/],
  ["object", /\bobjects?\b/],
  ["string", /\b(strings?|texts?)\b/],
];
const UNDEFINED =
  /\bnot (been )?defined|\bundefined (property|key)|unknown (property|key|metadata)|additional propert|(property|key) (is )?not (allowed|known|expected)/;

function meaningOf(words: string): Pick<MetadataComplaint, "type" | "array" | "isUndefined"> {
  const text = words.toLowerCase();
  // Neither allowed values nor the type that came are the type that is wanted.
  const [wanted = ""] = text.split(/\bequal to\b|\bone of\b|\b(?:but )?(?:got|received|was|instead of|given|found)\b/);
  const type = TYPE_WORDS.find(([, pattern]) => pattern.test(wanted))?.[0];
  const array = /\b(array|list)\b/.test(wanted) && !/not be an? (array|list)/.test(wanted);
  return { type, array, isUndefined: UNDEFINED.test(text) };
}
