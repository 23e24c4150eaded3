import { existsSync } from "node:fs";
import { readdir, readFile, rename } from "node:fs/promises";
import { basename, dirname, join } from "node:path";
import type { ClassicLevel } from "classic-level";
import { acknowledged } from "./acknowledged";
import { makePrivate } from "./private";
import { rescueDatabase } from "./rescue";
import { LastingTrouble, isDamage } from "./trouble";
import { decodeValue, encodeValue } from "./values";

/** Version of what lies in the store; a later release migrates lower ones. */
const SCHEMA_VERSION = 1;
/** That many of the newest batches can be checked for gaps. */
const MARKERS = 1024;

/** An operation with the value as it lies on disk. */
export type RawOperation =
  | { readonly type: "put"; readonly key: string; readonly value: string }
  | { readonly type: "del"; readonly key: string };

/** What the next opening has to mend. */
export interface Mending {
  /** The store was open and found damaged. */
  damaged: boolean;
  /** The store is already a rescued one: if it is damaged too, the disk is, and more copies do not help. */
  rescued: boolean;
  /** Takes back a batch that failed, should it be on disk after all. */
  undo: readonly RawOperation[];
}

/** The operation that is part of batch `batch` and shows later that it is there. */
export function markerOf(batch: number): RawOperation {
  const key = `meta/batch/${String(batch % MARKERS).padStart(16, "0")}`;
  return { type: "put", key, value: encodeValue(key, batch) };
}

/**
 * Opens the store in `folder`, looks for lost records, and makes a first synced write. A damaged store is set aside, and a
 * copy of what can be read of it takes its place.
 * @param mending what it has mended is taken out of it
 * @param tellLoss hears a sentence for each loss that was found
 * @returns the open database and the number of its last batch
 * @throws LastingTrouble, or whatever Node or LevelDB say, when it cannot be opened; nothing is open then
 */
export async function openDatabase(
  folder: string,
  mending: Mending,
  tellLoss: (sentence: string) => void,
): Promise<{ readonly db: ClassicLevel; readonly batch: number }> {
  const Level = await loadLevel();
  if (!mending.damaged) {
    try {
      return await openChecked(Level, folder, mending, tellLoss);
    } catch (error) {
      if (!isDamage(error) || mending.rescued) throw error;
      mending.damaged = true;
    }
  }
  await replaceDamaged(folder, tellLoss);
  mending.damaged = false;
  mending.rescued = true;
  return openChecked(Level, folder, mending, tellLoss);
}

/** What the name of a folder that is set aside goes on with. */
const SET_ASIDE = ".damaged-";

/** The folders that were set aside in place of which this one came. */
export async function foldersSetAside(folder: string): Promise<string[]> {
  const names = await readdir(dirname(folder));
  return names
    .filter((name) => name.startsWith(basename(folder) + SET_ASIDE))
    .map((name) => join(dirname(folder), name));
}

async function replaceDamaged(folder: string, tellLoss: (sentence: string) => void): Promise<void> {
  const copy = `${folder}.rescued`;
  await rescueDatabase(folder, copy).catch((error: unknown) => {
    if (!isDamage(error)) throw error;
  });
  const aside = `${folder}${SET_ASIDE}${new Date().toISOString().replace(/[-:.]/g, "")}`;
  await rename(folder, aside);
  const rescued = existsSync(copy);
  tellLoss(
    `The store in the folder ${folder} was damaged and has been set aside as ${aside}. ` +
      (rescued
        ? "What could be read of it takes its place and is delivered; records that were accepted may be missing."
        : "Nothing in it could be read, so an empty one takes its place: what waited in it is not delivered.") +
      " Check the disk, and keep that folder until you know that nothing is missed.",
  );
  if (!rescued) return;
  acknowledged.copy(aside, copy);
  await rename(copy, folder);
}

async function openChecked(
  Level: typeof ClassicLevel,
  folder: string,
  mending: Mending,
  tellLoss: (sentence: string) => void,
): Promise<{ readonly db: ClassicLevel; readonly batch: number }> {
  makePrivate(folder);
  // Without its file CURRENT, LevelDB would take a store for a new one and delete its tables.
  const files = await readdir(folder);
  const db = new Level(folder, { createIfMissing: !files.some((file) => /\.(ldb|sst|log)$/.test(file)) });
  await db.open();
  try {
    const leftOut = await logTellsLoss(folder);
    await refuseNewerVersion(db, folder);
    const { last, missing } = await readMarkers(db);
    const lost = missing.length + Math.max(0, acknowledged.read(folder) - last);
    const operations: RawOperation[] = [
      ...mending.undo,
      { type: "put", key: "meta/version", value: String(SCHEMA_VERSION) },
      // What is missing is told once, not at every start.
      ...missing.map(markerOf),
      markerOf(last + 1),
    ];
    await db.batch(operations, { sync: true });
    acknowledged.note(folder, last + 1);
    if (lost > 0 || leftOut) tellLoss(lossSentence(folder, lost));
    return { db, batch: last + 1 };
  } catch (error) {
    await db.close();
    throw error;
  }
}

/** Only here, and not at the top: where there is no binary for the platform, all nodes still load. */
async function loadLevel(): Promise<typeof ClassicLevel> {
  try {
    return (await import("classic-level")).ClassicLevel;
  } catch (error) {
    throw new LastingTrouble(
      `The database LevelDB does not work on this platform (${process.platform} ${process.arch}, Node ${process.versions.node}), so nothing can be kept safely. Install this package again in the place where Node-RED runs ("npm rebuild classic-level --build-from-source" there needs a compiler) and restart Node-RED.`,
      { cause: error },
    );
  }
}

/** The version lies there as plain digits, so that no later way to write values hides it. Lower ones: none so far. */
async function refuseNewerVersion(db: ClassicLevel, folder: string): Promise<void> {
  if (Number((await db.get("meta/version")) ?? 0) <= SCHEMA_VERSION) return;
  throw new LastingTrouble(
    `The store in the folder ${folder} was written by a newer version of this package. Install that version again and restart Node-RED; nothing in the store was changed.`,
  );
}

/** The number of the last batch, and the numbers of batches before it that are not there. */
async function readMarkers(db: ClassicLevel): Promise<{ readonly last: number; readonly missing: readonly number[] }> {
  const found = new Set<number>();
  for await (const [key, stored] of db.iterator({ gte: "meta/batch/", lt: "meta/batch0" })) {
    try {
      found.add(Number(decodeValue(key, stored)));
    } catch {
      // A marker that cannot be read counts as missing.
    }
  }
  const last = Math.max(0, ...found);
  const missing: number[] = [];
  for (let batch = Math.max(1, last - MARKERS + 1); batch < last; batch++) if (!found.has(batch)) missing.push(batch);
  return { last, missing };
}

/** LevelDB leaves out what it cannot read and says so in its text file LOG alone, which it begins anew at each open. */
async function logTellsLoss(folder: string): Promise<boolean> {
  const text = await readFile(join(folder, "LOG"), "utf8").catch(() => "");
  return /dropping|ignoring error/i.test(text);
}

function lossSentence(folder: string, writes: number): string {
  const extent = writes > 0 ? ` (${writes} of the newest writes)` : "";
  return `Part of the store in the folder ${folder} could not be read${extent}: records that were accepted may be missing. All others are delivered, there is nothing to do for them. Check the disk.`;
}
