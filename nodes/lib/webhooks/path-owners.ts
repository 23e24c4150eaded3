import type { NodeAPI } from "node-red";
import { expressApp, type Layer, layersOf } from "./express-stack";
import { normalizePath } from "../../../src/webhooks/webhook-path";

/**
 * First path segments of the editor and of Node-RED's admin API (nodered.org/docs/api/admin/methods). They are listed
 * because Express hides the routes of an app mounted on another one.
 */
const EDITOR_SEGMENTS = new Set(
  (
    "auth comms context credentials debug diagnostics favicon.ico flow flows icons library locales nodes plugins " +
    "projects red resources settings theme types vendor"
  ).split(" "),
);

/** Matches only layers that take every path: middleware, catch-all routes. These own no path in particular. */
const NOBODYS_PATH = "/bv-5f1c/no-node-routes-this";

/**
 * Who else answers on a full path (`httpNodeRoot` included, normalized); undefined when nobody does.
 * A webhook there would cut the other one off: with the path "/flows" nobody could deploy any more.
 */
export function pathOwner(RED: NodeAPI, fullPath: string): string | undefined {
  const nodeApp = expressApp(RED.httpNode);
  const inAdmin = below(adminRoot(RED), fullPath);
  if (inAdmin === "/" || EDITOR_SEGMENTS.has(inAdmin?.split("/")[1] ?? "")) return "Node-RED's editor";
  if (inAdmin !== undefined && ownedBy(layersOf(expressApp(RED.httpAdmin)), inAdmin))
    return "the editor part of another node";
  const inNodes = below(normalizePath(nodeApp.path()), fullPath);
  if (inNodes !== undefined && ownedBy(layersOf(nodeApp), inNodes)) return "another node, for example an http in";
  return undefined;
}

/** The path below which Node-RED's editor lives; undefined when it is switched off. */
function adminRoot(RED: NodeAPI): string | undefined {
  const root = RED.settings.httpAdminRoot;
  return root === false ? undefined : normalizePath(root ?? "/");
}

function below(root: string | undefined, path: string): string | undefined {
  if (root === "/") return path;
  if (root === undefined || (path !== root && !path.startsWith(`${root}/`))) return undefined;
  return path.slice(root.length) || "/";
}

function ownedBy(layers: readonly Layer[], path: string): boolean {
  return layers.some((layer) =>
    layer.match(NOBODYS_PATH) ? ownedBy(layer.handle.stack ?? [], path) : layer.match(path),
  );
}
