import type { Node, NodeAPI, NodeDef } from "node-red";
import { testVoucherifyConnection } from "../src/voucherify/connection";
import { addDialogRoute, postedText, typedOrStored } from "./lib/admin-routes";
import { type BudgetDef, sharedBudget, type ThrottleNode, throwAwayBudget } from "./lib/budgets";
import { resolveTyped } from "./lib/environment";
import { connectVoucherify, type VoucherifyAccount } from "./lib/voucherify-connection";

const TYPE = "bv-voucherify-account";

interface VoucherifyAccountDef extends NodeDef, BudgetDef {
  apiUrl: string;
  hardId: string;
  throttle: string;
  testCustomers: string;
  transport: "api" | "gateway";
  gatewayUrl: string;
}

interface Credentials {
  applicationId?: string;
  secretKey?: string;
}

/** Where Voucherify is, with which keys, and how many requests it allows. */
export = (RED: NodeAPI): void => {
  function Account(this: Node<Credentials>, def: VoucherifyAccountDef): void {
    RED.nodes.createNode(this, def);
    const throttle = RED.nodes.getNode(def.throttle) as ThrottleNode | null;
    const settings = {
      apiUrl: def.apiUrl?.trim() ?? "",
      hardId: def.hardId?.trim() || "registered",
      applicationId: this.credentials?.applicationId?.trim() ?? "",
      secretKey: this.credentials?.secretKey?.trim() ?? "",
      transport: def.transport ?? "api",
      gatewayUrl: def.gatewayUrl?.trim() ?? "",
    };
    Object.assign(this, {
      hardId: settings.hardId,
      testCustomers: new Set((def.testCustomers ?? "").split(/[\n,]/).flatMap((id) => id.trim() || [])),
      connection: connectVoucherify(settings, throttle?.budget ?? sharedBudget(this, def)),
    } satisfies Partial<VoucherifyAccount>);
  }
  RED.nodes.registerType<Node<Credentials>, VoucherifyAccountDef, object, Credentials>(TYPE, Account, {
    credentials: { applicationId: { type: "text" }, secretKey: { type: "password" } },
  });

  addDialogRoute(RED, TYPE, "voucherify-account/test", async (posted) => {
    const stored = (RED.nodes.getNode(postedText(posted, "id")) as Node<Credentials> | null)?.credentials;
    const { api, problem } = connectVoucherify(
      {
        apiUrl: resolveTyped(postedText(posted, "apiUrl")),
        hardId: "",
        applicationId: resolveTyped(typedOrStored(posted, "applicationId", stored?.applicationId)),
        secretKey: resolveTyped(typedOrStored(posted, "secretKey", stored?.secretKey)),
        // What is tested is the API; the gateway has no call that only tests.
        transport: "api",
        gatewayUrl: "",
      },
      throwAwayBudget(),
    );
    if (problem) return { checks: [{ name: "settings", ok: false, sentence: problem }] };
    return { checks: await testVoucherifyConnection(api, AbortSignal.timeout(15_000)) };
  });
};
