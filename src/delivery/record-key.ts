/** No ID of a customer holds it. */
const SEPARATOR = "\u0000";

/**
 * The key of a record that needs no order among the records of its customer, because it carries its own time: it shares a
 * batch with others of the same customer and waits for none of them. The key of any other record is the customer itself.
 * @param id unique among the records of the customer
 */
export function independentKey(customer: string, id: string): string {
  return customer + SEPARATOR + id;
}

/** Whose record it is. */
export function customerOf(key: string): string {
  return key.split(SEPARATOR, 1)[0]!;
}
