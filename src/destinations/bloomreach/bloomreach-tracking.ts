import { isMissingPermission, isUnknownProject, saidBy, saidByResult } from "../../bloomreach/tracking-errors";
import type { TrackingApi } from "../../bloomreach/tracking-api";
import type { Destination, LaneRecord, Settlement } from "../../delivery/destination";
import { ConfigurationError, type Failed, type Outcome, type Retry } from "../../delivery/outcome";
import { type HttpAnswer, TransportError } from "../../http/http-client";
import { keptBody } from "../../http/kept-body";
import { isJsonObject, type JsonObject, type JsonValue } from "../../json";
import type { TrackingCommand } from "../../schemas/tracking";

/** A command as it is sent: rendered once, so that its bytes are the same however often it is tried. */
export interface TrackingRecord extends JsonObject {
  /** `{"name":…,"command_id":…,"data":…}` */
  command: string;
}

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
/** No wait that an answer asks for is longer. */
const LONGEST_WAIT_MS = 3_600_000;

/** Renders a command. @param commandId comes back with its result */
export function trackingRecord({ name, data }: TrackingCommand, commandId: string): TrackingRecord {
  return { command: JSON.stringify({ name, command_id: commandId, data }) };
}

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
    const waiting: Records[] = [batch];
    for (let part = waiting.pop(); part; part = waiting.pop()) {
      const tooLarge = part.filter(({ body }) => Buffer.byteLength(body.command) + BRACKETS > LARGEST_BODY);
      if (tooLarge.length > 0) {
        yield settle(tooLarge, () => TOO_LARGE);
        part = part.filter((record) => !tooLarge.includes(record));
      }
      if (part.length === 0) continue;
      const judged = await this.send(part, signal);
      if (judged.kind === "refused" && part.length > 1) {
        const middle = part.length >> 1;
        waiting.push(part.slice(middle), part.slice(0, middle));
        continue;
      }
      if (judged.kind === "later") {
        // Bloomreach is in trouble: the others are not sent now.
        yield settle([...part, ...waiting.splice(0).flat()], () => judged.outcome);
      } else yield settle(part, judged.kind === "refused" ? () => judged.refusal : judged.outcomeOf);
    }
  }

  private async send(part: Records, signal: AbortSignal): Promise<Judged> {
    try {
      const body = `{"commands":[${part.map(({ body: { command } }) => command).join(",")}]}`;
      return judge(await this.api.batch(body, signal), part);
    } catch (error) {
      signal.throwIfAborted();
      if (!(error instanceof TransportError)) throw error;
      return { kind: "later", outcome: { status: "retry", reason: error.message, unreachable: true } };
    }
  }
}

type Judged =
  | { readonly kind: "results"; readonly outcomeOf: (record: LaneRecord<TrackingRecord>) => Outcome }
  /** As a whole: nobody knows for which command. */
  | { readonly kind: "refused"; readonly refusal: Failed }
  | { readonly kind: "later"; readonly outcome: Retry };

/**
 * documentation.bloomreach.com/engagement/reference/tracking-api-error-messages; the older pages say 200 with `success:false`
 * where the newer ones say 4xx, so that the words decide.
 * @throws ConfigurationError when a human must act: address, project, keys
 */
function judge(answer: HttpAnswer, part: Records): Judged {
  const { status: statusCode, json, headers } = answer;
  const said = saidBy(answer);
  const told = { statusCode, body: keptBody(json ?? said) };
  const results = isJsonObject(json) && Array.isArray(json.results) ? json.results : undefined;
  if (statusCode === 200 && results) return { kind: "results", outcomeOf: outcomesOf(results, part) };
  const sentence = `Bloomreach answered ${statusCode}: ${said || "nothing that can be read"}`.replace(
    /([^.!?…])$/,
    "$1.",
  );
  const refused = (key: string): Judged => ({
    kind: "refused",
    refusal: { status: "failed", key, reason: sentence, answer: told },
  });
  if (statusCode === 408 || statusCode === 429 || statusCode >= 500) {
    const seconds = Number(headers["retry-after"]);
    return {
      kind: "later",
      outcome: {
        status: "retry",
        reason: sentence,
        ...(seconds > 0 && { retryAfterMs: Math.min(seconds * 1_000, LONGEST_WAIT_MS) }),
        ...(statusCode >= 500 && { unreachable: true as const }),
        answer: told,
      },
    };
  }
  if (statusCode === 413) return refused("too_large");
  const remedy = remedyFor(statusCode, said, isJsonObject(json));
  if (remedy) throw new ConfigurationError(`${sentence} ${remedy}`, told);
  return refused(isMissingPermission(said) ? "missing_permission" : "refused");
}

function remedyFor(status: number, said: string, isJson: boolean): string | undefined {
  if (isUnknownProject(said)) return "Check the Project token and the API keys of the bloomreach account.";
  if (status === 401 || (status === 403 && !isMissingPermission(said)))
    return "Check the API Key ID and the API secret of the bloomreach account.";
  if (status === 404 || status < 200 || (status >= 300 && status < 400) || (status === 200 && !isJson))
    return "Check the API base URL of the bloomreach account.";
  return undefined;
}

function outcomesOf(results: readonly JsonValue[], part: Records): (record: LaneRecord<TrackingRecord>) => Outcome {
  const byId = new Map<string, JsonObject>();
  for (const result of results)
    if (isJsonObject(result) && typeof result.command_id === "string") byId.set(result.command_id, result);
  return (record) => {
    const command = JSON.parse(record.body.command) as Command;
    // An older API answers without ids, in the order of the commands.
    const result = byId.get(command.command_id) ?? (byId.size === 0 ? results[part.indexOf(record)] : undefined);
    if (!isJsonObject(result))
      return { status: "retry", reason: "Bloomreach did not say what became of this command." };
    const { event_type, customer_ids } = command.data;
    const named = { ...(event_type !== undefined && { event: event_type }), customer_ids };
    return result.success === true ? { status: "delivered", result: named } : refusalOf(result, command);
  };
}

interface Command {
  readonly name: string;
  readonly command_id: string;
  readonly data: { readonly event_type?: string; readonly customer_ids: JsonObject; readonly properties?: JsonObject };
}

function refusalOf(result: JsonObject, { data }: Command): Failed {
  const said = saidByResult(result) || "it gave no reason";
  const sentence = `Bloomreach refused this: ${said}`.replace(/([^.!?…])$/, "$1.");
  const answer = { statusCode: 200, body: keptBody(result) };
  if (!isMissingPermission(said)) return { status: "failed", key: "refused", reason: sentence, answer };
  const what =
    data.event_type === undefined
      ? `the customer properties ${Object.keys(data.properties ?? {}).join(", ")} (Customer properties: Set, or New properties)`
      : `the event ${data.event_type} (Events: Set, or New events)`;
  const remedy = `In Bloomreach, allow ${what} in the API group of this key, then replay it in the sidebar.`;
  return { status: "failed", key: "missing_permission", reason: `${sentence} ${remedy}`, answer };
}

const TOO_LARGE: Failed = {
  status: "failed",
  key: "too_large",
  reason: "This is larger than 800 KB, the most that Bloomreach takes: leave out some of its properties.",
};

function settle(part: Records, outcomeOf: (record: LaneRecord<TrackingRecord>) => Outcome): Settlement[] {
  return part.map((record) => ({ id: record.id, outcome: outcomeOf(record) }));
}
