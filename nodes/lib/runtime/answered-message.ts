import type { JsonObject } from "../../../src/json";
import { type Message, MessageError } from "./message-handler";
import type { NodeStatus } from "./status";
import { replyOf, type WebhookReply } from "./webhook-reply";

/** The status has room for a few words. */
const MOST_SHOWN = 60;

/** A message whose webhook may wait for what a node says of it. */
export class AnsweredMessage {
  readonly reply: WebhookReply | undefined;

  /** @param alwaysRefused what stands in every refusal beside the reason */
  constructor(
    message: Message,
    private readonly status: NodeStatus,
    private readonly alwaysRefused: JsonObject = {},
  ) {
    this.reply = replyOf(message);
  }

  /** Whether a webhook waits now. */
  get isAwaited(): boolean {
    return this.reply?.isAnswered === false;
  }

  /** Says no, in a way that a scenario can branch on. @throws MessageError always */
  refuse(key: string, reason: string, details: JsonObject = {}): never {
    const { reply } = this;
    const told = { success: false, ...this.alwaysRefused, key, error: reason };
    reply?.answer(200, { ...told, request_id: reply.requestId });
    this.status.tell({ look: "problem", key: "refused", values: { key } });
    throw new MessageError(reason, { key, ...details });
  }

  /** Has Bloomreach ask again later. @throws MessageError always */
  postpone(key: "paused" | "retry", reason: string, details: JsonObject): never {
    const { reply } = this;
    const errors = [{ code: key, description: reason }];
    reply?.answer(500, { success: false, errors, request_id: reply.requestId });
    this.status.tell({ look: "problem", key, values: { reason: reason.slice(0, MOST_SHOWN) } });
    throw new MessageError(reason, { ...details });
  }

  /** Answers the webhook that waits; false when there is none, or it has its answer. */
  answer(body: object): boolean {
    return this.reply?.answer(200, body) ?? false;
  }
}
