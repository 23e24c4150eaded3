/**
 * The HTTP statuses with which an endpoint stops a whole Bloomreach campaign: no webhook route may ever answer one of
 * them (documentation.bloomreach.com/engagement/docs/creating-api-endpoint-for-webhooks).
 */
export const STOP_CODES: readonly number[] = [400, 404, 410, 412, 413, 418];

/** Status with which Bloomreach sends the same request again later (same page). */
export const RETRY_LATER = 500;
