import { isJsonObject, type JsonObject, type JsonValue } from "../json";

const VALUE = /\{\{(.*?)\}\}/gs;
const OUTPUT = /\{%-?\s*output\s+customers\s+separated\s+by\s+(?:'((?:[^'\\]|\\.)*)'|"((?:[^"\\]|\\.)*)")\s*-?%\}/gs;
const NAME = /^\s*([A-Za-z_]\w*)/;
const STEP = /^\s*(?:\.\s*([A-Za-z_]\w*)|\[\s*(?:'((?:[^'\\]|\\.)*)'|"((?:[^"\\]|\\.)*)")\s*\])/s;

/**
 * Renders a Customer template as Bloomreach's Jinja does, as far as webhooks need it: `{{ customer_ids.registered }}`
 * and `{{ customer['first name'] }}`. As in Jinja nothing is escaped, what is missing is empty, `null` is `None` and
 * `true` is `True`. Throws a sentence for anything else.
 */
export function renderTemplate(template: string, context: JsonObject): string {
  const text = template.replace(VALUE, (_tag, expression: string) => jinjaText(lookUp(expression, context)));
  if (/\{%/.test(template)) throw new Error("The simulator knows {{ ... }} in a Customer template, but no {% ... %}.");
  return text;
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
  if (!start || rest.trim() !== "") throw new Error(`The simulator cannot read {{${expression}}} in the template.`);
  return value;
}

function member(value: JsonValue | undefined, name: string): JsonValue | undefined {
  return isJsonObject(value) && Object.hasOwn(value, name) ? value[name] : undefined;
}

function jinjaText(value: JsonValue | undefined): string {
  return value === undefined ? "" : typeof value === "string" ? value : pythonText(value);
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
