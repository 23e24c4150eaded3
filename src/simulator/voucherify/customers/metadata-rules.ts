import { isJsonObject, type JsonObject, type JsonValue } from "../../../json";
import type { MetadataProperty, MetadataSchema, MetadataType } from "../../../schemas/voucherify";
import { isDate, isDateTime } from "../../scenario/dates";

/**
 * Checks metadata as Voucherify's API does: a defined key of the wrong type is an error in every mode, an undefined key
 * only where the schema allows defined keys alone; a removed definition counts as undefined
 * (docs.voucherify.io/prepare/metadata).
 *
 * @returns what is wrong, in Voucherify's words; empty when nothing is.
 */
export function checkMetadata(
  metadata: JsonObject,
  schemas: ReadonlyMap<string, MetadataSchema>,
  resource: string,
  prefix = "",
): string[] {
  const schema = schemas.get(resource);
  if (!schema) return [];
  const problems: string[] = [];
  const defined = new Map(Object.entries(schema.properties).filter(([, property]) => property.deleted !== true));
  for (const key of Object.keys(metadata))
    if (!defined.has(key) && schema.allow_defined_only === true)
      problems.push(`${prefix}${key}: property is not defined in the metadata schema`);
  for (const [key, property] of defined) {
    const value = Object.hasOwn(metadata, key) ? metadata[key] : undefined;
    if (!fits(value, property))
      problems.push(`${prefix}${key}: ${expectation(property)} (actual value is ${show(value)})`);
    else if (property.type === "object" && typeof property.objectType === "string")
      for (const nested of Array.isArray(value) ? value : [value])
        if (isJsonObject(nested))
          problems.push(...checkMetadata(nested, schemas, property.objectType, `${prefix}${key}.`));
  }
  return problems;
}

/** The part of metadata that fits its schema, as the hosted integration takes it: everything where there is no schema. */
export function fittingMetadata(
  metadata: JsonValue | undefined,
  schemas: ReadonlyMap<string, MetadataSchema>,
  resource: string,
): JsonObject {
  const given = isJsonObject(metadata) ? metadata : {};
  const schema = schemas.get(resource);
  if (!schema) return given;
  const fitting = Object.entries(given).filter(([key, value]) => {
    const property = Object.hasOwn(schema.properties, key) ? schema.properties[key] : undefined;
    return property && property.deleted !== true && fits(value, property);
  });
  return Object.fromEntries(fitting);
}

function fits(value: JsonValue | undefined, property: MetadataProperty): boolean {
  if (value === undefined || value === null) return property.optional;
  if (!property.array) return fitsOne(value, property);
  return Array.isArray(value) && value.every((element) => fitsOne(element, property));
}

function fitsOne(value: JsonValue, property: MetadataProperty): boolean {
  return TYPES[property.type].matches(value) && LIMITS.every(({ holds }) => holds(value, property));
}

const GEOPOINT = /^(-?\d+(?:\.\d+)?)\s*,\s*(-?\d+(?:\.\d+)?)$/;

function isGeopoint(value: JsonValue): boolean {
  const parts = typeof value === "string" ? GEOPOINT.exec(value) : null;
  return parts !== null && Math.abs(Number(parts[1])) <= 90 && Math.abs(Number(parts[2])) <= 180;
}

function isImageUrl(value: JsonValue): boolean {
  if (typeof value !== "string" || !URL.canParse(value)) return false;
  const { protocol, pathname } = new URL(value);
  return /^https?:$/.test(protocol) && /\.(jpe?g|png)$/i.test(pathname);
}

interface TypeRule {
  readonly words: string;
  readonly matches: (value: JsonValue) => boolean;
}

const TYPES: Readonly<Record<MetadataType, TypeRule>> = {
  string: { words: "must be a string", matches: (value) => typeof value === "string" },
  number: { words: "must be a number", matches: (value) => typeof value === "number" },
  boolean: { words: "must be a boolean", matches: (value) => typeof value === "boolean" },
  object: { words: "must be an object", matches: isJsonObject },
  date: { words: "must be an ISO-8601 date", matches: (value) => isDate(value) || isDateTime(value) },
  datetime: { words: "must be an ISO-8601 date and time", matches: isDateTime },
  geopoint: { words: "must be a geopoint", matches: isGeopoint },
  image_url: { words: "must be a URL pointing to JPG/JPEG or PNG resource", matches: isImageUrl },
};

interface Limit {
  readonly words: (property: MetadataProperty) => string | undefined;
  readonly holds: (value: JsonValue, property: MetadataProperty) => boolean;
}

const bound = (
  name: "lt" | "lte" | "gt" | "gte",
  words: string,
  holds: (value: number, limit: number) => boolean,
): Limit => ({
  words: ({ [name]: limit }) => (limit === undefined ? undefined : `must be ${words} ${limit}`),
  holds: (value, { [name]: limit }) => limit === undefined || typeof value !== "number" || holds(value, limit),
});

const length = (
  name: "minLength" | "maxLength" | "exactLength",
  words: string,
  holds: (length: number, limit: number) => boolean,
): Limit => ({
  words: ({ [name]: limit }) => (limit === undefined ? undefined : `length must be ${words} ${limit}`),
  holds: (value, { [name]: limit }) => limit === undefined || typeof value !== "string" || holds(value.length, limit),
});

const LIMITS: readonly Limit[] = [
  {
    words: ({ eq }) => (eq?.length ? `must be equal to one of ${eq.map(plain).join(",")}` : undefined),
    holds: (value, { eq }) => !eq?.length || eq.some((allowed) => allowed === value),
  },
  {
    words: ({ ne }) => (ne?.length ? `must not be equal to any of ${ne.map(plain).join(",")}` : undefined),
    holds: (value, { ne }) => !ne?.some((forbidden) => forbidden === value),
  },
  bound("lt", "less than", (value, limit) => value < limit),
  bound("lte", "at most", (value, limit) => value <= limit),
  bound("gt", "greater than", (value, limit) => value > limit),
  bound("gte", "at least", (value, limit) => value >= limit),
  length("minLength", "at least", (size, limit) => size >= limit),
  length("maxLength", "at most", (size, limit) => size <= limit),
  length("exactLength", "exactly", (size, limit) => size === limit),
];

/** For example "must be a string, property is required, must be equal to one of Facebook,Twitter,Website". */
function expectation(property: MetadataProperty): string {
  const type = TYPES[property.type].words;
  return [
    property.array ? `must be an array, and every element: ${type}` : type,
    ...(property.optional ? [] : ["property is required"]),
    ...LIMITS.map(({ words }) => words(property)).filter((words) => words !== undefined),
  ].join(", ");
}

function show(value: JsonValue | undefined): string {
  return `'${value === undefined ? "undefined" : plain(value)}'`;
}

function plain(value: JsonValue): string {
  return typeof value === "string" ? value : JSON.stringify(value);
}
