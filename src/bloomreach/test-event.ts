import { isJsonObject, type JsonObject } from "../json";
import type { TrackingApi } from "./tracking-api";
import { isMissingPermission, saidBy, saidByResult } from "./tracking-errors";

/** The name of the event that a test writes. */
const TEST_EVENT = "voucherify_test";

/**
 * Writes a test event to a customer, because nothing less proves the permission to write events. Never rejects; the sentence
 * says what was found and what to do.
 */
export async function sendTestEvent(
  api: Pick<TrackingApi, "batch">,
  customer_ids: JsonObject,
  signal: AbortSignal,
): Promise<{ ok: boolean; sentence: string }> {
  const data = {
    customer_ids,
    event_type: TEST_EVENT,
    properties: { source: "voucherify" },
    timestamp: Date.now() / 1_000,
  };
  try {
    const answer = await api.batch(JSON.stringify({ commands: [{ name: "customers/events", data }] }), signal);
    const { json } = answer;
    const [result] = isJsonObject(json) && Array.isArray(json.results) ? json.results : [];
    if (isJsonObject(result) && result.success === true)
      return { ok: true, sentence: `Bloomreach has taken the event ${TEST_EVENT}: look at the customer there.` };
    const said = (result === undefined ? saidBy(answer) : saidByResult(result)) || `HTTP ${answer.status}`;
    if (isMissingPermission(said))
      return {
        ok: false,
        sentence: `Bloomreach answers "${said}": allow the event ${TEST_EVENT} in the API group, or New events.`,
      };
    return {
      ok: false,
      sentence: `Bloomreach answers "${said}": check the keys and the Project token of the account.`,
    };
  } catch (error) {
    return {
      ok: false,
      sentence: `Bloomreach could not be reached: ${error instanceof Error ? error.message : String(error)}`,
    };
  }
}
