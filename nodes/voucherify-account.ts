import type { Node, NodeAPI, NodeDef } from "node-red";
import { testVoucherifyConnection } from "../src/voucherify/connection";
import { addDialogRoute, deployedAccount, postedText, settingsToTest } from "./lib/admin-routes";
import { type BudgetDef, sharedBudget, type ThrottleNode, throwAwayBudget } from "./lib/budgets";
import { connectVoucherify, type VoucherifyAccount } from "./lib/voucherify-connection";

const TYPE = "bv-voucherify-account";
/** What opens the API, by the labels of the dialog. */
const KEYS = { applicationId: "Application ID", secretKey: "Secret key" };

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
      apiUrl: settings.apiUrl,
      hardId: settings.hardId,
      testCustomers: new Set((def.testCustomers ?? "").split(/[\n,]/).flatMap((id) => id.trim() || [])),
      connection: connectVoucherify(settings, throttle?.budget ?? sharedBudget(this, def)),
    } satisfies Partial<VoucherifyAccount>);
  }
  RED.nodes.registerType<Node<Credentials>, VoucherifyAccountDef, object, Credentials>(TYPE, Account, {
    credentials: { applicationId: { type: "text" }, secretKey: { type: "password" } },
  });

  addDialogRoute(RED, TYPE, "voucherify-account/test", async (posted) => {
    const settings = settingsToTest(posted, KEYS, deployedAccount(RED, TYPE, postedText(posted, "id")));
    const { api, problem } = connectVoucherify(
      {
        ...settings,
        hardId: "",
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
