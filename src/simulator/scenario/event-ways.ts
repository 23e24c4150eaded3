import type { EventKind } from "../../schemas/voucherify-event";
import type { Simulator } from "../simulated-apis";
import { sampleEventData } from "./sample-events";
import { formsOf, type WebhookForm } from "./voucherify-webhooks";

/** How an event of a kind leaves Voucherify: in a webhook of the chosen form, or by the customer's activity alone. */
export type EventWay =
  { readonly ok: true; readonly way: WebhookForm | "activity" } | { readonly ok: false; readonly reason: string };

/** @param form as the user chose it; of no account for a kind that no webhook brings */
export function wayOf(kind: EventKind, form: WebhookForm): EventWay {
  const forms = formsOf(kind);
  if (forms.length === 0) return { ok: true, way: "activity" };
  if (forms.includes(form)) return { ok: true, way: form };
  return {
    ok: false,
    reason: `Voucherify sends ${kind} in no such form. Choose another form in this simulator node: ${forms.join(", ")}.`,
  };
}

/** Writes a sample event into the activity of a simulated customer. */
export function recordSample(simulator: Simulator, kind: EventKind, sourceId: string): void {
  const customer = simulator.customerOf(sourceId);
  simulator.activity.record(customer.id, {
    type: kind,
    data: sampleEventData(kind, { customer: { id: customer.id, source_id: sourceId } }),
    // A person did it, so that it is no echo of this Node-RED's own calls.
    source: { channel: "USER_PORTAL" },
  });
}
