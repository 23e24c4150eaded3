import type { Node, NodeAPI } from "node-red";
import type { Change } from "../../../src/store/change";
import type { NewLetter } from "../../../src/store/dead-letters";
import type { FirstSight } from "../../../src/store/seen-events";
import type { JsonObject } from "../../../src/json";
import { hasDeliveryDownstream } from "./downstream";
import { durableDelivery, showStoreProblem } from "./durable-delivery";
import { onceFlowsRun } from "../runtime/flow-lifecycle";
import { OneEachTurn } from "../../../src/async/one-each-turn";
import { declareAccount, type Mark, simulatedMark } from "./simulated-origin";

/** How long a webhook waits for the store when Node-RED has just started. */
const STORE_PATIENCE_MS = 700;

/** What is to be handed to the flows. */
const emissions = new OneEachTurn();

/** What goes with every message of an entry. */
export interface Handed {
  /** Absent where nothing is kept. */
  readonly receipt?: string;
  readonly replayed?: true;
  /** The node's account was the built-in simulator. */
  readonly simulated?: true;
}

/** How a receiving node speaks. */
export interface ReceptionOptions<Received extends JsonObject> {
  /** Sends the messages of what was received. `node` is the one that lives now. */
  readonly emit: (node: Node, received: Received, handed: Handed) => void;
  /** The node's account is the built-in simulator. */
  readonly isSimulated: boolean;
  /** How long a repetition is known. */
  readonly repeatedWithinMs: number;
  /** The store does not work; and works again. */
  readonly showProblem: () => void;
  readonly showUsual: () => void;
}

/** What of a webhook did not come before. One of `done` and `release` must follow. */
export interface Fresh<Item> extends Omit<FirstSight, "fresh"> {
  readonly fresh: Item[];
}

/** Keeps what a node receives on disk until the flow behind it has taken it, and hands it to the flow. */
export class Reception<Received extends JsonObject> {
  private readonly delivery;
  private readonly ends: (() => void)[];

  constructor(
    private readonly RED: NodeAPI,
    private readonly node: Node,
    private readonly options: ReceptionOptions<Received>,
  ) {
    this.delivery = durableDelivery(RED);
    const { showProblem, showUsual } = options;
    // Where nothing is kept, nothing depends on the store.
    this.ends = [
      showStoreProblem(this.delivery, () => void (this.isFollowed() && showProblem()), showUsual),
      this.delivery.onReplay(
        node.id,
        ({ message, receipt }, isReplayed) =>
          options.emit(node, message as Received, {
            receipt,
            ...(isReplayed && { replayed: true }),
            ...simulatedMark(options.isSimulated || message.simulated === true),
          }),
        ({ reason, reasonKey, body }) => node.error(reason, { topic: reasonKey, payload: body }),
      ),
    ];
    declareAccount(RED, node, options);
  }

  /** Whether a delivery node follows, so that something must be kept. */
  isFollowed(): boolean {
    return hasDeliveryDownstream(this.RED, this.node);
  }

  /**
   * Says which items did not come before.
   * @param keyOf what tells one from another; undefined for what cannot be told, which is always new
   * @throws StoreUnavailableError when that cannot be known now
   */
  async firstOf<Item>(items: readonly Item[], keyOf: (item: Item) => string | undefined): Promise<Fresh<Item>> {
    await this.delivery.usable(STORE_PATIENCE_MS);
    const first = await this.delivery.seen.firstOf(items.map(keyOf), this.options.repeatedWithinMs, Date.now());
    return { ...first, fresh: first.fresh.map((place) => items[place]!) };
  }

  /**
   * Writes down what was received: only then it may be answered. Resolves with what goes with its messages.
   * @param requestId of the webhook's answer, by which a user finds it again; undefined where there was no webhook
   * @param also what must be written in the same moment, kept message or not
   * @throws StoreUnavailableError when that is not possible now
   */
  async keep(received: Received, requestId: string | undefined, also: readonly Change[] = []): Promise<Handed> {
    const isFollowed = this.isFollowed();
    if (!isFollowed && also.length === 0) return this.mark;
    await this.delivery.usable(STORE_PATIENCE_MS);
    if (!isFollowed) {
      await this.delivery.write(also);
      return this.mark;
    }
    const entry = {
      node: this.node.id,
      receivedAt: Date.now(),
      message: { ...received, ...this.mark },
      ...(requestId !== undefined && { requestId }),
    };
    return { receipt: await this.delivery.inbox.receive(entry, also), ...this.mark };
  }

  /**
   * Keeps what could not even become a message, for a person to look at.
   * @throws StoreUnavailableError when that is not possible now
   */
  async bury(letter: NewLetter): Promise<void> {
    await this.delivery.usable(STORE_PATIENCE_MS);
    await this.delivery.bury(letter);
  }

  /** First the answer, then the flow; after a deploy the next node of this id speaks for this one. */
  emitAfterAnswer(received: Received, handed: Handed): void {
    emissions.run(() => {
      const { receipt } = handed;
      const emit = (): void => this.options.emit(this.speaker(), received, handed);
      if (receipt === undefined) onceFlowsRun(emit);
      else if (this.delivery.inbox.mayEmit(receipt)) this.delivery.emit(receipt, emit);
    });
  }

  /** What messages carry that have no receipt. */
  get mark(): Mark {
    return simulatedMark(this.options.isSimulated);
  }

  /** The node that lives now in this one's place. */
  speaker(): Node {
    return this.RED.nodes.getNode(this.node.id) ?? this.node;
  }

  close(): void {
    for (const end of this.ends) end();
  }
}
