import assert from "node:assert/strict";
import { execFileSync, spawnSync } from "node:child_process";
import { mkdtempSync, rmSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { EXAMPLES, thatRuns } from "../support/examples";
import { startNodeRed } from "../support/node-red-process";
import { waitFor } from "../support/wait-for";

const tls = mkdtempSync(join(tmpdir(), "tls-"));
after(() => rmSync(tls, { recursive: true, force: true }));

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
  for (const { name, nodes, shown } of EXAMPLES)
    describe(`Example "${name}" in Node-RED ${major}`, () => {
      for (const [place, settings] of major === 4 ? places : places.slice(0, 1))
        it(`works on the first click ${place}`, async function () {
          const chosen = settings();
          if (!chosen) return this.skip();
          assert.notEqual(shown.length, 0);
          const nodeRed = await startNodeRed({ major, settings: chosen, flows: thatRuns(nodes) });
          try {
            for (const text of shown) await waitFor(`${text}`, () => text.test(nodeRed.log()), 30_000);
          } catch (error) {
            console.log(nodeRed.log().slice(-4_000));
            throw error;
          } finally {
            await nodeRed.remove();
          }
        });
    });
