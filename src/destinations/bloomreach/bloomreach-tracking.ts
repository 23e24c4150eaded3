import type { TrackingApi } from "../../bloomreach/tracking-api";
import type { Destination, LaneRecord, Settlement } from "../../delivery/destination";
import type { Failed, Outcome } from "../../delivery/outcome";
import { bisect, type Verdict } from "../bisection";
import { untilTrouble } from "../try-later";
import { judgeTracking } from "./tracking-answers";
import type { TrackingRecord } from "./tracking-record";

/** What it needs to deliver. */
export interface BloomreachTrackingOptions {
  readonly api: Pick<TrackingApi, "batch">;
  /** How long a command may wait for others that fill its request, ms. */
  readonly fillMs?: number;
}

/** Limits of a request (documentation.bloomreach.com/engagement/reference/batch-commands-2, /reference/add-event). */
const MOST_COMMANDS = 50;
const LARGEST_BODY = 800_000;
const BRACKETS = '{"commands":[]}'.length;
type Records = readonly LaneRecord<TrackingRecord>[];

/**
 * Sends commands to Bloomreach in batches. HTTP 200 proves nothing there: the result of each command decides, found by its
 * `command_id`. A batch that is refused as a whole is halved until only the culprits are left. Sending a command again does
 * no harm: Bloomreach removes exact repetitions of an event, and of two updates the one with the newer time stays.
 */
export class BloomreachTracking<Body extends TrackingRecord = TrackingRecord> implements Destination<Body> {
  readonly batchLimits = { records: MOST_COMMANDS, bytes: LARGEST_BODY - BRACKETS - MOST_COMMANDS };
  readonly fillMs: number;
  private readonly api: BloomreachTrackingOptions["api"];

  constructor({ api, fillMs = 1_000 }: BloomreachTrackingOptions) {
    this.api = api;
    this.fillMs = fillMs;
  }

  async *deliver(batch: readonly LaneRecord<Body>[], signal: AbortSignal): AsyncGenerator<Settlement[]> {
    const isTooLarge = ({ body }: LaneRecord<Body>): boolean =>
      Buffer.byteLength(body.command) + BRACKETS > LARGEST_BODY;
    const tooLarge = batch.filter(isTooLarge);
    if (tooLarge.length > 0) yield settle(tooLarge, () => TOO_LARGE);
    const fitting = batch.filter((record) => !tooLarge.includes(record));
    yield* untilTrouble(
      fitting,
      bisect(fitting, (part) => this.send(part, signal)),
      signal,
    );
  }

  private async *send(part: Records, signal: AbortSignal): AsyncGenerator<Settlement[], Verdict<LaneRecord<Body>>> {
    const body = `{"commands":[${part.map(({ body: { command } }) => command).join(",")}]}`;
    const judged = await judgeTracking(this.api.batch(body, signal), part);
    if (judged.kind === "results") {
      yield settle(part, judged.outcomeOf);
      return { kind: "taken" };
    }
    if (part.length === 1) yield settle(part, () => judged.refusal);
    // Nobody knows for which command it was, nor whether it was for one.
    return { kind: "refused", guilty: false };
  }
}

const TOO_LARGE: Failed = {
  status: "failed",
  key: "too_large",
  reason: "This is larger than 800 KB, the most that Bloomreach takes: leave out some of its properties.",
};

function settle(part: Records, outcomeOf: (record: LaneRecord<TrackingRecord>) => Outcome): Settlement[] {
  return part.map((record) => ({ id: record.id, outcome: outcomeOf(record) }));
}
