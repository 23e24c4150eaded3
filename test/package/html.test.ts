import assert from "node:assert/strict";
import { existsSync, readdirSync } from "node:fs";
import { join } from "node:path";
import { Script } from "node:vm";
import ts from "typescript";
import {
  definitionOf,
  namesOf,
  NODE_SETS,
  parseScript,
  propertyOf,
  readDialog,
  readSource,
  type Tag,
} from "../support/dialog-files";

const FIELDS = new Set(["input", "select", "textarea"]);
const documented = readSource("docs", "node-properties.md");

const literal = (expression: ts.Expression | undefined): string | undefined =>
  expression && ts.isStringLiteral(expression) ? expression.text : undefined;

for (const set of NODE_SETS) {
  const dialog = readDialog(set);
  const [registered] = dialog.registered;
  const type = `bv-${set}`;
  const tags: readonly Tag[] = dialog.templates[0]?.tags ?? [];
  const definition = registered?.definition;
  const isConfig = literal(propertyOf(definition, "category")) === "config";
  const defaults = propertyOf(definition, "defaults");
  // Kept as `{}` is what a migration reads and nobody sees any more: docs/contributing/change-a-property.md.
  const isOfEarlier = (name: string): boolean => propertyOf(defaults, name)?.getText() === "{}";
  const properties = namesOf(defaults).filter((name) => !isOfEarlier(name));
  const credentials = propertyOf(definition, "credentials");
  const idOf = (property: string): string => `node-${isConfig ? "config-" : ""}input-${property}`;
  const fieldOf = (property: string): Tag | undefined =>
    tags.find(({ attributes }) => attributes.id === idOf(property));

  describe(`dialog of ${set}`, () => {
    it("is one template and one plain script that parses", () => {
      assert.deepEqual(
        dialog.templates.map((template) => template.type),
        [type],
      );
      assert.doesNotThrow(() => new Script(dialog.script));
    });

    it("registers a literal type with an inline definition, as the Flow Library's scorecard wants it", () => {
      assert.equal(dialog.registered.length, 1);
      assert.equal(literal(registered?.type), type);
      assert.ok(definition && ts.isObjectLiteralExpression(definition));
      assert.ok(defaults && ts.isObjectLiteralExpression(defaults));
      assert.ok(isConfig || literal(propertyOf(definition, "category")) === "Bloomreach + Voucherify");
      if (!isConfig) assert.equal(literal(propertyOf(definition, "paletteLabel")), set.replace("-", " "));
    });

    it("has a field for every property and credential, or a place that its script fills, and each id once", () => {
      const isFilled = (property: string): boolean => tags.some(({ attributes }) => attributes.id === `bv-${property}`);
      // Nobody chooses the version: nodes/lib/runtime/migrations.
      for (const property of [...properties, ...namesOf(credentials)].filter((name) => name !== "version"))
        assert.ok(fieldOf(property) ?? isFilled(property), property);
      const ids = tags.flatMap(({ attributes }) => attributes.id ?? []);
      assert.deepEqual(ids, [...new Set(ids)]);
    });

    it("labels every field", () => {
      const labelled = new Set(tags.filter(({ name }) => name === "label").map(({ attributes }) => attributes.for));
      const fields = tags.filter(({ name }) => FIELDS.has(name)).map(({ attributes }) => attributes.id);
      assert.deepEqual(
        fields.filter((id) => !labelled.has(id)),
        [],
      );
      assert.equal(labelled.size, fields.length, "a label without a field");
    });

    it("hides secrets: password credentials are password fields, in the dialog and in the runtime", () => {
      const runtime = parseScript(readSource("nodes", `${set}.ts`)).getText();
      for (const name of namesOf(credentials)) {
        const kind = literal(propertyOf(propertyOf(credentials, name), "type"));
        assert.ok(kind === "password" || kind === "text", name);
        assert.equal(fieldOf(name)?.attributes.type, kind, name);
        assert.equal(kind === "password", /secret|value$/i.test(name), `${name} is a secret or its name says so`);
        assert.match(runtime, new RegExp(`\\b${name}: \\{ type: "${kind}" \\}`));
      }
    });

    it("explains what is wrong in a sentence: validators take the second parameter", () => {
      for (const [name, { validate }] of Object.entries(definitionOf(dialog).defaults))
        if (validate) assert.equal(validate.length, 2, name);
    });

    it("has no colour of its own, so that it is readable in every theme", () => {
      const text = dialog.text.replace(/^\s*color: "#[0-9A-F]{6}",$/m, "");
      assert.doesNotMatch(text, /#[0-9a-f]{3,8}["';\s]|rgba?\(|hsla?\(/i);
    });

    it("has an icon of its own", () => {
      if (isConfig) return;
      const icon = literal(propertyOf(definition, "icon")) ?? "";
      assert.equal(icon, `bv-${set}.svg`);
      const svg = readSource("nodes", "icons", icon);
      assert.match(svg, /viewBox="0 0 40 60"/);
      assert.deepEqual([...new Set(svg.match(/#[0-9a-f]+/gi))], ["#fff"]);
    });

    it("has help whose first paragraph is the palette's tooltip", () => {
      assert.ok(existsSync(join(__dirname, "../../nodes/locales/en-US", `${set}.html`)));
      const help = readSource("nodes", "locales", "en-US", `${set}.html`);
      assert.match(help, new RegExp(`^<script type="text/html" data-help-name="${type}">\\s*<p>`));
      for (const needed of isConfig ? ["Details"] : ["Outputs", "Details", "Status"])
        assert.match(help, new RegExp(`<h3>${needed}</h3>`));
    });

    it("is whole in the examples, with every property", () => {
      for (const file of readdirSync(join(__dirname, "../../examples")))
        for (const node of JSON.parse(readSource("examples", file)) as Record<string, unknown>[])
          if (node.type === type)
            assert.deepEqual(
              properties.filter((name) => !(name in node)),
              [],
              `${file}: ${String(node.id)}`,
            );
    });

    it("has its properties in the table that is the public contract", () => {
      const section = documented.split(/^## /m).find((one) => one.startsWith(`${type}\n`)) ?? "";
      for (const name of [...properties, ...namesOf(credentials)]) assert.ok(section.includes(`\`${name}\``), name);
    });
  });
}

describe("the dialogs together", () => {
  it("repeat no six lines: what two dialogs say stands once, in nodes/editor", () => {
    const places = new Map<string, string[]>();
    for (const set of NODE_SETS) {
      const lines = readDialog(set)
        .source.split("\n")
        .map((line) => line.trim())
        .filter(Boolean);
      for (let first = 0; first + 6 <= lines.length; first += 1) {
        const block = lines.slice(first, first + 6).join("\n");
        places.set(block, [...(places.get(block) ?? []), set]);
      }
    }
    assert.deepEqual(
      [...places].filter(([, sets]) => sets.length > 1),
      [],
    );
  });
});
