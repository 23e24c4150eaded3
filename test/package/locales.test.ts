import assert from "node:assert/strict";
import { existsSync, readdirSync } from "node:fs";
import { join } from "node:path";
import ts from "typescript";
import { NODE_SETS, parseScript, propertyOf, readSource, stringsOf } from "../support/dialog-files";
import { keysOfDialog } from "../support/dialog-keys";

/** How Node-RED's palette writes the category into a key (its own rule: every special sign becomes "_"). */
const CATEGORY_KEY = "palette.label.Bloomreach___Voucherify";
/** Words of the code that a user never reads. */
const OUR_WORDS = /\b(lane|outbox|breaker|bisect|receipt)/i;

type Catalog = { [key: string]: string | Catalog };

/** A catalog as one flat list: dotted key and text. */
function flatten(catalog: Catalog, prefix = ""): Map<string, string> {
  return new Map(
    Object.entries(catalog).flatMap(([key, value]) =>
      typeof value === "string" ? [[prefix + key, value] as const] : [...flatten(value, `${prefix}${key}.`)],
    ),
  );
}

const SIDEBAR = "queues-sidebar";

/** The file of a node, and what it imports: the shared code that it runs, and what decides for it. */
function sourceOfNode(set: string): string {
  const own = readSource("nodes", `${set}.ts`);
  const imported = [...own.matchAll(/from "(\.{1,2}\/(?:lib|src)\/[\w/-]+)"/g)].map(([, path = ""]) => {
    const file = join("nodes", path);
    return existsSync(join(__dirname, "../..", `${file}.ts`)) ? readSource(`${file}.ts`) : readSource(file, "index.ts");
  });
  return [own, ...imported].join("\n");
}

/**
 * The statuses that a node shows: `status.show(look, "key")`, `{ look, key: "key" }`, and every other string that is a status of
 * its catalog.
 */
function statusesOfNode(set: string, known: readonly string[]): { shown: string[]; mentioned: string[] } {
  const file = parseScript(sourceOfNode(set));
  const shown: string[] = [];
  const visit = (node: ts.Node): void => {
    const key =
      ts.isCallExpression(node) && node.expression.getText() === "status.show"
        ? node.arguments[1]
        : ts.isObjectLiteralExpression(node) && propertyOf(node, "look")
          ? propertyOf(node, "key")
          : undefined;
    if (key && ts.isStringLiteral(key)) shown.push(key.text);
    ts.forEachChild(node, visit);
  };
  visit(file);
  return { shown, mentioned: stringsOf(file).filter((one) => known.includes(one)) };
}

for (const set of NODE_SETS)
  describe(`catalog of ${set}`, () => {
    const catalog = flatten(JSON.parse(readSource("nodes", "locales", "en-US", `${set}.json`)) as Catalog);
    const prefix = `${set}.status.`;
    const statuses = [...catalog.keys()].flatMap((key) => (key.startsWith(prefix) ? key.slice(prefix.length) : []));
    const used = keysOfDialog(set);

    it("has every key that its dialog uses", () => {
      const missing = used.filter((key) =>
        key.endsWith(".")
          ? ![...catalog.keys()].some((one) => one.startsWith(key))
          : !key.startsWith("node-red:common.") && !catalog.has(key),
      );
      assert.deepEqual(missing, []);
    });

    it("has every status that its node shows", () => {
      const missing = statusesOfNode(set, statuses).shown.filter((key) => !statuses.includes(key));
      assert.deepEqual(missing, []);
    });

    it("has no key that nobody uses", () => {
      const { shown, mentioned } = statusesOfNode(set, statuses);
      const live = new Set([...used, ...[...shown, ...mentioned].map((key) => prefix + key), CATEGORY_KEY]);
      const completed = used.filter((key) => key.endsWith("."));
      const unused = [...catalog.keys()].filter(
        (key) => !live.has(key) && !completed.some((one) => key.startsWith(one)),
      );
      assert.deepEqual(unused, []);
    });

    it("keeps statuses short: Node-RED draws them below the node", () => {
      for (const key of statuses) {
        const shortest = (catalog.get(prefix + key) ?? "").replace(/__\w+__/g, "0");
        // The question that tells a wrong ID name, which whoever reads it must be able to answer.
        const most = key.startsWith("no-id-") ? 60 : 24;
        assert.ok(shortest.length <= most, `${key}: ${shortest}`);
      }
    });

    it("speaks to users, not to programmers", () => {
      for (const [key, text] of catalog) {
        assert.notEqual(text.trim(), "", key);
        assert.doesNotMatch(text, OUR_WORDS, key);
      }
      // Names of message properties are names, whatever words they are made of.
      const help = readSource("nodes", "locales", "en-US", `${set}.html`).replace(/<(code|dt)[ >].*?<\/\1>/g, "");
      assert.doesNotMatch(help, OUR_WORDS);
    });
  });

describe("catalogs", () => {
  it("are there for every node set and for nothing else", () => {
    const files = readdirSync(join(__dirname, "../../nodes/locales/en-US")).sort();
    const ofNodes = NODE_SETS.flatMap((set) => [`${set}.html`, `${set}.json`]);
    assert.deepEqual(files, [...ofNodes, `${SIDEBAR}.json`].sort());
  });

  it("hold every text of the sidebar, in the words of users, and no other", () => {
    const catalog = flatten(JSON.parse(readSource("nodes", "locales", "en-US", `${SIDEBAR}.json`)) as Catalog);
    const script = ["sidebar", "widgets"]
      .map((name) => readSource("nodes", "editor", "queues", `${name}.js`))
      .join("\n");
    for (const [key, text] of catalog) {
      assert.doesNotMatch(text, OUR_WORDS, key);
      const name = key.slice(SIDEBAR.length + 1);
      const [group = "", last = ""] = name.split(".");
      // Written out, or put together from a group and a name that are.
      const named = script.includes(`"${name}"`);
      const byName = script.includes(`\`${group}.\${`) && script.includes(`"${last}"`);
      const byGroup = script.includes(`\${key}.${last}\``) && script.includes(`"${group}"`);
      assert.ok(named || byName || byGroup, `${key} is used`);
    }
  });
});
