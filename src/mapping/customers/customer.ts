import { isJsonObject, type JsonObject, type JsonValue } from "../../json";
import { COMMON_ID_KEYS } from "../../schemas/hard-id";
import { exactNumberText } from "../../schemas/number-text";
import {
  ADDRESS_FIELDS,
  CUSTOMER_TEXT_FIELDS,
  type CustomerMetadataSchema,
  type VoucherifyCustomer,
} from "../../schemas/voucherify";
import { type EmptyValues, isAbsentText, presence } from "../values/presence";
import { readDate } from "../values/date";
import { mapMetadata } from "./metadata";
import { mustBe, type Omission, Omissions } from "../values/omissions";

export type { Omission };

/** How to map: the node's setting and what Voucherify has defined. */
export interface CustomerMapping {
  emptyValues: EmptyValues;
  schema: CustomerMetadataSchema;
}

export interface MappedCustomer {
  customer: VoucherifyCustomer;
  omitted: Omission[];
  /** Metadata keys that the schema does not know (`tier`, `payment.foo`): it may have changed since it was read. */
  undefinedKeys: string[];
}

const KNOWN_KEYS: ReadonlySet<string> = new Set([
  ...CUSTOMER_TEXT_FIELDS,
  "birthdate",
  "address",
  "metadata",
  ...COMMON_ID_KEYS,
]);

/**
 * Makes a customer for Voucherify of one that Bloomreach sent (docs.voucherify.io/api-reference/customers). The result
 * is always a valid request: what does not fit is left out and reported. Text fields take text as it is and numbers as
 * text (a postal code without quotes), but no true/false, list or object. JSON null for the whole address clears it,
 * for the whole metadata it is reported: keys that nobody named would be lost. Never throws.
 * @param sourceId as `readHardId` read it
 * @param hardId name of the Main Hard ID: its key is no field of the customer
 */
export function mapCustomer(
  record: JsonObject,
  sourceId: string,
  hardId: string,
  { emptyValues, schema }: CustomerMapping,
): MappedCustomer {
  const omissions = new Omissions();
  const fields = new FieldReader(emptyValues, omissions);
  const given = fields.object(record, "metadata");
  const metadata = given && mapMetadata(given, schema, emptyValues, omissions);
  const customer: VoucherifyCustomer = {
    source_id: sourceId,
    ...fields.read(record, CUSTOMER_TEXT_FIELDS, TEXT),
    ...fields.read(record, ["birthdate"], BIRTHDATE),
    ...readAddress(record, fields, omissions, emptyValues),
    ...(metadata && isFilled(metadata.values) && { metadata: metadata.values }),
  };
  for (const key of Object.keys(record)) {
    if (key === hardId || KNOWN_KEYS.has(key)) continue;
    omissions.add(key, `"${key}" is not a field of a Voucherify customer: put it under metadata.`);
  }
  return { customer, omitted: omissions.list(), undefinedKeys: metadata?.undefinedKeys ?? [] };
}

function readAddress(
  record: JsonObject,
  fields: FieldReader,
  omissions: Omissions,
  emptyValues: EmptyValues,
): Pick<VoucherifyCustomer, "address"> {
  if (presence(ownValue(record, "address"), emptyValues) === "null") return { address: null };
  const given = fields.object(record, "address");
  if (!given) return {};
  for (const key of Object.keys(given)) {
    if (ADDRESS_FIELDS.some((field) => field === key)) continue;
    omissions.add(`address.${key}`, `"address.${key}" is not known: an address has ${ADDRESS_FIELDS.join(", ")}.`);
  }
  const address = fields.read(given, ADDRESS_FIELDS, TEXT, "address.");
  return isFilled(address) ? { address } : {};
}

/** How a text field is read: `expected` ends the sentence "… must be". */
interface FieldRule {
  readonly expected: string;
  readonly read: (value: JsonValue) => string | undefined;
}

const TEXT: FieldRule = {
  expected: "text",
  read: (value) => {
    if (typeof value === "number") return exactNumberText(value);
    return typeof value === "string" ? value : undefined;
  },
};

const BIRTHDATE: FieldRule = { expected: "a date such as 1990-05-31 or Unix time in seconds", read: readDate };

class FieldReader {
  constructor(
    private readonly emptyValues: EmptyValues,
    private readonly omissions: Omissions,
  ) {}

  /** An object with those of the named fields that are to be sent. */
  read<Name extends string>(
    from: JsonObject,
    names: readonly Name[],
    rule: FieldRule,
    prefix = "",
  ): { [Field in Name]?: string | null } {
    const sent: { [Field in Name]?: string | null } = {};
    for (const name of names) {
      const value = this.field(ownValue(from, name), prefix + name, rule);
      if (value !== undefined) sent[name] = value;
    }
    return sent;
  }

  /** The object under a key, `undefined` when there is none; anything but an object or an absent value is reported. */
  object(from: JsonObject, key: string): JsonObject | undefined {
    const value = ownValue(from, key);
    if (isJsonObject(value)) return value;
    if (value !== undefined && !isAbsentText(value)) this.omissions.add(key, mustBe(`"${key}"`, "an object", value));
    return undefined;
  }

  private field(value: JsonValue | undefined, path: string, rule: FieldRule): string | null | undefined {
    const found = presence(value, this.emptyValues);
    if (value === undefined || found === "nothing") return undefined;
    if (found === "null") return null;
    const read = rule.read(value);
    if (read === undefined) this.omissions.add(path, mustBe(`"${path}"`, rule.expected, value));
    return read;
  }
}

function isFilled(object: object): boolean {
  return Object.keys(object).length > 0;
}

function ownValue(object: JsonObject, key: string): JsonValue | undefined {
  return Object.hasOwn(object, key) ? object[key] : undefined;
}
