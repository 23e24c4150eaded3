import { isJsonObject, type JsonObject, type JsonValue } from "../../../json";
import { ADDRESS_FIELDS, CUSTOMER_TEXT_FIELDS } from "../../../schemas/voucherify";
import { isDate } from "../../scenario/dates";

const DATE_FIELDS = ["birthdate", "birthday"] as const;

/**
 * Checks the fields of a customer object as the customers API documents them
 * (docs.voucherify.io/api-reference/customers/customer-object).
 *
 * @param path where the object stands in the payload: "" for the payload itself, "[3]" in an array
 * @returns the `details` of an `invalid_payload` error, or undefined when nothing is wrong
 */
export function checkCustomerFields(customer: JsonValue | undefined, path = ""): string | undefined {
  const whole = path === "" ? "Payload" : `Property ${path}`;
  if (!isJsonObject(customer)) return `${whole} should be object`;
  for (const field of ["id", "source_id"])
    if (Object.hasOwn(customer, field) && (typeof customer[field] !== "string" || customer[field] === ""))
      return `Property ${path}.${field} should be string`;
  const wrongText = firstWrongText(customer, CUSTOMER_TEXT_FIELDS, path);
  if (wrongText !== undefined) return wrongText;
  for (const field of DATE_FIELDS)
    if (given(customer, field) && !isDate(customer[field] as JsonValue))
      return `Property ${path}.${field} cannot be recognized as a ISO-8601 compliant date`;
  if (given(customer, "address")) {
    if (!isJsonObject(customer.address)) return `Property ${path}.address should be object,null`;
    const wrongLine = firstWrongText(customer.address, ADDRESS_FIELDS, `${path}.address`);
    if (wrongLine !== undefined) return wrongLine;
  }
  if (Object.hasOwn(customer, "metadata") && !isJsonObject(customer.metadata))
    return `Property ${path}.metadata should be object`;
  return undefined;
}

/** The fields of a payload that a customer keeps; what the API does not know, or only writes itself, is left out. */
export function knownFields(payload: JsonObject): JsonObject {
  const kept: JsonObject = {};
  for (const field of [...CUSTOMER_TEXT_FIELDS, ...DATE_FIELDS])
    if (Object.hasOwn(payload, field)) kept[field] = payload[field] as JsonValue;
  if (Object.hasOwn(payload, "address")) {
    const address = payload.address;
    kept.address = isJsonObject(address)
      ? Object.fromEntries(
          ADDRESS_FIELDS.filter((line) => Object.hasOwn(address, line)).map((line) => [
            line,
            address[line] as JsonValue,
          ]),
        )
      : null;
  }
  return kept;
}

function given(object: JsonObject, field: string): boolean {
  return Object.hasOwn(object, field) && object[field] !== null;
}

function firstWrongText(object: JsonObject, fields: readonly string[], path: string): string | undefined {
  const wrong = fields.find((field) => given(object, field) && typeof object[field] !== "string");
  return wrong === undefined ? undefined : `Property ${path}.${wrong} should be string,null`;
}
