import { isJsonObject, type JsonValue } from "../json";

/** The keys that a request carries, in its headers or its address. */
export interface OwnKeys {
  /** Taken out of every answer. */
  readonly secrets: readonly string[];
  /** Taken out of answers that are no success; in a success they are data (by whose key something was done). */
  readonly identifiers?: readonly string[];
}

const REMOVED = "[removed]";
/** What is shorter would be found in words that have nothing to do with it. */
const SHORTEST = 6;

/**
 * Takes our own keys out of what an answer says, in every form in which an API or a proxy gives a request back: as they are, in
 * JSON, in an address, in Base64 (as of Basic authentication).
 */
export class Redaction {
  /** Those of keys that are in use, of successes and of other answers: they are the same for every answer. */
  private static readonly known = {
    success: new WeakMap<OwnKeys, Redaction>(),
    other: new WeakMap<OwnKeys, Redaction>(),
  };

  private readonly forms: readonly string[];

  /** What is taken out of an answer to a request with these keys. */
  static of(keys: OwnKeys, isSuccess: boolean): Redaction {
    const known = Redaction.known[isSuccess ? "success" : "other"];
    const { secrets, identifiers = [] } = keys;
    const redaction = known.get(keys) ?? new Redaction(isSuccess ? secrets : [...secrets, ...identifiers]);
    known.set(keys, redaction);
    return redaction;
  }

  constructor(keys: readonly string[]) {
    const forms = keys.filter((key) => key.length >= SHORTEST).flatMap(formsOf);
    // The longest first: one key may be part of another.
    this.forms = [...new Set(forms)].sort((one, other) => other.length - one.length);
  }

  text(text: string): string {
    return this.forms.reduce((clean, form) => clean.replaceAll(form, REMOVED), text);
  }

  /** The same in all texts and names of a value. */
  json(value: JsonValue): JsonValue {
    if (typeof value === "string") return this.text(value);
    if (Array.isArray(value)) return value.map((one) => this.json(one));
    if (!isJsonObject(value)) return value;
    return Object.fromEntries(Object.entries(value).map(([name, one]) => [this.text(name), this.json(one)]));
  }
}

function formsOf(key: string): string[] {
  const json = JSON.stringify(key).slice(1, -1);
  return [
    key,
    json,
    json.replaceAll("/", "\\/"),
    encodeURIComponent(key),
    new URLSearchParams([["", key]]).toString().slice(1),
    Buffer.from(key).toString("base64"),
  ];
}
