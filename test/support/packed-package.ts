import { execFile } from "node:child_process";
import { mkdirSync, mkdtempSync, readdirSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { promisify } from "node:util";

const run = promisify(execFile);
const root = join(__dirname, "../..");
const quiet = ["--ignore-scripts", "--no-audit", "--no-fund", "--loglevel=error"];

/** Names the folder of a package that was packed before, by ready-once.ts. */
export const PACKED_PACKAGE = "PACKED_PACKAGE";

let installed: Promise<string> | undefined;

/**
 * A Node-RED user directory with this package installed from its packed tarball, as a user would have it. Made once per
 * test run: copy it, never change it.
 */
export function installedPackage(): Promise<string> {
  const packed = process.env[PACKED_PACKAGE];
  return (installed ??= packed === undefined ? pack() : Promise.resolve(packed));
}

/** `npm ci` in a folder that has nothing installed yet. */
export async function installTools(folder: string): Promise<void> {
  if (!readdirSync(folder).includes("node_modules")) await npm(folder, "ci");
}

async function pack(): Promise<string> {
  const userDir = mkdtempSync(join(tmpdir(), "packed-package-"));
  process.on("exit", () => rmSync(userDir, { recursive: true, force: true }));
  await run(process.execPath, [join(root, "scripts", "ready.mjs")], { cwd: root });
  const tarballs = join(userDir, "tarball");
  mkdirSync(tarballs);
  await npm(root, "pack", "--pack-destination", tarballs);
  const [tarball = ""] = readdirSync(tarballs);
  writeFileSync(join(userDir, "package.json"), '{ "private": true }\n');
  await npm(userDir, "install", join(tarballs, tarball));
  return userDir;
}

async function npm(folder: string, ...command: string[]): Promise<void> {
  await run("npm", [...command, ...quiet], { cwd: folder, maxBuffer: 2 ** 26 });
}
