import type { Change } from "../change";
import type { DurableStore } from "../durable-store";
import { operationsOf } from "./changes";
import { KeyValueCursors } from "./cursors";
import { KeyValueDeadLetters, LETTERS } from "./dead-letters";
import type { KeyValueEngine } from "./engine";
import { KeyValueInbox } from "./inbox";
import { inboxKeys } from "./inbox-keys";
import { LaneKeys } from "./lane-keys";
import { KeyValueLanes } from "./lanes";
import { KeyValueSeenEvents } from "./seen-events";

/** Under which keys lies what waits, or has failed and is kept. */
export const KEPT_WORK = [inboxKeys.entries, LaneKeys.allContents, LETTERS] as const;

/** Larger than what still fits into the last block of a full disk. */
const PROBE = "-".repeat(4_096);

/** The durable store over an ordered key-value engine: for one process, which counts and remembers in memory what it wrote. */
export class KeyValueStore implements DurableStore {
  readonly inbox;
  readonly lanes;
  readonly deadLetters;
  readonly seen;
  readonly cursors;

  constructor(readonly engine: KeyValueEngine) {
    this.inbox = new KeyValueInbox(engine);
    this.lanes = new KeyValueLanes(engine);
    this.deadLetters = new KeyValueDeadLetters(engine);
    this.seen = new KeyValueSeenEvents(engine);
    this.cursors = new KeyValueCursors(engine);
  }

  get problem(): string | undefined {
    return this.engine.problem;
  }

  onProblem(listener: (problem: string | undefined) => void): () => void {
    return this.engine.onProblem(listener);
  }

  ready(): Promise<void> {
    return this.engine.ready();
  }

  write(changes: readonly Change[]): Promise<void> {
    return this.engine.write(operationsOf(changes));
  }

  probe(): Promise<void> {
    return this.engine.write([
      { type: "put", key: "meta/probe", value: PROBE },
      { type: "del", key: "meta/probe" },
    ]);
  }

  compact(): Promise<void> {
    return this.engine.compact();
  }

  setAside(): Promise<readonly string[]> {
    return this.engine.setAside();
  }
}
