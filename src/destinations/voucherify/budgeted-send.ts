import { type HttpAnswer, type HttpRequest, sendHttp } from "../../http/http-client";
import type { RequestBudget } from "../../throttle/request-budget";
import { readRateLimit } from "../../voucherify/rate-limit";
import type { CallKind } from "../../voucherify/voucherify-api";

/**
 * Sends requests to Voucherify within the account's budget, and lets the budget learn from the rate headers of every
 * answer (docs.voucherify.io/guides/limits).
 * @param prepare runs before each request, inside its turn: it may change the address, or throw when the account cannot
 *   be used
 * @param urgent somebody waits for the answers: these requests go first
 * @returns a `send` for `VoucherifyApi`; rejects with `TransportError`, or with what `prepare` threw
 */
export function budgetedSend(
  budget: RequestBudget,
  prepare: (request: HttpRequest) => Promise<HttpRequest>,
  urgent = false,
): (request: HttpRequest, kind: CallKind) => Promise<HttpAnswer> {
  return (request, kind) =>
    budget.run(
      async () => {
        const answer = await sendHttp(await prepare(request));
        budget.learn({ ...readRateLimit(answer.headers, Date.now()), rejected: answer.status === 429 });
        return answer;
      },
      { kind, urgent, ...(request.signal && { signal: request.signal }) },
    );
}
