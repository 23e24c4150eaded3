import type { NodeAPI } from "node-red";
import type { VoucherifyUse } from "../../../src/voucherify/voucherify-connection-test";
import { isIdSyncDownstream } from "./id-sync-nodes";

/** The fields of a deployed node that say what it uses a voucherify account for. */
interface UserDef {
  readonly id: string;
  readonly type: string;
  /** True for a disabled node. */
  readonly d?: boolean;
  readonly account?: string;
  readonly voucherifyAccount?: string;
  readonly sendTo?: string;
  readonly readIds?: boolean;
  readonly what?: "points" | "discount" | "vouchers";
}

/** What the deployed nodes use a voucherify account for. */
export function usesOfAccount(RED: NodeAPI, account: string): Set<VoucherifyUse> {
  const uses = new Set<VoucherifyUse>();
  RED.nodes.eachNode((node) => {
    for (const use of usesOf(RED, node, account)) uses.add(use);
  });
  return uses;
}

function usesOf(RED: NodeAPI, node: UserDef, account: string): VoucherifyUse[] {
  if (node.d === true) return [];
  if (node.type === "bv-event-forward")
    return node.sendTo === "voucherify" && node.voucherifyAccount === account ? ["event forward"] : [];
  if (node.account !== account) return [];
  switch (node.type) {
    case "bv-customer-upsert":
      return node.readIds === true || isIdSyncDownstream(RED, node)
        ? ["customer upsert", "customer IDs"]
        : ["customer upsert"];
    case "bv-voucherify-publish":
      return ["voucherify publish"];
    case "bv-voucherify-lookup":
      return [`voucherify lookup: ${node.what ?? "points"}`];
    case "bv-voucherify-activity":
      return ["voucherify activity"];
    default:
      return [];
  }
}
