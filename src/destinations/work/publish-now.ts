import { sleep } from "../../async/sleep";
import type { JsonObject } from "../../json";
import type { PublicationRequest } from "../../mapping/codes/publication-request";
import type { Omission } from "../../mapping/values/omissions";
import type { Published, Publisher } from "../voucherify/publisher";
import { TryLater } from "../try-later";
import { detailsOf, type LaterAtOnce, laterOf, type RefusedAtOnce } from "./at-once";

/** Pauses before a request is tried again, ms: the first at once, because an answer may only have been lost. */
const PAUSES_MS = [0, 500, 1_000, 2_000, 4_000, 8_000];

/** What became of a request whose sender waits. */
export type PublishedNow =
  | { readonly kind: "published"; readonly publication: JsonObject; readonly omitted: readonly Omission[] }
  | RefusedAtOnce
  | LaterAtOnce;

/**
 * Publishes for somebody who waits. Tries again for some seconds: the webhook may have given up by then, but its repetition
 * finds the code.
 */
export async function publishNow(
  publisher: Pick<Publisher, "publish">,
  request: PublicationRequest,
  signal: AbortSignal,
): Promise<PublishedNow> {
  let published: Published;
  try {
    published = await insist(() => publisher.publish(request, signal), signal);
  } catch (error) {
    const later = laterOf(error);
    const { statusCode } = later.details;
    return { ...later, details: statusCode === undefined ? {} : { statusCode } };
  }
  if (published.ok) return { kind: "published", publication: published.publication, omitted: published.omitted };
  const { key, reason, answer } = published.refusal;
  return { kind: "refused", key, reason, details: detailsOf(answer) };
}

async function insist(publish: () => Promise<Published>, signal: AbortSignal): Promise<Published> {
  for (const pauseMs of PAUSES_MS) {
    try {
      return await publish();
    } catch (error) {
      if (!(error instanceof TryLater) || error.outcome.answer?.statusCode === 429) throw error;
      await sleep(error.outcome.retryAfterMs ?? pauseMs, signal);
    }
  }
  return publish();
}
