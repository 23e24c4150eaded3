import type { Urgency } from "./request-counter";

/** A request that waits for its turn. */
export interface WaitingRequest {
  readonly urgency: Urgency;
  readonly kind: "api" | "bulk";
  /** Place in the order of arrival. */
  readonly order: number;
  /** Runs the work and settles the caller's promise; never rejects. */
  readonly start: () => Promise<void>;
  /** Rejects the caller's promise: the work will not run. */
  readonly refuse: (reason: Error) => void;
}

/**
 * The requests that wait, in order of arrival. Urgent and queued ones wait apart, and so do bulk requests, which can
 * lack a place of their own while others may go on.
 */
export class WaitingRequests {
  private readonly lines = {
    urgent: { api: new Set<WaitingRequest>(), bulk: new Set<WaitingRequest>() },
    queued: { api: new Set<WaitingRequest>(), bulk: new Set<WaitingRequest>() },
  };

  /** How many wait. */
  get size(): number {
    return this.count("urgent") + this.count("queued");
  }

  /** How many bulk requests wait. */
  get bulk(): number {
    return this.lines.urgent.bulk.size + this.lines.queued.bulk.size;
  }

  count(urgency: Urgency): number {
    return this.lines[urgency].api.size + this.lines[urgency].bulk.size;
  }

  add(request: WaitingRequest): void {
    this.lines[request.urgency][request.kind].add(request);
  }

  delete(request: WaitingRequest): void {
    this.lines[request.urgency][request.kind].delete(request);
  }

  /** The one that has waited longest; `withBulk` false: bulk requests cannot start. */
  first(urgency: Urgency, withBulk: boolean): WaitingRequest | undefined {
    const [api] = this.lines[urgency].api;
    const [bulk] = withBulk ? this.lines[urgency].bulk : [];
    return api && bulk ? (api.order < bulk.order ? api : bulk) : (api ?? bulk);
  }

  /** Takes all of them out. */
  clear(): WaitingRequest[] {
    const all = [this.lines.urgent, this.lines.queued].flatMap(({ api, bulk }) => [...api, ...bulk]);
    for (const request of all) this.delete(request);
    return all;
  }
}
