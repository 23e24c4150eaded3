import type { NodeAPI } from "node-red";
import { isJsonObject, type JsonObject } from "../../../src/json";
import { BUILT_IN_SIMULATOR } from "./built-in-simulator";
import { isVariable, resolveTyped } from "./environment";
import { jsonOnly } from "../runtime/json-only";

/** What Node-RED's editor sends for a stored password that the user has not touched. */
const UNTOUCHED = "__PWRD__";

/**
 * Adds an admin route `POST /bloomreach-voucherify/<path>` for a dialog. Needs the permission `<type>.write`: these routes
 * use stored secrets and call out.
 * @param answer gets the posted object; what it returns is the JSON answer; what it throws becomes `{ error: sentence }`
 */
export function addDialogRoute(
  RED: NodeAPI,
  type: string,
  path: string,
  answer: (posted: JsonObject, editorOrigin: string) => Promise<object>,
): void {
  RED.httpAdmin.post(
    `/bloomreach-voucherify/${path}`,
    RED.auth.needsPermission(`${type}.write`),
    jsonOnly,
    (request, response) => {
      const posted: unknown = request.body;
      const origin = `${request.protocol}://${request.get("host") ?? "localhost"}`;
      Promise.resolve()
        .then(() => answer(isJsonObject(posted) ? posted : {}, origin))
        .then(
          (body) => response.json(body),
          (error: unknown) => response.json({ error: error instanceof Error ? error.message : String(error) }),
        );
    },
  );
}

/** The text that a dialog posted under `key`, or "". */
export function postedText(posted: JsonObject, key: string): string {
  const value = posted[key];
  return typeof value === "string" ? value.trim() : "";
}

/** The account that a dialog edits, as it is deployed. */
export interface DeployedAccount {
  readonly apiUrl: string;
  readonly credentials?: Readonly<Record<string, string | undefined>> | undefined;
}

/** The account of this id, when one of this type is deployed. */
export function deployedAccount(RED: NodeAPI, type: string, id: string): DeployedAccount | undefined {
  const node = RED.nodes.getNode(id);
  return node?.type === type ? (node as unknown as DeployedAccount) : undefined;
}

/**
 * The settings that "Test connection" tries: what was typed, and where a field was not touched or names an environment
 * variable, what only this Node-RED knows. That goes nowhere but to the address that is deployed for the account: who may
 * open a dialog must not be able to have a secret sent to an address of their own. The built-in simulator needs no keys.
 * @param keys which fields hold keys, with their labels
 * @throws Error with a sentence when a key has to be typed anew
 */
export function settingsToTest<Key extends string>(
  posted: JsonObject,
  keys: Readonly<Record<Key, string>>,
  deployed: DeployedAccount | undefined,
): Record<Key | "apiUrl", string> {
  const typedUrl = postedText(posted, "apiUrl");
  const apiUrl = resolveTyped(typedUrl);
  const isDeployed = deployed !== undefined && sameAddress(deployed.apiUrl, apiUrl);
  if (isVariable(typedUrl) && !isDeployed)
    throw new Error("Deploy first: an address from an environment variable is tested once it is deployed.");
  const value = (key: Key, label: string): string => {
    const typed = posted[key];
    const text = typeof typed === "string" && typed !== UNTOUCHED ? typed.trim() : undefined;
    const stored = deployed?.credentials?.[key] ?? "";
    if (apiUrl === BUILT_IN_SIMULATOR) return "";
    if (isDeployed) return text === undefined ? stored : resolveTyped(text);
    if (typed === UNTOUCHED || (text === undefined ? stored !== "" : isVariable(text)))
      throw new Error(
        `This address is not deployed for this account. Type the ${label} anew, or deploy first: stored keys and environment variables are sent only to the address that is deployed.`,
      );
    return text ?? "";
  };
  const settings = Object.entries<string>(keys).map(([key, label]) => [key, value(key as Key, label)]);
  return Object.fromEntries([["apiUrl", apiUrl], ...settings]) as Record<Key | "apiUrl", string>;
}

function sameAddress(one: string, other: string): boolean {
  return one.replace(/\/+$/, "") === other.replace(/\/+$/, "");
}
