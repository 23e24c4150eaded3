import { randomUUID } from "node:crypto";
import type { Change } from "../../store/change";
import type { DeadLetter, DeadLetters } from "../../store/dead-letters";
import { StoreUnavailableError } from "../../store/durable-store";
import { FittingDestination } from "../fitting-destination";
import { groupBy } from "../../async/group-by";
import type { Inbox } from "../inbox/inbox";
import type { Alongside } from "./calls";
import { Lane, type SettledResults } from "./lane";
import type { LaneState } from "./lane-state";
import type { LaneOwner } from "../../store/lanes";
import type { LaneQueue } from "../queue/lane-queue";
import type { RecordKind } from "../record-kind";
import { keptRepetition, mayComeAgain, mayNotComeAgain } from "../repetition";
import { type Envelope, lettersOf, newsFor, outputOf } from "./outbox-news";
import type { OutboxNews, OutboxNode, OutgoingItem, OutgoingMessage, Taken } from "./outgoing-message";
import type { RetryPolicy } from "../retry-policy";
import type { FirstSight, SeenEvents } from "../../store/seen-events";
import { sleep } from "../../async/sleep";
import type { NewRecord } from "../../store/kept-record";

/** How long a message with a receipt waits before it knocks at a store again that does not work. */
const KNOCK_MS = 500;

/** Who hears of the work of an outbox: the node, while it lives. */
export interface OutboxListener<Body> {
  settled(news: OutboxNews<Body>): void;
  state(state: LaneState): void;
}

/** What an outbox is made of. */
export interface OutboxOptions<Body> {
  readonly waiting: LaneQueue<Body>;
  readonly inbox: Inbox;
  readonly deadLetters: DeadLetters;
  readonly seen: SeenEvents;
  readonly owner: LaneOwner;
  readonly retry?: RetryPolicy;
  /** Hears of mistakes in the program, which stop nothing but must be seen. */
  readonly report?: (sentence: string) => void;
}

/** What goes on of a message: its marks are held, and what it repeats is known. */
interface Taking {
  readonly fresh: readonly number[];
  readonly repeated: number;
  readonly changes: readonly Change[];
  done(): void;
  release(): void;
}

/**
 * The outbox of one delivery node: takes records out of the inbox, keeps them, delivers them by a lane, keeps what failed as
 * dead letters, and hands what was delivered on. Belongs to the process: it works on while its node is deployed anew, and
 * what it has to tell meanwhile waits for the next life of the node.
 */
export class Outbox<Body> {
  private keptBack = 0;
  private node: OutboxNode<Body> | undefined;
  private listener: OutboxListener<Body> | undefined;
  private readonly unheard: OutboxNews<Body>[] = [];
  private readonly receipts = new WeakMap<SettledResults<Body>, string>();

  private constructor(
    private readonly options: OutboxOptions<Body>,
    readonly waiting: LaneQueue<Body>,
    readonly lane: Lane<Body>,
  ) {
    lane.onSettled((news) => this.tell(news));
    lane.onState((state) => this.listener?.state(state));
  }

  /** The outbox of a node, with what the last life left. */
  static over<Body>(options: OutboxOptions<Body>): Outbox<Body> {
    const { waiting, owner } = options;
    waiting.owner = owner;
    const lane: Lane<Body> = new Lane<Body>({
      queue: waiting,
      alongside: (news): Alongside => outbox.alongside(news),
      ...(options.retry && { retry: options.retry }),
      ...(options.report && { report: options.report }),
    });
    const outbox = new Outbox<Body>(options, waiting, lane);
    return outbox;
  }

  /** Delivers as the node says now; without a node everything is kept and nothing is sent. */
  configure(node: OutboxNode<Body> | undefined, owner: LaneOwner = this.waiting.owner): void {
    this.node = node;
    this.waiting.owner = owner;
    const { destination, whyUnfit, concurrency } = node ?? {};
    this.lane.setDestination(
      destination && whyUnfit ? new FittingDestination(destination, whyUnfit) : destination,
      concurrency,
    );
  }

  /** How many were not sent because they are no test customers; since Node-RED started. */
  get notSent(): number {
    return this.keptBack;
  }

  noteNotSent(count: number): void {
    this.keptBack += count;
  }

  get isInTestMode(): boolean {
    return this.node?.testMode === true;
  }

  /** Whether a node delivers from it now. */
  get isDelivering(): boolean {
    return this.node !== undefined;
  }

  /** Estimate: when the last of what waits will have been sent (Unix ms), where a limit makes it wait. */
  doneAt(): number | undefined {
    return this.node?.doneAt?.(this.lane.state().waiting);
  }

  /** Tells the listener what it has missed, then what comes. Returns what ends it. */
  attach(listener: OutboxListener<Body>): () => void {
    this.listener = listener;
    for (const news of this.unheard.splice(0)) listener.settled(news);
    listener.state(this.lane.state());
    return () => {
      if (this.listener === listener) this.listener = undefined;
    };
  }

  /**
   * Resolves when the records are safe on disk, with those that this node had not taken before. A message with a receipt waits for a store that does not work: its sender was told that nothing will be lost.
   * @throws StoreUnavailableError for a message without a receipt, when the store does not work
   */
  async accept(message: OutgoingMessage<Body>): Promise<Taken> {
    for (;;) {
      try {
        return await this.take(message);
      } catch (error) {
        if (!(error instanceof StoreUnavailableError) || message.receipts.length === 0) throw error;
        await sleep(KNOCK_MS, NEVER);
      }
    }
  }

  /**
   * Delivers dead letters once more; they are gone from the dead letters in the same moment. What the node cannot send as it
   * works now stays there, and is returned with a sentence.
   */
  async replay(letters: readonly DeadLetter[]): Promise<{ id: string; reason: string }[]> {
    const refused = letters.flatMap((letter) => {
      const reason = this.node?.whyUnfit?.(letter);
      return reason === undefined ? [] : [{ id: letter.id, reason }];
    });
    const unfit = new Set(refused.map(({ id }) => id));
    const fitting = letters.filter(({ id }) => !unfit.has(id));
    for (const group of groupBy(fitting, ({ messageId }) => messageId)) {
      const { envelope: properties, requestId } = group[0]!;
      const envelope: Envelope = { properties, settledAtOnce: 0, ...(requestId !== undefined && { requestId }) };
      const records = group.map(({ customer, key = customer, body, kind, version, repetition }): NewRecord<Body> => ({
        key,
        body: body as Body,
        ...(kind !== undefined && { kind }),
        ...(version !== undefined && { version }),
        ...(repetition && { repetition }),
      }));
      const removal = this.options.deadLetters.removal(group);
      const changes = [...removal.changes, ...mayNotComeAgain(this.options.seen, records, Date.now())];
      try {
        await this.lane.accept({ id: randomUUID(), envelope, records }, changes);
      } catch (error) {
        removal.failed();
        throw error;
      }
    }
    return refused;
  }

  private async take({ id, properties, requestId, receipts, kind, items }: OutgoingMessage<Body>): Promise<Taken> {
    const taking = await this.begin(receipts, items);
    const { fresh, repeated, changes } = taking;
    const records = fresh.flatMap((place) => recordsOf(items[place]!, kind));
    const envelope: Envelope = {
      properties,
      settledAtOnce: fresh.filter((place) => items[place]!.records.length === 0).length,
      ...(repeated > 0 && { repeated }),
      ...(requestId !== undefined && { requestId }),
    };
    try {
      if (records.length > 0 || changes.length > 0) await this.lane.accept({ id, envelope, records }, changes);
    } catch (error) {
      taking.release();
      throw error;
    }
    taking.done();
    return { waiting: records.length, fresh, repeated };
  }

  /** What of a message is new to this node: not taken before from the same entry, and no repetition of another message. */
  private async begin(receipts: readonly string[], items: readonly OutgoingItem<Body>[]): Promise<Taking> {
    const { inbox, seen, owner } = this.options;
    const marks = receipts.length === 0 ? undefined : await inbox.take(receipts, owner.node, items);
    const untaken = marks?.fresh ?? [...items.keys()];
    const repetitions = untaken.map((place) => items[place]!.repetition);
    let first: FirstSight | undefined;
    try {
      if (repetitions.some((one) => one !== undefined)) {
        const keys = repetitions.map((one) => one?.key);
        const times = repetitions.map((one) => one?.forMs ?? 0);
        first = await seen.firstOf(keys, times, Date.now());
      }
    } catch (error) {
      marks?.release();
      throw error;
    }
    const fresh = first ? first.fresh.map((place) => untaken[place]!) : untaken;
    return {
      fresh,
      repeated: untaken.length - fresh.length,
      changes: [...(marks?.changes ?? []), ...(first?.changes ?? [])],
      done: () => {
        marks?.done();
        first?.done();
      },
      release: () => {
        marks?.release();
        first?.release();
      },
    };
  }

  private tell(settled: SettledResults<Body>): void {
    const receipt = this.receipts.get(settled);
    const news = { ...newsFor(settled), ...(receipt !== undefined && { receipt }) };
    if (this.listener) this.listener.settled(news);
    else this.unheard.push(news);
  }

  /** What is written when records settle: the failed ones as dead letters, the delivered ones as a message that goes on. */
  private alongside(settled: readonly SettledResults<Body>[]): Alongside {
    const { deadLetters, inbox, owner, seen } = this.options;
    const letters = deadLetters.prepare(settled.flatMap((news) => lettersOf(news, owner.node)));
    const changes: Change[] = [...letters.changes, ...settled.flatMap(({ failed }) => mayComeAgain(seen, failed))];
    const written: (() => void)[] = [];
    try {
      const followed = this.node?.isFollowed() ? this.node : undefined;
      for (const one of settled) {
        const message = followed && outputOf(one, followed);
        if (!message) continue;
        const entry = inbox.prepare({ node: owner.node, receivedAt: Date.now(), message });
        changes.push(...entry.changes);
        written.push(() => {
          entry.kept();
          this.receipts.set(one, entry.receipt);
        });
      }
    } catch (error) {
      letters.failed();
      throw error;
    }
    return { changes, written: () => written.forEach((tell) => tell()), failed: () => letters.failed() };
  }
}

/** A signal that never comes. */
const NEVER = new AbortController().signal;

function recordsOf<Body>({ records, repetition }: OutgoingItem<Body>, kind?: RecordKind): NewRecord<Body>[] {
  return records.map((record) => ({
    ...record,
    ...kind,
    ...(repetition && { repetition: keptRepetition(repetition) }),
  }));
}
