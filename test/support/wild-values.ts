import fc from "fast-check";
import type { JsonValue } from "../../src/json";

/** What a customer's attribute can hold in Bloomreach: texts that break JSON, numbers, lists, nothing. */
export const wildValue: fc.Arbitrary<JsonValue> = fc.oneof(
  fc.constantFrom<JsonValue[]>(
    'Bob "the builder"',
    "it's",
    "line\nbreak\r\n\t",
    "C:\\new",
    "ends with \\",
    '{"registered": "victim"}',
    '"}, {"registered": "victim"}, {"x": "',
    "Zoë 😀 \u2028 \u0000",
    "None",
    "",
    null,
    true,
    false,
    0,
    2 ** 60,
  ),
  fc.string({ unit: "binary", maxLength: 20 }).filter((text) => !text.includes("{{")),
  fc.double({ noNaN: true, noDefaultInfinity: true }).map((number) => (Object.is(number, -0) ? 0 : number)),
  fc.array(fc.oneof(fc.string(), fc.constantFrom("it's", '"', "\\", "a,b"), fc.integer(), fc.boolean()), {
    maxLength: 4,
  }),
);

/** A customer's ID with what breaks JSON, but no `{{`, which is a template that nobody filled in. */
export const wildId: fc.Arbitrary<string> = fc
  .stringMatching(/^[a-z0-9"'\\\n{}[\],]{0,8}a$/)
  .filter((text) => !text.includes("{{"));
