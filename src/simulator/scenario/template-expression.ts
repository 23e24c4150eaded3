import { isJsonObject, type JsonObject } from "../../json";
import { FILTERS, listOf } from "./template-filters";
import { isTrue, printed, type TemplateValue } from "./template-values";

/** An expression that was read: gives its value for what a template is rendered with. */
export type Expression = (context: JsonObject) => TemplateValue;

type Token = { readonly kind: "text" | "number" | "name" | "sign" | "end"; readonly text: string };

const TOKEN =
  /\s*(?:("(?:[^"\\]|\\.)*"|'(?:[^'\\]|\\.)*')|(\d+(?:\.\d+)?)|([A-Za-z_]\w*)|(==|!=|<=|>=|\/\/|[-+*/%~|.,()[\]<>]))/sy;
const LITERALS: ReadonlyMap<string, TemplateValue> = new Map<string, TemplateValue>(
  [["true", true] as const, ["false", false] as const, ["none", null] as const].flatMap(([name, value]) => [
    [name, value] as const,
    [name[0]!.toUpperCase() + name.slice(1), value] as const,
  ]),
);
/** Methods of a Python dict: after a dot Jinja finds them before it looks for a key, in brackets where there is no such key. */
const DICT_METHODS: ReadonlySet<string> = new Set(
  "clear copy fromkeys get items keys pop popitem setdefault update values".split(" "),
);
const TESTS: ReadonlyMap<string, (value: TemplateValue) => boolean> = new Map<
  string,
  (value: TemplateValue) => boolean
>([
  ["defined", (value) => value !== undefined],
  ["undefined", (value) => value === undefined],
  ["none", (value) => value === null],
  ["string", (value) => typeof value === "string"],
  ["number", (value) => typeof value === "number"],
]);

/**
 * Reads an expression as Jinja does (jinja.palletsprojects.com/templates/#expressions): names, literals, lists, keys, filters,
 * tests, calculation, comparison, `and`, `or`, `not`, `a if b else c`. No calls.
 * @throws Error with a sentence that quotes what the simulator cannot read
 */
export function readExpression(text: string): Expression {
  const reader = new ExpressionReader(text);
  return reader.whole();
}

class ExpressionReader {
  private readonly tokens: Token[] = [];
  private at = 0;

  constructor(private readonly text: string) {
    const source = text.trim();
    for (TOKEN.lastIndex = 0; TOKEN.lastIndex < source.length;) {
      const [, string, number, name, sign] = TOKEN.exec(source) ?? this.fail();
      if (string !== undefined) this.tokens.push({ kind: "text", text: unescape(string.slice(1, -1)) });
      else if (number !== undefined) this.tokens.push({ kind: "number", text: number });
      else if (name !== undefined) this.tokens.push({ kind: "name", text: name });
      else this.tokens.push({ kind: "sign", text: sign! });
    }
  }

  whole(): Expression {
    const expression = this.choice();
    return this.at === this.tokens.length ? expression : this.fail();
  }

  private choice(): Expression {
    const value = this.or();
    if (!this.takeName("if")) return value;
    const condition = this.or();
    const otherwise: Expression = this.takeName("else") ? this.choice() : () => undefined;
    return (context) => (isTrue(condition(context)) ? value(context) : otherwise(context));
  }

  private or(): Expression {
    const left = this.and();
    if (!this.takeName("or")) return left;
    const right = this.or();
    return (context) => (isTrue(left(context)) ? left(context) : right(context));
  }

  private and(): Expression {
    const left = this.not();
    if (!this.takeName("and")) return left;
    const right = this.and();
    return (context) => (isTrue(left(context)) ? right(context) : left(context));
  }

  private not(): Expression {
    if (!this.takeName("not")) return this.comparison();
    const value = this.not();
    return (context) => !isTrue(value(context));
  }

  private comparison(): Expression {
    const left = this.binary(0);
    const negated = this.peek().text === "not" && this.peek(1).text === "in";
    if (negated) this.at++;
    if (this.takeName("in")) {
      const right = this.binary(0);
      return (context) => isIn(left(context), right(context)) !== negated;
    }
    const sign = ["==", "!=", "<=", ">=", "<", ">"].find((one) => this.takeSign(one));
    if (sign === undefined) return left;
    const right = this.binary(0);
    return (context) => compare(sign, left(context), right(context));
  }

  /** `+` and `-`, then `~`, then the rest: the later, the tighter. */
  private binary(level: number): Expression {
    const signs = [["+", "-"], ["~"], ["*", "//", "/", "%"]][level];
    if (!signs) return this.unary();
    let left = this.binary(level + 1);
    for (let sign = this.takeOneOf(signs); sign !== undefined; sign = this.takeOneOf(signs)) {
      const [before, by, right] = [left, sign, this.binary(level + 1)];
      left = (context) => calculate(by, before(context), right(context));
    }
    return left;
  }

  private unary(): Expression {
    if (!this.takeSign("-")) return this.filtered(this.primary());
    const value = this.unary();
    return (context) => calculate("-", 0, value(context));
  }

  private primary(): Expression {
    const { kind, text } = this.next();
    if (kind === "text") return () => text;
    if (kind === "number") return () => Number(text);
    if (kind === "name" && LITERALS.has(text)) return () => LITERALS.get(text);
    if (kind === "name") return (context) => member(context, text);
    if (text === "(") {
      const inner = this.choice();
      this.expect(")");
      return inner;
    }
    if (text !== "[") return this.fail();
    const items = this.list("]");
    return (context) => items.map((item) => item(context) ?? null);
  }

  /** What follows a value: keys, filters and tests. */
  private filtered(value: Expression): Expression {
    let result = value;
    for (;;) {
      const before = result;
      if (this.takeSign(".")) {
        const name = this.next("name").text;
        result = (context) => methodOf(before(context), name) ?? member(before(context), name);
      } else if (this.takeSign("[")) {
        const key = this.choice();
        this.expect("]");
        result = (context) => {
          const found = member(before(context), key(context));
          return found === undefined ? methodOf(before(context), key(context)) : found;
        };
      } else if (this.takeSign("|")) {
        const name = this.next("name").text;
        const filter = FILTERS.get(name) ?? this.fail();
        const args = this.takeSign("(") ? this.list(")") : [];
        result = (context) => filter(before(context), ...args.map((arg) => arg(context)));
      } else if (this.takeName("is")) {
        const negated = this.takeName("not");
        const test = TESTS.get(this.next("name").text) ?? this.fail();
        result = (context) => test(before(context)) !== negated;
      } else return result;
    }
  }

  private list(end: string): Expression[] {
    const items: Expression[] = [];
    while (!this.takeSign(end)) {
      if (items.length > 0) this.expect(",");
      items.push(this.choice());
    }
    return items;
  }

  private peek(ahead = 0): Token {
    return this.tokens[this.at + ahead] ?? { kind: "end", text: "" };
  }

  private next(kind?: Token["kind"]): Token {
    const token = this.peek();
    this.at++;
    return kind === undefined || token.kind === kind ? token : this.fail();
  }

  private takeName(name: string): boolean {
    return this.take("name", name);
  }

  private takeSign(sign: string): boolean {
    return this.take("sign", sign);
  }

  private takeOneOf(signs: readonly string[]): string | undefined {
    return signs.find((sign) => this.takeSign(sign));
  }

  private take(kind: Token["kind"], text: string): boolean {
    const token = this.peek();
    if (token.kind !== kind || token.text !== text) return false;
    this.at++;
    return true;
  }

  private expect(sign: string): void {
    if (!this.takeSign(sign)) this.fail();
  }

  private fail(): never {
    throw new Error(`The simulator cannot read "${this.text.trim()}" in the template.`);
  }
}

function member(value: TemplateValue, key: TemplateValue): TemplateValue {
  if (Array.isArray(value)) return typeof key === "number" ? value.at(key) : undefined;
  return isJsonObject(value) && typeof key === "string" && Object.hasOwn(value, key) ? value[key] : undefined;
}

function methodOf(value: TemplateValue, name: TemplateValue): string | undefined {
  if (!isJsonObject(value) || typeof name !== "string" || !DICT_METHODS.has(name)) return undefined;
  return `<built-in method ${name} of dict object>`;
}

function isIn(item: TemplateValue, container: TemplateValue): boolean {
  if (typeof container === "string") return container.includes(printed(item));
  return listOf(container).some((one) => isEqual(one, item));
}

function compare(sign: string, left: TemplateValue, right: TemplateValue): boolean {
  if (sign === "==") return isEqual(left, right);
  if (sign === "!=") return !isEqual(left, right);
  if (
    !(typeof left === "number" && typeof right === "number") &&
    !(typeof left === "string" && typeof right === "string")
  )
    throw new Error(`The template compares (${sign}) what cannot be compared.`);
  return sign === "<" ? left < right : sign === ">" ? left > right : sign === "<=" ? left <= right : left >= right;
}

/** As Python, where true is 1 and false is 0. */
function isEqual(left: TemplateValue, right: TemplateValue): boolean {
  return JSON.stringify(asNumber(left)) === JSON.stringify(asNumber(right));
}

function asNumber(value: TemplateValue): TemplateValue {
  return typeof value === "boolean" ? Number(value) : value;
}

function calculate(sign: string, first: TemplateValue, second: TemplateValue): TemplateValue {
  if (sign === "~") return printed(first) + printed(second);
  if (sign === "+" && typeof first === "string" && typeof second === "string") return first + second;
  const [left, right] = [asNumber(first), asNumber(second)];
  if (typeof left !== "number" || typeof right !== "number")
    throw new Error(`The template calculates (${sign}) with what is no number.`);
  switch (sign) {
    case "+":
      return left + right;
    case "-":
      return left - right;
    case "*":
      return left * right;
    case "/":
      return left / right;
    case "//":
      return Math.floor(left / right);
    default:
      return left - right * Math.floor(left / right);
  }
}

const ESCAPES: Readonly<Record<string, string>> = { n: "\n", t: "\t", r: "\r" };

/** The text that a quoted one in a template stands for. */
export function unescape(text: string): string {
  return text.replace(/\\(.)/gs, (_pair, character: string) => ESCAPES[character] ?? character);
}
