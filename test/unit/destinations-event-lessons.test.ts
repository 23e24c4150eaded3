import assert from "node:assert/strict";
import { install } from "@sinonjs/fake-timers";
import type { Outcome } from "../../src/delivery/outcome";
import { EventLessons } from "../../src/destinations/voucherify/event-lessons";
import { VoucherifyEvents } from "../../src/destinations/voucherify/voucherify-events";
import { type HttpAnswer, sendHttp } from "../../src/http/http-client";
import type { JsonObject, JsonValue } from "../../src/json";
import type { MetadataProperty } from "../../src/schemas/voucherify";
import { Simulator } from "../../src/simulator";
import { VoucherifyApi } from "../../src/voucherify/voucherify-api";
import { TEST_KEYS } from "../support/flows";
import { answer } from "../support/scripted-voucherify";

const NEVER = new AbortController().signal;
const property = (type: MetadataProperty["type"], more: Partial<MetadataProperty> = {}): MetadataProperty => ({
  type,
  array: false,
  optional: true,
  objectType: null,
  ...more,
});

describe("destinations: metadata of events that have a schema", () => {
  let lessons: EventLessons;
  beforeEach(() => (lessons = new EventLessons()));

  type Track = (body: string, signal?: AbortSignal) => Promise<HttpAnswer>;
  const deliver = async (
    trackEvent: Track,
    metadata: JsonObject,
    { event = "review_left", signal = NEVER } = {},
  ): Promise<Outcome> => {
    const destination = new VoucherifyEvents({ api: { trackEvent }, repeat: "at-most-once", lessons });
    const body = JSON.stringify({ event, customer: { source_id: "ann" }, metadata });
    const record = { id: 1, key: "ann", body: { sourceId: "ann", event, body } };
    for await (const [settlement] of destination.deliver([record], signal)) return settlement!.outcome;
    assert.fail("nothing was settled");
  };
  const omittedOf = (outcome: Outcome): JsonValue => {
    assert.equal(outcome.status, "delivered", JSON.stringify(outcome));
    return (outcome.status === "delivered" && outcome.result.omitted) || [];
  };
  const keysOf = (omitted: JsonValue): string[] => (omitted as { key: string }[]).map(({ key }) => key);

  describe("with the simulator", () => {
    let simulator: Simulator;
    let track: Track;
    before(async () => {
      simulator = await Simulator.start({ keys: TEST_KEYS });
      const api = new VoucherifyApi({ apiUrl: simulator.url, keys: TEST_KEYS, send: sendHttp });
      track = (body, signal) => api.trackEvent(body, signal);
    });
    after(() => simulator.stop());
    beforeEach(() => simulator.reset());
    const define = (properties: Record<string, MetadataProperty>, allow_defined_only = false): void =>
      void simulator.events.schemas.set("review_left", {
        related_object: "review_left",
        properties,
        allow_defined_only,
      });
    const arrived = (): JsonObject[] => simulator.events.events.map(({ metadata }) => metadata);
    const calls = (): number => simulator.log.length;

    for (const [type, given, expected, more] of [
      ["number", "5", 5],
      ["boolean", "True", true],
      ["string", 7, "7"],
      ["date", 1717113600, "2024-05-31"],
      ["datetime", "2024-05-31 09:00:00", "2024-05-31T09:00:00.000Z"],
      ["geopoint", " 37.7,-122.4 ", "37.7, -122.4"],
      ["string", "one", ["one"], { array: true }],
      ["number", '["1", 2]', [1, 2], { array: true }],
      ["object", '{"city": "Rome"}', { city: "Rome" }, { objectType: "Place" }],
    ] as [MetadataProperty["type"], JsonValue, JsonValue, Partial<MetadataProperty>?][])
      it(`${JSON.stringify(given)} becomes ${JSON.stringify(expected)} for ${type}, and the next one at once`, async () => {
        define({ value: property(type, more) });
        assert.deepEqual(omittedOf(await deliver(track, { value: given })), []);
        assert.equal(calls(), 2);
        await deliver(track, { value: given, other: "x" });
        assert.deepEqual([arrived(), calls()], [[{ value: expected }, { value: expected, other: "x" }], 3]);
      });

    it("leaves out what does not fit, and tells it as for customers; the next one needs one call", async () => {
      define({
        stars: property("number"),
        channel: property("string", { eq: ["Web", "App"] }),
        note: property("string"),
      });
      for (const expectedCalls of [2, 3]) {
        const omitted = omittedOf(await deliver(track, { stars: "five", channel: "Fax", note: "n" }));
        assert.deepEqual(keysOf(omitted), ["metadata.stars", "metadata.channel"]);
        assert.match(JSON.stringify(omitted), /must be a number .*; it came as text/);
        assert.doesNotMatch(JSON.stringify(omitted), /five|Fax/);
        assert.equal(calls(), expectedCalls);
      }
      await deliver(track, { channel: "App", stars: "4" });
      assert.deepEqual(arrived(), [{ note: "n" }, { note: "n" }, { channel: "App", stars: 4 }]);
      assert.equal(calls(), 4);
    });

    it("leaves out keys that a strict schema does not know, and nothing may be left", async () => {
      define({ stars: property("number") }, true);
      const omitted = omittedOf(await deliver(track, { foo: 1, "odd: key": 2 }));
      assert.deepEqual(keysOf(omitted), ["metadata.foo", "metadata.odd: key"]);
      assert.match(JSON.stringify(omitted), /is not defined in Voucherify: add it/);
      await deliver(track, { stars: 5, foo: 2 });
      assert.deepEqual([arrived(), calls()], [[{}, { stars: 5 }], 3]);
    });

    it("fits the keys of an object, also in a list", async () => {
      simulator.events.schemas.set("Item", {
        related_object: "Item",
        properties: { price: property("number"), sku: property("string") },
        allow_defined_only: true,
      });
      define({ items: property("object", { array: true, objectType: "Item" }) });
      const items: JsonObject[] = [
        { price: "9.5", sku: 1, x: 1 },
        { price: "free", sku: "b" },
      ];
      const omitted = omittedOf(await deliver(track, { items }));
      assert.deepEqual(arrived(), [{ items: [{ price: 9.5, sku: "1" }, { sku: "b" }] }]);
      assert.deepEqual(keysOf(omitted).sort(), ["metadata.items.price", "metadata.items.x"]);
    });

    it("is not misled by a value that looks like a complaint about another key", async () => {
      define({ stars: property("number") });
      const stars = "x'); note: property is not defined in the metadata schema (actual value is 'y";
      const omitted = omittedOf(await deliver(track, { stars, note: "kept" }));
      assert.deepEqual([keysOf(omitted), arrived()], [["metadata.stars"], [{ note: "kept" }]]);
    });

    it("learns anew when the schema changes, and forgets what no longer holds", async () => {
      const clock = install({ toFake: ["Date"], now: Date.now() });
      try {
        define({ stars: property("number") }, true);
        await deliver(track, { stars: "5", note: "n" });
        define({ stars: property("string"), note: property("string") }, true);
        await deliver(track, { stars: "5", note: "n" });
        assert.deepEqual(arrived(), [{ stars: 5 }, { stars: "5" }]);
        clock.tick(10 * 60_000);
        await deliver(track, { stars: "5", note: "n" });
        assert.deepEqual(arrived().at(-1), { stars: "5", note: "n" });
      } finally {
        clock.uninstall();
      }
    });

    it("fails with Voucherify's reason when a required key is missing: nothing is invented", async () => {
      define({ stars: property("number", { optional: false }), note: property("string") });
      const outcome = await deliver(track, { note: 1 });
      assert.ok(outcome.status === "failed");
      assert.deepEqual([outcome.key, arrived()], ["metadata_validation_failed", []]);
      assert.match(outcome.reason, /stars: must be a number, property is required/);
    });

    it("other kinds of events learn for themselves", async () => {
      define({ stars: property("number") });
      await deliver(track, { stars: "5" });
      await deliver(track, { stars: "5" }, { event: "another" });
      assert.deepEqual([arrived(), calls()], [[{ stars: 5 }, { stars: "5" }], 3]);
    });

    it("counts a lost answer to the fitted event, not to the refused one", async () => {
      define({ stars: property("number") });
      let sent = 0;
      const lostSecond: Track = async (body, signal) => {
        const given = await track(body, signal);
        return ++sent === 2 ? answer(500) : given;
      };
      const outcome = await deliver(lostSecond, { stars: "5" });
      assert.ok(outcome.status === "failed");
      assert.deepEqual([outcome.key, sent], ["unknown_outcome", 2]);
    });

    it("sends nothing more once it is to stop", async () => {
      define({ stars: property("number") });
      const stop = new AbortController();
      const stopping: Track = async (body) => {
        stop.abort();
        return track(body);
      };
      await assert.rejects(deliver(stopping, { stars: "5" }, { signal: stop.signal }));
      assert.deepEqual([calls(), arrived()], [1, []]);
    });
  });

  describe("however the refusal is told", () => {
    const given = { stars: "5", liked: "true", junk: "x" };
    const fitted = { stars: 5, liked: true };
    for (const [name, told] of [
      [
        "as documented, with ;",
        {
          details:
            "stars: must be a number (actual value is '5'); liked: must be a boolean (actual value is 'true'); junk: property is not defined",
        },
      ],
      [
        "with commas",
        {
          details:
            "stars: must be a number, property is required (actual value is '5'), liked: must be a boolean (actual value is 'true'), junk: is not defined in the schema",
        },
      ],
      [
        "with commas and no values",
        { details: "stars: must be a number, property is required, liked: must be a boolean, junk: is not defined" },
      ],
      [
        "in lines",
        {
          details:
            "metadata.stars: must be a number\nmetadata.liked: must be a boolean\nmetadata.junk: unknown property",
        },
      ],
      [
        "with the type that came",
        { details: '"stars" expected number, got string; "liked" expected boolean, got string; "junk" is not defined' },
      ],
      [
        "as paths in sentences",
        {
          details:
            "Property .metadata.stars should be number; Property .metadata.liked should be boolean; Property .metadata.junk is an additional property",
        },
      ],
      [
        "as a list of texts",
        { details: ["stars: must be a number", "liked: must be a boolean", "junk: property is not defined"] },
      ],
      [
        "as a list of objects",
        {
          details: [
            { key: "stars", message: "must be a number" },
            { property: "metadata.liked", reason: "must be a boolean" },
            { path: "/metadata/junk", error: "unknown property" },
          ],
        },
      ],
      [
        "as an object",
        { details: { stars: "must be a number", liked: ["must be a boolean"], junk: { message: "is not defined" } } },
      ],
      [
        "as JSON in a text",
        { details: '{"metadata":{"stars":"must be a number","liked":"must be a boolean","junk":"is not defined"}}' },
      ],
      [
        "in errors",
        {
          errors: [
            { field: "stars", message: "must be a number" },
            { field: "liked", message: "must be a boolean" },
            { field: "junk", message: "is not defined" },
          ],
        },
      ],
    ] as [string, JsonObject][])
      it(name, async () => {
        const bodies: JsonObject[] = [];
        const track: Track = (body) => {
          bodies.push((JSON.parse(body) as { metadata: JsonObject }).metadata);
          const error = {
            code: 400,
            key: "metadata_validation_failed",
            message: "Metadata validation failed",
            ...told,
          };
          return Promise.resolve(bodies.length === 1 ? answer(400, error) : answer(200, {}));
        };
        const omitted = omittedOf(await deliver(track, given));
        assert.deepEqual([bodies, keysOf(omitted)], [[given, fitted], ["metadata.junk"]]);
      });

    it("one key after another", async () => {
      const wanted: [string, string, JsonValue][] = [
        ["a", "number", 1],
        ["b", "number", 2],
        ["c", "number", 3],
      ];
      const track: Track = (body) => {
        const { metadata } = JSON.parse(body) as { metadata: JsonObject };
        const wrong = wanted.find(([key, , value]) => metadata[key] !== value);
        if (!wrong) return Promise.resolve(answer(200, {}));
        const [key, type] = wrong;
        const details = `${key}: must be a ${type} (actual value is '${metadata[key] as string}')`;
        return Promise.resolve(answer(400, { key: "metadata_validation_failed", details }));
      };
      assert.deepEqual(omittedOf(await deliver(track, { a: "1", b: "2", c: "3" })), []);
    });

    for (const [name, told] of [
      ["no details", {}],
      ["no key of this event", { details: "rating: must be a number" }],
      ["nothing that can be read", { details: 7 }],
    ] as [string, JsonObject][])
      it(`fails at once with ${name}`, async () => {
        let calls = 0;
        const refusal = {
          code: 400,
          key: "metadata_validation_failed",
          message: "Metadata validation failed",
          ...told,
        };
        const outcome = await deliver(() => Promise.resolve((calls++, answer(400, refusal))), given);
        assert.deepEqual([outcome.status, calls], ["failed", 1]);
      });

    it("does not ask for ever", async () => {
      let calls = 0;
      const track: Track = () => {
        const details = `stars: must be a ${++calls % 2 ? "number" : "string"}`;
        return Promise.resolve(answer(400, { key: "metadata_validation_failed", details }));
      };
      assert.equal((await deliver(track, given)).status, "failed");
      assert.ok(calls <= 50);
    });
  });
});
