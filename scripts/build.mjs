// Compiles TypeScript to dist/ and puts beside it what Node-RED reads from disk: dialogs, help, catalogs, icons. The shared
// parts of the dialogs go to resources/, which Node-RED serves from the package's root and nowhere else.
import { spawnSync } from "node:child_process";
import { cpSync, readdirSync, readFileSync, rmSync, writeFileSync } from "node:fs";
import { createRequire } from "node:module";
import { dirname, join } from "node:path";
import { fileURLToPath } from "node:url";
import ts from "typescript";

const root = dirname(dirname(fileURLToPath(import.meta.url)));
const dist = join(root, "dist");
const resources = join(root, "resources");

for (const built of [dist, resources]) rmSync(built, { recursive: true, force: true });
const tsc = createRequire(import.meta.url).resolve("typescript/bin/tsc");
const { status } = spawnSync(process.execPath, [tsc, "-p", root], { stdio: "inherit" });
if (status !== 0) process.exit(status ?? 1);

for (const name of readdirSync(join(root, "nodes")))
  if (name.endsWith(".html") || name === "icons" || name === "locales")
    cpSync(join(root, "nodes", name), join(dist, "nodes", name), { recursive: true });
cpSync(join(root, "nodes", "editor"), resources, { recursive: true });

// The editor reads saved properties as the runtime does, with the same code as modules of the browser.
const migrations = join(root, "nodes", "lib", "runtime", "migrations");
const compilerOptions = { module: ts.ModuleKind.ES2022, target: ts.ScriptTarget.ES2022 };
for (const name of readdirSync(migrations)) {
  const { outputText } = ts.transpileModule(readFileSync(join(migrations, name), "utf8"), { compilerOptions });
  writeFileSync(join(resources, name.replace(/\.ts$/, ".js")), outputText);
}
