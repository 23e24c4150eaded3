import type { Node, NodeMessageInFlow } from "node-red";
import type { NodeStatus } from "./status";

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
 * `handle` does. Node-RED does not catch a rejected async handler (it would end the process), so this does.
 */
export function onEachMessage(
  node: Node,
  handle: (message: Message, send: (message: Message) => void) => Promise<void>,
): void {
  node.on("input", (message, send, done) => {
    const received = message as Message;
    handle(received, (result) => send(result)).then(
      () => done(),
      (error: unknown) => {
        if (!(error instanceof MessageError)) return done(error instanceof Error ? error : new Error(String(error)));
        Object.assign(received, error.details);
        // A text, because Node-RED would write the name of an error's class before the sentence.
        done(error.message as unknown as Error);
      },
    );
  });
}

/** A node that cannot work until the user has done what the sentence says: every message goes to Catch with it. */
export function refuseMessages(node: Node, status: NodeStatus, key: string, sentence: string): void {
  status.show("problem", key);
  onEachMessage(node, () => Promise.reject(new MessageError(sentence)));
}
