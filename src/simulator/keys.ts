import { createHmac, randomBytes } from "node:crypto";

/** Every key that one simulator knows; it accepts no others. */
export interface SimulatorKeys {
  /** Of the Voucherify project, and of its hosted gateway. */
  readonly applicationId: string;
  readonly secretKey: string;
  /** Of the Bloomreach project and its API. */
  readonly projectToken: string;
  readonly apiKeyId: string;
  readonly apiSecret: string;
  /** What Bloomreach's webhooks carry when the simulator sends them. */
  readonly webhookApplicationId: string;
  readonly webhookSecretKey: string;
  /** What Voucherify's webhooks are signed with when the simulator sends them. */
  readonly signingSecret: string;
}

/** How keys are made. */
export interface KeyMaking {
  /** The same secret gives the same keys, in any process; random by default. */
  readonly secret?: string;
  /** Stands before each key; "simulator" by default, which no live account takes. */
  readonly prefix?: string;
}

/** Makes the keys of a simulator: nobody knows them who has not been told them or their secret. */
export function makeSimulatorKeys({ secret = newSecret(), prefix = BUILT_IN }: KeyMaking = {}): SimulatorKeys {
  const key = (name: keyof SimulatorKeys): string =>
    `${prefix}-${createHmac("sha256", secret).update(name).digest("hex").slice(0, 32)}`;
  return {
    applicationId: key("applicationId"),
    secretKey: key("secretKey"),
    projectToken: key("projectToken"),
    apiKeyId: key("apiKeyId"),
    apiSecret: key("apiSecret"),
    webhookApplicationId: key("webhookApplicationId"),
    webhookSecretKey: key("webhookSecretKey"),
    signingSecret: key("signingSecret"),
  };
}

/** A secret that keys can be made of. */
export function newSecret(): string {
  return randomBytes(24).toString("hex");
}

/**
 * Whether a key is one of a built-in simulator: of this process or an earlier one, or one of those that release 0.1.0 had
 * in its source for everybody to read. A live account takes none of them, and a simulated one overlooks them.
 */
export function isSimulatorKey(key: string): boolean {
  return key.startsWith(`${BUILT_IN}-`);
}

const BUILT_IN = "simulator";
