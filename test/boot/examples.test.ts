import assert from "node:assert/strict";
import { execFileSync, spawnSync } from "node:child_process";
import { mkdtempSync, readdirSync, readFileSync, rmSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import type { FlowNode } from "../support/flows";
import { startNodeRed } from "../support/node-red-process";
import { waitFor } from "../support/wait-for";

const folder = join(__dirname, "../../examples");
const tls = mkdtempSync(join(tmpdir(), "tls-"));
after(() => rmSync(tls, { recursive: true, force: true }));

/** The example as it is, but its inject nodes fire by themselves and its debug nodes print to the log. */
const exampleThatRuns = (file: string): FlowNode[] =>
  (JSON.parse(readFileSync(join(folder, file), "utf8")) as FlowNode[]).map((node) => {
    if (node.type === "inject") return { ...node, once: true };
    return node.type === "debug" ? { ...node, console: true } : node;
  });

/** A certificate that nobody trusts, as many a Node-RED has one; undefined where there is no openssl to make it. */
function selfSigned(): string | undefined {
  if (spawnSync("openssl", ["version"]).status !== 0) return undefined;
  const [key, cert] = [join(tls, "key.pem"), join(tls, "cert.pem")];
  const request = ["req", "-x509", "-newkey", "rsa:2048", "-nodes", "-days", "2", "-subj", "/CN=localhost"];
  execFileSync("openssl", [...request, "-keyout", key, "-out", cert], { stdio: "ignore" });
  const read = (path: string): string => `require("fs").readFileSync(${JSON.stringify(path)})`;
  return `{ https: { key: ${read(key)}, cert: ${read(cert)} } }`;
}

// The hash of a password that nobody types here.
const auth = { user: "u", pass: "$2b$08$wuAqPiKJlVN27eF5qJp.RuQYuy6ZYONW7a/UWYxDTtwKFCdB8F19y" };
const places: [string, () => object | string | undefined][] = [
  ["with the default settings", () => ({})],
  [
    "below other roots and with httpNodeAuth",
    () => ({ httpAdminRoot: "/admin", httpNodeRoot: "/api", httpNodeAuth: auth }),
  ],
  ["with https", selfSigned],
];

for (const major of [4, 5] as const)
  for (const file of readdirSync(folder))
    describe(`Example "${file}" in Node-RED ${major}`, () => {
      for (const [place, settings] of places)
        it(`works on the first click ${place}`, async function () {
          const chosen = settings();
          if (!chosen) return this.skip();
          const nodeRed = await startNodeRed({ major, settings: chosen, flows: exampleThatRuns(file) });
          try {
            await waitFor("the result", () => /settled: 2, waiting: 0, total: 2/.test(nodeRed.log()));
            await waitFor("what failed", () => /1 of 3 customers not accepted/.test(nodeRed.log()));
            assert.match(nodeRed.log(), /metadata\.loyalty_points/);
            assert.match(nodeRed.log(), /metadata\.favorite_color/);
          } finally {
            await nodeRed.remove();
          }
        });
    });
