import type { Node, NodeAPI } from "node-red";
import { deliveryNodesDownstream } from "../delivery/downstream";

/** Nodes that run now and store Voucherify's customer ID in Bloomreach. */
const syncing = new WeakSet<object>();

/** Lets the nodes before this one know that it stores Voucherify's customer ID in Bloomreach. */
export function declareIdSync(node: Node): void {
  syncing.add(node);
}

/**
 * Whether a delivery node behind this one stores Voucherify's customer ID. True also where nobody knows: a node behind it
 * that is just being deployed, or a node that came inside a packaged subflow. An ID too many costs a part of a request, a
 * missing one is never stored.
 */
export function isIdSyncDownstream(RED: NodeAPI, node: Pick<Node, "id">): boolean {
  const followers = deliveryNodesDownstream(RED, node);
  if (!followers) return true;
  return [...followers].some((id) => {
    const follower = RED.nodes.getNode(id) as Node | null;
    return !follower || syncing.has(follower);
  });
}
