import type { Settlement } from "../delivery/destination";
import type { Retry } from "../delivery/outcome";

/** The destination could not do it this time: whatever was asked for is to be asked again. */
export class TryLater extends Error {
  override readonly name = "TryLater";

  constructor(readonly outcome: Retry) {
    super(outcome.reason);
  }
}

/**
 * Yields what `delivering` settles. When it throws `TryLater` the destination is in trouble: whatever is left of the batch is
 * not sent now, and has that outcome.
 * @throws the signal's reason once it is aborted; any other error of `delivering`
 */
export async function* untilTrouble(
  batch: readonly { readonly id: number }[],
  delivering: AsyncIterable<readonly Settlement[]>,
  signal: AbortSignal,
): AsyncGenerator<Settlement[]> {
  const open = new Set(batch.map(({ id }) => id));
  try {
    for await (const settlements of delivering) {
      for (const { id } of settlements) open.delete(id);
      yield [...settlements];
    }
  } catch (error) {
    signal.throwIfAborted();
    if (!(error instanceof TryLater)) throw error;
    if (open.size > 0) yield [...open].map((id) => ({ id, outcome: error.outcome }));
  }
}
