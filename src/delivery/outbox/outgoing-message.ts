import type { JsonObject } from "../../json";
import type { IncomingRecord } from "../../store/take-mark";
import type { Destination } from "../destination";
import type { WhyUnfit } from "../fitting-destination";
import type { RecordKind } from "../record-kind";
import type { Repetition } from "../repetition";
import type { SettledResults } from "./settled-results";

/** A record of a message as it came in, and what its node makes of it. */
export interface OutgoingItem<Body> extends IncomingRecord {
  /** `body` is plain JSON. None: it needs no delivery, because its node settles it itself. */
  readonly records: readonly { readonly key: string; readonly body: Body }[];
  /** What comes again with an equal key in this time is left out; absent where nothing tells a repetition. */
  readonly repetition?: Repetition;
}

/** A message as a delivery node hands it over. */
export interface OutgoingMessage<Body> {
  readonly id: string;
  /** Its serialisable properties. */
  readonly properties: JsonObject;
  /** Where its records were received: ids of inbox entries. */
  readonly receipts: readonly string[];
  /** Of the webhook that it came with, if any. */
  readonly requestId?: string;
  /** What the bodies of its records are. */
  readonly kind?: Required<RecordKind>;
  readonly items: readonly OutgoingItem<Body>[];
}

/** What a node had not taken before of a message: a message that is emitted again has been taken in part, or whole. */
export interface Taken {
  /** How many records wait now. */
  readonly waiting: number;
  /** Places of the items that were not taken before. */
  readonly fresh: readonly number[];
  /** How many items were left out because they repeat what another message has brought. */
  readonly repeated: number;
}

/** What one call settled of one message, as its node hears it. */
export interface OutboxNews<Body> extends Omit<SettledResults<Body>, "envelope"> {
  readonly properties: JsonObject;
  /** Of the inbox entry that the delivered part has become, when another delivery node follows. */
  readonly receipt?: string;
  /** How many items of the message repeated what another one had brought. */
  readonly repeated: number;
}

/** What the node of an outbox decides, anew with each deploy. */
export interface OutboxNode<Body> {
  readonly destination: Destination<Body>;
  /** Most calls at one time. */
  readonly concurrency: number;
  /** The serialisable message that leaves by the output for what was delivered; asked only when another delivery node follows. */
  output(news: OutboxNews<Body>): JsonObject;
  /** Why it cannot send a record that waits; by default it sends all. */
  readonly whyUnfit?: WhyUnfit;
  /** Only test customers are delivered. */
  readonly testMode?: boolean;
  /** Failed records leave by the output as well, for a flow that goes on with them. */
  readonly sendsFailures?: boolean;
  /** Estimate: when the last of so many waiting records will have been sent (Unix ms), where a limit makes them wait. */
  doneAt?(waiting: number): number | undefined;
  /** Whether another delivery node follows, so that the output must not be lost in a crash. */
  isFollowed(): boolean;
}
