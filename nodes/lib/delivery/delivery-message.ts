import type { NodeAPI } from "node-red";
import { customerOf } from "../../../src/delivery/record-key";
import { type KindedRecord, kindOf } from "../../../src/destinations/body-kinds";
import { isJsonObject, type JsonObject, type JsonValue } from "../../../src/json";
import { leaveOutTooDeep, type Message, MessageError } from "../runtime/message-handler";

/** What becomes of a message is told on copies of it, long after it was accepted: they must not fail then. */
export function makeCopyable(RED: NodeAPI, message: Message): void {
  try {
    RED.util.cloneMessage({ ...message, payload: undefined });
  } catch (fault) {
    if (!(fault instanceof RangeError)) throw fault;
    leaveOutTooDeep(message);
  }
}

/** The `request_id` of the webhook that brought a message. */
export function requestIdOf({ webhook }: Message): string | undefined {
  return isJsonObject(webhook) && typeof webhook.request_id === "string" ? webhook.request_id : undefined;
}

/** The items of a payload: a list, or one. @throws MessageError when it is neither */
export function itemsOf({ payload }: Message, notAPayload: string | undefined): readonly JsonValue[] {
  if (Array.isArray(payload)) return payload as JsonValue[];
  if (notAPayload !== undefined && !isJsonObject(payload)) throw new MessageError(notAPayload);
  return [payload as JsonValue];
}

/** Names a record for the user, also one that an earlier life of the node accepted for something else. */
export function nameOf(record: KindedRecord & { readonly key: string }): JsonObject {
  return kindOf(record)?.naming(record.body) ?? { source_id: customerOf(record.key) };
}

/** What to say about records that were not delivered. */
export function sentenceFor(failed: readonly JsonObject[], things: string): string {
  const reason = failed[0]?.reason;
  const first = typeof reason === "string" ? reason : "";
  return failed.length === 1 ? first : `${failed.length} ${things} were not delivered. The first: ${first}`;
}
