import type { JsonValue } from "../../json";
import { isCalendarDate } from "../../schemas/calendar";

/** `2024-05-31`, or with a time: `2018-8-5 12:20:25`, `2018-08-05T12:20:25.555Z`, `…+02:00`. Without a zone it is UTC. */
const ISO = /^(\d{4})-(\d{1,2})-(\d{1,2})(?:[T ](\d{2}):(\d{2})(?::(\d{2})(\.\d+)?)?\s?(Z|[+-]\d{2}:?\d{2})?)?$/i;

const EARLIEST_MS = Date.UTC(1800, 0, 1);
const LATEST_MS = Date.UTC(2200, 0, 1);
/** From this size on (the year 5138 in seconds) a number can only be milliseconds. */
const MILLISECONDS_FROM = 1e11;

interface Moment {
  /** `YYYY-MM-DD` as written, or in UTC where it was a number. */
  readonly date: string;
  /** Time with zone, `09:00:00Z`. */
  readonly time: string;
}

/**
 * Reads a day as `YYYY-MM-DD`. Accepts an ISO date, an ISO date and time (the day as written, whatever its zone),
 * `YYYYMMDD`, and Unix time as a number or text, negative too (the day in UTC). Unix time is seconds, as Bloomreach
 * keeps dates (documentation.bloomreach.com/engagement/docs/data-types); from 100,000,000,000 on it is milliseconds.
 * It must fall into the years 1800 to 2200, so that a number between the two scales is neither. A year alone is no date.
 * @returns `undefined` when it is no date or an impossible one
 */
export function readDate(value: JsonValue): string | undefined {
  return readMoment(value)?.date;
}

/**
 * Reads a date and time as `2020-03-11T09:00:00.000Z`, from the same forms as `readDate`. A day alone is its midnight
 * in UTC.
 */
export function readDateTime(value: JsonValue): string | undefined {
  const moment = readMoment(value);
  const text = moment && new Date(`${moment.date}T${moment.time}`).toISOString();
  // A zone can push the first or last day out of the years that have four digits.
  return text !== undefined && isCalendarDate(text.slice(0, 10)) ? text : undefined;
}

function readMoment(value: JsonValue): Moment | undefined {
  if (typeof value !== "string" && typeof value !== "number") return undefined;
  const text = String(value).trim();
  return /^-?\d+(\.\d+)?$/.test(text) ? fromDigits(text) : fromIso(text);
}

function fromDigits(text: string): Moment | undefined {
  if (/^\d{4}$/.test(text)) return undefined;
  // Midnight in Unix time ends with 00 in every time zone, a day of the month never does: the two cannot be mixed up.
  const compact = text.replace(/^(\d{4})(\d{2})(\d{2})$/, "$1-$2-$3");
  if (isCalendarDate(compact)) return { date: compact, time: "00:00:00Z" };
  const number = Number(text);
  const ms = Math.round(Math.abs(number) >= MILLISECONDS_FROM ? number : number * 1000);
  if (ms < EARLIEST_MS || ms >= LATEST_MS) return undefined;
  const iso = new Date(ms).toISOString();
  return { date: iso.slice(0, 10), time: iso.slice(11) };
}

function fromIso(text: string): Moment | undefined {
  const parts = ISO.exec(text);
  if (!parts) return undefined;
  const [, year, month = "", day = "", hours = "00", minutes = "00", seconds = "00", fraction = "", zone = "Z"] = parts;
  const date = `${year}-${month.padStart(2, "0")}-${day.padStart(2, "0")}`;
  const time = `${hours}:${minutes}:${seconds}${fraction}${zone.toUpperCase().replace(/^(...)(\d\d)$/, "$1:$2")}`;
  return isCalendarDate(date) && !Number.isNaN(Date.parse(`${date}T${time}`)) ? { date, time } : undefined;
}
