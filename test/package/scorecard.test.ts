import assert from "node:assert/strict";
import { readdirSync, readFileSync } from "node:fs";
import { join } from "node:path";
import manifest from "../../package.json";

// The rules of the Flow Library's scorecard (node-red-dev validate) that need no network.
const root = join(__dirname, "../..");
const major = (range: string): number => Number(/^>=(\d+)/.exec(range)?.[1]);

describe("the Flow Library's scorecard", () => {
  it("P01: has a licence", () => assert.equal(manifest.license, "Apache-2.0"));
  it("P03: names its repository", () => assert.ok(manifest.repository.url));
  it("P04: has a scoped name", () => assert.match(manifest.name, /^@[a-z-]+\/[a-z-]+$/));
  it("P05: has the keyword node-red", () => assert.ok(manifest.keywords.includes("node-red")));
  it("P06: accepts Node-RED 4 and every later one", () => assert.equal(manifest["node-red"].version, ">=4.0.0"));
  it("P07: accepts Node 20, and 22.9, which the newest Node-RED needs", () =>
    assert.ok(major(manifest.engines.node) <= 20));

  it("N02: every node that stands in a flow is in an example", () => {
    const examples = readdirSync(join(root, "examples")).map((file) =>
      readFileSync(join(root, "examples", file), "utf8"),
    );
    for (const set of Object.keys(manifest["node-red"].nodes)) {
      const html = readFileSync(join(root, "nodes", `${set}.html`), "utf8");
      const type = /RED\.nodes\.registerType\(\s*["']([^"']+)["']/.exec(html)?.[1];
      assert.ok(type, `${set}.html registers no type that the scorecard's parser sees`);
      if (/category:\s*["']config["']/.test(html)) continue;
      assert.ok(
        examples.some((example) => example.includes(`"type": "${type}"`)),
        `${type} is in no example`,
      );
    }
  });

  it("D01: has at most six dependencies, and no others", () => {
    assert.ok(Object.keys(manifest.dependencies).length <= 6);
    for (const kind of ["optionalDependencies", "bundleDependencies", "peerDependencies"])
      assert.equal(kind in manifest, false);
  });
});
