import type { JsonValue } from "../../json";

/** What an expression of a template stands for; undefined is Jinja's "nothing there". */
export type TemplateValue = JsonValue | undefined;

/** How Jinja prints a value: text as it is, nothing for what is missing, the rest as Python writes it. */
export function printed(value: TemplateValue): string {
  return value === undefined ? "" : typeof value === "string" ? value : pythonText(value);
}

/** As Python: nothing, 0, an empty text and an empty list are false. */
export function isTrue(value: TemplateValue): boolean {
  return typeof value === "object" && value !== null ? Object.keys(value).length > 0 : Boolean(value);
}

/** A value as Python's `repr` writes it. */
function pythonText(value: JsonValue): string {
  if (value === null) return "None";
  if (typeof value === "boolean") return value ? "True" : "False";
  if (typeof value === "number") return String(value);
  if (typeof value === "string") return pythonString(value);
  if (Array.isArray(value)) return `[${value.map(pythonText).join(", ")}]`;
  return `{${Object.entries(value)
    .map(([key, item]) => `${pythonString(key)}: ${pythonText(item)}`)
    .join(", ")}}`;
}

const PYTHON_ESCAPES: Readonly<Record<string, string>> = { "\n": "\\n", "\r": "\\r", "\t": "\\t", "\\": "\\\\" };

function pythonString(text: string): string {
  const quote = text.includes("'") && !text.includes('"') ? '"' : "'";
  const escaped = text.replace(/[\\\p{C}\p{Z}]/gu, (character) => PYTHON_ESCAPES[character] ?? pythonEscape(character));
  return quote + (quote === "'" ? escaped.replaceAll("'", "\\'") : escaped) + quote;
}

function pythonEscape(character: string): string {
  const code = character.codePointAt(0) ?? 0;
  if (code === 0x20) return character;
  const hex = code.toString(16);
  if (code < 0x100) return `\\x${hex.padStart(2, "0")}`;
  return code < 0x10000 ? `\\u${hex.padStart(4, "0")}` : `\\U${hex.padStart(8, "0")}`;
}

/** A value as Python's `json.dumps` writes it: a space behind commas and colons, everything but ASCII escaped. */
export function pythonJson(value: JsonValue): string {
  if (typeof value === "string")
    return JSON.stringify(value).replace(
      /[\u007f-\uffff]/g,
      (unit) => `\\u${unit.charCodeAt(0).toString(16).padStart(4, "0")}`,
    );
  if (typeof value !== "object" || value === null) return JSON.stringify(value);
  if (Array.isArray(value)) return `[${value.map(pythonJson).join(", ")}]`;
  return `{${Object.entries(value)
    .map(([key, item]) => `${pythonJson(key)}: ${pythonJson(item)}`)
    .join(", ")}}`;
}
