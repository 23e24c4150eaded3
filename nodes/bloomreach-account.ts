import type { Node, NodeAPI, NodeDef } from "node-red";
import { testBloomreachConnection } from "../src/bloomreach/connection";
import { sendHttp } from "../src/http/http-client";
import { SIMULATOR_BLOOMREACH_KEYS } from "../src/simulator";
import { addDialogRoute, postedText, typedOrStored } from "./lib/admin-routes";
import { connectBloomreach } from "./lib/bloomreach-connection";
import { type BloomreachAccount, webhookKeysOf } from "./lib/bloomreach-webhook-keys";
import { bloomreachBudget } from "./lib/budgets";
import { BUILT_IN_SIMULATOR, simulatorUrl } from "./lib/built-in-simulator";
import { resolveTyped, unsetVariable } from "./lib/environment";

const TYPE = "bv-bloomreach-account";

interface BloomreachAccountDef extends NodeDef {
  apiUrl: string;
  projectToken: string;
  hardId: string;
  publicUrl: string;
  headerName: string;
  idSync: "none" | "hard" | "soft" | "property";
  idSyncName: string;
  requestsPerSecond: number | string;
}

interface Credentials {
  apiKeyId?: string;
  apiSecret?: string;
  webhookApplicationId?: string;
  webhookSecretKey?: string;
  headerValue?: string;
}

/** Who Bloomreach is: the keys that its webhooks must carry, its Main Hard ID, and the keys of its API. */
export = (RED: NodeAPI): void => {
  function Account(this: Node<Credentials>, def: BloomreachAccountDef): void {
    RED.nodes.createNode(this, def);
    const apiUrl = def.apiUrl?.trim() ?? "";
    const hardId = def.hardId?.trim() || "registered";
    const { keys, problem } = webhookKeysOf({
      apiUrl,
      hardId,
      applicationId: this.credentials?.webhookApplicationId?.trim() ?? "",
      secretKey: this.credentials?.webhookSecretKey?.trim() ?? "",
      headerName: def.headerName?.trim() ?? "",
      headerValue: this.credentials?.headerValue?.trim() ?? "",
    });
    Object.assign(this, {
      apiUrl,
      hardId,
      publicUrl: def.publicUrl?.trim() ?? "",
      webhookKeys: keys,
      problem,
      connection: connectBloomreach(
        {
          apiUrl,
          projectToken: def.projectToken?.trim() ?? "",
          apiKeyId: this.credentials?.apiKeyId?.trim() ?? "",
          apiSecret: this.credentials?.apiSecret?.trim() ?? "",
        },
        bloomreachBudget(this, def.requestsPerSecond),
      ),
      idSync:
        def.idSync && def.idSync !== "none"
          ? { as: def.idSync, name: def.idSyncName?.trim() || "voucherify_id" }
          : undefined,
    } satisfies Partial<BloomreachAccount>);
  }
  RED.nodes.registerType<Node<Credentials>, BloomreachAccountDef, object, Credentials>(TYPE, Account, {
    credentials: {
      apiKeyId: { type: "text" },
      apiSecret: { type: "password" },
      webhookApplicationId: { type: "text" },
      webhookSecretKey: { type: "password" },
      headerValue: { type: "password" },
    },
  });

  addDialogRoute(RED, TYPE, "bloomreach-account/test", async (posted) => {
    const stored = (RED.nodes.getNode(postedText(posted, "id")) as Node<Credentials> | null)?.credentials;
    const typed = {
      apiUrl: resolveTyped(postedText(posted, "apiUrl")),
      projectToken: resolveTyped(postedText(posted, "projectToken")),
      apiKeyId: resolveTyped(typedOrStored(posted, "apiKeyId", stored?.apiKeyId)),
      apiSecret: resolveTyped(typedOrStored(posted, "apiSecret", stored?.apiSecret)),
    };
    const unset = unsetVariable({
      "API base URL": typed.apiUrl,
      "Project token": typed.projectToken,
      "API Key ID": typed.apiKeyId,
      "API secret": typed.apiSecret,
    });
    if (unset) return { checks: [{ name: "settings", ok: false, sentence: unset }] };
    const simulated = typed.apiUrl === BUILT_IN_SIMULATOR;
    return {
      checks: await testBloomreachConnection({
        apiUrl: simulated ? await simulatorUrl() : typed.apiUrl,
        projectToken: typed.projectToken || (simulated ? SIMULATOR_BLOOMREACH_KEYS.projectToken : ""),
        keys: {
          keyId: typed.apiKeyId || (simulated ? SIMULATOR_BLOOMREACH_KEYS.apiKeyId : ""),
          secret: typed.apiSecret || (simulated ? SIMULATOR_BLOOMREACH_KEYS.apiSecret : ""),
        },
        send: sendHttp,
        signal: AbortSignal.timeout(15_000),
      }),
    };
  });
};
