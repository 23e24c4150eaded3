import { existsSync } from "node:fs";
import { join } from "node:path";
import type { KeyRange } from "../key-value/engine";

/** Whether there is a store in a folder; it may be empty. */
export function isStore(folder: string): boolean {
  return existsSync(join(folder, "CURRENT"));
}

/**
 * Whether a store that nobody uses holds something in any of these ranges of keys. True also when that cannot be told.
 */
export async function holdsAny(folder: string, ranges: readonly Pick<KeyRange, "gte" | "lt">[]): Promise<boolean> {
  try {
    const { ClassicLevel } = await import("classic-level");
    const db = new ClassicLevel(folder, { createIfMissing: false });
    await db.open();
    try {
      for (const { gte, lt } of ranges) if ((await db.keys({ gte, lt, limit: 1 }).all()).length > 0) return true;
      return false;
    } finally {
      await db.close();
    }
  } catch {
    return true;
  }
}
