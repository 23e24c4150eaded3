import type { Node, NodeMessageInFlow } from "node-red";
import { isNestedTooDeep, MOST_LEVELS } from "../../../src/json";
import type { NodeStatus } from "./status";
import { replyOf } from "./webhook-reply";

/** A message as it runs through flows; every property may be there. */
export type Message = NodeMessageInFlow & Record<string, unknown>;

/** A failure that is meant for the user: a sentence, with details that belong on the message for Catch nodes. */
export class MessageError extends Error {
  override readonly name = "MessageError";

  /** @param details properties put on the message before the error is raised; never `payload` */
  constructor(
    message: string,
    readonly details: Readonly<Record<string, unknown>> = {},
  ) {
    super(message);
  }
}

/**
 * The one place that talks to Node-RED about an incoming message: calls `done` exactly once per message, whatever
 * `handle` does. Node-RED does not catch a rejected async handler (it would end the process), so this does. A payload that
 * nobody can write down or copy is refused before `handle` sees it.
 */
export function onEachMessage(
  node: Node,
  handle: (message: Message, send: (message: Message) => void) => Promise<void>,
): void {
  node.on("input", (message, send, done) => {
    const received = message as Message;
    const taken = async (): Promise<void> => {
      refuseTooDeep(received);
      await handle(received, (result) => send(result));
    };
    taken().then(
      () => conclude(done, received),
      (error: unknown) => {
        if (!(error instanceof MessageError))
          return conclude(done, received, error instanceof Error ? error : new Error(String(error)));
        Object.assign(received, error.details);
        // A text, because Node-RED would write the name of an error's class before the sentence.
        conclude(done, received, error.message as unknown as Error);
      },
    );
  });
}

/** Values that a flow made are not limited as those of webhooks are. */
function refuseTooDeep(message: Message): void {
  const { payload } = message;
  if (!isNestedTooDeep(payload)) return;
  const place = Array.isArray(payload) ? payload.findIndex((item) => isNestedTooDeep([item])) : -1;
  const reason =
    `msg.payload${place < 0 ? "" : `[${place}]`} has more than ${MOST_LEVELS} objects or lists inside each other, or one that ` +
    "holds itself. Send only what is needed of it.";
  const reply = replyOf(message);
  reply?.answer(200, { success: false, key: TOO_DEEP, error: reason, request_id: reply.requestId });
  throw new MessageError(reason, { key: TOO_DEEP });
}

/** Reason of a payload that is nested too deep; the same for records in a webhook. */
const TOO_DEEP = "nested_too_deep";

/**
 * Node-RED copies the message for Catch and Complete nodes, which overflows the call stack where it is nested very deep. Without
 * those properties it can be copied.
 */
function conclude(done: (error?: Error) => void, message: Message, error?: Error): void {
  try {
    done(error);
  } catch (fault) {
    if (!(fault instanceof RangeError)) throw fault;
    leaveOutTooDeep(message);
    done(error);
  }
}

/** Takes out of a message what cannot be copied; of a list only such items, which become null. */
export function leaveOutTooDeep(message: Message): void {
  for (const [name, value] of Object.entries(message)) {
    if (name === "req" || name === "res" || !isNestedTooDeep(value)) continue;
    message[name] = Array.isArray(value) ? value.map((item: unknown) => (isNestedTooDeep([item]) ? null : item)) : null;
  }
}

/** A node that cannot work until the user has done what the sentence says: every message goes to Catch with it. */
export function refuseMessages(node: Node, status: NodeStatus, key: string, sentence: string): void {
  status.show("problem", key);
  onEachMessage(node, () => Promise.reject(new MessageError(sentence)));
}
