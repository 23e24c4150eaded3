import { isJsonObject, type JsonObject, type JsonValue } from "../json";

const TAG = /\{\{(.*?)\}\}|\{%-?(.*?)-?%\}/gs;
const OUTPUT = /\{%-?\s*output\s+customers\s+separated\s+by\s+(?:'((?:[^'\\]|\\.)*)'|"((?:[^"\\]|\\.)*)")\s*-?%\}/gs;
const NAME = /^\s*([A-Za-z_]\w*)/;
const STEP = /^\s*(?:\.\s*([A-Za-z_]\w*)|\[\s*(?:'((?:[^'\\]|\\.)*)'|"((?:[^"\\]|\\.)*)")\s*\])/s;

/** Why a template has no text: it says `{% abort %}`, so nothing is sent to this customer. */
export class AbortedError extends Error {}

/**
 * Renders a template as Bloomreach's Jinja does, as far as webhooks and messages with a code need it:
 * `{{ customer_ids.registered }}`, `{{ customer['first name'] }}`, `{% if ... %}`, `{% else %}`, `{% endif %}` and
 * `{% abort %}`. As in Jinja nothing is escaped, what is missing is empty, `null` is `None` and `true` is `True`.
 * @throws AbortedError at a `{% abort %}`; an Error with a sentence for anything else
 */
export function renderTemplate(template: string, context: JsonObject): string {
  /** Whether each `if` around a place shows its text there. */
  const shown: boolean[] = [];
  const isShown = (): boolean => !shown.includes(false);
  let text = "";
  let end = 0;
  for (const tag of template.matchAll(TAG)) {
    if (isShown()) text += template.slice(end, tag.index);
    end = tag.index + tag[0].length;
    if (tag[1] !== undefined) {
      const value = jinjaText(lookUp(tag[1], context));
      if (isShown()) text += value;
      continue;
    }
    const [, word = "", expression = ""] = /^\s*(\w*)(.*)$/s.exec(tag[2] ?? "") ?? [];
    if (word === "if") shown.push(isTrue(lookUp(expression, context)));
    else if (word === "else" && shown.length > 0) shown.push(!shown.pop());
    else if (word === "endif" && shown.length > 0) shown.pop();
    else if (word !== "abort")
      throw new Error(`The simulator cannot read ${tag[0]} in a template: it knows if, else, endif and abort.`);
    else if (isShown()) throw new AbortedError("The template says {% abort %} for this customer.");
  }
  if (shown.length > 0) throw new Error("The template has an {% if ... %} without its {% endif %}.");
  return text + template.slice(end);
}

/**
 * Renders a Root template: `{% output customers separated by ',' %}` becomes the rendered customers
 * (documentation.bloomreach.com/engagement/docs/batch-webhook-settings). Throws a sentence when the tag is missing.
 */
export function renderRoot(template: string, customers: readonly string[]): string {
  let found = false;
  const text = template.replace(OUTPUT, (_tag, single?: string, double?: string) => {
    found = true;
    return customers.join(unescape(single ?? double ?? ""));
  });
  if (!found) throw new Error("The Root template needs the tag {% output customers separated by ',' %}.");
  return text;
}

function lookUp(expression: string, context: JsonObject): JsonValue | undefined {
  const start = NAME.exec(expression);
  let value = start ? member(context, start[1] as string) : undefined;
  let rest = start ? expression.slice(start[0].length) : expression;
  for (let step = STEP.exec(rest); step; step = STEP.exec(rest)) {
    value = member(value, step[1] ?? unescape(step[2] ?? step[3] ?? ""));
    rest = rest.slice(step[0].length);
  }
  if (!start || rest.trim() !== "")
    throw new Error(`The simulator cannot read "${expression.trim()}" in the template.`);
  return value;
}

function member(value: JsonValue | undefined, name: string): JsonValue | undefined {
  return isJsonObject(value) && Object.hasOwn(value, name) ? value[name] : undefined;
}

function jinjaText(value: JsonValue | undefined): string {
  return value === undefined ? "" : typeof value === "string" ? value : pythonText(value);
}

/** As Python: nothing, 0, an empty text and an empty list are false. */
function isTrue(value: JsonValue | undefined): boolean {
  return typeof value === "object" && value !== null ? Object.keys(value).length > 0 : Boolean(value);
}

/** A value as Python prints it. */
function pythonText(value: JsonValue): string {
  if (value === null) return "None";
  if (typeof value === "boolean") return value ? "True" : "False";
  if (typeof value === "number") return String(value);
  if (typeof value === "string") return `'${value.replace(/[\\']/g, "\\$&")}'`;
  if (Array.isArray(value)) return `[${value.map(pythonText).join(", ")}]`;
  return `{${Object.entries(value)
    .map(([key, item]) => `${pythonText(key)}: ${pythonText(item)}`)
    .join(", ")}}`;
}

const ESCAPES: Readonly<Record<string, string>> = { n: "\n", t: "\t", r: "\r" };

function unescape(text: string): string {
  return text.replace(/\\(.)/gs, (_pair, character: string) => ESCAPES[character] ?? character);
}
