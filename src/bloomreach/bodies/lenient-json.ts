import type { JsonValue } from "../../json";

/** A parsed value, or the place (in characters, from 0) where the text stops being JSON. */
export type LenientReading =
  { readonly ok: true; readonly value: JsonValue } | { readonly ok: false; readonly position: number };

/** What a template prints for a bare value, and the JSON word for it. */
const WORDS: ReadonlyMap<string, string> = new Map([
  ["true", "true"],
  ["True", "true"],
  ["false", "false"],
  ["False", "false"],
  ["null", "null"],
  ["None", "null"],
  ["undefined", "null"],
  ["NaN", "null"],
  ["nan", "null"],
]);

/**
 * Parses JSON that a template rendered. Four things that Jinja leaves outside of strings are repaired: bare `None`,
 * `True`, `False`, `undefined` and `NaN`, a missing value after a colon (both become `null` where there is no value),
 * a comma before a closing bracket, and a separator's `\n` that stayed a backslash and a letter. Inside of strings only
 * line breaks and other control characters are, which JSON wants escaped. Reads each character once, never throws.
 * @param tail what may follow the value up to the end of the text: a sticky expression (flag `y`) that ends with `$`
 *   where nothing else may follow
 */
export function parseLenient(text: string, tail: RegExp): LenientReading {
  const reader = new LenientReader(text);
  if (!reader.readValue()) return { ok: false, position: reader.at };
  tail.lastIndex = reader.at;
  if (!tail.test(text)) return { ok: false, position: skip(text, reader.at, " \t\r\n,") };
  return { ok: true, value: JSON.parse(reader.repaired()) as JsonValue };
}

/** The last thing read: a bracket, comma or colon, "value" for a whole value, "" at the start. */
type Last = "" | "{" | "[" | "," | ":" | "value";

class LenientReader {
  /** The next character to read; after a failure the one that was not expected. */
  at = 0;
  /** Repaired text so far, up to `copied` of the original. */
  private readonly parts: string[] = [];
  private copied = 0;

  constructor(private readonly text: string) {}

  /** The text of the value that was read, with the repairs. */
  repaired(): string {
    return this.parts.join("") + this.text.slice(this.copied, this.at);
  }

  /** Reads one whole value; false when it breaks at `at`. */
  readValue(): boolean {
    const closers: ("}" | "]")[] = [];
    let last: Last = "";
    let comma = 0;
    do {
      this.skipSpace();
      const character = this.text[this.at];
      const closer = closers.at(-1);
      if (character !== undefined && character === closer && last !== ":") {
        if (last === ",") this.replace(comma, comma + 1, "");
        closers.pop();
        this.at++;
        last = "value";
      } else if (last === "value") {
        if (character !== ",") return false;
        comma = this.at++;
        last = ",";
      } else if (closer === "}" && last !== ":") {
        if (!this.readKey()) return false;
        last = ":";
      } else if (character === "{" || character === "[") {
        closers.push(character === "{" ? "}" : "]");
        this.at++;
        last = character;
      } else {
        const missing = last === ":" && (character === "," || character === "}");
        if (missing) this.replace(this.at, this.at, "null");
        else if (!this.readScalar()) return false;
        last = "value";
      }
    } while (last !== "value" || closers.length > 0);
    return true;
  }

  private readKey(): boolean {
    if (!this.readString()) return false;
    this.skipSpace();
    if (this.text[this.at] !== ":") return false;
    this.at++;
    return true;
  }

  private readScalar(): boolean {
    if (this.text[this.at] === '"') return this.readString();
    const number = this.match(/-?(?:0|[1-9]\d*)(?:\.\d+)?(?:[eE][+-]?\d+)?/y);
    if (number !== undefined) {
      this.at += number.length;
      return true;
    }
    const word = this.match(/[A-Za-z]{1,9}/y);
    const meaning = word === undefined ? undefined : WORDS.get(word);
    if (word === undefined || meaning === undefined) return false;
    if (word !== meaning) this.replace(this.at, this.at + word.length, meaning);
    this.at += word.length;
    return true;
  }

  private readString(): boolean {
    if (this.text[this.at] !== '"') return false;
    for (this.at++; this.at < this.text.length; this.at++) {
      const code = this.text.charCodeAt(this.at);
      if (code === 0x22) {
        this.at++;
        return true;
      }
      if (code < 0x20) this.replace(this.at, this.at + 1, `\\u${code.toString(16).padStart(4, "0")}`);
      if (code === 0x5c) {
        const escape = this.text.charAt(this.at + 1);
        if (escape === "u" ? !this.match(/\\u[0-9a-fA-F]{4}/y) : !'"\\/bfnrt'.includes(escape || " ")) return false;
        this.at += escape === "u" ? 5 : 1;
      }
    }
    return false;
  }

  private match(sticky: RegExp): string | undefined {
    sticky.lastIndex = this.at;
    return sticky.exec(this.text)?.[0];
  }

  private skipSpace(): void {
    this.at = skip(this.text, this.at, " \t\r\n");
    while (this.text[this.at] === "\\" && "nrt".includes(this.text[this.at + 1] ?? "?")) {
      this.replace(this.at, this.at + 2, " ");
      this.at = skip(this.text, this.at + 2, " \t\r\n");
    }
  }

  private replace(from: number, to: number, by: string): void {
    this.parts.push(this.text.slice(this.copied, from), by);
    this.copied = to;
  }
}

function skip(text: string, from: number, characters: string): number {
  let at = from;
  while (at < text.length && characters.includes(text.charAt(at))) at++;
  return at;
}
