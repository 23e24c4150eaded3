import type { Node, NodeAPI, NodeCredentials, NodeDef } from "node-red";
import { refuseMessages } from "./message-handler";
import { applyChanges, type Migrations, readProperties } from "./migrations/migrate";
import { NODE_MIGRATIONS } from "./migrations/node-migrations";
import { restartNeeded } from "./release";
import { NodeStatus } from "./status";

/**
 * Registers a node type, as `RED.nodes.registerType` does. The constructor gets the saved properties as this release writes
 * them, whatever release has saved them. What a newer release has saved may mean anything: such a node receives and sends
 * nothing, and says so.
 */
export function registerNode<Def extends NodeDef, Credentials extends object = object>(
  RED: NodeAPI,
  type: string,
  construct: (this: Node<Credentials>, def: Def) => void,
  {
    credentials,
    migrations = NODE_MIGRATIONS,
  }: { readonly credentials?: NodeCredentials<Credentials>; readonly migrations?: Migrations } = {},
): void {
  function Registered(this: Node<Credentials>, saved: Def): void {
    const restart = restartNeeded();
    if (restart !== undefined) return refuse(RED, this, saved, "restart", restart);
    const reading = readProperties(saved as unknown as Record<string, unknown>, migrations[type]);
    if (reading.kind === "newer") return refuse(RED, this, saved, "newer", newerSentence(reading));
    // In place: Node-RED has put into this copy what cannot be copied.
    if (reading.kind === "earlier") applyChanges(saved as unknown as Record<string, unknown>, reading.changes);
    construct.call(this, saved);
  }
  RED.nodes.registerType<Node<Credentials>, Def, object, Credentials>(
    type,
    Registered,
    credentials ? { credentials } : {},
  );
}

function newerSentence({ version, known }: { readonly version: number; readonly known: number }): string {
  return `This node was saved by a newer release of @bloomreach-voucherify/node-red (version ${version} of its properties; this release reads up to ${known}). Install that release again in "Manage palette", then restart Node-RED.`;
}

function refuse<Credentials extends object>(
  RED: NodeAPI,
  node: Node<Credentials>,
  saved: NodeDef,
  status: "newer" | "restart",
  sentence: string,
): void {
  // Without its account or throttle a node says that it has none; with half of one it would fail anyhow.
  if (!("wires" in saved)) throw new Error(sentence);
  RED.nodes.createNode(node, saved);
  node.error(sentence);
  refuseMessages(node, new NodeStatus(RED, node, saved.type.replace(/^bv-/, "")), status, sentence);
}
