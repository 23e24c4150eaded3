import { isJsonObject, type JsonObject } from "../../json";
import { readHardId } from "../../schemas/hard-id";
import { LookupRefused, type Question, type VoucherifyLookups } from "../voucherify/voucherify-lookups";
import { detailsOf, type LaterAtOnce, laterOf, type RefusedAtOnce } from "./at-once";
import { customerIn, hardIdOf, type MessageFacts } from "./message-facts";

/** A webhook gives up long before; what comes later than this helps nobody, and its request is left to others. */
const WEBHOOK_PATIENCE_MS = 30_000;
/** So long an answer is kept where the user has said nothing. */
const KEPT_SECONDS = 60;
const BATCH =
  "A batch cannot tell each customer something else: send one customer in each webhook, or split the list before this node.";

/** The fields of a node that say what is asked, as Node-RED stores them. */
export interface QuestionFields {
  readonly what: Question["what"];
  readonly program?: string;
  readonly look?: "wallet" | "open" | "both";
  readonly currency?: string;
}

/** Whom a message asks about, or why it cannot be told. */
export type LookupReading =
  | { readonly ok: true; readonly sourceId: string }
  | { readonly ok: false; readonly key: string; readonly reason: string };

/** What became of a question whose sender waits. */
export type LookedUp = { readonly kind: "answer"; readonly answer: JsonObject } | RefusedAtOnce | LaterAtOnce;

export function questionOf({ what, program, look, currency }: QuestionFields): Question {
  const inCurrency = currency || "EUR";
  if (what === "discount") return { what, look: look ?? "both", currency: inCurrency };
  if (what === "vouchers") return { what, currency: inCurrency };
  return { what: "points", program: (program ?? "").trim() };
}

/** How long an answer is kept, ms. An empty field is the default, 0 keeps nothing. */
export function keepMsOf(seconds: number | string | undefined): number {
  return (/^\d+$/.test(String(seconds ?? "")) ? Number(seconds) : KEPT_SECONDS) * 1_000;
}

/** Reads a message whose payload is one customer, or has one. @param usual name of the account's Main Hard ID */
export function readLookupMessage(
  message: MessageFacts & { readonly payload?: unknown },
  usual: string,
): LookupReading {
  const { payload } = message;
  if (Array.isArray(payload)) return { ok: false, key: "batch", reason: BATCH };
  if (!isJsonObject(payload))
    return { ok: false, key: "not_an_object", reason: 'msg.payload must be {"customer": …}.' };
  const id = readHardId(customerIn(payload), hardIdOf(message, usual));
  return id.ok ? { ok: true, sourceId: id.sourceId } : { ok: false, key: "missing_hard_id", reason: id.reason };
}

/**
 * Asks Voucherify about a customer.
 * @param options `urgent`: a webhook waits; `signal`: the node closes
 */
export async function lookUp(
  lookups: Pick<VoucherifyLookups, "ask">,
  question: Question,
  sourceId: string,
  options: { readonly keepMs: number; readonly urgent: boolean; readonly signal: AbortSignal },
): Promise<LookedUp> {
  const { keepMs, urgent } = options;
  const signal = urgent ? AbortSignal.any([options.signal, AbortSignal.timeout(WEBHOOK_PATIENCE_MS)]) : options.signal;
  try {
    return { kind: "answer", answer: await lookups.ask(question, sourceId, { keepMs, urgent, signal }) };
  } catch (error) {
    if (!(error instanceof LookupRefused)) return laterOf(error);
    const { key, reason, answer } = error.refusal;
    return { kind: "refused", key, reason, details: detailsOf(answer) };
  }
}
