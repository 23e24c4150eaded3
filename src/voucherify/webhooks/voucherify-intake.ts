import type { VoucherifyEvent } from "../../schemas/voucherify-event";
import type { StatusLine } from "../../status-line";
import type { WebhookAnswer } from "../../webhooks/webhook-answer";
import type { WebhookHead, WebhookRequest } from "../../webhooks/webhook-request";
import { type EventChoice, isEcho, outputOf } from "../event-choice";
import { readWebhook } from "./webhook-event";
import { hasSignatureForm, isSigned } from "./webhook-signature";

const SIGNATURE = "x-voucherify-signature";

/** What a request is answered, and what the node shows. */
export interface Answered {
  readonly answer: WebhookAnswer;
  readonly status?: StatusLine;
}

/** What becomes of a webhook that Voucherify has signed. */
export type VoucherifyIntake =
  | ({ readonly does: "answer" } & Answered)
  /** A person must look at it: nothing can be made of it, and to send it again cannot help. */
  | ({ readonly does: "bury"; readonly code: string; readonly reason: string } & Required<Answered>)
  | { readonly does: "take"; readonly event: VoucherifyEvent; readonly output: "events" | "others" };

/** The answer to a webhook over the limit. @param maxMegabytes the limit */
export function tooLarge(requestId: string, maxMegabytes: number): Required<Answered> & { readonly error: string } {
  return {
    answer: taken(requestId, "too_large"),
    status: { look: "waiting", key: "too-large" },
    error: `A webhook was larger than ${maxMegabytes} MB and was not taken.`,
  };
}

/** Why a request is refused before a byte of its body is kept; undefined where its signature may be right. */
export function refusalOfHead(head: WebhookHead, secrets: readonly string[]): Answered | undefined {
  return secrets.length > 0 && hasSignatureForm(signatureOf(head)) ? undefined : refused(head, secrets);
}

/** Why a request is refused whose body was read; undefined when Voucherify has signed it. */
export function refusalOfBody(
  request: WebhookHead & Pick<WebhookRequest, "body">,
  secrets: readonly string[],
): Answered | undefined {
  return isSigned(request.body, signatureOf(request), secrets) ? undefined : refused(request, secrets);
}

/** Decides what becomes of a webhook that Voucherify has signed. Never throws. */
export function judgeWebhook(
  { body, requestId }: Pick<WebhookRequest, "body" | "requestId">,
  { kinds, echoesOf }: EventChoice,
): VoucherifyIntake {
  const reading = readWebhook(body);
  if (!reading.ok) {
    const { code, reason } = reading;
    return {
      does: "bury",
      code,
      reason,
      answer: taken(requestId, code),
      status: { look: "waiting", key: "unreadable" },
    };
  }
  const { event } = reading;
  if (isEcho(event, echoesOf))
    return { does: "answer", answer: taken(requestId, "own_event"), status: { look: "ok", key: "echo" } };
  const output = outputOf(event, kinds);
  return output === "none"
    ? { does: "answer", answer: taken(requestId, "not_chosen") }
    : { does: "take", event, output };
}

/** The answer to an event that is safe. @param isNew it did not come before */
export function answerTaken(
  { event, output }: { readonly event: VoucherifyEvent; readonly output: "events" | "others" },
  isNew: boolean,
  requestId: string,
): Required<Answered> {
  if (!isNew) return { answer: taken(requestId, "repeated"), status: { look: "ok", key: "duplicate" } };
  const kind = (event.kind ?? event.type).replace(/^customer\./, "");
  return {
    answer: taken(requestId),
    status: output === "others" ? { look: "ok", key: "other" } : { look: "ok", key: "accepted", values: { kind } },
  };
}

function refused({ method, requestId }: WebhookHead, secrets: readonly string[]): Answered {
  const error =
    "The signature is missing or wrong. Compare the signing secret of the voucherify in node with Voucherify.";
  return {
    answer: { status: 401, body: { success: false, error, request_id: requestId } },
    ...(method === "POST" && secrets.length > 0 && { status: { look: "waiting", key: "wrong-signature" } as const }),
  };
}

function signatureOf({ headers }: WebhookHead): string | undefined {
  const signature = headers[SIGNATURE];
  return typeof signature === "string" ? signature : undefined;
}

/** 200: Voucherify disables a webhook that fails twelve times. */
function taken(requestId: string, ignored?: string): WebhookAnswer {
  return { status: 200, body: { success: true, ...(ignored !== undefined && { ignored }), request_id: requestId } };
}
