import { EVENT_KINDS, type EventKind, type VoucherifyEvent } from "../schemas/voucherify-event";

/** The kinds that a user chose, as the node stores them; none: all twelve. */
export function chosenKinds(kinds: unknown): ReadonlySet<EventKind> {
  const chosen = Array.isArray(kinds) ? (kinds as unknown[]) : [];
  return new Set(EVENT_KINDS.filter((kind) => chosen.includes(kind)));
}

/**
 * The output of an event: the first for those of customers, of the kinds that were chosen; the second for everything else.
 * @param kinds empty: all twelve
 */
export function outputOf(
  { kind, customer }: VoucherifyEvent,
  kinds: ReadonlySet<EventKind>,
): "events" | "others" | "none" {
  if (kind === undefined || customer?.sourceId === undefined) return "others";
  return kinds.size === 0 || kinds.has(kind) ? "events" : "none";
}

/** What a user chose of the events that come. */
export interface EventChoice {
  /** Empty: all twelve. */
  readonly kinds: ReadonlySet<EventKind>;
  /** The application whose own events are dropped; undefined: none are. */
  readonly echoesOf: string | undefined;
}

/** Whether an event leaves by the first output. */
export function isWanted(event: VoucherifyEvent, { kinds, echoesOf }: EventChoice): boolean {
  return outputOf(event, kinds) === "events" && !isEcho(event, echoesOf);
}

/** Whether our own calls have caused an event. */
export function isEcho({ causedBy }: VoucherifyEvent, echoesOf: string | undefined): boolean {
  return echoesOf !== undefined && causedBy === echoesOf;
}

/** What tells an event from others: the same whether it comes by webhook, distribution or activity. @param account it came to */
export function identityOf({ sameAs, id }: VoucherifyEvent, account: string): string {
  return `${account} ${sameAs ?? id}`;
}
