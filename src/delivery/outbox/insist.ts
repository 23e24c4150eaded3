import { sleep } from "../../async/sleep";
import { StoreUnavailableError } from "../../store/durable-store";
import { retryDelay, type RetryPolicy } from "../retry-policy";

/** How it asks a store again that does not work now: the store itself says when it does, this only follows. */
const STORE_RETRY: RetryPolicy = { firstMs: 250, capMs: 5_000, giveUpAfterMs: Infinity };

/**
 * The store may fail for a while (disk full): asks again until it works. Undefined: `ending` was aborted meanwhile.
 * @param random from 0 to 1, for the jitter
 * @throws what is no StoreUnavailableError: a mistake in the program, which no repetition mends
 */
export async function insist<T>(
  work: () => Promise<T>,
  ending: AbortSignal,
  random: () => number,
): Promise<T | undefined> {
  for (let failures = 1; ; failures++) {
    try {
      return await work();
    } catch (error) {
      if (!(error instanceof StoreUnavailableError)) throw error;
      await sleep(retryDelay(STORE_RETRY, failures, random()), ending);
      if (ending.aborted) return undefined;
    }
  }
}
