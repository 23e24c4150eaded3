// `npm start`: a real Node-RED with this package installed from its packed tarball, the first example flow deployed and
// the built-in simulator behind it. Everything lives in .node-red/, so nobody's own Node-RED is touched.
import { spawn, spawnSync } from "node:child_process";
import { copyFileSync, existsSync, mkdirSync, readdirSync, readFileSync, statSync, writeFileSync } from "node:fs";
import { get } from "node:http";
import { join } from "node:path";
import { build, install, root, run } from "./ready.mjs";

const port = Number(process.env.PORT ?? 1880);
const home = join(root, ".node-red");
const [major, minor] = process.versions.node.split(".").map(Number);
// Node-RED 5 refuses a Node older than 22.9.
const newer = major > 22 || (major === 22 && minor >= 9);

install();
const builtAt = build();
const runtime = newer ? join(root, "runtimes", "node-red-5") : root;
install(runtime);

mkdirSync(home, { recursive: true });
if (!existsSync(join(home, "package.json"))) writeFileSync(join(home, "package.json"), '{ "private": true }\n');
installPackage();
deployExample();
writeFileSync(
  join(home, "settings.js"),
  `// Written by npm start.
module.exports = {
  uiHost: "127.0.0.1",
  uiPort: ${port},
  flowFile: "flows.json",
  credentialSecret: "only for this private folder",
  telemetry: { enabled: false, updateNotification: false },
  editorTheme: { tours: false, projects: { enabled: false } },
};
`,
);

const nodeRed = spawn(
  process.execPath,
  [join(runtime, "node_modules", "node-red", "red.js"), "-u", home, "-s", join(home, "settings.js")],
  { stdio: "inherit" },
);
nodeRed.on("exit", (code) => process.exit(code ?? 0));
for (const signal of ["SIGINT", "SIGTERM"]) process.on(signal, () => nodeRed.kill(signal));
announceWhenReady();

/** Packs the build and installs the tarball, as the palette would; skipped while the installed one is as new. */
function installPackage() {
  const installed = join(home, "node_modules", "@bloomreach-voucherify", "node-red", "package.json");
  const tarball = join(home, "package.tgz");
  if (existsSync(installed) && existsSync(tarball) && statSync(tarball).mtimeMs >= builtAt) return;
  const packed = spawnSync("npm", ["pack", "--silent", "--ignore-scripts", "--pack-destination", home], {
    cwd: root,
    encoding: "utf8",
    shell: process.platform === "win32",
  });
  if (packed.status !== 0) process.exit(packed.status ?? 1);
  copyFileSync(join(home, packed.stdout.trim().split("\n").at(-1)), tarball);
  run("npm", ["install", "--no-audit", "--no-fund", "--loglevel=error", tarball], home);
}

/** Deploys the first example, unless the folder already holds flows that the user may have changed. */
function deployExample() {
  const flows = join(home, "flows.json");
  if (existsSync(flows)) return;
  const [first] = readdirSync(join(root, "examples")).sort();
  writeFileSync(flows, readFileSync(join(root, "examples", first)));
}

function announceWhenReady() {
  const request = get({ host: "127.0.0.1", port, path: "/" }, (response) => {
    response.resume();
    console.log(`
  Node-RED is running: http://127.0.0.1:${port}
  1. Open that address.
  2. Click the button at the left of "Send 3 customers".
  3. Read the result in the Debug sidebar (the bug icon).
  Ctrl+C stops it. Another port: PORT=1881 npm start
`);
  });
  request.on("error", () => setTimeout(announceWhenReady, 200));
}
