import type { JsonValue } from "../../json";
import { isCalendarDate } from "../../schemas/calendar";

const TIME = /^([01]\d|2[0-3]):[0-5]\d(:[0-5]\d(\.\d+)?)?(Z|[+-]\d{2}:?\d{2})$/;

/** True for `YYYY-MM-DD` that names a day which exists. */
export function isDate(value: JsonValue): boolean {
  return typeof value === "string" && isCalendarDate(value);
}

/** True for an ISO 8601 date with a time and a zone, such as `2020-03-11T09:00:00.000Z`. */
export function isDateTime(value: JsonValue): boolean {
  if (typeof value !== "string") return false;
  const split = value.indexOf("T");
  return split > 0 && isCalendarDate(value.slice(0, split)) && TIME.test(value.slice(split + 1));
}
