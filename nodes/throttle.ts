import type { Node, NodeAPI, NodeDef } from "node-red";
import { type BudgetDef, sharedBudget, type ThrottleNode } from "./lib/accounts/budgets";
import { registerNode } from "./lib/runtime/register-node";

/** One request budget, shared by every account that chooses this node. */
export = (RED: NodeAPI): void => {
  function Throttle(this: Node, def: NodeDef & BudgetDef): void {
    RED.nodes.createNode(this, def);
    Object.assign(this, { budget: sharedBudget(this, def) } satisfies Partial<ThrottleNode>);
  }
  registerNode(RED, "bv-throttle", Throttle);
};
