import assert from "node:assert/strict";
import * as fc from "fast-check";
import { applyChanges, type Migration, readProperties } from "../../nodes/lib/runtime/migrations/migrate";
import { NODE_MIGRATIONS } from "../../nodes/lib/runtime/migrations/node-migrations";
import { namesOf, NODE_SETS, propertyOf, readDialog } from "../support/dialog-files";

/** A node that got a unit in its second version and a list of regions in its third. */
const MADE_UP: readonly Migration[] = [
  ({ wait }) => ({ wait: undefined, waitMs: wait === undefined ? 500 : Number(wait) * 1_000 }),
  ({ region, waitMs }) => ({
    regions: region === undefined ? [] : [region],
    region: undefined,
    isSlow: waitMs === 9_000,
  }),
];

/** What a node reads of what it has saved. */
function migrated(saved: Record<string, unknown>, migrations = MADE_UP): Record<string, unknown> {
  const properties = structuredClone(saved);
  const reading = readProperties(properties, migrations);
  assert.deepEqual(properties, saved, "reading changes nothing");
  if (reading.kind === "earlier") applyChanges(properties, reading.changes);
  return properties;
}

describe("saved properties of earlier releases", () => {
  const now = { name: "a", waitMs: 9_000, regions: ["eu"], isSlow: true, version: 3 };
  const cases: [string, Record<string, unknown>, Record<string, unknown>][] = [
    ["release 0.1.0, which wrote no version", { name: "a", wait: "9", region: "eu" }, now],
    ["version 1", { name: "a", wait: 9, region: "eu", version: 1 }, now],
    ["version 2", { name: "a", waitMs: 9_000, region: "eu", version: 2 }, now],
    [
      "version 2 as a text, as a field of a dialog writes it",
      { name: "a", waitMs: 9_000, region: "eu", version: "2" },
      now,
    ],
    ["this version", now, now],
    ["a version that is none", { name: "a", wait: 9, region: "eu", version: "new" }, now],
    ["properties that were never saved", {}, { waitMs: 500, regions: [], isSlow: false, version: 3 }],
  ];
  for (const [name, saved, expected] of cases)
    it(`are read as this one would have saved them: ${name}`, () => assert.deepEqual(migrated(saved), expected));

  it("stay as they are where their type has no migrations", () => {
    assert.deepEqual(readProperties({ wait: 1 }), { kind: "current" });
    assert.deepEqual(readProperties({ wait: 1, version: 1 }), { kind: "current" });
  });

  it("are not guessed at when a newer release has saved them", () => {
    assert.deepEqual(readProperties({ version: 4 }, MADE_UP), { kind: "newer", version: 4, known: 3 });
    assert.deepEqual(readProperties({ version: 2 }), { kind: "newer", version: 2, known: 1 });
  });

  it("are read the same in one step as in several, and a second reading changes nothing", () =>
    fc.assert(
      fc.property(
        fc.record(
          { wait: fc.option(fc.nat()), region: fc.string(), other: fc.jsonValue() },
          { requiredKeys: [], noNullPrototype: true },
        ),
        fc.integer({ min: 0, max: 2 }),
        (saved, steps) => {
          const halfway = migrated(saved, MADE_UP.slice(0, steps));
          assert.deepEqual(migrated(halfway), migrated(saved));
          assert.deepEqual(migrated(migrated(saved)), migrated(saved));
        },
      ),
    ));
});

describe("the table of migrations", () => {
  it("is for types that there are", () => {
    const types = NODE_SETS.map((set) => `bv-${set}`);
    for (const type of Object.keys(NODE_MIGRATIONS)) assert.ok(types.includes(type), type);
  });

  for (const set of NODE_SETS)
    it(`fits the dialog of ${set}: an imported flow without a version is of release 0.1.0`, () => {
      const defaults = propertyOf(readDialog(set).registered[0]?.definition, "defaults");
      assert.ok(namesOf(defaults).includes("version"));
      // The editor gives an imported node the default of what it lacks.
      assert.equal(propertyOf(propertyOf(defaults, "version"), "value")?.getText(), "1");
    });
});
