import { readFileSync } from "node:fs";
import { join } from "node:path";
import { runInNewContext } from "node:vm";
import ts from "typescript";
import * as parts from "../../nodes/editor/parts";
import { TAGS } from "../../nodes/editor/rows";

const root = join(__dirname, "..", "..");
const manifest = JSON.parse(readFileSync(join(root, "package.json"), "utf8")) as {
  "node-red": { nodes: Record<string, string> };
};

/** The node sets that Node-RED loads: one dialog, one catalog and one help file each. */
export const NODE_SETS = Object.keys(manifest["node-red"].nodes);

/** Reads a file of the repository, by its path from the root. */
export const readSource = (...path: string[]): string => readFileSync(join(root, ...path), "utf8");

/** One tag of a dialog, with its attributes. */
export interface Tag {
  readonly name: string;
  readonly attributes: Readonly<Record<string, string>>;
}

/** What a node's html file holds. */
export interface DialogFile {
  readonly set: string;
  /** As it stands in the file. */
  readonly source: string;
  /** With the rows of its form (nodes/editor/rows.js) as the browser shows them. */
  readonly text: string;
  /** The form, its type and its tags. */
  readonly templates: readonly { readonly type: string; readonly tags: readonly Tag[] }[];
  /** The plain script, and what it registers (the definition object as it stands in the file). */
  readonly script: string;
  readonly registered: readonly { readonly type: ts.Expression; readonly definition: ts.Expression }[];
}

/** Reads `nodes/<set>.html`. */
export function readDialog(set: string): DialogFile {
  const source = readSource("nodes", `${set}.html`);
  const text = withRows(source);
  const blocks = [...text.matchAll(/<script\b([^>]*)>([\s\S]*?)<\/script>/g)].map(([, attributes = "", body = ""]) => ({
    attributes: attributesOf(attributes),
    body,
  }));
  const script = blocks.filter(({ attributes }) => attributes.type === "text/javascript").map(({ body }) => body);
  return {
    set,
    source,
    text,
    templates: blocks
      .filter(({ attributes }) => "data-template-name" in attributes)
      .map(({ attributes, body }) => ({ type: attributes["data-template-name"] ?? "", tags: tagsOf(body) })),
    script: script.join("\n"),
    registered: registrationsOf(parseScript(script.join("\n"))),
  };
}

/** The definition that a dialog's script registers, made of the parts as in the editor. */
export function definitionOf({ script }: DialogFile): {
  readonly defaults: Readonly<Record<string, { readonly validate?: (value: unknown, options: object) => unknown }>>;
} {
  const registered: unknown[] = [];
  const registerType = (_: string, definition: unknown): void => void registered.push(definition);
  runInNewContext(script, { RED: { nodes: { registerType } }, bvDialog: parts });
  return registered[0] as ReturnType<typeof definitionOf>;
}

/** What the browser makes of the tags of a form: the same functions make it here. */
function withRows(source: string): string {
  const form = attributesOf(/<div class="bv-form"([^>]*)>/.exec(source)?.[1] ?? "");
  const about = { set: form["data-set"] ?? "", config: "data-config" in form };
  return Object.entries(TAGS).reduce(
    (text, [name, html]) =>
      text.replace(new RegExp(`<${name}([^>]*)>([\\s\\S]*?)</${name}>`, "g"), (_, row: string, content: string) =>
        html(about, attributesOf(row), content),
      ),
    source,
  );
}

/** Parses JavaScript or TypeScript for looking into it. */
export function parseScript(source: string): ts.SourceFile {
  return ts.createSourceFile("source.ts", source, ts.ScriptTarget.ES2022, true);
}

/** All tags of an html text. */
function tagsOf(html: string): Tag[] {
  return [...html.matchAll(/<([a-z][a-z0-9]*)\b([^>]*)>/g)].map(([, name = "", attributes = ""]) => ({
    name,
    attributes: attributesOf(attributes),
  }));
}

function attributesOf(text: string): Record<string, string> {
  return Object.fromEntries(
    [...text.matchAll(/([a-z][\w-]*)(?:="([^"]*)")?/g)].map(([, name, value]) => [name, value ?? ""]),
  );
}

/** Only statements of the script itself count: the Flow Library's parser must find them without running anything. */
function registrationsOf(file: ts.SourceFile): { type: ts.Expression; definition: ts.Expression }[] {
  return file.statements.flatMap((statement) => {
    if (!ts.isExpressionStatement(statement) || !ts.isCallExpression(statement.expression)) return [];
    const { expression, arguments: given } = statement.expression;
    const [type, definition] = given;
    return expression.getText() === "RED.nodes.registerType" && type && definition ? [{ type, definition }] : [];
  });
}

/** The value of a property of an object literal; undefined when it is not there or not written inline. */
export function propertyOf(object: ts.Expression | undefined, name: string): ts.Expression | undefined {
  if (!object || !ts.isObjectLiteralExpression(object)) return undefined;
  const property = object.properties.find((one) => one.name && nameOf(one.name) === name);
  return property && ts.isPropertyAssignment(property) ? property.initializer : undefined;
}

/** The property names of an object literal. */
export function namesOf(object: ts.Expression | undefined): string[] {
  if (!object || !ts.isObjectLiteralExpression(object)) return [];
  return object.properties.flatMap((one) => (one.name ? [nameOf(one.name)] : []));
}

const nameOf = (name: ts.PropertyName): string => (ts.isStringLiteral(name) ? name.text : name.getText());

/** Every string that stands in a script, templates' texts included. */
export function stringsOf(file: ts.SourceFile): string[] {
  const found: string[] = [];
  const visit = (node: ts.Node): void => {
    if (ts.isStringLiteralLike(node)) found.push(node.text);
    ts.forEachChild(node, visit);
  };
  visit(file);
  return found;
}
