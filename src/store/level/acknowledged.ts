import { copyFileSync, readFileSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import { PRIVATE_FILE } from "./private";

/** LevelDB leaves files alone whose names it does not know. */
const FILE = "acknowledged";

/**
 * The number of the newest batch that callers were told of, beside LevelDB's files. LevelDB takes a journal that was cut for
 * one whose last write was never finished, and says nothing; a batch that was acknowledged and is not there tells the two
 * apart. It is not synced: after a power cut it can only say too little, never too much.
 */
export const acknowledged = {
  /** The number in a store's folder; 0 where there is none. */
  read(folder: string): number {
    try {
      return Number(readFileSync(join(folder, FILE), "utf8")) || 0;
    } catch {
      return 0;
    }
  },

  /** Notes a batch that is on disk. It is a hint only: nothing fails for it. */
  note(folder: string, batch: number): void {
    try {
      writeFileSync(join(folder, FILE), String(batch), { mode: PRIVATE_FILE });
    } catch {
      // The disk is full or read-only: the next write to the store says so.
    }
  },

  /** Takes the number along to a copy of the store. */
  copy(from: string, to: string): void {
    try {
      copyFileSync(join(from, FILE), join(to, FILE));
    } catch {
      // Written by release 0.1.0, which had none.
    }
  },
};
