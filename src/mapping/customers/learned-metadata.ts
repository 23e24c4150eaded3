import { isJsonObject, type JsonObject, type JsonValue } from "../../json";
import type { MetadataType } from "../../schemas/voucherify";
import { mapMetadata, parseText } from "./metadata";
import { mustBe, type Omissions } from "../values/omissions";

/** What is known of a metadata key whose schema cannot be read. */
export type LearnedProperty =
  | { readonly kind: "undefined" }
  /** Without a type: only that it is a list. */
  | { readonly kind: "typed"; readonly type: MetadataType | undefined; readonly array: boolean };

/** What is known of the metadata of one kind of event. */
export interface LearnedMetadata {
  /** @param key `stars`, or `address.city` in an object */
  propertyOf(key: string): LearnedProperty | undefined;
  /** Why this value of a key is refused, in words without the value; undefined: nothing is known against it. */
  refusalOf(key: string, value: JsonValue): string | undefined;
}

/**
 * Gives metadata the types that were learned, as `mapMetadata` does where a schema can be read, and leaves out what is known not to fit;
 * keys of which nothing is known stay as they are.
 * @returns what to send, perhaps empty
 */
export function fitLearned(metadata: JsonObject, learned: LearnedMetadata, omissions: Omissions): JsonObject {
  return fitObject(metadata, "", learned, omissions);
}

/** @param prefix of the keys; Voucherify nests one level deep (docs.voucherify.io/prepare/metadata) */
function fitObject(values: JsonObject, prefix: string, learned: LearnedMetadata, omissions: Omissions): JsonObject {
  const kept: [string, JsonValue][] = [];
  for (const [key, value] of Object.entries(values)) {
    const name = prefix + key;
    const property = learned.propertyOf(name);
    let fitted = property ? fitValue(value, name, property, omissions) : value;
    if (fitted === undefined) continue;
    if (prefix === "") {
      const inner = (one: JsonValue): JsonValue =>
        isJsonObject(one) ? fitObject(one, `${name}.`, learned, omissions) : one;
      fitted = Array.isArray(fitted) ? fitted.map(inner) : inner(fitted);
    }
    const refusal = learned.refusalOf(name, fitted);
    if (refusal === undefined) kept.push([key, fitted]);
    else omissions.add(`metadata.${name}`, `"metadata.${name}" does not fit its definition in Voucherify: ${refusal}.`);
  }
  // Not by assignment: a key `__proto__` would change the object instead of being in it.
  return Object.fromEntries(kept);
}

function fitValue(
  value: JsonValue,
  name: string,
  property: LearnedProperty,
  omissions: Omissions,
): JsonValue | undefined {
  if (property.kind === "typed" && (property.type === undefined || property.type === "object"))
    return fitStructure(value, name, property, omissions);
  const definition =
    property.kind === "typed"
      ? { type: property.type!, array: property.array }
      : { type: "string" as const, array: false, deleted: true };
  const properties = { [name]: { ...definition, optional: true, objectType: null } };
  const { values } = mapMetadata({ [name]: value }, { properties, nested: {} }, "keep", omissions);
  return Object.hasOwn(values, name) ? values[name] : undefined;
}

/** Lists of anything and objects, which may come as JSON text. */
function fitStructure(
  value: JsonValue,
  name: string,
  { type, array }: LearnedProperty & { kind: "typed" },
  omissions: Omissions,
): JsonValue | undefined {
  const path = `"metadata.${name}"`;
  const omit = (expected: string): undefined => void omissions.add(`metadata.${name}`, mustBe(path, expected, value));
  const objectIn = (one: JsonValue): JsonValue | undefined => (type === "object" ? parseText(one, "{", "}") : one);
  if (!array) {
    const object = objectIn(value);
    return isJsonObject(object) ? object : omit("an object");
  }
  const list = parseText(value, "[", "]");
  if (list === undefined) return omit("a list");
  const items = (Array.isArray(list) ? list : [list]).map(objectIn);
  if (type === "object" && !items.every(isJsonObject)) return omit("a list of objects");
  return items as JsonValue[];
}
