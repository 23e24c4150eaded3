import { sleep } from "../../async/sleep";
import { type AsyncAction, checkAsyncAction } from "../../schemas/voucherify";
import type { VoucherifyApi } from "../../voucherify/voucherify-api";
import { TryLater } from "../try-later";
import { judge, type Judgement } from "../voucherify-answers";

/** A thousand customers take Voucherify seconds: three reads see the end of it within 7 s. */
const FIRST_WAIT_MS = 1_000;
const LONGEST_WAIT_MS = 30_000;
/** What has not ended by then is sent again; updating a customer twice does no harm. */
const GIVE_UP_AFTER_MS = 10 * 60_000;
/** Added to what the progress promises, so that the next read sees the end. */
const MARGIN = 1.2;

/**
 * Reads an async action (docs.voucherify.io/api-reference/async-actions) until it has ended: after a second, then with
 * doubling waits up to 30 s, or when its progress says that it will be done. Trouble with a read only means to read again.
 * @returns the action, DONE or FAILED
 * @throws TryLater when nobody will know how it ended; ConfigurationError when the keys may not read it; the signal's
 *   reason when it is aborted
 */
export async function followAction(api: VoucherifyApi, id: string, signal: AbortSignal): Promise<AsyncAction> {
  const start = Date.now();
  let doubling = FIRST_WAIT_MS;
  let wait = FIRST_WAIT_MS;
  let progress = 0;
  for (;;) {
    await sleep(wait, signal);
    signal.throwIfAborted();
    const { action, retryAfterMs } = await readAction(api, id, signal);
    if (action?.status === "DONE" || action?.status === "FAILED") return action;
    const elapsed = Date.now() - start;
    if (elapsed >= GIVE_UP_AFTER_MS) throw lost("Voucherify has not finished a bulk update within 10 minutes.");
    doubling = Math.min(2 * doubling, LONGEST_WAIT_MS);
    wait = Math.max(doubling, retryAfterMs ?? 0);
    const seen = action?.progress ?? 0;
    if (seen > progress) {
      const estimate = ((100 - seen) / seen) * elapsed * MARGIN;
      wait = Math.min(Math.max(estimate, doubling / 2), LONGEST_WAIT_MS);
      progress = seen;
    }
  }
}

/** Without an action: it could not be read this time. */
async function readAction(
  api: VoucherifyApi,
  id: string,
  signal: AbortSignal,
): Promise<{ action?: AsyncAction; retryAfterMs?: number }> {
  let judged: Judgement;
  try {
    judged = await judge(api.readAsyncAction(id, signal), "async-actions");
  } catch (error) {
    signal.throwIfAborted();
    if (!(error instanceof TryLater)) throw error;
    return { retryAfterMs: error.outcome.retryAfterMs };
  }
  if (judged.kind === "refused") throw lost(`It is unknown how a bulk update ended. ${judged.refusal.reason}`);
  const checked = checkAsyncAction(judged.answer.json);
  return checked.ok ? { action: checked.value } : {};
}

function lost(reason: string): TryLater {
  return new TryLater({ status: "retry", reason });
}
