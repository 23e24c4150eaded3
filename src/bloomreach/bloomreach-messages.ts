import type { JsonObject, JsonValue } from "../json";
import type { ReceivedRecords, WebhookKind } from "./bloomreach-intake";

/** What stands on every message of a webhook. */
export interface AboutWebhook {
  readonly topic: WebhookKind;
  readonly hardId: string;
  readonly webhook: JsonObject;
}

/** A message as a flow gets it. */
export interface BloomreachMessage extends AboutWebhook {
  readonly payload: JsonValue;
  /** As the core split node writes it, where each record has a message of its own. */
  readonly parts?: { readonly id: string; readonly index: number; readonly count: number };
}

/** Each message has its own copy: what a flow does to one must not show in another. */
export function aboutWebhook({ hardId, webhook }: ReceivedRecords, kind: WebhookKind): AboutWebhook {
  return { topic: kind, hardId, webhook: structuredClone(webhook) };
}

/** The messages of a webhook, one by one: one for each customer, or one for all; none without records. */
export function* messagesOf(
  received: ReceivedRecords,
  kind: WebhookKind,
  output: "webhook" | "customer",
): Generator<BloomreachMessage> {
  const { records, webhook } = received;
  const count = records.length;
  if (output === "customer")
    for (const [index, payload] of records.entries())
      yield { ...aboutWebhook(received, kind), payload, parts: { id: webhook.request_id, index, count } };
  else if (count > 0) yield { ...aboutWebhook(received, kind), payload: records };
}
