// `npm run simulator`: installs and builds if needed, then starts the simulator of both APIs on its own.
import { spawnSync } from "node:child_process";
import { createRequire } from "node:module";
import { fileURLToPath } from "node:url";

const ready = fileURLToPath(new URL("ready.mjs", import.meta.url));
const { status } = spawnSync(process.execPath, [ready], { stdio: "inherit" });
if (status !== 0) process.exit(status ?? 1);
createRequire(import.meta.url)("../dist/src/simulator/cli.js");
