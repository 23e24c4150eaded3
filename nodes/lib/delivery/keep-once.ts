import type { JsonObject } from "../../../src/json";
import type { Reception } from "./reception";

/** What is to be kept of what did not come before. */
export interface KeepOnce<Item, Received extends JsonObject> {
  readonly items: readonly Item[];
  /** What tells one from another; undefined for what cannot be told, which is always new. */
  readonly keyOf: (item: Item) => string | undefined;
  /** What is kept of those that are new. */
  readonly received: (fresh: readonly Item[]) => Received;
  /** Of the webhook's answer; undefined where there was no webhook. */
  readonly requestId?: string;
}

/**
 * Writes down what did not come before, with the mark that it was seen, all or nothing, and hands it to the flow.
 * Resolves with how many were new.
 * @throws StoreUnavailableError when that is not possible now; the same may come again then
 */
export async function keepOnce<Item, Received extends JsonObject>(
  reception: Reception<Received>,
  { items, keyOf, received, requestId }: KeepOnce<Item, Received>,
): Promise<number> {
  const seen = await reception.firstOf(items, keyOf);
  try {
    if (seen.fresh.length > 0) {
      const kept = received(seen.fresh);
      reception.emitAfterAnswer(kept, await reception.keep(kept, requestId, seen.changes));
    }
    seen.done();
    return seen.fresh.length;
  } catch (error) {
    seen.release();
    throw error;
  }
}
