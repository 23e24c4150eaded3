import type { JsonObject } from "../json";
import type { ApiAnswer } from "../store/dead-letters";

export type { ApiAnswer } from "../store/dead-letters";

/** The record is at the destination, confirmed by it. Nothing more will happen to it. */
export interface Delivered {
  readonly status: "delivered";
  /** What the user sees for this record in `msg.payload`, for example `{ source_id, id }`. */
  readonly result: JsonObject;
}

/** The destination refused this record, or it never can be sent. Trying again cannot help. */
export interface Failed {
  readonly status: "failed";
  /** A sentence for the user: what is wrong and what to do. */
  readonly reason: string;
  /** Short machine-readable reason, the API's own `key` where it has one. */
  readonly key: string;
  /** The destination itself did not work: that says nothing good about the next records. */
  readonly unreachable?: true;
  readonly answer?: ApiAnswer;
}

/** The record was not accepted this time; the same bytes may be accepted later. */
export interface Retry {
  readonly status: "retry";
  readonly reason: string;
  /** Not before this many ms from now, when the destination said so (`Retry-After`). */
  readonly retryAfterMs?: number;
  /** The destination itself did not work (no answer, 5xx): that may have nothing to do with this record. */
  readonly unreachable?: true;
  /** The destination may have taken the record: it was sent, and nobody knows what became of it. */
  readonly lost?: true;
  readonly answer?: ApiAnswer;
}

/** The record was part of the batch but of no call yet (the call was full). It waits on, untried. */
export interface Unsent {
  readonly status: "unsent";
}

/** Outcomes are per record, never per HTTP call (design section 4). */
export type Outcome = Delivered | Failed | Retry | Unsent;

/**
 * The account or its permissions are wrong (401, 402, 403, unset variable, unknown project): no record
 * is to blame. The lane keeps everything, pauses, says `message` to the user, and probes.
 */
export class ConfigurationError extends Error {
  override readonly name = "ConfigurationError";

  constructor(
    message: string,
    readonly answer?: ApiAnswer,
  ) {
    super(message);
  }
}
