import type { PersonalData } from "../../../src/delivery/desk/personal-data";
import type { JsonObject, JsonValue } from "../../../src/json";
import { isTooDeep } from "../../../src/schemas/json-scanner";
import type { Message } from "../runtime/message-handler";
import { processOwned } from "../runtime/process-owned";

/** How many live messages are kept beside those with an open HTTP response. */
const MOST = 500;

/**
 * The messages whose records still wait, as they came: with `req`, `res` and everything that cannot be written down.
 * Bounded: over the bound, a message continues from the stored copy of its serialisable properties.
 */
export class LiveMessages {
  private readonly messages = new Map<string, Message>();

  /** The live messages of a node; they outlive its deploys. */
  static of(node: string): LiveMessages {
    const owned = processOwned<LiveMessages>("live-messages");
    const existing = owned.get(node) ?? new LiveMessages();
    owned.set(node, existing);
    return existing;
  }

  /** Forgets the messages of all nodes that name a person: what waits of them continues from the stored copies. */
  static forgetThoseWith(person: PersonalData): void {
    for (const { messages } of processOwned<LiveMessages>("live-messages").values())
      for (const [id, message] of messages) {
        const kept = { ...serialisable(message), payload: copyOf(message.payload) ?? null };
        const hardIds = typeof message.hardId === "string" ? [message.hardId] : [];
        if (person.within(kept, { hardIds }) !== kept) messages.delete(id);
      }
  }

  keep(id: string, message: Message): void {
    if (this.messages.size < MOST || "res" in message) this.messages.set(id, message);
  }

  /** The live message, or what was stored of it. */
  get(id: string, stored: JsonObject): Message {
    return this.messages.get(id) ?? (structuredClone(stored) as unknown as Message);
  }

  forget(id: string): void {
    this.messages.delete(id);
  }
}

/** What of a message can be written down as JSON, without the payload (its records are kept one by one). */
export function serialisable(message: Message): JsonObject {
  const kept: JsonObject = {};
  for (const [key, value] of Object.entries(message)) {
    if (key === "payload" || key === "req" || key === "res") continue;
    const copy = copyOf(value);
    if (copy !== undefined) kept[key] = copy;
  }
  return kept;
}

/** A copy as JSON; undefined for what has none, or is nested too deep. */
function copyOf(value: unknown): JsonValue | undefined {
  try {
    const text = JSON.stringify(value) as string | undefined;
    // What is nested too deep would overflow the call stack when the message is copied.
    return text === undefined || isTooDeep(text) ? undefined : (JSON.parse(text) as JsonValue);
  } catch {
    // Circular values cannot be kept; the live message still has them.
    return undefined;
  }
}
