import { MOST_LEVELS } from "../json";

const QUOTE = 0x22;
const COMMA = 0x2c;
const COLON = 0x3a;
const BACKSLASH = 0x5c;
const OPEN_LIST = 0x5b;
const CLOSE_LIST = 0x5d;
const OPEN_OBJECT = 0x7b;
const CLOSE_OBJECT = 0x7d;

/**
 * Measures JSON text without parsing it: JSON.parse needs seconds for bodies of a few megabytes that were made for that (nested
 * brackets, names that differ), and what it returns can be too deep to be copied. Reads each character once. Where the
 * text is no JSON, a measure holds up to there.
 */
export class JsonScanner {
  /** The next character. */
  at = 0;
  /** Levels of the value that was passed last; 0 for a text or number. */
  levels = 0;
  /** About how many values it holds (never fewer), itself included. */
  values = 0;
  /** It has a name that no value before it had, and there are `mostNames` already. */
  hasOneNameTooMany = false;
  /** Hashes of the names of properties. */
  private readonly names = new Set<number>();

  /** @param mostNames so many different names may the text have; what one object costs to parse grows with them */
  constructor(
    readonly text: string,
    private readonly mostNames = Infinity,
  ) {}

  /** The next character that is no white space, or NaN at the end. */
  peek(): number {
    while (isSpace(this.text.charCodeAt(this.at))) this.at++;
    return this.text.charCodeAt(this.at);
  }

  /**
   * Passes over a value: behind its closing bracket, else up to the comma or bracket behind it, or to `end`. False when brackets or a text stay open.
   * @param end place in the text
   */
  passValue(end = this.text.length): boolean {
    const { text } = this;
    let depth = 0;
    this.levels = 0;
    this.values = 1;
    this.hasOneNameTooMany = false;
    for (; this.at < end; this.at++) {
      const code = text.charCodeAt(this.at);
      if (code === QUOTE) {
        if (!this.passText(end)) return false;
      } else if (code === OPEN_LIST || code === OPEN_OBJECT) {
        this.values++;
        if (++depth > this.levels) this.levels = depth;
      } else if (code === CLOSE_LIST || code === CLOSE_OBJECT) {
        if (depth === 0) return true;
        if (--depth === 0) {
          this.at++;
          return true;
        }
      } else if (code === COMMA) {
        if (depth === 0) return true;
        this.values++;
      }
    }
    return depth === 0;
  }

  /** Passes over `"name":`; false where there is none. */
  passName(): boolean {
    if (this.peek() !== QUOTE || !this.passText(this.text.length) || this.text.charCodeAt(this.at) !== COLON)
      return false;
    this.at++;
    return true;
  }

  /** From a quotation mark to the last character that belongs to the text, or to a name with its colon. */
  private passText(end: number): boolean {
    const { text } = this;
    let hash = 0x811c9dc5;
    for (this.at++; this.at < end; this.at++) {
      const code = text.charCodeAt(this.at);
      if (code === QUOTE) {
        while (isSpace(text.charCodeAt(this.at + 1))) this.at++;
        if (text.charCodeAt(this.at + 1) === COLON) {
          this.at++;
          this.noteName(hash);
        }
        return true;
      }
      hash = Math.imul(hash ^ code, 0x01000193);
      if (code === BACKSLASH) this.at++;
    }
    return false;
  }

  private noteName(hash: number): void {
    if (this.names.size < this.mostNames) this.names.add(hash);
    else if (!this.names.has(hash)) this.hasOneNameTooMany = true;
  }
}

/** Whether a JSON text nests deeper than `MOST_LEVELS`. */
export function isTooDeep(json: string): boolean {
  const scanner = new JsonScanner(json, 0);
  scanner.passValue();
  return scanner.levels > MOST_LEVELS;
}

function isSpace(code: number): boolean {
  return code === 0x20 || code === 0x0a || code === 0x0d || code === 0x09;
}
