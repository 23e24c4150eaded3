import { RELEASE } from "./release";

/**
 * What outlives a node: Node-RED throws every node away at a deploy, but routes, waiting work, request budgets and the
 * simulator belong to the process. They hang on a global symbol, so that copies of this module share them; but each release
 * sees its own only, so that no instance ever serves the code of another release (docs/architecture.md).
 */
const releases = ((globalThis as Record<symbol, unknown>)[Symbol.for("@bloomreach-voucherify/node-red")] ??= new Map<
  string,
  Map<string, Map<string, unknown>>
>()) as Map<string, Map<string, Map<string, unknown>>>;
const store = releases.get(RELEASE) ?? new Map<string, Map<string, unknown>>();
releases.set(RELEASE, store);

/** The things of one kind that this process owns, by id. */
export function processOwned<Thing>(kind: string): Map<string, Thing> {
  const things = store.get(kind) ?? new Map<string, unknown>();
  store.set(kind, things);
  return things as Map<string, Thing>;
}
