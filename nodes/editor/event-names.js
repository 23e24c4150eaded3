/** Voucherify's kinds of event, each with its usual name in Bloomreach. @returns a jQuery promise */
export function eventNames() {
  return $.getJSON("bloomreach-voucherify/event-forward/names");
}
