import { setTimeout as pause } from "node:timers/promises";

/**
 * Waits until `look` returns something (not undefined, not false) and returns it.
 * Throws after `limitMs` (default 15 s) with `what` in the message: a test waits for conditions, never for a time.
 */
export async function waitFor<Seen>(
  what: string,
  look: () => Seen | undefined | false | Promise<Seen | undefined | false>,
  limitMs = 15_000,
): Promise<Seen> {
  for (const end = Date.now() + limitMs; Date.now() < end; await pause(20)) {
    const seen = await look();
    if (seen !== undefined && seen !== false) return seen;
  }
  throw new Error(`Waited ${limitMs / 1000} s in vain for ${what}.`);
}
