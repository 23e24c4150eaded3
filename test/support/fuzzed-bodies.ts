import type { JsonObject } from "../../src/json";
import { EVENT_KINDS, type EventKind } from "../../src/schemas/voucherify-event";
import { sampleEventData } from "../../src/simulator";
import { formsOf, sampleWebhook } from "../../src/simulator/scenario/voucherify-webhooks";

const VALUES = [
  '""',
  "None",
  "null",
  "undefined",
  "true",
  "1e999",
  "-0",
  "12345678901234567890",
  '"x"',
  '"{{ a }}"',
  '"\\u0000"',
  '"é"',
  '"a"b"',
  "[]",
  "{}",
  "[[[]]]",
  '{"__proto__":{"a":1}}',
  '{"constructor":null}',
  "\n",
  "",
  '"jane@example.com"',
  "1.50",
  "[{}]",
  '"2020-02-30"',
];
const KEYS = [
  "registered",
  "source_id",
  "customer",
  "event",
  "metadata",
  "campaign",
  "name",
  "birthdate",
  "address",
  "send",
  "id",
  "data",
  "type",
  "__proto__",
  "toString",
  "length",
  "object",
  "source",
  "result",
  "",
];

/** A well-formed event of any of the twelve kinds; those that no webhook brings come as if one did. */
function sampleOf(kind: EventKind, place: number): JsonObject {
  const forms = formsOf(kind);
  if (forms.length > 0) return sampleWebhook(kind, forms[place % forms.length]!);
  const other = sampleWebhook("customer.redemption.succeeded", "project");
  return { ...other, type: kind, event: { ...(other.event as JsonObject), type: kind }, data: sampleEventData(kind) };
}

/** Bodies as no sender should write them, made with `random` (from 0 to 1). */
export function fuzzedBody(random: () => number): Buffer {
  const one = <T>(list: readonly T[]): T => list[Math.floor(random() * list.length)]!;
  const many = (most: number, make: () => string): string[] =>
    Array.from({ length: Math.floor(random() * most) }, make);
  const value = (depth: number): string =>
    depth > 3 || random() < 0.6
      ? one(VALUES)
      : random() < 0.3
        ? `[${many(4, () => value(depth + 1)).join()}]`
        : record(depth + 1);
  const record = (depth: number): string => `{${many(6, () => `"${one(KEYS)}":${value(depth)}`).join()}}`;
  const damaged = (text: string): Buffer => {
    const bytes = Buffer.from(text);
    for (let count = Math.floor(random() * 4); count > 0 && bytes.length > 0; count--)
      bytes[Math.floor(random() * bytes.length)] = Math.floor(random() * 256);
    return random() < 0.3 ? bytes.subarray(0, Math.floor(random() * bytes.length)) : bytes;
  };
  const sample = (): JsonObject => sampleOf(one(EVENT_KINDS), Math.floor(random() * 12));
  const levels = Math.floor(random() * 5000);
  return one([
    () => Buffer.from(record(0)),
    () => Buffer.from(`[${many(5, () => record(0)).join()}]`),
    () => Buffer.from(`{"customers":[${many(5, () => record(0)).join()}]}`),
    () =>
      Buffer.from(
        `[{"registered":"j","event":"e","metadata":${"[".repeat(levels)}${random() < 0.5 ? "]".repeat(levels) : ""}}]`,
      ),
    () => Buffer.from(Array.from({ length: Math.floor(random() * 60) }, () => Math.floor(random() * 256))),
    () => damaged(`[${many(5, () => record(0)).join()}]`),
    () => damaged(JSON.stringify(sample())),
    () => Buffer.from(JSON.stringify(sample())),
    () =>
      Buffer.from(
        JSON.stringify({
          ...sample(),
          data: { customer: one([null, 1, "x", [], {}]) },
        }),
      ),
  ])();
}
