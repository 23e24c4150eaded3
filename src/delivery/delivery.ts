import type { Change } from "../store/change";
import type { Cursors } from "../store/cursors";
import type { DeadLetters, NewLetter } from "../store/dead-letters";
import { type DurableStore, StoreUnavailableError } from "../store/durable-store";
import { Emissions, type Emitter } from "./emissions";
import { eraseCustomer } from "./desk/erasure";
import { Inbox } from "./inbox/inbox";
import type { Lane } from "./outbox/lane";
import type { LaneOwner } from "../store/lanes";
import { LaneQueue } from "./queue/lane-queue";
import { groupBy } from "../async/group-by";
import { Mutex } from "../async/mutex";
import { Outbox } from "./outbox/outbox";
import type { ErasedCounts, QueueDesk, QueueReport, ReplayResult } from "./desk/queue-desk";
import { reportOf } from "./desk/queue-report";
import type { RetryPolicy } from "./retry-policy";
import { PersonalData } from "./desk/personal-data";
import { untilStored } from "./until-stored";
import type { SeenEvents } from "../store/seen-events";

/** How long dead letters are kept. */
const DEAD_LETTERS_MS = 30 * 86_400_000;
/** How often dead letters that are too old are looked for. */
const EXPIRE_EVERY_MS = 3_600_000;

export interface DeliveryOptions {
  readonly retry?: RetryPolicy;
  /** Hears of mistakes in the program, which stop nothing but must be seen. */
  readonly report?: (sentence: string) => void;
  /** A customer is about to be erased: what is in memory outside of the store must go too. */
  readonly onErase?: (person: PersonalData) => void;
}

/**
 * All durable delivery of one process over one store: the inbox, an outbox for each delivery node, the dead letters, and
 * what a person at the desk can see and do.
 */
export class Delivery implements QueueDesk {
  readonly inbox: Inbox;
  readonly deadLetters: DeadLetters;
  readonly seen: SeenEvents;
  readonly cursors: Cursors;
  /** Resolves when the store was opened and read for the first time. */
  readonly ready: Promise<void>;
  private readonly outboxes = new Map<string, Promise<Outbox<unknown>>>();
  /** What waits, by node, whether it is deployed or not: a queue counts in memory, so it is open once. */
  private readonly queues = new Map<string, Promise<LaneQueue<unknown>>>();
  private readonly emissions: Emissions;
  /** What people do follows one another: a letter on which two press Replay is delivered once, and none is erased meanwhile. */
  private readonly deeds = new Mutex();
  private isReady = false;
  private isStopped = false;
  private expiring: NodeJS.Timeout | undefined;

  constructor(
    private readonly store: DurableStore,
    private readonly options: DeliveryOptions = {},
  ) {
    this.inbox = new Inbox(store);
    this.deadLetters = store.deadLetters;
    this.emissions = new Emissions(this.inbox, store.deadLetters);
    this.seen = store.seen;
    this.cursors = store.cursors;
    this.ready = store.ready().then(() => this.read());
  }

  get problem(): string | undefined {
    return this.store.problem;
  }

  onProblem(listener: (problem: string | undefined) => void): () => void {
    return this.store.onProblem(listener);
  }

  /** Rejects soon when the store does not work. @param patienceMs how long to wait for its first opening */
  async usable(patienceMs: number): Promise<void> {
    if (!this.isReady)
      await Promise.race([this.ready, new Promise((resolve) => setTimeout(resolve, patienceMs).unref())]);
    if (!this.isReady || this.problem !== undefined)
      throw new StoreUnavailableError(this.problem ?? "The queue is still being opened.");
  }

  /** Writes what belongs to no message. @throws StoreUnavailableError */
  write(changes: readonly Change[]): Promise<void> {
    return this.store.write(changes);
  }

  /** Finds out whether something can be kept now, by keeping it and forgetting it. @throws StoreUnavailableError */
  probe(): Promise<void> {
    return this.store.probe();
  }

  /** Keeps what could not even become a record, for a person to look at. @throws StoreUnavailableError */
  async bury(letter: NewLetter): Promise<void> {
    const change = this.deadLetters.prepare([letter]);
    try {
      await this.store.write(change.changes);
    } catch (error) {
      change.failed();
      throw error;
    }
  }

  /** The outbox of a node, opened with what the last life left. Waits as long as the store does not work. */
  outbox<Body>(owner: LaneOwner): Promise<Outbox<Body>> {
    const existing = this.outboxes.get(owner.node);
    if (existing) return existing as Promise<Outbox<Body>>;
    const { inbox, deadLetters, seen } = this;
    const opened = this.ready.then(async () => {
      const waiting = (await untilStored(this.store, () => this.queueOf(owner))) as LaneQueue<Body>;
      const outbox = Outbox.over<Body>({ waiting, inbox, deadLetters, seen, owner, ...this.options });
      if (this.isStopped) await outbox.lane.stop();
      return outbox;
    });
    this.outboxes.set(owner.node, opened as Promise<Outbox<unknown>>);
    return opened;
  }

  /**
   * Says how a node emits what was kept for it: again, or late because of what is emitted again before it. Returns what ends it.
   * @param setAside hears of a message that could not be emitted, and is among the failed now
   */
  onReplay(node: string, emit: Emitter["emit"], setAside: Emitter["setAside"]): () => void {
    return this.emissions.by(node, { emit, setAside });
  }

  /** Hands a kept message to the flow, see `Emissions`. */
  emit(receipt: string, emit: () => void): void {
    this.emissions.emit(receipt, emit);
  }

  /**
   * Flows have started: queues of nodes that are gone send nothing, all others go on, and what was received and maybe not
   * taken by every delivery node is emitted once more.
   */
  async flowsStarted(): Promise<void> {
    this.isStopped = false;
    await this.ready;
    for (const [node, opening] of this.outboxes) if (!this.emissions.has(node)) (await opening).configure(undefined);
    if (this.isStopped) return;
    for (const opening of this.outboxes.values()) void opening.then(({ lane }) => this.isStopped || lane.start());
    this.inbox.running(true);
    await this.inbox.replay((entry, isReplayed) => this.emissions.replay(entry, isReplayed));
  }

  flowsStopping(): void {
    this.inbox.running(false);
  }

  /**
   * No call starts until flows start again: at a stop, not at a deploy. Resolves when those in flight have ended, all lanes
   * at once, and what became of them is kept.
   */
  async stop(): Promise<void> {
    this.isStopped = true;
    await this.eachLane((lane) => lane.stop());
  }

  /** Ends all work for good; what is unsettled stays kept. */
  async end(): Promise<void> {
    this.isStopped = true;
    clearInterval(this.expiring);
    this.inbox.close();
    await this.eachLane((lane) => lane.end());
  }

  async report(): Promise<QueueReport[]> {
    await this.usable(0);
    const queues = new Map<string, LaneQueue<unknown>>();
    for (const owner of await this.store.lanes.owners()) queues.set(owner.node, await this.queueOf(owner));
    for (const [node, opening] of this.outboxes) queues.set(node, (await opening).waiting);
    const reports: QueueReport[] = [];
    for (const [node, queue] of queues)
      reports.push(await reportOf(queue, await this.outboxes.get(node), await this.deadLetters.count(node)));
    return reports;
  }

  get failed(): DeadLetters {
    return this.deadLetters;
  }

  replay(ids: readonly string[]): Promise<ReplayResult> {
    return this.deeds.run(() => this.replayNow(ids));
  }

  discard(ids: readonly string[]): Promise<number> {
    return this.deeds.run(() => this.deadLetters.discard(ids));
  }

  discardAll(node: string | undefined): Promise<number> {
    return this.deeds.run(() => this.deadLetters.discardAll(node));
  }

  discardQueue(node: string): Promise<{ discarded: number } | { refused: string }> {
    return this.deeds.run(() => this.discardQueueNow(node));
  }

  erase(hardId: string): Promise<ErasedCounts> {
    return this.deeds.run(() => this.eraseNow(hardId));
  }

  private async replayNow(ids: readonly string[]): Promise<ReplayResult> {
    const refused: { id: string; reason: string }[] = [];
    let replayed = 0;
    for (const letters of groupBy(await this.deadLetters.read(ids), ({ node }) => node)) {
      const outbox = await this.outboxes.get(letters[0]!.node);
      if (outbox?.isDelivering) {
        const unfit = await outbox.replay(letters);
        refused.push(...unfit);
        replayed += letters.length - unfit.length;
      } else {
        const reason = outbox
          ? "Its node is not deployed: put the node back (undo), deploy, and try again."
          : "Nothing can deliver this: put its node back (undo) and deploy, or export it and discard it.";
        refused.push(...letters.map(({ id }) => ({ id, reason })));
      }
    }
    return { replayed, refused };
  }

  private async discardQueueNow(node: string): Promise<{ discarded: number } | { refused: string }> {
    const outbox = await this.outboxes.get(node);
    if (outbox?.isDelivering) return { refused: "The node is deployed and delivers: remove it from the flow first." };
    await outbox?.lane.end();
    const waiting = await this.queueOf({ node, name: "", type: "" });
    this.outboxes.delete(node);
    return { discarded: await waiting.discard() };
  }

  async find(
    requestId: string,
  ): Promise<{ receivedAt?: number; waiting: Record<string, number>; failed: Record<string, number> }> {
    const received = await this.inbox.find(requestId);
    const waiting: Record<string, number> = {};
    for await (const queue of this.eachQueue()) {
      const { node } = queue.owner;
      for await (const message of queue.messages())
        if (message.envelope.requestId === requestId) waiting[node] = (waiting[node] ?? 0) + message.waiting;
    }
    const failed = await this.deadLetters.find(requestId);
    return { ...(received && { receivedAt: received.receivedAt }), waiting, failed };
  }

  private eraseNow(hardId: string): Promise<ErasedCounts> {
    const { store, inbox } = this;
    const person = new PersonalData(hardId);
    this.options.onErase?.(person);
    return eraseCustomer({ store, inbox, queues: () => this.eachQueue() }, person);
  }

  /** Of all outboxes that are open, or are being opened and will be. */
  private async eachLane(work: (lane: Lane<unknown>) => Promise<void>): Promise<void> {
    if (!this.isReady) return;
    await Promise.all([...this.outboxes.values()].map(async (opening) => work((await opening).lane)));
  }

  private async read(): Promise<void> {
    await untilStored(this.store, () => this.inbox.open());
    await untilStored(this.store, () => this.deadLetters.open());
    this.isReady = true;
    const expire = (): void => {
      void this.deadLetters.expire(Date.now() - DEAD_LETTERS_MS).catch(() => undefined);
      void this.seen.expire(Date.now()).catch(() => undefined);
    };
    expire();
    this.expiring = setInterval(expire, EXPIRE_EVERY_MS).unref();
  }

  /** What waits for a node, whether it is deployed or not. @throws StoreUnavailableError */
  private queueOf(owner: LaneOwner): Promise<LaneQueue<unknown>> {
    const existing = this.queues.get(owner.node);
    if (existing) return existing;
    const opening = LaneQueue.open(this.store, owner);
    this.queues.set(owner.node, opening);
    // The next one who asks tries again.
    opening.catch(() => this.queues.delete(owner.node));
    return opening;
  }

  /** Every queue there is. @throws StoreUnavailableError */
  private async *eachQueue(): AsyncGenerator<LaneQueue<unknown>> {
    for (const owner of await this.store.lanes.owners()) yield await this.queueOf(owner);
  }
}
