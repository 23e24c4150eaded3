import type { Retry } from "../delivery/outcome";
import { type AsyncAction, checkAsyncAction } from "../schemas/voucherify";
import type { VoucherifyApi } from "../voucherify/voucherify-api";
import { judge, type Judgement } from "./voucherify-answers";

/** A thousand customers take Voucherify seconds: three reads see the end of it within 7 s. */
const FIRST_WAIT_MS = 1_000;
const LONGEST_WAIT_MS = 30_000;
/** What has not ended by then is sent again; updating a customer twice does no harm. */
const GIVE_UP_AFTER_MS = 10 * 60_000;
/** Added to what the progress promises, so that the next read sees the end. */
const MARGIN = 1.2;

/** How a bulk update ended, or why nobody knows. */
export type ActionEnd =
  | { readonly kind: "ended"; readonly action: AsyncAction }
  | { readonly kind: "lost"; readonly outcome: Retry };

/**
 * Reads an async action (docs.voucherify.io/api-reference/async-actions) until it has ended: after a second, then with
 * doubling waits up to 30 s, or when its progress says that it will be done. Trouble with a read only means to read again.
 * @throws ConfigurationError when the keys may not read it; the signal's reason when it is aborted
 */
export async function followAction(
  api: VoucherifyApi,
  id: string,
  sleep: (ms: number, signal: AbortSignal) => Promise<void>,
  signal: AbortSignal,
): Promise<ActionEnd> {
  const start = Date.now();
  let wait = FIRST_WAIT_MS;
  let doubling = FIRST_WAIT_MS;
  let progress = 0;
  for (;;) {
    await sleep(wait, signal);
    signal.throwIfAborted();
    const judged = await judge(api.readAsyncAction(id, signal), "async-actions");
    signal.throwIfAborted();
    if (judged.kind === "refused") return lost(`Voucherify does not tell what became of a bulk update. ${judged.refusal.reason}`);
    const action = actionIn(judged);
    if (action?.status === "DONE" || action?.status === "FAILED") return { kind: "ended", action };
    const elapsed = Date.now() - start;
    if (elapsed >= GIVE_UP_AFTER_MS) return lost("Voucherify has not finished a bulk update within 10 minutes.");
    doubling = Math.min(2 * doubling, LONGEST_WAIT_MS);
    wait = doubling;
    const seen = action?.progress ?? 0;
    if (seen > progress) {
      const estimate = ((100 - seen) / seen) * elapsed * MARGIN;
      wait = Math.min(Math.max(estimate, doubling / 2), LONGEST_WAIT_MS);
      progress = seen;
    }
    if (judged.kind === "later") wait = Math.max(wait, judged.outcome.retryAfterMs ?? 0);
  }
}

function actionIn(judged: Judgement): AsyncAction | undefined {
  if (judged.kind !== "accepted") return undefined;
  const checked = checkAsyncAction(judged.answer.json);
  return checked.ok ? checked.value : undefined;
}

function lost(reason: string): ActionEnd {
  return { kind: "lost", outcome: { status: "retry", reason } };
}
