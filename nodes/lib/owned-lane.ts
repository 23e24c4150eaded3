import type { Destination } from "../../src/delivery/destination";
import { Lane, type LaneState, type SettledNews } from "../../src/delivery/lane";
import { MemoryStore } from "../../src/delivery/memory-store";
import { onceFlowsRun } from "./flow-lifecycle";
import { LiveMessages } from "./live-messages";
import { processOwned } from "./process-owned";

/** What a node does with the news of its waiting work. */
export interface LaneListener<Body> {
  settled(news: SettledNews<Body>): void;
  state(state: LaneState): void;
}

/**
 * The waiting work of one node. It belongs to the process: calls in flight go on while flows are deployed, and news that
 * come between two lives of the node wait for the next one.
 */
export class OwnedLane<Body> {
  readonly live = new LiveMessages();
  readonly lane: Lane<Body>;
  private listener: LaneListener<Body> | undefined;
  private readonly unread: SettledNews<Body>[] = [];

  private constructor(destination: Destination<Body>, concurrency: number) {
    this.lane = new Lane({ store: new MemoryStore<Body>(), destination, concurrency });
    this.lane.onSettled((news) => (this.listener ? this.listener.settled(news) : void this.unread.push(news)));
    this.lane.onState((state) => this.listener?.state(state));
  }

  /** The lane of the node `id`, from now on delivering to `destination` with up to `concurrency` calls at a time. */
  static of<Body>(id: string, destination: Destination<Body>, concurrency: number): OwnedLane<Body> {
    const lanes = processOwned<OwnedLane<Body>>("lanes");
    const existing = lanes.get(id);
    if (existing) {
      existing.lane.setDestination(destination, concurrency);
      return existing;
    }
    const created = new OwnedLane(destination, concurrency);
    lanes.set(id, created);
    return created;
  }

  /** Gives the news to `listener`, once flows run: what came meanwhile first. Returns what detaches it. */
  attach(listener: LaneListener<Body>): () => void {
    let attached = true;
    onceFlowsRun(() => {
      if (!attached) return;
      this.listener = listener;
      for (const news of this.unread.splice(0)) listener.settled(news);
      listener.state(this.lane.state());
    });
    return () => {
      attached = false;
      if (this.listener === listener) this.listener = undefined;
    };
  }
}
