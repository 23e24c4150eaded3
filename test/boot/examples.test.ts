import assert from "node:assert/strict";
import { execFileSync, spawnSync } from "node:child_process";
import { mkdtempSync, readdirSync, readFileSync, rmSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { DEFAULT_EVENT_NAMES } from "../../src/mapping/event-names";
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

const NAMES = Object.values(DEFAULT_EVENT_NAMES);

/** What each example shows in the Debug sidebar after its first click. */
const SHOWN: Readonly<Record<string, readonly RegExp[]>> = {
  "01": [
    /settled: 2, waiting: 0, total: 2/,
    /1 of 3 customers not accepted/,
    /metadata\.loyalty_points/,
    /metadata\.favorite_color/,
  ],
  "02": [/event: 'voucherify_loyalty_points_rewarded'/],
  "03": NAMES.map((name) => new RegExp(`event: '${name}'`)),
  "04": [
    /1 customer without ID: is "registered" the right name/,
    /event: 'voucherify_publication_succeeded'/,
    /settled: \d+, waiting: 0/,
  ],
  "05": [/your code for 15 % off: \w{5,}/, /answered: true/],
  "06": [/accepted: 200/, /event: 'voucherify_publication_succeeded'/],
  "07": [/you have 50 points/, /today for you: 4\.99 EUR off/],
  "08": [/worth: '50 EUR gift'/, /event: 'voucherify_publication_succeeded'/],
};

for (const major of [4, 5] as const)
  for (const file of readdirSync(folder))
    describe(`Example "${file}" in Node-RED ${major}`, () => {
      const shown = SHOWN[file.slice(0, 2)] ?? [];
      for (const [place, settings] of major === 4 ? places : places.slice(0, 1))
        it(`works on the first click ${place}`, async function () {
          const chosen = settings();
          if (!chosen) return this.skip();
          assert.notEqual(shown.length, 0);
          const nodeRed = await startNodeRed({ major, settings: chosen, flows: exampleThatRuns(file) });
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
