import type { NodeAPI } from "node-red";
import { isJsonObject, type JsonObject } from "../../src/json";

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
    (request, response) => {
      const posted: unknown = request.body;
      const origin = `${request.protocol}://${request.get("host") ?? "localhost"}`;
      answer(isJsonObject(posted) ? posted : {}, origin).then(
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

/** The secret to use: what the user typed, or the stored one where the field was not touched. */
export function typedOrStored(posted: JsonObject, key: string, stored: string | undefined): string {
  const typed = posted[key];
  return typeof typed === "string" && typed !== UNTOUCHED ? typed.trim() : (stored ?? "");
}
