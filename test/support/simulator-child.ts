import type { JsonObject, JsonValue } from "../../src/json";
import { type Faults, Simulator } from "../../src/simulator";
import { BLOOMREACH_KEYS, TEST_KEYS } from "./flows";

/** A process of its own with a simulator, driven over IPC (test/support/simulator-process.ts). */
async function start(): Promise<void> {
  const simulator = await Simulator.start({
    ...{ keys: { ...TEST_KEYS, ...BLOOMREACH_KEYS }, asyncActionMs: 100, logCapacity: 1_000 },
    rateLimit: { limit: 10_000_000, periodMs: 60_000 },
  });
  const calls: Record<string, (argument: never) => unknown> = {
    url: () => simulator.url,
    faults: (faults: Faults | null) => simulator.setFaults(faults ?? undefined),
    customers: () => [...simulator.customers].map(([sourceId, { name }]) => [sourceId, name ?? null]),
    /** How often each custom event arrived, by `metadata.n`. */
    customEvents: () => countsOf(simulator.events.events.map(({ metadata }) => metadata.n)),
    /** How often each event is at Bloomreach, by Voucherify's id of it. */
    trackedEvents: () =>
      countsOf(
        [...simulator.bloomreach.book.profiles].flatMap(({ events }) =>
          events.map(({ properties }) => properties.voucherify_event_id),
        ),
      ),
    codes: () => codesOf(simulator),
    /** How much has arrived since the last reset. */
    arrived: () => ({
      customers: simulator.customers.size,
      publications: simulator.publications.publications.length,
      customEvents: simulator.events.events.length,
      trackedEvents: [...simulator.bloomreach.book.profiles].reduce((sum, { events }) => sum + events.length, 0),
    }),
    reset: () => simulator.reset(),
  };
  process.on("message", ({ id, call, argument }: { id: number; call: string; argument: never }) => {
    process.send!({ id, result: calls[call]!(argument) ?? null });
  });
  process.on("disconnect", () => process.exit());
  process.send!({ ready: true });
}

/** The codes that each customer has, by source id. */
function codesOf({ customers, campaigns }: Simulator): JsonObject {
  const names = new Map([...customers.values()].map((customer) => [customer.id, customer.source_id ?? customer.id]));
  const codes: Record<string, string[]> = {};
  for (const { code, holderId = "" } of campaigns.vouchers.values())
    if (holderId !== "") (codes[names.get(holderId) ?? holderId] ??= []).push(code);
  return codes;
}

function countsOf(values: readonly (JsonValue | undefined)[]): JsonObject {
  const counts: Record<string, number> = {};
  for (const value of values) if (typeof value === "string") counts[value] = (counts[value] ?? 0) + 1;
  return counts;
}

void start();
