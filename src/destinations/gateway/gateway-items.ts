import type { LaneRecord, Settlement } from "../../delivery/destination";
import type { Failed, Outcome, Retry } from "../../delivery/outcome";
import type { HttpAnswer } from "../../http/http-client";
import type { JsonObject } from "../../json";
import { LARGEST_BODY } from "../../voucherify/voucherify-api";
import { bisect, type Verdict } from "../bisection";
import { TryLater, untilTrouble } from "../try-later";
import { judgeGateway } from "./gateway-answers";

/** Of one request to the hosted integration: Bloomreach's largest batch, and Voucherify's largest body. */
export const BATCH_LIMITS = { records: 1_000, bytes: LARGEST_BODY };

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
 * Sends items in one call, or by halves where that is refused. What was taken counts as delivered and is called accepted: no
 * result of a single item ever comes back. When the integration is in trouble the others are not sent, so that no answer of
 * theirs is lost.
 * @throws ConfigurationError
 */
export function sendItems<Body>(
  items: readonly GatewayItem<Body>[],
  call: GatewayCall<Body>,
  signal: AbortSignal,
): AsyncGenerator<Settlement[]> {
  const delivering = bisect(items, (part) => sendPart(part, call));
  return untilTrouble(
    items.map(({ record }) => record),
    delivering,
    signal,
  );
}

async function* sendPart<Body>(
  part: readonly GatewayItem<Body>[],
  { send, notAccepted }: GatewayCall<Body>,
): AsyncGenerator<Settlement[], Verdict<GatewayItem<Body>>> {
  try {
    const judged = await judgeGateway(send(`[${part.map(({ json }) => json).join(",")}]`));
    if (judged.kind === "accepted") {
      yield settle(part, ({ result }) => ({ status: "delivered", result: { ...result, status: "accepted" } }));
      return { kind: "taken" };
    }
    if (part.length === 1) yield settle(part, () => judged.refusal);
    return { kind: "refused", guilty: judged.statusCode !== 413 };
  } catch (error) {
    if (!(error instanceof TryLater)) throw error;
    yield settle(part, ({ record }) => notAccepted(record, error.outcome));
    throw new TryLater(asUnsent(error.outcome));
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
