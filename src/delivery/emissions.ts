import type { DeadLetters, LetterChange, NewLetter } from "../store/dead-letters";
import type { InboxEntry } from "../store/inbox-store";
import type { Inbox } from "./inbox/inbox";

/** So often the emission of a message may fail, with so much time in between. */
const MOST_EMISSIONS = 3;
const EMIT_AGAIN_AFTER_MS = 1_000;
/** So much is kept of a message that cannot be emitted, in characters. */
const KEPT_OF_MESSAGE = 1_000_000;

/** How a node emits, and hears of what it could not emit. */
export interface Emitter {
  readonly emit: (entry: InboxEntry, isReplayed: boolean) => void;
  readonly setAside: (letter: NewLetter) => void;
}

/** Hands kept messages to the flow, by the nodes that emit them now. */
export class Emissions {
  private readonly emitters = new Map<string, Emitter>();

  constructor(
    private readonly inbox: Inbox,
    private readonly deadLetters: DeadLetters,
  ) {}

  /** Whether a node emits now. */
  has(node: string): boolean {
    return this.emitters.has(node);
  }

  /** From now on a node emits so. Returns what ends it. */
  by(node: string, emitter: Emitter): () => void {
    this.emitters.set(node, emitter);
    return () => {
      if (this.emitters.get(node) === emitter) this.emitters.delete(node);
    };
  }

  /** Emits what a replay gives. Returns whether the entry's node is there. */
  replay(entry: InboxEntry, isReplayed: boolean): boolean {
    const isThere = this.emitters.has(entry.node);
    if (isThere) this.emit(entry.receipt, () => this.emitters.get(entry.node)?.emit(entry, isReplayed));
    return isThere;
  }

  /**
   * Hands a kept message to the flow. A message that Node-RED cannot copy (nested too deep) throws there, now and after every
   * start: what has thrown three times is set aside among the failed.
   */
  emit(receipt: string, emit: () => void): void {
    try {
      emit();
    } catch (error) {
      void this.emissionFailed(receipt, emit, (error as Error).message).catch(() => undefined);
    }
  }

  private async emissionFailed(receipt: string, emit: () => void, fault: string): Promise<void> {
    const failures = this.inbox.emissionFailed(receipt) ?? 0;
    if (failures === 0) return;
    if (failures < MOST_EMISSIONS) {
      // When flows have stopped meanwhile, the next start emits it.
      setTimeout(() => this.inbox.isRunning && this.emit(receipt, emit), EMIT_AGAIN_AFTER_MS).unref();
      return;
    }
    const reason = `This message could not be handed to the flow (${fault}). It may be nested too deep: look at what was sent.`;
    let letter: NewLetter | undefined;
    let change: LetterChange | undefined;
    try {
      await this.inbox.setAside(receipt, (entry) => {
        letter = letterOf(entry, reason);
        change = this.deadLetters.prepare([letter]);
        return change.changes;
      });
    } catch (error) {
      change?.failed();
      throw error;
    }
    if (letter) this.emitters.get(letter.node)?.setAside(letter);
  }
}

function letterOf({ receipt, node, receivedAt, requestId, message }: InboxEntry, reason: string): NewLetter {
  let body = "";
  try {
    body = JSON.stringify(message);
  } catch {
    // It overflows the call stack here as well: nothing can be told of it but its webhook.
  }
  return {
    node,
    customer: "",
    body: body.length > KEPT_OF_MESSAGE ? `${body.slice(0, KEPT_OF_MESSAGE)}…` : body,
    reason,
    reasonKey: "not_emitted",
    attempts: MOST_EMISSIONS,
    acceptedAt: receivedAt,
    failedAt: Date.now(),
    messageId: receipt,
    index: 0,
    envelope: {},
    ...(requestId !== undefined && { requestId }),
  };
}
