import { Ajv, type SchemaObject } from "ajv";
import { isCalendarDate } from "./calendar";
import { explainErrors } from "./sentence";

/** The value with its type, or a sentence for the user that names fields and never a value. */
export type Checked<T> = { readonly ok: true; readonly value: T } | { readonly ok: false; readonly sentence: string };

/** Checks a value from outside against the JSON Schema it was compiled from. Never throws, never changes the value. */
export type Check<T> = (value: unknown) => Checked<T>;

const ajv = new Ajv({ allErrors: true, strict: true, allowUnionTypes: true, formats: { date: isCalendarDate } });

/**
 * Compiles a JSON Schema once, when its module loads.
 * @throws Error when the schema itself is wrong (strict mode), which is a mistake in this package
 */
export function compile<T>(schema: SchemaObject): Check<T> {
  const validate = ajv.compile<T>(schema);
  return (value) =>
    validate(value) ? { ok: true, value } : { ok: false, sentence: explainErrors(validate.errors ?? []) };
}
