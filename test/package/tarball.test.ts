import assert from "node:assert/strict";
import { execFileSync } from "node:child_process";
import { readFileSync } from "node:fs";
import { builtinModules } from "node:module";
import { dirname, join, normalize } from "node:path";
import manifest from "../../package.json";

const root = join(__dirname, "../..");

interface Packed {
  files: { path: string }[];
}

describe("the packed tarball", () => {
  let files: string[] = [];
  before(() => {
    const output = execFileSync("npm", ["pack", "--dry-run", "--json", "--ignore-scripts"], { cwd: root });
    files = ((JSON.parse(output.toString()) as Packed[])[0]?.files ?? []).map(({ path }) => path);
  });

  it("holds only the build, the examples and the four documents", () => {
    const unexpected = files.filter(
      (path) =>
        !/^(package\.json|README\.md|LICENSE|CHANGELOG\.md)$/.test(path) &&
        !/^examples\/\d\d - [^/]+\.json$/.test(path) &&
        !/^dist\/(src|nodes)\/[\w./-]+\.js$/.test(path) &&
        !/^dist\/nodes\/[\w-]+\.html$/.test(path) &&
        !/^dist\/nodes\/icons\/bv-[\w-]+\.svg$/.test(path) &&
        !/^resources\/([\w-]+\/)?[\w-]+\.(js|css)$/.test(path) &&
        !/^dist\/nodes\/locales\/[a-z]{2}(-[A-Z]{2})?\/[\w-]+\.(json|html)$/.test(path),
    );
    assert.deepEqual(unexpected, []);
  });

  it("holds each node with its dialog, help and catalog", () => {
    for (const [set, script] of Object.entries(manifest["node-red"].nodes))
      for (const path of [
        script,
        script.replace(/\.js$/, ".html"),
        `dist/nodes/locales/en-US/${set}.json`,
        `dist/nodes/locales/en-US/${set}.html`,
      ])
        assert.ok(files.includes(path), `${path} is missing`);
  });

  it("holds every file that a dialog's tags ask for, and what those import: without one, the editor never opens", () => {
    const served = `resources/${manifest.name}/`;
    const packed = (path: string): string => {
      assert.ok(files.includes(path), `${path} is not packed`);
      return readFileSync(join(root, path), "utf8");
    };
    const asked = new Set<string>();
    const { nodes, plugins } = manifest["node-red"];
    for (const script of [...Object.values(nodes), ...Object.values(plugins)]) {
      const dialog = packed(script.replace(/\.js$/, ".html"));
      const tags = [...dialog.matchAll(/<script[^>]* src="([^"]+)"/g)].map(([, src = ""]) => src);
      // Node-RED loads the dialogs one after the other: none may count on another's tag.
      for (const [name, file] of Object.entries({ bvDialog: "dialog.js", bvQueues: "queues/sidebar.js" }))
        assert.ok(!dialog.includes(`${name}.`) || tags.includes(served + file), `${script}: no tag for ${name}`);
      for (const src of tags) {
        assert.ok(src.startsWith(served), `${src} is not below ${served}, where Node-RED serves this package`);
        asked.add(`resources/${src.slice(served.length)}`);
      }
    }
    for (const path of asked)
      for (const [, wanted = ""] of packed(path).matchAll(/(?:from|import|new URL\() ?"([^"]+)"/g))
        asked.add(join(dirname(path), wanted).replaceAll("\\", "/"));
    const unused = files.filter((path) => path.startsWith("resources/") && !asked.has(path));
    assert.deepEqual(unused, []);
    assert.ok(asked.has("resources/dialog.css"));
  });

  it("requires nothing outside itself but its dependencies and Node", () => {
    const allowed = new Set([...Object.keys(manifest.dependencies), ...builtinModules]);
    for (const file of files.filter((path) => path.endsWith(".js")))
      for (const [, wanted = ""] of readFileSync(join(root, file), "utf8").matchAll(/require\("([^"]+)"\)/g)) {
        if (!wanted.startsWith(".")) {
          assert.ok(wanted.startsWith("node:") || allowed.has(wanted), `${file} requires ${wanted}`);
          continue;
        }
        const target = normalize(join(dirname(file), wanted)).replaceAll("\\", "/");
        const candidates = [target, `${target}.js`, `${target}.json`, `${target}/index.js`];
        assert.ok(
          candidates.some((path) => files.includes(path)),
          `${file} requires ${wanted}, which is not packed`,
        );
      }
  });
});
