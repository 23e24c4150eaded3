/**
 * The most events in any window of `windowMs`, wherever the window begins.
 * @param times ms, in any order; events that are exactly one window apart share no window
 */
export function mostInAnyWindow(times: readonly number[], windowMs: number): number {
  const sorted = [...times].sort((a, b) => a - b);
  let most = 0;
  let first = 0;
  sorted.forEach((time, last) => {
    while (time - (sorted[first] ?? time) >= windowMs) first++;
    most = Math.max(most, last - first + 1);
  });
  return most;
}
