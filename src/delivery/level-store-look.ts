import { existsSync } from "node:fs";
import { join } from "node:path";
import { DeadLetters } from "./dead-letters";
import { inboxKeys } from "./inbox-keys";
import { LaneKeys } from "./lane-keys";

/** Whether there is a store in a folder; it may be empty. */
export function isStore(folder: string): boolean {
  return existsSync(join(folder, "CURRENT"));
}

/**
 * Whether something waits, or has failed and is kept, in a store that nobody uses. True also when that cannot be told.
 */
export async function holdsRecords(folder: string): Promise<boolean> {
  try {
    const { ClassicLevel } = await import("classic-level");
    const db = new ClassicLevel(folder, { createIfMissing: false });
    await db.open();
    try {
      for (const { gte, lt } of [inboxKeys.entries, LaneKeys.allContents, DeadLetters.all])
        if ((await db.keys({ gte, lt, limit: 1 }).all()).length > 0) return true;
      return false;
    } finally {
      await db.close();
    }
  } catch {
    return true;
  }
}
