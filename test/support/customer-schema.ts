import { compile } from "../../src/schemas/registry";
import { ADDRESS_FIELDS, CUSTOMER_TEXT_FIELDS, type VoucherifyCustomer } from "../../src/schemas/voucherify";

const filledText = { type: "string", minLength: 1, nullable: true };
const fields = (names: readonly string[], schema: object) => Object.fromEntries(names.map((name) => [name, schema]));

/** Checks what would leave for Voucherify. Strict on purpose: nothing empty, nothing unknown, no date that is none. */
export const checkVoucherifyCustomer = compile<VoucherifyCustomer>({
  type: "object",
  additionalProperties: false,
  required: ["source_id"],
  properties: {
    source_id: { type: "string", minLength: 1 },
    ...fields(CUSTOMER_TEXT_FIELDS, filledText),
    birthdate: { type: "string", format: "date", nullable: true },
    address: {
      type: "object",
      nullable: true,
      minProperties: 1,
      additionalProperties: false,
      properties: fields(ADDRESS_FIELDS, filledText),
    },
    metadata: {
      type: "object",
      minProperties: 1,
      additionalProperties: {
        type: ["string", "number", "boolean", "array", "object", "null"],
        minProperties: 1,
        items: { type: ["string", "number", "boolean", "object"], minProperties: 1 },
      },
    },
  },
});
