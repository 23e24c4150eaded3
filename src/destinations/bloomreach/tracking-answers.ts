import { isMissingPermission, isUnknownProject, saidBy, saidByResult } from "../../bloomreach/tracking-errors";
import type { LaneRecord } from "../../delivery/destination";
import { ConfigurationError, type Failed, type Outcome } from "../../delivery/outcome";
import { type HttpAnswer, TransportError } from "../../http/http-client";
import { keptBody } from "../../http/kept-body";
import { isJsonObject, type JsonObject, type JsonValue } from "../../json";
import { TryLater } from "../try-later";
import type { TrackingRecord } from "./tracking-record";

/** No wait that an answer asks for is longer. */
const LONGEST_WAIT_MS = 3_600_000;

type Records = readonly LaneRecord<TrackingRecord>[];

/** What an answer says of the commands of its batch. */
export type Judged =
  | { readonly kind: "results"; readonly outcomeOf: (record: LaneRecord<TrackingRecord>) => Outcome }
  /** As a whole: nobody knows for which command. */
  | { readonly kind: "refused"; readonly refusal: Failed };

/**
 * Waits for a batch and judges its answer: HTTP 200 proves nothing, the result of each command decides. By
 * documentation.bloomreach.com/engagement/reference/tracking-api-error-messages; the older pages say 200 with `success:false`
 * where the newer ones say 4xx, so that the words decide.
 * @param part the commands of the batch, in their order
 * @throws TryLater on 408, 429, 5xx, or no answer; ConfigurationError when a human must act: address, project, keys
 */
export async function judgeTracking(call: Promise<HttpAnswer>, part: Records): Promise<Judged> {
  try {
    return judge(await call, part);
  } catch (error) {
    if (!(error instanceof TransportError)) throw error;
    throw new TryLater({ status: "retry", reason: error.message, unreachable: true });
  }
}

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
    throw new TryLater({
      status: "retry",
      reason: sentence,
      ...(seconds > 0 && { retryAfterMs: Math.min(seconds * 1_000, LONGEST_WAIT_MS) }),
      ...(statusCode >= 500 && { unreachable: true as const }),
      answer: told,
    });
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
