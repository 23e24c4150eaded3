import assert from "node:assert/strict";
import * as fc from "fast-check";
import type { Settlement } from "../../src/delivery/destination";
import { bisect, type SendPart } from "../../src/destinations/bisection";
import { TryLater, untilTrouble } from "../../src/destinations/try-later";

/** What the destination says of a part that holds poison. */
type Refusal = "guilty" | "perhaps" | "unclear";

interface Tried {
  readonly settled: Map<number, Settlement["outcome"]["status"]>;
  /** How often an item was settled more than once. */
  readonly twice: number;
  readonly calls: readonly (readonly number[])[];
}

const FAILED = { status: "failed", key: "poison", reason: "Poison." } as const;
const settle = (part: readonly number[], isPoison: (item: number) => boolean): Settlement[] =>
  part.map((id) => ({ id, outcome: isPoison(id) ? FAILED : { status: "delivered", result: {} } }));

/** A destination that refuses every part of more than one item in which there is poison. */
function refusing(poison: ReadonlySet<number>, refusal: Refusal, calls: number[][]): SendPart<number> {
  return async function* (part) {
    calls.push([...part]);
    const isPoisoned = part.some((item) => poison.has(item));
    if (part.length === 1 || !isPoisoned) {
      yield await Promise.resolve(settle(part, (item) => poison.has(item)));
      return isPoisoned ? { kind: "refused", guilty: true } : { kind: "taken" };
    }
    return refusal === "unclear" ? { kind: "taken", unclear: part } : { kind: "refused", guilty: refusal === "guilty" };
  };
}

async function deliver(count: number, send: (calls: number[][]) => SendPart<number>): Promise<Tried> {
  const calls: number[][] = [];
  const settled: Tried["settled"] = new Map();
  let twice = 0;
  for await (const settlements of bisect([...Array(count).keys()], send(calls)))
    for (const { id, outcome } of settlements) {
      if (settled.has(id)) twice++;
      settled.set(id, outcome.status);
    }
  return { settled, twice, calls };
}

describe("bisection", () => {
  for (const refusal of ["guilty", "perhaps", "unclear"] as const)
    it(`costs poisoned items only themselves, in at most 1 + 2k log2(n) calls (${refusal})`, () =>
      fc.assert(
        fc.asyncProperty(fc.integer({ min: 1, max: 200 }), fc.uniqueArray(fc.nat(199)), async (count, places) => {
          const poison = new Set(places.filter((place) => place < count));
          const { settled, twice, calls } = await deliver(count, (log) => refusing(poison, refusal, log));
          assert.equal(settled.size, count);
          assert.equal(twice, 0);
          for (const [item, status] of settled) assert.equal(status, poison.has(item) ? "failed" : "delivered");
          const most = 1 + 2 * poison.size * Math.ceil(Math.log2(count));
          assert.ok(calls.length <= most, `${calls.length} calls for ${poison.size} of ${count}`);
        }),
        { numRuns: 200 },
      ));

  it("asks nobody about a half that must hold the culprit", async () => {
    const calls = async (refusal: Refusal): Promise<number> =>
      (await deliver(4, (log) => refusing(new Set([2]), refusal, log))).calls.length;
    assert.equal(await calls("guilty"), 4);
    assert.equal(await calls("perhaps"), 5);
  });

  it("keeps the order of the items, and sends no item that is settled", async () => {
    const { calls } = await deliver(6, (log) => refusing(new Set([5]), "guilty", log));
    assert.deepEqual(calls, [[0, 1, 2, 3, 4, 5], [0, 1, 2], [3], [4], [5]]);
  });

  it("makes no call for nothing", async () => {
    assert.deepEqual((await deliver(0, (log) => refusing(new Set(), "guilty", log))).calls, []);
  });

  it("works for parts that are too large, whoever is in them", async () => {
    const { settled, calls } = await deliver(
      9,
      (log) =>
        async function* (part) {
          log.push([...part]);
          if (part.length > 2) return { kind: "refused", guilty: false };
          yield await Promise.resolve(settle(part, () => false));
          return { kind: "taken" };
        },
    );
    assert.equal(settled.size, 9);
    assert.deepEqual(calls.filter(({ length }) => length <= 2).flat(), [0, 1, 2, 3, 4, 5, 6, 7, 8]);
  });
});

describe("trouble in the middle of a batch", () => {
  const batch = [{ id: 1 }, { id: 2 }, { id: 3 }];
  const later = { status: "retry", reason: "Down." } as const;

  async function* delivering(error: Error): AsyncGenerator<Settlement[]> {
    yield await Promise.resolve(settle([1], () => false));
    throw error;
  }
  async function collect(error: Error, signal = new AbortController().signal): Promise<Settlement[]> {
    const all: Settlement[] = [];
    for await (const settlements of untilTrouble(batch, delivering(error), signal)) all.push(...settlements);
    return all;
  }

  it("leaves the others unsent, with the reason", async () => {
    const statuses = (await collect(new TryLater(later))).map(({ id, outcome }) => [id, outcome.status]);
    assert.deepEqual(statuses, [
      [1, "delivered"],
      [2, "retry"],
      [3, "retry"],
    ]);
  });

  it("is no outcome of a record where it is a mistake, or the end", async () => {
    await assert.rejects(collect(new RangeError("A mistake")), RangeError);
    await assert.rejects(collect(new TryLater(later), AbortSignal.abort(new Error("The end"))), /The end/);
  });
});
