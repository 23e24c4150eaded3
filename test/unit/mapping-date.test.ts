import assert from "node:assert/strict";
import fc from "fast-check";
import type { JsonValue } from "../../src/json";
import { readDate, readDateTime } from "../../src/mapping/values/date";

describe("mapping: dates and times", () => {
  const cases: [JsonValue, string | undefined, string | undefined][] = [
    // [value, as a date, as a date and time]
    ["1990-05-31", "1990-05-31", "1990-05-31T00:00:00.000Z"],
    [" 1990-05-31 ", "1990-05-31", "1990-05-31T00:00:00.000Z"],
    ["2020-03-11T09:00:00.000Z", "2020-03-11", "2020-03-11T09:00:00.000Z"],
    ["2020-03-11T09:00:00.123456Z", "2020-03-11", "2020-03-11T09:00:00.123Z"],
    ["2018-8-5 12:20:25", "2018-08-05", "2018-08-05T12:20:25.000Z"],
    ["2018-08-05T12:20", "2018-08-05", "2018-08-05T12:20:00.000Z"],
    ["1990-05-31T00:30:00+02:00", "1990-05-31", "1990-05-30T22:30:00.000Z"],
    ["1990-05-31t00:30:00+0200", "1990-05-31", "1990-05-30T22:30:00.000Z"],
    ["9999-12-31T23:59:59-10:00", "9999-12-31", undefined],
    ["0001-01-01T00:00:00+10:00", "0001-01-01", undefined],
    // Unix time in seconds
    [643852800, "1990-05-28", "1990-05-28T00:00:00.000Z"],
    ["643852800", "1990-05-28", "1990-05-28T00:00:00.000Z"],
    [0, "1970-01-01", "1970-01-01T00:00:00.000Z"],
    [-1, "1969-12-31", "1969-12-31T23:59:59.000Z"],
    ["-315619200", "1960-01-01", "1960-01-01T00:00:00.000Z"],
    [1709566376.409, "2024-03-04", "2024-03-04T15:32:56.409Z"],
    [1.001, "1970-01-01", "1970-01-01T00:00:01.001Z"],
    ["1709566376.0", "2024-03-04", "2024-03-04T15:32:56.000Z"],
    // Milliseconds, and what is neither
    [643852800000, "1990-05-28", "1990-05-28T00:00:00.000Z"],
    ["-315619200000", "1960-01-01", "1960-01-01T00:00:00.000Z"],
    [63072000000, undefined, undefined],
    [1e15, undefined, undefined],
    [NaN, undefined, undefined],
    [Infinity, undefined, undefined],
    // Digits that are no Unix time
    ["19900531", "1990-05-31", "1990-05-31T00:00:00.000Z"],
    [19900531, "1990-05-31", "1990-05-31T00:00:00.000Z"],
    ["1990", undefined, undefined],
    // Impossible or ambiguous
    ["1990-02-30", undefined, undefined],
    ["2023-02-29", undefined, undefined],
    ["0000-00-00", undefined, undefined],
    ["1990-05-31T25:00:00Z", undefined, undefined],
    ["1990-05-31T10:61:00Z", undefined, undefined],
    ["31.05.1990", undefined, undefined],
    ["05/31/1990", undefined, undefined],
    ["1990-05", undefined, undefined],
    ["1990-05-31 or so", undefined, undefined],
    ["", undefined, undefined],
    [true, undefined, undefined],
    [null, undefined, undefined],
    [["1990-05-31"], undefined, undefined],
    [{}, undefined, undefined],
  ];
  for (const [value, date, time] of cases) {
    it(`${JSON.stringify(value)} is ${date ?? "no date"}, ${time ?? "no time"}`, () => {
      assert.equal(readDate(value), date);
      assert.equal(readDateTime(value), time);
    });
  }

  it("reads back every second between 1800 and 2200, as number and as text", () => {
    const second = fc.integer({ min: Date.UTC(1800, 0, 1) / 1000, max: Date.UTC(2200, 0, 1) / 1000 - 1 });
    // Eight digits that are a day of the calendar are that day: see readDate.
    const unmistakable = second.filter((value) => !/^\d{4}(\d{4})?$/.test(String(value)));
    fc.assert(
      fc.property(unmistakable, (value) => {
        const iso = new Date(value * 1000).toISOString();
        assert.equal(readDateTime(value), iso);
        assert.equal(readDateTime(String(value)), iso);
        assert.equal(readDate(value), iso.slice(0, 10));
        assert.equal(readDateTime(iso), iso);
      }),
    );
  });

  it("never mistakes a midnight in Unix time for YYYYMMDD, whatever the time zone", () => {
    const quarters = fc.integer({ min: Math.ceil(1e7 / 900), max: Math.floor(99999999 / 900) });
    fc.assert(
      fc.property(quarters, (quarter) => {
        assert.equal(readDateTime(quarter * 900), new Date(quarter * 900_000).toISOString());
      }),
    );
  });
});
