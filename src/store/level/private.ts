import { chmodSync, existsSync, type FSWatcher, lstatSync, mkdirSync, readdirSync, watch } from "node:fs";
import { basename, dirname, join } from "node:path";
import { DanglingLink } from "./trouble";

/** Only the user that runs Node-RED may look: customers' data are in there. */
export const PRIVATE_FOLDER = 0o700;
export const PRIVATE_FILE = 0o600;

/**
 * Makes the folder of a store, or takes an existing one, and shuts it to other users, and with it the copies that were set
 * aside beside it. Where the file system knows no such rights, or the folder belongs to somebody else, it stays as it is.
 * @throws DanglingLink when the folder is a link to nothing, or lies behind one
 */
export function makePrivate(folder: string): void {
  for (let path = folder; !existsSync(path) && path !== dirname(path); path = dirname(path))
    if (isLink(path)) throw new DanglingLink(path);
  mkdirSync(folder, { recursive: true, mode: PRIVATE_FOLDER });
  const name = basename(folder);
  const beside = readdirOf(dirname(folder)).filter(
    (other) => other.startsWith(`${name}.damaged-`) || other === `${name}.rescued`,
  );
  for (const each of [folder, ...beside.map((other) => join(dirname(folder), other))]) shut(each);
}

/** LevelDB makes files for everybody to read: shuts those that are there, and new ones as they come. Returns what ends it. */
export function keepPrivate(folder: string): () => void {
  let watcher: FSWatcher | undefined;
  try {
    watcher = watch(folder, { persistent: false }, (event, file) => {
      if (event === "rename" && file !== null) chmod(join(folder, file), PRIVATE_FILE);
    });
    watcher.on("error", () => watcher?.close());
  } catch {
    // The system watches no more files: the folder itself is shut in any case.
  }
  shut(folder);
  return () => watcher?.close();
}

function shut(folder: string): void {
  chmod(folder, PRIVATE_FOLDER);
  for (const file of readdirOf(folder)) chmod(join(folder, file), PRIVATE_FILE);
}

function isLink(path: string): boolean {
  return lstatSync(path, { throwIfNoEntry: false })?.isSymbolicLink() === true;
}

function readdirOf(folder: string): string[] {
  try {
    return readdirSync(folder);
  } catch {
    return [];
  }
}

function chmod(path: string, mode: number): void {
  try {
    chmodSync(path, mode);
  } catch {
    // Gone meanwhile, of another user, or on a file system without such rights.
  }
}
