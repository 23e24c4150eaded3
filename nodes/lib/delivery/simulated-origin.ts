import type { Node, NodeAPI } from "node-red";
import { isSimulatedId, simulatedId } from "../../../src/delivery/inbox/receipts";
import type { JudgedItem } from "../../../src/destinations/work/judged";
import { simulatedKey } from "../../../src/delivery/record-key";
import type { BodyKind } from "../../../src/destinations/body-kinds";
import { NOT_SENT_LIVE } from "../../../src/destinations/live-only";
import { deliveryNodesDownstream } from "./downstream";
import { receiptsOf } from "./durable-delivery";
import { onceFlowsRun } from "../runtime/flow-lifecycle";
import type { Message } from "../runtime/message-handler";
import { replyOf } from "../runtime/webhook-reply";

/**
 * What was simulated never reaches a live account. Every node on the built-in simulator puts `msg.simulated` on what it sends.
 * Flows drop properties, so the message's id tells it too: the core function node gives the id of what came to the new objects
 * that it returns. And each node of a flow finds both again on what it is handed: split makes new ids, but copies properties.
 */
export interface Mark {
  readonly simulated?: true;
}

/** What a node puts on its messages. */
export function simulatedMark(isSimulated: boolean): Mark {
  return isSimulated ? { simulated: true } : {};
}

/** Whether the built-in simulator had a hand in a message. */
function isSimulated(message: Readonly<Record<string, unknown>>): boolean {
  return (
    message.simulated === true ||
    (typeof message._msgid === "string" && isSimulatedId(message._msgid)) ||
    replyOf(message)?.isSimulated === true ||
    receiptsOf(message).some((receipt) => isSimulatedId(receipt))
  );
}

const ON_RECEIVE = "onReceive.bloomreach-voucherify-simulated";

/** Keeps the mark on messages that a node of ours sends, and on what any node then receives. */
export function keepMarks({ hooks, util }: NodeAPI, node: Node): void {
  const keepMark = (message: Message): void => {
    if (!isSimulated(message)) return;
    message.simulated = true;
    message._msgid = simulatedId(message._msgid ?? util.generateId());
  };
  const send = node.send.bind(node);
  node.send = (sent) => {
    for (const message of [sent].flat(2)) if (message) keepMark(message as Message);
    send(sent);
  };
  // Node-RED's test helper has no hooks.
  const known = hooks as typeof hooks | undefined;
  if (known?.has(ON_RECEIVE) === false) known.add(ON_RECEIVE, ({ msg }) => keepMark(msg as Message));
}

/** Why a node on a live account does nothing with this message; undefined where it may. */
export function refusalOfSimulated(
  message: Readonly<Record<string, unknown>>,
  account: { readonly isSimulated: boolean },
): typeof NOT_SENT_LIVE | undefined {
  return !account.isSimulated && isSimulated(message) ? NOT_SENT_LIVE : undefined;
}

/**
 * What a delivery node takes of a message. What is refused fails at once, item by item, and is not kept. On the simulator
 * everything is marked from here on, on the message and in the queue, so that it stays so if the account goes live.
 */
export function admitted<Body>(
  message: Message,
  work: { readonly isSimulated: boolean; readonly kind: Pick<BodyKind<Body>, "naming"> },
  judged: readonly JudgedItem<Body>[],
): readonly JudgedItem<Body>[] {
  const refusal = refusalOfSimulated(message, work);
  if (!refusal && !work.isSimulated) return judged;
  message.simulated = true;
  return judged.map((one): JudgedItem<Body> => {
    if (refusal) {
      const { key, reason } = refusal;
      const named = "records" in one ? work.kind.naming(one.records[0]!.body) : one.result;
      return { failed: true, result: { ...named, key, reason } };
    }
    if (!("records" in one)) return one;
    return { ...one, records: one.records.map(({ key, body }) => ({ key: simulatedKey(key), body })) };
  });
}

/** Nodes that run now, and whether their account is the simulator. */
const accounts = new WeakMap<object, boolean>();

/**
 * Lets other nodes know what the account of this one is. Warns once flows run when this one is on the simulator and a
 * delivery node behind it is not.
 */
export function declareAccount(RED: NodeAPI, node: Node, account: { readonly isSimulated: boolean }): void {
  accounts.set(node, account.isSimulated);
  keepMarks(RED, node);
  if (!account.isSimulated) return;
  let closed = false;
  node.on("close", () => void (closed = true));
  onceFlowsRun(() => {
    if (closed) return;
    for (const id of deliveryNodesDownstream(RED, node) ?? []) {
      const follower = RED.nodes.getNode(id) as Node | null;
      if (!follower || accounts.get(follower) !== false) continue;
      return node.warn(
        `The account of this node is the built-in simulator, but that of "${follower.name || follower.type}" behind it is a live one: what comes from here is not sent there. Going live: choose an account in place of the simulator in this node. Only trying things out: choose the simulator there too.`,
      );
    }
  });
}
