/** The Voucherify key pair that only the simulator accepts. It is no apiSecret: a live account refuses it. */
export const SIMULATOR_KEYS = {
  applicationId: "simulator-application-id",
  secretKey: "simulator-secret-key",
} as const;

/** The Bloomreach project and API key that only the simulator accepts. */
export const SIMULATOR_BLOOMREACH_KEYS = {
  projectToken: "simulator-project-token",
  apiKeyId: "simulator-key-id",
  apiSecret: "simulator-key-secret",
} as const;

/** Signs the webhooks that the simulator sends as Voucherify; taken only by a node whose account is the simulator. */
export const SIMULATOR_WEBHOOK_SECRET = "simulator-signing-secret";
