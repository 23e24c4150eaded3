import { existsSync, readFileSync } from "node:fs";
import { dirname, join } from "node:path";

/** The package's own file, as it lay when this code was loaded. */
const PACKAGE_FILE = packageFile();

/** The version of this package whose code this is. */
export const RELEASE = versionIn(PACKAGE_FILE);

function packageFile(): string {
  let folder = __dirname;
  while (!existsSync(join(folder, "package.json")) && folder !== dirname(folder)) folder = dirname(folder);
  return join(folder, "package.json");
}

function versionIn(file: string): string {
  return (JSON.parse(readFileSync(file, "utf8")) as { version: string }).version;
}

/** The version that is installed now; that of this code while there is none, because the package was removed. */
function installedVersion(): string {
  try {
    return versionIn(PACKAGE_FILE);
  } catch {
    return RELEASE;
  }
}

/** The releases whose code has run in this process, the first one first; shared by all of them. */
const releases = ((globalThis as Record<symbol, unknown>)[Symbol.for("@bloomreach-voucherify/node-red/releases")] ??=
  new Set<string>()) as Set<string>;
releases.add(RELEASE);

/**
 * The sentence for a process in which this code must not work, or undefined: another release has begun here, and what it
 * owns (routes, queues, budgets) still runs with its code; or the package was replaced on disk, and this code is the old one.
 */
export function restartNeeded(): string | undefined {
  const [first = RELEASE] = releases;
  const installed = installedVersion();
  if (first === RELEASE && installed === RELEASE) return undefined;
  return `Restart Node-RED: it still runs release ${first} of @bloomreach-voucherify/node-red, and release ${installed} is installed. What waits is kept, and webhooks are told to come again.`;
}
