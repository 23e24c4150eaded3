import type { JudgedItem } from "./judged";
import type { JsonValue } from "../../json";
import type { EventMapping } from "../../mapping/events/event-commands";
import { TRACKING_COMMAND } from "../body-kinds";
import { type ConfirmedRecord, type DeliveredResult, omissionsOf, resultsOf } from "./delivered-result";
import { forwardToBloomreach, type TrackingWork } from "../bloomreach/tracking-work";

/**
 * Makes Bloomreach's commands of what a flow brings, or says why that needs no call.
 * @param receivedAt time of an item that has none, Unix ms; must be the same when the item comes again
 */
export function judgeForBloomreach(
  item: JsonValue,
  mapping: EventMapping,
  receivedAt: number,
): JudgedItem<TrackingWork> {
  const forwarding = forwardToBloomreach(item, mapping, receivedAt);
  if (forwarding.kind === "records") return { records: forwarding.records };
  const { reason, named } = forwarding;
  if (forwarding.kind === "held") return { failed: false, result: { ...named, status: "held", reason } };
  return { failed: true, result: { ...named, key: forwarding.key, reason } };
}

/** What a message says of commands that were delivered. */
export function deliveredCommands(delivered: readonly ConfirmedRecord<TrackingWork>[]): DeliveredResult {
  return {
    payload: resultsOf(delivered),
    // What an earlier life of the node sent to Voucherify is no command.
    omitted: delivered.flatMap(({ body }) =>
      omissionsOf(TRACKING_COMMAND.recognises(body) ? TRACKING_COMMAND.naming(body) : {}, body.omitted),
    ),
  };
}
