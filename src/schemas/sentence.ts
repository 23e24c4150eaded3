import type { ErrorObject } from "ajv";

/** More than these would hide the sentence that helps. */
const MOST_SENTENCES = 3;

const TYPE_NAMES: Readonly<Record<string, string>> = {
  string: "text",
  number: "a number",
  integer: "a whole number",
  boolean: "true or false",
  object: "an object",
  array: "a list",
  null: "null",
};

/**
 * Turns Ajv's errors into plain sentences such as "`address.city` must be text.": at most three, each once, then how
 * many more there are. They name fields and what the schema allows, never the value that came.
 */
export function explainErrors(errors: readonly ErrorObject[]): string {
  const sentences = [...new Set(errors.map(explainError))];
  const more = sentences.length - MOST_SENTENCES;
  return sentences.slice(0, MOST_SENTENCES).join(" ") + (more > 0 ? ` And ${more} more.` : "");
}

function explainError(error: ErrorObject): string {
  const params = error.params as Readonly<Record<string, unknown>>;
  const path = error.instancePath.split("/").slice(1).map(unescapePointer);
  const field = nameOf(path);
  const fallback = `${field} ${error.message ?? "is not allowed"}.`;
  switch (error.keyword) {
    case "type":
      return `${field} must be ${typeNames(params.type)}.`;
    case "required":
      return `${nameOf([...path, String(params.missingProperty)])} is missing.`;
    case "additionalProperties":
      return `${nameOf([...path, String(params.additionalProperty)])} is not a known field.`;
    case "enum":
      return `${field} must be one of ${(params.allowedValues as unknown[]).map(String).join(", ")}.`;
    case "minLength":
    case "minProperties":
    case "minItems":
      return params.limit === 1 ? `${field} must not be empty.` : fallback;
    case "format":
      return `${field} must be a ${String(params.format)} such as 2024-05-31.`;
    default:
      return fallback;
  }
}

function unescapePointer(part: string): string {
  return part.replaceAll("~1", "/").replaceAll("~0", "~");
}

function nameOf(path: readonly string[]): string {
  return path.length === 0 ? "The value" : `\`${path.join(".")}\``;
}

/** "text or a list". `null` is left out where it is only one of the choices: nobody has to be told to send it. */
function typeNames(type: unknown): string {
  const types = Array.isArray(type) ? type.map(String) : String(type).split(",");
  const told = types.length > 1 ? types.filter((name) => name !== "null") : types;
  return told.map((name) => TYPE_NAMES[name] ?? name).join(" or ");
}
