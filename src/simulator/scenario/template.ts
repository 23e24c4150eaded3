import type { JsonObject } from "../../json";
import { type Expression, readExpression, unescape } from "./template-expression";
import { listOf } from "./template-filters";
import { isTrue, printed } from "./template-values";

const TAG = /\{#.*?#\}|\{\{-?(.*?)-?\}\}|\{%-?(.*?)-?%\}/gs;
const SEPARATED = /^\s*customers\s+separated\s+by\s+(?:'((?:[^'\\]|\\.)*)'|"((?:[^"\\]|\\.)*)")\s*$/s;

/** Why a template has no text: it says `{% abort %}`, so nothing is sent to this customer. */
export class AbortedError extends Error {}

/**
 * Renders a template as Bloomreach's Jinja does, as far as webhooks and messages with a code need it: expressions
 * (`template-expression.ts`), `{% if %}`, `{% elif %}`, `{% else %}`, `{% for %}`, `{% set %}`, comments, and Bloomreach's `{% abort %}`. As in Jinja
 * nothing is escaped, what is missing is empty, `null` is `None` and `true` is `True`.
 * @throws AbortedError at a `{% abort %}`; an Error with a sentence for anything else
 */
export function renderTemplate(template: string, context: JsonObject): string {
  return render(new TemplateReader(template).whole(), { ...context });
}

/**
 * Renders a Root template: `{% output customers separated by ',' %}` becomes the rendered customers, which are also the list
 * `customers` (documentation.bloomreach.com/engagement/docs/batch-webhook-settings). Throws a sentence when they are not in it.
 */
export function renderRoot(template: string, customers: readonly string[]): string {
  if (!/\{[{%][^}]*\bcustomers\b/.test(template))
    throw new Error("The Root template needs the tag {% output customers separated by ',' %}.");
  return renderTemplate(template, { customers: [...customers] });
}

type Block =
  | { readonly kind: "text"; readonly text: string }
  | { readonly kind: "print"; readonly value: Expression }
  | { readonly kind: "set"; readonly name: string; readonly value: Expression }
  | {
      readonly kind: "if";
      readonly branches: readonly { readonly when: Expression; readonly then: readonly Block[] }[];
    }
  | { readonly kind: "for"; readonly name: string; readonly list: Expression; readonly body: readonly Block[] }
  | { readonly kind: "output"; readonly separator: string }
  | { readonly kind: "abort" };

/** A piece of a template: text, `{{ … }}` or `{% word … %}`. */
interface TemplatePiece {
  readonly source: string;
  readonly text?: string;
  readonly expression?: string;
  readonly word?: string;
  readonly rest?: string;
}

class TemplateReader {
  private readonly pieces: TemplatePiece[];
  private at = 0;

  constructor(template: string) {
    this.pieces = piecesOf(template);
  }

  whole(): Block[] {
    const blocks = this.until([]);
    const piece = this.pieces[this.at];
    return piece ? cannotRead(piece) : blocks;
  }

  /** Blocks up to a statement with one of these words, or to the end. */
  private until(words: readonly string[]): Block[] {
    const blocks: Block[] = [];
    for (let piece = this.pieces[this.at]; piece; piece = this.pieces[this.at]) {
      if (piece.word !== undefined && (words.includes(piece.word) || /^(el(se|if)|end\w+)$/.test(piece.word))) break;
      this.at++;
      blocks.push(this.block(piece));
    }
    return blocks;
  }

  private block(piece: TemplatePiece): Block {
    const { text, expression, word, rest = "" } = piece;
    if (text !== undefined) return { kind: "text", text };
    if (expression !== undefined) return { kind: "print", value: readExpression(expression) };
    switch (word) {
      case "if":
        return this.readIf(piece);
      case "for":
        return this.readFor(piece);
      case "set": {
        const [, name, value] = /^\s*([A-Za-z_]\w*)\s*=(?!=)(.*)$/s.exec(rest) ?? cannotRead(piece);
        return { kind: "set", name: name!, value: readExpression(value!) };
      }
      case "output": {
        const [, single, double] = SEPARATED.exec(rest) ?? cannotRead(piece);
        return { kind: "output", separator: unescape(single ?? double ?? "") };
      }
      case "abort":
        return { kind: "abort" };
      default:
        return cannotRead(piece);
    }
  }

  private readIf(start: TemplatePiece): Block {
    const branches: { when: Expression; then: Block[] }[] = [];
    let when = readExpression(start.rest ?? "");
    for (;;) {
      const then = this.until(["elif", "else", "endif"]);
      branches.push({ when, then });
      const piece = this.pieces[this.at++] ?? without(start, "endif");
      if (piece.word === "elif") when = readExpression(piece.rest ?? "");
      else if (piece.word === "else") {
        branches.push({ when: () => true, then: this.until(["endif"]) });
        this.end(start, "endif");
        return { kind: "if", branches };
      } else if (piece.word === "endif") return { kind: "if", branches };
      else cannotRead(piece);
    }
  }

  private readFor(start: TemplatePiece): Block {
    const [, name, list] = /^\s*([A-Za-z_]\w*)\s+in\s(.*)$/s.exec(start.rest ?? "") ?? cannotRead(start);
    const body = this.until(["endfor"]);
    this.end(start, "endfor");
    return { kind: "for", name: name!, list: readExpression(list!), body };
  }

  private end(start: TemplatePiece, word: string): void {
    const piece = this.pieces[this.at++] ?? without(start, word);
    if (piece.word !== word) cannotRead(piece);
  }
}

/** A minus sign in a tag takes the white space beside it away, and a last line break is none, as in Jinja. */
function piecesOf(template: string): TemplatePiece[] {
  const whole = template.replace(/\r?\n$/, "");
  const pieces: TemplatePiece[] = [];
  let end = 0;
  let trimStart = false;
  const addText = (text: string, trimEnd: boolean): void => {
    const started = trimStart ? text.trimStart() : text;
    pieces.push({ source: text, text: trimEnd ? started.trimEnd() : started });
  };
  for (const tag of whole.matchAll(TAG)) {
    const [source, expression, statement] = tag;
    addText(whole.slice(end, tag.index), /^\{[{%]-/.test(source));
    trimStart = /-[}%]\}$/.test(source);
    end = tag.index + source.length;
    if (expression !== undefined) pieces.push({ source, expression });
    else if (statement !== undefined) {
      const [, word = "", rest = ""] = /^\s*(\w*)(.*)$/s.exec(statement) ?? [];
      pieces.push({ source, word, rest });
    }
  }
  addText(whole.slice(end), false);
  return pieces;
}

function render(blocks: readonly Block[], context: JsonObject): string {
  return blocks.map((block) => renderBlock(block, context)).join("");
}

function renderBlock(block: Block, context: JsonObject): string {
  switch (block.kind) {
    case "text":
      return block.text;
    case "print":
      return printed(block.value(context));
    case "set": {
      const value = block.value(context);
      if (value === undefined) delete context[block.name];
      else context[block.name] = value;
      return "";
    }
    case "if":
      return render(block.branches.find(({ when }) => isTrue(when(context)))?.then ?? [], context);
    case "for": {
      const items = listOf(block.list(context));
      return items
        .map((item, index) => {
          const loop = {
            index: index + 1,
            index0: index,
            first: index === 0,
            last: index === items.length - 1,
            length: items.length,
          };
          return render(block.body, { ...context, [block.name]: item, loop });
        })
        .join("");
    }
    case "output":
      return listOf(context.customers).map(printed).join(block.separator);
    case "abort":
      throw new AbortedError("The template says {% abort %} for this customer.");
  }
}

function cannotRead({ source }: TemplatePiece): never {
  throw new Error(
    `The simulator cannot read ${source.trim()} in a template: it knows if, elif, else, endif, for, endfor, set and abort.`,
  );
}

function without({ source }: TemplatePiece, end: string): never {
  throw new Error(`The template has ${source} without its {% ${end} %}.`);
}
