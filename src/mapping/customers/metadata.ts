import { isJsonObject, type JsonObject, type JsonValue } from "../../json";
import type { CustomerMetadataSchema, MetadataProperty } from "../../schemas/voucherify";
import { type EmptyValues, presence } from "../values/presence";
import { SCALARS } from "../values/coerce";
import { brokenLimit } from "../values/limits";
import { mustBe, type Omissions } from "../values/omissions";
import { readPython } from "../values/python-text";

const ROOT = "metadata";

/**
 * Keeps of a customer's metadata what Voucherify has defined, each value in its defined type
 * (docs.voucherify.io/prepare/metadata); everything else is noted as an omission. A list is kept whole or not at all,
 * its empty items left out; a single value where a list is defined becomes a list of one; lists and objects may come as
 * text, in JSON or as Jinja prints them. Required keys that are missing are not invented.
 * @returns what to send, perhaps empty, and the keys that the schema does not know (`tier`, `payment.foo`)
 */
export function mapMetadata(
  metadata: JsonObject,
  schema: CustomerMetadataSchema,
  emptyValues: EmptyValues,
  omissions: Omissions,
): { values: JsonObject; undefinedKeys: string[] } {
  const walk = new MetadataWalk(schema.nested, emptyValues, omissions);
  const values = walk.object(metadata, schema.properties, ROOT);
  return { values, undefinedKeys: [...walk.undefinedKeys] };
}

/** Maps the keys of one object, and those of its nested objects with a walk of their own. */
class MetadataWalk {
  constructor(
    /** Schemas for nested objects; `undefined` inside one, because Voucherify nests one level deep. */
    private readonly nested: CustomerMetadataSchema["nested"] | undefined,
    private readonly emptyValues: EmptyValues,
    private readonly omissions: Omissions,
    readonly undefinedKeys = new Set<string>(),
  ) {}

  object(values: JsonObject, properties: Record<string, MetadataProperty>, path: string): JsonObject {
    const kept: [string, JsonValue][] = [];
    for (const [key, value] of Object.entries(values)) {
      const mapped = this.entry(value, Object.hasOwn(properties, key) ? properties[key] : undefined, `${path}.${key}`);
      if (mapped !== undefined) kept.push([key, mapped]);
    }
    // Not by assignment: a key `__proto__` would change the object instead of being in it.
    return Object.fromEntries(kept);
  }

  private entry(value: JsonValue, property: MetadataProperty | undefined, path: string): JsonValue | undefined {
    if (!property || property.deleted === true) {
      // A template may list keys that only some customers have: where there is no value, none is left out.
      if (presence(value, "keep") !== "value") return undefined;
      return this.undefinedKey(path, "is not defined in Voucherify: add it to the metadata schema there");
    }
    switch (presence(value, this.emptyValues)) {
      case "nothing":
        return undefined;
      case "null":
        return null;
      case "value":
        return property.array ? this.list(value, property, path) : this.single(value, property, path);
    }
  }

  private list(value: JsonValue, property: MetadataProperty, path: string): JsonValue | undefined {
    const given = parseText(value, "[", "]");
    if (given === undefined)
      return this.omit(path, `"${path}" must be a list in JSON form; its brackets hold no JSON.`);
    if (!Array.isArray(given)) {
      const only = this.single(given, property, path);
      return only === undefined ? undefined : [only];
    }
    const filled = [...given.entries()].filter(([, item]) => presence(item, "keep") === "value");
    if (filled.length === 0 && given.length > 0) return this.emptyValues === "clear" ? null : undefined;
    const kept: JsonValue[] = [];
    for (const [index, item] of filled) {
      const reading = this.read(item, property, path, `Item ${index + 1} of "${path}"`);
      if (!reading) return undefined;
      if (!isEmptyObject(reading.value)) kept.push(reading.value);
    }
    return filled.length > 0 && kept.length === 0 ? undefined : kept;
  }

  private single(value: JsonValue, property: MetadataProperty, path: string): JsonValue | undefined {
    const reading = this.read(value, property, path, `"${path}"`);
    return reading && !isEmptyObject(reading.value) ? reading.value : undefined;
  }

  /** One value of the defined type and within its limits, or `undefined` with the omission noted. */
  private read(
    value: JsonValue,
    property: MetadataProperty,
    path: string,
    name: string,
  ): { value: JsonValue } | undefined {
    if (property.type === "object") return this.readObject(value, property.objectType, path, name);
    const rule = SCALARS[property.type];
    const read = rule.read(value);
    if (read === undefined) return this.omit(path, mustBe(name, rule.expected, value));
    const limit = brokenLimit(read, property);
    return limit === undefined ? { value: read } : this.omit(path, `${name} must be ${limit}.`);
  }

  private readObject(
    value: JsonValue,
    objectType: string | null,
    path: string,
    name: string,
  ): { value: JsonObject } | undefined {
    if (!this.nested) return this.omit(path, `${name} is nested deeper than Voucherify allows (one level).`);
    const properties = objectType !== null && Object.hasOwn(this.nested, objectType) && this.nested[objectType];
    if (!properties) return this.undefinedKey(path, "is an object whose own schema is not defined in Voucherify");
    const given = parseText(value, "{", "}");
    if (!isJsonObject(given)) return this.omit(path, mustBe(name, "an object", value));
    const walk = new MetadataWalk(undefined, this.emptyValues, this.omissions, this.undefinedKeys);
    return { value: walk.object(given, properties, path) };
  }

  private undefinedKey(path: string, fault: string): undefined {
    this.undefinedKeys.add(path.slice(ROOT.length + 1));
    return this.omit(path, `"${path}" ${fault}.`);
  }

  private omit(path: string, reason: string): undefined {
    this.omissions.add(path, reason);
  }
}

function isEmptyObject(value: JsonValue): boolean {
  return isJsonObject(value) && Object.keys(value).length === 0;
}

/**
 * What is written in a text with these brackets, as JSON or as Jinja prints a list or an object; `undefined` when it is
 * neither; any other value as it is.
 */
export function parseText(value: JsonValue, open: string, close: string): JsonValue | undefined {
  const text = typeof value === "string" ? value.trim() : "";
  if (!text.startsWith(open) || !text.endsWith(close)) return value;
  try {
    return JSON.parse(text) as JsonValue;
  } catch {
    return readPython(text);
  }
}
