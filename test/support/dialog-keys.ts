import { readdirSync } from "node:fs";
import { join } from "node:path";
import ts from "typescript";
import { parseScript, readDialog, readSource, stringsOf } from "./dialog-files";

/** Where the keys stand that a function of nodes/editor takes as its first argument, below the node's set. */
const PREFIXES: Record<string, string> = {
  t: "",
  heading: "paste.",
  steps: "paste.",
  copy: "paste.",
  "bvDialog.matching": "error.",
  "bvDialog.optional": "error.",
  "bvDialog.valid": "error.",
  "bvDialog.account": "error.",
};

const partFiles = readdirSync(join(__dirname, "../../nodes/editor")).filter((name) => name.endsWith(".js"));
const partFunctions = partFiles.flatMap((name) =>
  parseScript(readSource("nodes", "editor", name)).statements.filter(ts.isFunctionDeclaration),
);

/** The keys of the catalog that a dialog uses. One that ends with a dot is the beginning of keys that the script completes. */
export function keysOfDialog(set: string): string[] {
  const { text, script } = readDialog(set);
  const file = parseScript(script);
  const inForm = [...text.matchAll(/data-i18n="(?:\[[a-z]+\])?([^"]+)"/g)].map(([, key = ""]) => key);
  const whole = stringsOf(file).filter((one) => new RegExp(`^${set}(\\.[\\w-]+)+\\.?$`).test(one));
  const used = (part: string): boolean =>
    part === "outputLabel" // of definition.js, for whoever has none of its own
      ? script.includes("bvDialog.completeDefinition") && !script.includes("outputLabels:")
      : script.includes(`bvDialog.${part}`);
  const parts = partFunctions.filter(({ name }) => name && used(name.text));
  const below = [file, ...parts].flatMap(keysBelowSet).map((key) => `${set}.${key}`);
  return [...inForm, ...whole, ...below];
}

/** The keys, without the set, that calls in `code` name. */
function keysBelowSet(code: ts.Node): string[] {
  const found: string[] = [];
  const visit = (node: ts.Node): void => {
    if (ts.isCallExpression(node)) {
      const callee = node.expression.getText();
      const prefix = /^textsOf\(\w+\)$/.test(callee) ? "" : PREFIXES[callee];
      if (prefix !== undefined) found.push(...textsOf(node.arguments[0]).map((key) => prefix + key));
      if (callee === "bvDialog.account" && node.arguments.length === 0) found.push("error.account");
    }
    ts.forEachChild(node, visit);
  };
  visit(code);
  return found;
}

/** What an argument can be: a text, either of two, or the beginning of one. */
function textsOf(argument: ts.Expression | undefined): string[] {
  if (!argument) return [];
  if (ts.isStringLiteral(argument)) return [argument.text];
  if (ts.isConditionalExpression(argument)) return [...textsOf(argument.whenTrue), ...textsOf(argument.whenFalse)];
  return ts.isBinaryExpression(argument) ? textsOf(argument.left) : [];
}
