import type { Node, NodeAPI, NodeDef } from "node-red";
import { testBloomreachConnection } from "../src/bloomreach/bloomreach-connection-test";
import { sendHttp } from "../src/http/http-client";
import { addDialogRoute, deployedAccount, postedText, settingsToTest } from "./lib/accounts/account-routes";
import { connectBloomreach } from "./lib/accounts/bloomreach-connection";
import { type BloomreachAccount, webhookKeysOf } from "./lib/accounts/bloomreach-webhook-keys";
import { bloomreachBudget } from "./lib/accounts/budgets";
import { BUILT_IN_SIMULATOR, builtInKeys, simulatorUrl } from "./lib/accounts/built-in-simulator";
import { unsetVariable } from "./lib/accounts/environment";
import { registerNode } from "./lib/runtime/register-node";

const TYPE = "bv-bloomreach-account";
/** What opens the API, by the labels of the dialog. */
const KEYS = { projectToken: "Project token", apiKeyId: "API Key ID", apiSecret: "API secret" };

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

interface BloomreachCredentials {
  apiKeyId?: string;
  apiSecret?: string;
  webhookApplicationId?: string;
  webhookSecretKey?: string;
  headerValue?: string;
}

/** Who Bloomreach is: the keys that its webhooks must carry, its Main Hard ID, and the keys of its API. */
export = (RED: NodeAPI): void => {
  function Account(this: Node<BloomreachCredentials>, def: BloomreachAccountDef): void {
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
  registerNode<BloomreachAccountDef, BloomreachCredentials>(RED, TYPE, Account, {
    credentials: {
      apiKeyId: { type: "text" },
      apiSecret: { type: "password" },
      webhookApplicationId: { type: "text" },
      webhookSecretKey: { type: "password" },
      headerValue: { type: "password" },
    },
  });

  addDialogRoute(RED, TYPE, "bloomreach-account/test", async (posted) => {
    const typed = settingsToTest(posted, KEYS, deployedAccount(RED, TYPE, postedText(posted, "id")));
    const unset = unsetVariable({
      "API base URL": typed.apiUrl,
      [KEYS.projectToken]: typed.projectToken,
      [KEYS.apiKeyId]: typed.apiKeyId,
      [KEYS.apiSecret]: typed.apiSecret,
    });
    if (unset) return { checks: [{ name: "settings", ok: false, sentence: unset }] };
    const simulated = typed.apiUrl === BUILT_IN_SIMULATOR;
    const { projectToken, apiKeyId, apiSecret } = simulated ? builtInKeys() : typed;
    return {
      checks: await testBloomreachConnection({
        apiUrl: simulated ? await simulatorUrl() : typed.apiUrl,
        projectToken,
        keys: { keyId: apiKeyId, secret: apiSecret },
        send: sendHttp,
        signal: AbortSignal.timeout(15_000),
      }),
    };
  });
};
