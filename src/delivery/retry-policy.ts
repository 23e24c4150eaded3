/** How a lane tries again. Times are ms. */
export interface RetryPolicy {
  /** Longest wait before the first repetition; it doubles with each further one. */
  readonly firstMs: number;
  /** Longest wait of all. */
  readonly capMs: number;
  /** A record that is still not accepted this long after its first try has failed. */
  readonly giveUpAfterMs: number;
}

export const DEFAULT_RETRY: RetryPolicy = { firstMs: 1_000, capMs: 300_000, giveUpAfterMs: 24 * 3_600_000 };

/** No wait is shorter: the jitter must not turn "too many requests" into another request at once. */
const SHORTEST_MS = 250;

/**
 * Exponential back-off with jitter: anything from a quarter of a second to the limit of this repetition, so that many
 * senders that failed together do not come back together.
 * @param failures how often it has failed, 1 or more
 * @param random from 0 to 1
 * @returns ms to wait; at least 250 where the policy's first wait is not shorter itself
 */
export function retryDelay({ firstMs, capMs }: RetryPolicy, failures: number, random: number): number {
  const longest = Math.min(capMs, firstMs * 2 ** (failures - 1));
  return Math.max(Math.round(random * longest), Math.min(SHORTEST_MS, firstMs));
}
