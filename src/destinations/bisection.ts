import type { Settlement } from "../delivery/destination";

/** What the destination made of a call. */
export type Verdict<Item> =
  /** It took it. `unclear`: of these it refused some, and does not say which; all others are settled. */
  | { readonly kind: "taken"; readonly unclear?: readonly Item[] }
  /**
   * It refused it as a whole. `guilty`: because of at least one of the items; false: that is not certain, after "too large"
   * for example both halves may be taken.
   */
  | { readonly kind: "refused"; readonly guilty: boolean };

/**
 * Sends a part of a batch in one call and yields what that settled: nothing when more than one item was refused as a whole;
 * a single item is settled whatever the verdict is.
 */
export type SendPart<Item> = (part: readonly Item[]) => AsyncGenerator<readonly Settlement[], Verdict<Item>>;

/**
 * Delivers a batch so that a poisoned item costs only itself: what is refused as a whole is sent by halves, until only the
 * culprits are left. k culprits among n items cost at most 1 + 2k log2(n) calls, rounded up.
 * @throws whatever `send` throws, at once: nothing more is sent
 */
export async function* bisect<Item>(
  items: readonly Item[],
  send: SendPart<Item>,
): AsyncGenerator<readonly Settlement[]> {
  if (items.length > 0) yield* sendWhole(items, send);
}

/** Yields what is settled, returns whether the call with all items was taken. */
type Sending = AsyncGenerator<readonly Settlement[], boolean>;

async function* sendWhole<Item>(items: readonly Item[], send: SendPart<Item>): Sending {
  const verdict = yield* send(items);
  if (verdict.kind === "taken") {
    if (verdict.unclear && verdict.unclear.length > 0) yield* sendHalves(verdict.unclear, false, send);
    return true;
  }
  if (items.length > 1) yield* sendHalves(items, verdict.guilty, send);
  return false;
}

async function* sendHalves<Item>(items: readonly Item[], guilty: boolean, send: SendPart<Item>): Sending {
  if (items.length === 1) return yield* sendWhole(items, send);
  const middle = items.length >> 1;
  const second = items.slice(middle);
  const taken = yield* sendWhole(items.slice(0, middle), send);
  // Who is to blame is in the second half when not in the first: nobody has to be asked about that one as a whole.
  return yield* guilty && taken ? sendHalves(second, true, send) : sendWhole(second, send);
}
