import { ConfigurationError } from "../../delivery/outcome";
import type { HttpAnswer } from "../../http/http-client";
import { explainAnswer } from "../../voucherify/errors";
import { readRateLimit } from "../../voucherify/rate-limit";
import { judge, type Judgement, unreadable } from "../voucherify-answers";

/**
 * Waits for a call to the hosted integration and judges its answer. What it answers is documented nowhere; its calls of a
 * day are (docs.voucherify.io/guides/limits), and a call above them is rejected.
 * @throws TryLater on 408, 5xx, no answer, a web page, or a 429 that names its end; ConfigurationError when nothing goes on for now:
 *   keys, address, the calls of the day
 */
export async function judgeGateway(call: Promise<HttpAnswer>): Promise<Judgement> {
  const judged = await judge(call.then(refuseAsWhole), "customers");
  // A proxy answers with a page, the integration with whatever it likes.
  if (judged.kind === "accepted" && judged.answer.text.trimStart().startsWith("<")) throw unreadable(judged.answer);
  return judged;
}

function refuseAsWhole(answer: HttpAnswer): HttpAnswer {
  const remedy = remedyFor(answer);
  if (remedy === undefined) return answer;
  const { message, statusCode, body } = explainAnswer(answer);
  throw new ConfigurationError(`${message} ${remedy}`, { statusCode, body });
}

function remedyFor({ status, headers }: HttpAnswer): string | undefined {
  if (status === 401 || status === 403)
    return "Check the Application ID and the Secret key of the integration in the voucherify account.";
  if ((status >= 300 && status < 400) || status === 404 || status === 405)
    return "Check the gateway URL of the voucherify account.";
  if (status !== 429) return undefined;
  const { retryAt, type } = readRateLimit(headers, Date.now());
  if (retryAt !== undefined && type !== "webhook_calls") return undefined;
  const tomorrow = new Date(Date.now() + 86_400_000).toISOString().slice(0, 10);
  return `The webhook calls of the integration are used up for today: everything waits and goes on by itself when there are new ones, at the latest on ${tomorrow} (UTC).`;
}
