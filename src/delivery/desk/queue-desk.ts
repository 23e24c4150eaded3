import type { DeadLetters } from "../../store/dead-letters";

/** What a person reads about the queue of one node. Times are Unix ms. */
export interface QueueReport {
  readonly node: string;
  /** What the user called it; may be empty. */
  readonly name: string;
  readonly type: string;
  /** Whether the node is deployed now; what waits for a removed node is kept and not sent. */
  readonly exists: boolean;
  readonly waiting: number;
  readonly inFlight: number;
  /** Since Node-RED started. */
  readonly delivered: number;
  /** Since Node-RED started: those that are no test customers, while only test customers were delivered. */
  readonly notSent: number;
  /** Only test customers are delivered. */
  readonly testMode?: true;
  /** Dead letters that are kept. */
  readonly failed: number;
  /** When the oldest waiting record was accepted. */
  readonly oldestAt?: number;
  /** Estimate: when the last of what waits will have been sent, where a limit of requests makes it wait. */
  readonly doneAt?: number;
  /** When the next of those that were not accepted is tried again. */
  readonly retryingUntil?: number;
  /** A human must act; nothing is lost meanwhile. */
  readonly paused?: { readonly reason: string; readonly since: number };
}

/** What became of letters that were to be delivered once more. */
export interface ReplayResult {
  readonly replayed: number;
  /** Each with a sentence that says why. */
  readonly refused: readonly { readonly id: string; readonly reason: string }[];
}

/** What is known of one webhook; counts of records by node. */
export interface WebhookTrace {
  /** Missing when it is not among the webhooks that are still kept. */
  readonly receivedAt?: number;
  readonly waiting: Readonly<Record<string, number>>;
  readonly failed: Readonly<Record<string, number>>;
}

/** What was taken out of everything that is kept of one customer. */
export interface ErasedCounts {
  /** Records that waited or were on their way. */
  readonly waiting: number;
  /** Dead letters, unreadable webhooks among them. */
  readonly failed: number;
  /** Received webhooks, and messages between two nodes. */
  readonly received: number;
  /** Records and messages of others that named the customer, and do so no more. */
  readonly mentions: number;
  /** Folders that were not searched, because the disk had damaged them: a person has to delete them. */
  readonly setAside: readonly string[];
}

/**
 * What a person can see of the durable delivery, and do there. What is done follows one another, so that no two deeds meet.
 * Methods reject with a StoreUnavailableError while the store
 * does not work.
 */
export interface QueueDesk {
  /** A sentence while the store does not work. */
  readonly problem: string | undefined;
  readonly failed: Pick<DeadLetters, "list" | "read" | "all">;
  report(): Promise<readonly QueueReport[]>;
  /** Delivers dead letters once more; those that are not there (any more) are passed over. */
  replay(ids: readonly string[]): Promise<ReplayResult>;
  /** Forgets dead letters. Returns how many. */
  discard(ids: readonly string[]): Promise<number>;
  /** Forgets all dead letters, or those of a node. Returns how many. */
  discardAll(node: string | undefined): Promise<number>;
  /** Forgets what waits for a node that is not deployed; a queue that is delivering is refused with a sentence. */
  discardQueue(node: string): Promise<{ readonly discarded: number } | { readonly refused: string }>;
  /** @param requestId the `request_id` of a webhook's answer */
  find(requestId: string): Promise<WebhookTrace>;
  /** Forgets everything of one customer. */
  erase(hardId: string): Promise<ErasedCounts>;
}
