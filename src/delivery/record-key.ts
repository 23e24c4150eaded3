import { KEY_SEPARATOR } from "../store/record-key";

export { customerOf } from "../store/record-key";

const SIMULATED = `${KEY_SEPARATOR}simulated`;

/**
 * The key of a record that needs no order among the records of its customer, because it carries its own time: it shares a
 * batch with others of the same customer and waits for none of them. The key of any other record is the customer itself.
 * @param id unique among the records of the customer
 */
export function independentKey(customer: string, id: string): string {
  return customer + KEY_SEPARATOR + id;
}

/**
 * The key of a record that the built-in simulator had a hand in. It never becomes one with a record of the same customer
 * that came from elsewhere, and wherever it is kept (queue, failed) it can be told from those.
 */
export function simulatedKey(key: string): string {
  return isSimulatedKey(key) ? key : key + SIMULATED;
}

export function isSimulatedKey(key: string): boolean {
  return key.endsWith(SIMULATED);
}
