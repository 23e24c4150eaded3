import type { JsonObject } from "../json";
import { compile } from "./registry";

/**
 * One customer as a scenario's webhook sends it: the Main Hard ID under its own name, then Voucherify's field names.
 * Nothing in it can be relied on, because Jinja turns values into text and leaves gaps; the mapping sorts that out.
 */
export type BloomreachCustomer = JsonObject;

/** Checks that an item of a webhook's body is one customer (an object). */
export const checkBloomreachCustomer = compile<BloomreachCustomer>({ type: "object" });
