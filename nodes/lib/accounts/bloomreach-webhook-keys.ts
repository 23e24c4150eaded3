import type { Node } from "node-red";
import type { WebhookKeys } from "../../../src/bloomreach/webhook-keys";
import type { IdSync } from "../../../src/mapping/customers/id-sync-commands";
import { isSimulatorKey } from "../../../src/simulator";
import { BUILT_IN_SIMULATOR, builtInKeys } from "./built-in-simulator";
import type { BloomreachConnection } from "./bloomreach-connection";
import { unsetVariable } from "./environment";

/** A bloomreach account as other nodes use it. */
export interface BloomreachAccount extends Node {
  readonly apiUrl: string;
  readonly hardId: string;
  /** Public address of this Node-RED, for what is pasted into Bloomreach; "" when the user gave none. */
  readonly publicUrl: string;
  /** The keys that Bloomreach must send; undefined refuses everybody. */
  readonly webhookKeys: WebhookKeys | undefined;
  /** Why `webhookKeys` is undefined, as a sentence. */
  readonly problem: string | undefined;
  /** The way into the project. */
  readonly connection: BloomreachConnection;
  /** Where Voucherify's customer ID is stored; undefined: nowhere. */
  readonly idSync: IdSync | undefined;
}

/** What a user set for the webhooks of a bloomreach account, `${ENV}` replaced. */
export interface WebhookKeySettings {
  readonly apiUrl: string;
  readonly hardId: string;
  readonly applicationId: string;
  readonly secretKey: string;
  readonly headerName: string;
  readonly headerValue: string;
}

/** The keys to check webhooks with, or the sentence that says why every webhook is refused. Never contains a key. */
export function webhookKeysOf(settings: WebhookKeySettings): { keys?: WebhookKeys; problem?: string } {
  const unset = unsetVariable({
    "Main Hard ID": settings.hardId,
    "Application ID": settings.applicationId,
    "Secret key": settings.secretKey,
    "Header value": settings.headerValue,
  });
  if (unset) return { problem: unset };
  const isSimulators = isSimulatorKey(settings.applicationId) || isSimulatorKey(settings.secretKey);
  const hasPair = settings.applicationId !== "" && settings.secretKey !== "";
  const hasHeader = settings.headerName !== "" && settings.headerValue !== "";
  if (settings.apiUrl === BUILT_IN_SIMULATOR)
    return { keys: (hasPair || hasHeader) && !isSimulators ? settings : simulatorsWebhookKeys() };
  if (!hasPair && !hasHeader)
    return {
      problem:
        "The bloomreach account has no webhook keys: open it and press Generate. Until then every webhook is refused.",
    };
  if (isSimulators)
    return {
      problem: "These webhook keys belong to the built-in simulator: open the bloomreach account and press Generate.",
    };
  return { keys: settings };
}

/** What the built-in simulator sends where the user has typed no keys. */
function simulatorsWebhookKeys(): WebhookKeys {
  const { webhookApplicationId, webhookSecretKey } = builtInKeys();
  return { applicationId: webhookApplicationId, secretKey: webhookSecretKey };
}
