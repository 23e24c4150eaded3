import { MOST_LEVELS } from "../../json";
import type { JsonScanner } from "../../schemas/json-scanner";

/** Bloomreach sends at most 1,000 customers in a webhook (documentation.bloomreach.com/engagement/docs/batch-webhook-settings). */
export const MOST_RECORDS = 5_000;
/**
 * A customer has at most 1,024 attributes in Bloomreach, an event 255 (documentation.bloomreach.com/engagement/docs/tracking,
 * documentation.bloomreach.com/engagement/docs/data-structure).
 */
const MOST_RECORD_VALUES = 10_000;
/** More than 1,000 customers with 255 attributes each. */
const MOST_WEBHOOK_VALUES = 300_000;
/** All records come from one template, so that a webhook has as many names of properties as the template. */
export const MOST_NAMES = 20_000;

/** What a record has too much of. */
export type Excess = "nested_too_deep" | "too_many_values" | "too_many_names";

/** Judges the records of one webhook, one after the other: by itself each may be small enough, and all together not. */
export class RecordLimits {
  private values = 0;

  /** What the value that the scanner passed last has too much of; undefined: it may be parsed. */
  excess({ levels, values, hasOneNameTooMany }: JsonScanner): Excess | undefined {
    if (levels > MOST_LEVELS) return "nested_too_deep";
    if (values > MOST_RECORD_VALUES || this.values + values > MOST_WEBHOOK_VALUES) return "too_many_values";
    if (hasOneNameTooMany) return "too_many_names";
    this.values += values;
    return undefined;
  }
}

/** Says what to do about it. @param noun what the record is, @param template what writes it */
export function explainExcess(excess: Excess, noun: string, template: string): string {
  const count = (number: number): string => number.toLocaleString("en-US");
  switch (excess) {
    case "nested_too_deep":
      return `This ${noun} has more than ${MOST_LEVELS} objects or lists inside each other: make it flatter in the ${template}.`;
    case "too_many_values":
      return (
        `This ${noun} is too much: one may have ${count(MOST_RECORD_VALUES)} values, and a webhook ` +
        `${count(MOST_WEBHOOK_VALUES)}. Send fewer attributes in the ${template}, or lower the batch size in Bloomreach.`
      );
    case "too_many_names":
      return (
        `This ${noun} was not taken because its webhook has more than ${count(MOST_NAMES)} different names of properties: ` +
        `write fixed names in the ${template}, and what differs as values.`
      );
  }
}
