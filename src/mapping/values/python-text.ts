import type { JsonValue } from "../../json";

/** A list or object in metadata is at most one level deep; this is more than enough. */
const DEEPEST = 10;
const WORDS: ReadonlyMap<string, JsonValue> = new Map<string, JsonValue>([
  ["None", null],
  ["True", true],
  ["False", false],
]);
const ESCAPES: Readonly<Record<string, string>> = { n: "\n", r: "\r", t: "\t" };

/**
 * Reads a list or an object that Jinja has printed into a text, where it becomes Python's own form: `['a', "b's", None]`, `{'a': True}`
 * (docs.python.org/3/library/functions.html#repr). Never throws.
 * @returns the value; undefined when the text is none of it
 */
export function readPython(text: string): JsonValue | undefined {
  const reader = new PythonReader(text);
  try {
    return reader.whole();
  } catch (error) {
    if (error instanceof NotPython) return undefined;
    throw error;
  }
}

class NotPython extends Error {}

class PythonReader {
  private at = 0;

  constructor(private readonly text: string) {}

  whole(): JsonValue {
    const value = this.value(0);
    return this.take(/\s*$/y) === undefined ? this.fail() : value;
  }

  private value(depth: number): JsonValue {
    if (depth > DEEPEST) this.fail();
    if (this.take(/\s*\[/y) !== undefined) return this.items("]", () => this.value(depth + 1));
    if (this.take(/\s*\{/y) !== undefined)
      return Object.fromEntries(this.items("}", () => [this.key(), this.value(depth + 1)] as const));
    const number = this.take(/\s*-?(?:0|[1-9]\d*)(?:\.\d+)?(?:e[+-]?\d+)?/y);
    if (number !== undefined) return Number(number);
    const word = this.take(/\s*(?:None|True|False)\b/y);
    return word === undefined ? this.string() : (WORDS.get(word.trim()) ?? null);
  }

  private items<Item>(end: "]" | "}", read: () => Item): Item[] {
    const closing = end === "]" ? /\s*\]/y : /\s*\}/y;
    const items: Item[] = [];
    while (this.take(closing) === undefined) {
      if (items.length > 0 && this.take(/\s*,/y) === undefined) this.fail();
      items.push(read());
    }
    return items;
  }

  private key(): string {
    const key = this.string();
    return this.take(/\s*:/y) === undefined ? this.fail() : key;
  }

  private string(): string {
    const quoted = this.take(/\s*(?:'[^'\\]*(?:\\.[^'\\]*)*'|"[^"\\]*(?:\\.[^"\\]*)*")/sy) ?? this.fail();
    return quoted
      .trim()
      .slice(1, -1)
      .replace(/\\(?:x([\da-f]{2})|u([\da-f]{4})|U([\da-f]{8})|(.))/gs, (_all, ...codes: (string | undefined)[]) => {
        const [x, u, long, sign = ""] = codes;
        const code = parseInt(x ?? u ?? long ?? "", 16);
        return code <= 0x10ffff ? String.fromCodePoint(code) : (ESCAPES[sign] ?? sign);
      });
  }

  /** What a sticky expression finds here. */
  private take(expression: RegExp): string | undefined {
    expression.lastIndex = this.at;
    const found = expression.exec(this.text)?.[0];
    if (found !== undefined) this.at += found.length;
    return found;
  }

  private fail(): never {
    throw new NotPython("This is no list or object as Python writes it.");
  }
}
