// Makes a bare clone ready: installs when node_modules is missing or older than the lock file, builds when a source is
// newer than the build. Does nothing, quickly, otherwise. Uses Node alone, because nothing else may be there yet.
import { spawnSync } from "node:child_process";
import { existsSync, readdirSync, statSync } from "node:fs";
import { dirname, join } from "node:path";
import { fileURLToPath } from "node:url";

export const root = dirname(dirname(fileURLToPath(import.meta.url)));

const modified = (path) => (existsSync(path) ? statSync(path).mtimeMs : 0);
const newest = (folder) =>
  readdirSync(folder, { withFileTypes: true, recursive: true })
    .filter((entry) => entry.isFile())
    .reduce((latest, entry) => Math.max(latest, modified(join(entry.parentPath ?? entry.path, entry.name))), 0);

/** Runs a command in `folder`; ends this process with its exit code when it fails. */
export function run(command, args, folder = root) {
  const { status } = spawnSync(command, args, { cwd: folder, stdio: "inherit", shell: process.platform === "win32" });
  if (status !== 0) process.exit(status ?? 1);
}

/** `npm ci` in `folder` unless what is installed is as new as its lock file. */
export function install(folder = root, extra = []) {
  if (modified(join(folder, "node_modules", ".package-lock.json")) >= modified(join(folder, "package-lock.json")))
    return;
  console.log(`Installing ${folder === root ? "the package's tools" : folder} (once) ...`);
  run("npm", ["ci", "--no-audit", "--no-fund", "--loglevel=error", ...extra], folder);
}

/** Builds dist/ and resources/ when a source is newer. Returns the time of the build (Unix ms). */
export function build() {
  const outcome = [join(root, "dist", "nodes", "bloomreach-in.js"), join(root, "resources", "dialog.js")];
  const built = () => Math.min(...outcome.map(modified));
  const sources = Math.max(
    newest(join(root, "src")),
    newest(join(root, "nodes")),
    modified(join(root, "tsconfig.json")),
  );
  if (built() < sources) run(process.execPath, [join(root, "scripts", "build.mjs")]);
  return built();
}

if (process.argv[1] === fileURLToPath(import.meta.url)) {
  install();
  build();
}
