/**
 * What outlives a node: Node-RED throws every node away at a deploy, but routes, waiting work, request budgets and the
 * simulator belong to the process. They hang on a global symbol, so that two copies of this module (the palette manager
 * can load a second version before the restart) still share them.
 */
const store = ((globalThis as Record<symbol, unknown>)[Symbol.for("@bloomreach-voucherify/node-red")] ??= new Map<
  string,
  Map<string, unknown>
>()) as Map<string, Map<string, unknown>>;

/** The things of one kind that this process owns, by id. */
export function processOwned<Thing>(kind: string): Map<string, Thing> {
  const things = store.get(kind) ?? new Map<string, unknown>();
  store.set(kind, things);
  return things as Map<string, Thing>;
}
