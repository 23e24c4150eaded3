import type { IncomingRecord } from "../../../src/store/take-mark";
import { isJsonObject } from "../../../src/json";
import type { Message } from "../runtime/message-handler";

/**
 * Where an item of a message stands: in its list, or in the list that the message was split from. `msg.parts` is that of the
 * core split node, where split sequences nest as `parts.parts` (nodered.org/docs/user-guide/messages#message-sequences).
 * @param index of the item in the payload
 */
export function placeIn({ payload, parts }: Message, index: number): Pick<IncomingRecord, "place" | "isPart"> {
  const ofMessage = placeOf(parts);
  if (ofMessage === undefined) return { place: String(index), isPart: false };
  if (!Array.isArray(payload)) return { place: ofMessage, isPart: true };
  const { index: part, len } = parts as unknown as { readonly index: number; readonly len?: unknown };
  const outer = ofMessage.slice(0, -String(part).length);
  // Split into lists of a length: the same places as in the list that was split.
  return { place: typeof len === "number" ? `${outer}${part * len + index}` : `${ofMessage}.${index}`, isPart: true };
}

function placeOf(parts: unknown): string | undefined {
  if (!isJsonObject(parts) || typeof parts.index !== "number") return undefined;
  const outer = placeOf(parts.parts);
  return outer === undefined ? String(parts.index) : `${outer}/${parts.index}`;
}
