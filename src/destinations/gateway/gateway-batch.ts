import type { LaneRecord, Settlement } from "../../delivery/destination";
import type { Failed, Outcome, Retry } from "../../delivery/outcome";
import type { HttpAnswer } from "../../http/http-client";
import type { JsonObject } from "../../json";
import { judgeGateway } from "./gateway-answers";
import { TryLater } from "../voucherify/voucherify-answers";

/** The most items of one request to the hosted integration: Bloomreach's largest batch. */
export const MOST_ITEMS = 1_000;

/** A record as the hosted integration takes it. */
export interface GatewayItem<Body> {
  readonly record: LaneRecord<Body>;
  readonly json: string;
  /** What the user sees of it, besides that it was accepted. */
  readonly result: JsonObject;
}

/** How a batch is sent. */
export interface GatewayCall<Body> {
  /** @param body a JSON array */
  readonly send: (body: string) => Promise<HttpAnswer>;
  /** The outcome of a record that was not accepted this time. */
  readonly notAccepted: (record: LaneRecord<Body>, outcome: Retry) => Retry | Failed;
}

/**
 * Sends items in one call; those of a call that was refused are sent by halves, until only the culprits are left. What was
 * taken counts as delivered and is called accepted: no result of a single item ever comes back.
 * @throws ConfigurationError
 */
export async function* sendItems<Body>(
  items: readonly GatewayItem<Body>[],
  call: GatewayCall<Body>,
): AsyncGenerator<Settlement[]> {
  const waiting = [items];
  for (let part = waiting.pop(); part; part = waiting.pop()) {
    if (part.length === 0) continue;
    let outcome: (item: GatewayItem<Body>) => Outcome;
    try {
      const judged = await judgeGateway(call.send(`[${part.map(({ json }) => json).join(",")}]`));
      if (judged.kind === "refused" && part.length > 1) {
        const middle = part.length >> 1;
        waiting.push(part.slice(middle), part.slice(0, middle));
        continue;
      }
      outcome = ({ result }) =>
        judged.kind === "refused" ? judged.refusal : { status: "delivered", result: { ...result, status: "accepted" } };
    } catch (error) {
      if (!(error instanceof TryLater)) throw error;
      // The integration is in trouble: the others are not sent now, so that no answer of theirs is lost.
      const later = asUnsent(error.outcome);
      const others = waiting.splice(0).flat();
      if (others.length > 0) yield settle(others, () => later);
      outcome = ({ record }) => call.notAccepted(record, error.outcome);
    }
    yield settle(part, outcome);
  }
}

function asUnsent({ lost: _lost, ...outcome }: Retry): Retry {
  return outcome;
}

function settle<Body>(
  items: readonly GatewayItem<Body>[],
  outcome: (item: GatewayItem<Body>) => Outcome,
): Settlement[] {
  return items.map((item) => ({ id: item.record.id, outcome: outcome(item) }));
}
