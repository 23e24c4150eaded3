import type { JsonValue } from "../../json";
import { exactNumberText } from "../../schemas/number-text";
import type { MetadataType } from "../../schemas/voucherify";
import { readDate, readDateTime } from "./date";

/** A metadata type that is no object. */
export type ScalarType = Exclude<MetadataType, "object">;

interface ScalarRule {
  /** Ends the sentence "… must be". */
  readonly expected: string;
  /** The value as the type wants it, `undefined` when it does not fit. */
  readonly read: (value: JsonValue) => JsonValue | undefined;
}

/**
 * How a value becomes each metadata type. Jinja sends everything as text, so text that reads as the type is taken;
 * nothing is guessed beyond that: no decimal commas, currencies, exponents, "yes" (docs.voucherify.io/prepare/metadata).
 */
export const SCALARS: Readonly<Record<ScalarType, ScalarRule>> = {
  string: { expected: "text", read: readText },
  number: { expected: "a number such as 500 or 12.5, without unit, comma or exponent", read: readNumber },
  boolean: { expected: "true or false (1 and 0 count too)", read: readBoolean },
  date: { expected: "a date such as 2024-05-31 or Unix time in seconds", read: readDate },
  datetime: { expected: "a time such as 2024-05-31T09:00:00Z or Unix time in seconds", read: readDateTime },
  geopoint: { expected: "a latitude and a longitude such as 37.786971, -122.399677", read: readGeopoint },
  image_url: { expected: "the http or https address of a .jpg, .jpeg or .png image", read: readImageUrl },
};

/** Text stays as it is; numbers and true/false become text, unless the number has already lost digits. */
function readText(value: JsonValue): string | undefined {
  if (typeof value === "string") return value;
  if (typeof value === "number") return exactNumberText(value);
  return typeof value === "boolean" ? String(value) : undefined;
}

function readNumber(value: JsonValue): number | undefined {
  if (typeof value === "number") return Number.isFinite(value) ? value : undefined;
  if (typeof value !== "string" || !/^-?\d+(\.\d+)?$/.test(value.trim())) return undefined;
  const number = Number(value);
  return exactNumberText(number) === undefined ? undefined : number;
}

/** Python writes `True` and `False`; Bloomreach counts 1 and 0 as booleans too. */
function readBoolean(value: JsonValue): boolean | undefined {
  switch (typeof value === "string" ? value.trim().toLowerCase() : value) {
    case true:
    case 1:
    case "true":
    case "1":
      return true;
    case false:
    case 0:
    case "false":
    case "0":
      return false;
    default:
      return undefined;
  }
}

function readGeopoint(value: JsonValue): string | undefined {
  const parts = typeof value === "string" ? /^(-?\d+(?:\.\d+)?)\s*,\s*(-?\d+(?:\.\d+)?)$/.exec(value.trim()) : null;
  if (!parts || Math.abs(Number(parts[1])) > 90 || Math.abs(Number(parts[2])) > 180) return undefined;
  return `${parts[1]}, ${parts[2]}`;
}

function readImageUrl(value: JsonValue): string | undefined {
  const text = typeof value === "string" ? value.trim() : "";
  if (!/^https?:\/\/\S+$/i.test(text) || !URL.canParse(text)) return undefined;
  return /\.(jpe?g|png)$/i.test(new URL(text).pathname) ? text : undefined;
}
