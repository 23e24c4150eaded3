/** The way to Voucherify, and what goes it. */
export interface RequestEstimateQuery {
  readonly transport: "api" | "gateway";
  readonly kind: "customers" | "events";
}

/**
 * About how many requests 1,000 records cost that wait together: by the API customers go in one bulk request and its result
 * is read about twice, events go one by one because there is no other way; the hosted integration takes 1,000 at once
 * (docs.voucherify.io/guides/limits). The gateway's requests count for its calls of a day, the others for the API's limit.
 */
export function requestsPer1000({ transport, kind }: RequestEstimateQuery): number {
  if (transport === "gateway") return 1;
  return kind === "customers" ? 3 : 1_000;
}
