import type { JsonValue } from "../../json";
import { isTrue, printed, pythonJson, type TemplateValue } from "./template-values";

/** A filter: the value before the pipe symbol, then what stands in its brackets. */
type Filter = (value: TemplateValue, ...args: TemplateValue[]) => TemplateValue;

const length: Filter = (value) => {
  if (value === null || typeof value === "number" || typeof value === "boolean")
    throw new Error("The template asks for the length of what is neither a text nor a list.");
  return typeof value === "string" ? [...value].length : Object.keys(value ?? {}).length;
};
const orDefault: Filter = (value, instead = "", alsoFalse = false) =>
  value === undefined || (isTrue(alsoFalse) && !isTrue(value)) ? instead : value;

/**
 * The filters that templates with codes and customers need: Jinja's own (jinja.palletsprojects.com/templates), and `json` and
 * `from_json` of Bloomreach (documentation.bloomreach.com/engagement/docs/flexible-operators, batch-webhook-settings).
 */
export const FILTERS: ReadonlyMap<string, Filter> = new Map<string, Filter>([
  ["string", printed],
  ["json", (value) => pythonJson(present(value, "json"))],
  [
    "tojson",
    (value) =>
      pythonJson(present(value, "tojson")).replace(/[<>&']/g, (sign) => `\\u00${sign.charCodeAt(0).toString(16)}`),
  ],
  ["from_json", (value) => JSON.parse(printed(value)) as JsonValue],
  ["default", orDefault],
  ["d", orDefault],
  ["replace", (value, old, by) => printed(value).replaceAll(printed(old), () => printed(by))],
  ["length", length],
  ["count", length],
  ["join", (value, separator) => listOf(value).map(printed).join(printed(separator))],
  ["first", (value) => listOf(value)[0]],
  ["last", (value) => listOf(value).at(-1)],
  ["upper", (value) => printed(value).toUpperCase()],
  ["lower", (value) => printed(value).toLowerCase()],
  ["trim", (value) => printed(value).trim()],
  [
    "int",
    (value, instead = 0) => {
      const text = printed(typeof value === "boolean" ? Number(value) : present(value, "int")).trim();
      return text !== "" && Number.isFinite(Number(text)) ? Math.trunc(Number(text)) : instead;
    },
  ],
]);

/** What Jinja loops over: the items of a list, the characters of a text, the keys of an object. */
export function listOf(value: TemplateValue): readonly JsonValue[] {
  if (Array.isArray(value)) return value;
  if (typeof value === "string") return [...value];
  return typeof value === "object" && value !== null ? Object.keys(value) : [];
}

/** What Python does not do with what is missing: such a template is not rendered. */
function present(value: TemplateValue, filter: string): JsonValue {
  if (value !== undefined) return value;
  throw new Error(`"| ${filter}" needs a value, and it is missing: put "| string" or "| default('')" before.`);
}
