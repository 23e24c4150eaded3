import type { JsonObject, JsonValue } from "../json";
import { type Check, compile } from "./registry";

/** Types that a metadata definition can have (docs.voucherify.io/prepare/metadata). */
export const METADATA_TYPES = [
  "string",
  "number",
  "object",
  "date",
  "datetime",
  "geopoint",
  "boolean",
  "image_url",
] as const;
export type MetadataType = (typeof METADATA_TYPES)[number];

/** Definition of one metadata key. A limit that does not apply is missing. */
export interface MetadataProperty {
  type: MetadataType;
  /** The value is a list of `type`. */
  array: boolean;
  /** `false`: required when a customer is created. */
  optional: boolean;
  /** Name of the schema that describes an object's keys. */
  objectType: string | null;
  /** Allowed and forbidden values; an empty list allows everything. */
  eq?: JsonValue[];
  ne?: JsonValue[];
  lt?: number;
  lte?: number;
  gt?: number;
  gte?: number;
  /** Lengths of a text, in characters. */
  minLength?: number;
  maxLength?: number;
  exactLength?: number;
  /** A removed definition that is still listed: it counts as undefined. */
  deleted?: boolean;
}

/** Answer of `GET /v1/metadata-schemas/{resource}` (docs.voucherify.io/api-reference/metadata-schemas). */
export interface MetadataSchema {
  related_object: string;
  properties: Record<string, MetadataProperty>;
  allow_defined_only?: boolean | null;
}

/** What is defined for customers: their metadata keys, and the keys of each nested object by its `objectType`. */
export interface CustomerMetadataSchema {
  properties: Record<string, MetadataProperty>;
  nested: Record<string, Record<string, MetadataProperty>>;
}

const nullableNumber = { type: "number", nullable: true };
const nullableBoolean = { type: "boolean", nullable: true };
const nullableList = { type: "array", nullable: true };
const nullableString = { type: "string", nullable: true };

/** What may come instead of a `MetadataProperty`: any field but the type missing or null. */
type ListedProperty = { type: string } & { [Field in keyof Omit<MetadataProperty, "type">]?: unknown };

const checkListedSchema = compile<Omit<MetadataSchema, "properties"> & { properties: Record<string, ListedProperty> }>({
  type: "object",
  required: ["related_object", "properties"],
  properties: {
    related_object: { type: "string" },
    allow_defined_only: nullableBoolean,
    properties: {
      type: "object",
      additionalProperties: {
        type: "object",
        required: ["type"],
        properties: {
          type: { type: "string" },
          array: nullableBoolean,
          optional: nullableBoolean,
          objectType: nullableString,
          eq: nullableList,
          ne: nullableList,
          lt: nullableNumber,
          lte: nullableNumber,
          gt: nullableNumber,
          gte: nullableNumber,
          minLength: nullableNumber,
          maxLength: nullableNumber,
          exactLength: nullableNumber,
          deleted: nullableBoolean,
        },
      },
    },
  },
});

/**
 * Reads a metadata schema as Voucherify answers it: fields that are null or missing get their defaults, and a
 * definition whose type we do not know counts as undefined, so that it cannot make the others unreadable.
 */
export const checkMetadataSchema: Check<MetadataSchema> = (body) => {
  const checked = checkListedSchema(body);
  if (!checked.ok) return checked;
  const known = Object.entries(checked.value.properties).filter(([, { type }]) => isMetadataType(type));
  return {
    ok: true,
    value: {
      ...checked.value,
      properties: Object.fromEntries(known.map(([key, listed]) => [key, withDefaults(listed)])),
    },
  };
};

function isMetadataType(type: string): boolean {
  return (METADATA_TYPES as readonly string[]).includes(type);
}

function withDefaults(listed: ListedProperty): MetadataProperty {
  const given = Object.fromEntries(Object.entries(listed).filter(([, value]) => value !== null));
  return {
    array: false,
    optional: true,
    objectType: null,
    ...(given as Partial<MetadataProperty>),
  } as MetadataProperty;
}

/** Why one customer of a bulk request was refused. */
export interface AsyncActionError {
  readonly source_id?: string | null;
  readonly key?: string | null;
  readonly message?: string | null;
  readonly details?: string | null;
}

/** Answer of `GET /v1/async-actions/{id}` (docs.voucherify.io/api-reference/async-actions). */
export interface AsyncAction {
  readonly id?: string | null;
  readonly type?: string | null;
  readonly status: "ENQUEUED" | "IN_PROGRESS" | "DONE" | "FAILED";
  readonly operation_status?: string | null;
  /** Percent. */
  readonly progress?: number | null;
  readonly result?: {
    readonly done_count?: number | null;
    readonly failed_count?: number | null;
    readonly message?: string | null;
    readonly errors?: readonly AsyncActionError[] | null;
  } | null;
}

export const checkAsyncAction = compile<AsyncAction>({
  type: "object",
  required: ["status"],
  properties: {
    id: nullableString,
    type: nullableString,
    status: { type: "string", enum: ["ENQUEUED", "IN_PROGRESS", "DONE", "FAILED"] },
    operation_status: nullableString,
    progress: nullableNumber,
    result: {
      type: "object",
      nullable: true,
      properties: {
        done_count: nullableNumber,
        failed_count: nullableNumber,
        message: nullableString,
        errors: {
          type: "array",
          nullable: true,
          items: {
            type: "object",
            properties: {
              source_id: nullableString,
              key: nullableString,
              message: nullableString,
              details: nullableString,
            },
          },
        },
      },
    },
  },
});

/** Customer fields that hold text, besides `birthdate` (docs.voucherify.io/api-reference/customer). */
export const CUSTOMER_TEXT_FIELDS = ["name", "description", "email", "phone"] as const;
export const ADDRESS_FIELDS = ["city", "state", "line_1", "line_2", "country", "postal_code"] as const;

export type CustomerAddress = { [Field in (typeof ADDRESS_FIELDS)[number]]?: string | null };

/**
 * A customer as we send it to `POST /v1/customers` and `/v1/customers/bulk/async`. A missing field stays as it is in
 * Voucherify, `null` clears it.
 */
export type VoucherifyCustomer = {
  source_id: string;
  /** `YYYY-MM-DD` */
  birthdate?: string | null;
  address?: CustomerAddress | null;
  /** Never null and never empty: keys are cleared one by one. */
  metadata?: JsonObject;
} & { [Field in (typeof CUSTOMER_TEXT_FIELDS)[number]]?: string | null };
