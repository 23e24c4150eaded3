import {
  closeSync,
  cpSync,
  existsSync,
  fsyncSync,
  lstatSync,
  mkdirSync,
  openSync,
  readdirSync,
  renameSync,
  rmSync,
} from "node:fs";
import { dirname, join } from "node:path";
import { PRIVATE_FOLDER } from "./private";

/** What the name of an entry goes on with in the new place while it is copied. */
const COPY = ".moving";
/** The same in the old place, when its copy is complete. */
export const COPIED = ".moved";

/**
 * Moves what lies in a folder into another one, also to another disk: then each entry is there in full before it is taken
 * away here, so that a crash in between loses nothing, and the next call goes on. What is in both places stays in both.
 * @throws what Node says, when something could not be moved; it is then still where it was
 */
export function moveContents(from: string, to: string): void {
  mkdirSync(to, { recursive: true, mode: PRIVATE_FOLDER });
  const names = new Set(
    readdirSync(from).map((name) => (name.endsWith(COPIED) ? name.slice(0, -COPIED.length) : name)),
  );
  for (const name of names) moveEntry(join(from, name), join(to, name));
  if (readdirSync(from).length === 0) rmSync(from, { recursive: true });
}

function moveEntry(from: string, to: string): void {
  const copied = from + COPIED;
  if (!existsSync(to)) {
    if (existsSync(from) && renamed(from, to)) return;
    const copy = to + COPY;
    rmSync(copy, { recursive: true, force: true });
    try {
      cpSync(existsSync(from) ? from : copied, copy, { recursive: true, preserveTimestamps: true });
      syncAll(copy);
    } catch (error) {
      rmSync(copy, { recursive: true, force: true });
      throw error;
    }
    if (existsSync(from)) renameSync(from, copied);
    renameSync(copy, to);
    sync(dirname(to));
  }
  rmSync(copied, { recursive: true, force: true });
}

/** False when the places are on two disks. */
function renamed(from: string, to: string): boolean {
  try {
    renameSync(from, to);
    return true;
  } catch (error) {
    if ((error as NodeJS.ErrnoException).code === "EXDEV") return false;
    throw error;
  }
}

function syncAll(path: string): void {
  if (lstatSync(path).isDirectory()) for (const name of readdirSync(path)) syncAll(join(path, name));
  sync(path);
}

function sync(path: string): void {
  if (process.platform === "win32") return; // it syncs no folder, and no file that is open for reading
  const file = openSync(path, "r");
  try {
    fsyncSync(file);
  } finally {
    closeSync(file);
  }
}
