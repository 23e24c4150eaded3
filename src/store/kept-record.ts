import type { JsonObject, JsonValue } from "../json";

/**
 * What a record's body is, so that a node that works differently later (another destination, another release of the package)
 * knows whether it can still send it. Absent: the record was accepted by release 0.1.0, which wrote no kind.
 */
export interface RecordKind {
  /** For example `customer-update`. */
  readonly kind?: string;
  /** Rises when the body of a kind changes its shape. */
  readonly version?: number;
}

/** By what a repetition is known as it is kept with the record: the key as a hash, because it holds IDs of customers. */
export interface KeptRepetition {
  /** See `hashOfSeen`. */
  readonly seen: string;
  /** How long it is known, in ms. */
  readonly forMs: number;
}

/** A record that is to wait. */
export interface NewRecord<Body> extends RecordKind {
  /** Records of one key keep their order; whose record it is, `customerOf` tells. */
  readonly key: string;
  /** Plain JSON. */
  readonly body: Body;
  /** By what a repetition of it is known, which may come again when this one ends without being delivered. */
  readonly repetition?: KeptRepetition;
}

/** A waiting record as it is kept. */
export interface KeptRecord extends NewRecord<JsonValue> {
  /** Id of the message that it came with, and its place in it. */
  readonly message: string;
  readonly index: number;
  /** Of the body's JSON. */
  readonly bytes: number;
  /** Unix ms. */
  readonly acceptedAt: number;
}

/** Records of one key that were sent as one and were not accepted: they stay one. Times are Unix ms. */
export interface TriedGroup {
  readonly key: string;
  readonly ids: readonly number[];
  /** How often they were tried, and when the first of these tries began. */
  readonly attempts: number;
  readonly firstTriedAt: number;
  /** After how many of these tries nobody knew whether the destination has the records. */
  readonly lostAnswers?: number;
  readonly dueAt: number;
  /** How long the pause until then is, in ms; release 0.1.0 did not write it. */
  readonly pauseMs?: number;
}

/** How far a message is. */
export interface MessageProgress {
  readonly id: string;
  /** The message's serialisable properties, without payload, `req` and `res`. */
  readonly envelope: JsonObject;
  /** How many records it brought, and how many of them are settled. */
  readonly total: number;
  readonly settled: number;
}
