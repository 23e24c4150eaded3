import type { Node, NodeAPI, NodeDef } from "node-red";
import type { JsonObject } from "../src/json";
import type { Plan } from "../src/throttle/plans";
import type { BudgetState } from "../src/throttle/request-budget";
import { type VoucherifyCheck, testVoucherifyConnection } from "../src/voucherify/voucherify-connection-test";
import { addDialogRoute, deployedAccount, postedText, settingsToTest } from "./lib/accounts/account-routes";
import {
  type BudgetDef,
  limitInForce,
  settingsOf,
  sharedBudget,
  type ThrottleNode,
  throwAwayBudget,
} from "./lib/accounts/budgets";
import { connectVoucherify, type VoucherifyAccount } from "./lib/accounts/voucherify-connection";
import { usesOfAccount } from "./lib/accounts/voucherify-uses";
import { registerNode } from "./lib/runtime/register-node";

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

interface VoucherifyCredentials {
  applicationId?: string;
  secretKey?: string;
}

/** Where Voucherify is, with which keys, and how many requests it allows. */
export = (RED: NodeAPI): void => {
  function Account(this: Node<VoucherifyCredentials>, def: VoucherifyAccountDef): void {
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
      limitedBy: throttle?.budget ? "throttle" : "plan",
      connection: connectVoucherify(settings, throttle?.budget ?? sharedBudget(this, def), throttle?.id ?? this.id),
    } satisfies Partial<VoucherifyAccount>);
  }
  registerNode<VoucherifyAccountDef, VoucherifyCredentials>(RED, TYPE, Account, {
    credentials: { applicationId: { type: "text" }, secretKey: { type: "password" } },
  });

  addDialogRoute(RED, TYPE, "voucherify-account/test", async (posted) => {
    const id = postedText(posted, "id");
    const settings = settingsToTest(posted, KEYS, deployedAccount(RED, TYPE, id));
    const budget = throwAwayBudget(settingsOf(postedPlan(posted)));
    const { api, problem } = connectVoucherify(
      {
        ...settings,
        hardId: "",
        // What is tested is the API; the gateway has no call that only tests.
        transport: "api",
        gatewayUrl: "",
      },
      budget,
      "connection-test",
    );
    if (problem) return { checks: [{ name: "settings", ok: false, sentence: problem }] };
    const uses = usesOfAccount(RED, id);
    const checks = await testVoucherifyConnection({ api, uses, signal: AbortSignal.timeout(15_000) });
    return { checks: [...checks, ...limitCheck(budget.state())] };
  });

  addDialogRoute(RED, TYPE, "voucherify-account/limit", (posted) => {
    const account = RED.nodes.getNode(postedText(posted, "id")) as VoucherifyAccount | null;
    if (account?.type !== TYPE) return Promise.resolve({});
    const state = account.connection.budget.state();
    return Promise.resolve({ sentence: limitInForce({ state }, account.limitedBy === "throttle") });
  });
};

/** The plan as it is typed in the dialog. */
function postedPlan(posted: JsonObject): BudgetDef {
  const plan = postedText(posted, "plan") as Plan | "own" | "";
  const requests = postedText(posted, "requests");
  const period = postedText(posted, "period");
  return {
    ...(plan && { plan }),
    ...(/^[1-9]\d*$/.test(requests) && { requests }),
    ...((period === "minute" || period === "hour") && { period }),
  };
}

/** What Voucherify told of its limit during the test, where that is not the plan that is chosen. */
function limitCheck({ configured, learnedLimit }: BudgetState): VoucherifyCheck[] {
  if (learnedLimit === undefined) return [];
  const sentence = `Voucherify allows ${learnedLimit.toLocaleString("en-US")} requests in each period, but the plan that is chosen here says ${configured.toLocaleString("en-US")}: choose the plan that you have.`;
  return [{ name: "Plan", ok: "unknown", sentence }];
}
