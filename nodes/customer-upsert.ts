import type { Node, NodeAPI, NodeDef } from "node-red";
import { CUSTOMER_UPDATE } from "../src/destinations/body-kinds";
import type { CustomerUpdate } from "../src/destinations/customer-update";
import { deliveredCustomers, judgeCustomer } from "../src/destinations/work/customer-work";
import { hardIdOf } from "../src/destinations/work/message-facts";
import { runDeliveryNode } from "./lib/delivery/delivery-node";
import { declareDeliveryType } from "./lib/delivery/downstream";
import { prepareDelivery } from "./lib/delivery/durable-delivery";
import { isIdSyncDownstream } from "./lib/accounts/id-sync-nodes";
import { refuseMessages } from "./lib/runtime/message-handler";
import { registerNode } from "./lib/runtime/register-node";
import { NodeStatus } from "./lib/runtime/status";
import type { VoucherifyAccount } from "./lib/accounts/voucherify-connection";

const TYPE = "bv-customer-upsert";

interface CustomerUpsertDef extends NodeDef {
  account: string;
  emptyValues: "keep" | "clear";
  concurrency: number | string;
  /** For nodes of the user's own; the sync of the ID needs no switch here. */
  readIds?: boolean;
}

/** Creates or updates customers in Voucherify: accepts the message, delivers in bulk, reports per customer. */
export = (RED: NodeAPI): void => {
  prepareDelivery(RED);
  declareDeliveryType(TYPE);

  function CustomerUpsert(this: Node, def: CustomerUpsertDef): void {
    RED.nodes.createNode(this, def);
    const account = RED.nodes.getNode(def.account) as VoucherifyAccount | null;
    const status = new NodeStatus(RED, this, "customer-upsert");
    if (!account)
      return refuseMessages(
        this,
        status,
        "no-account",
        "Choose a voucherify account in this customer upsert node, then deploy.",
      );

    const { connection } = account;
    runDeliveryNode<CustomerUpdate>(RED, this, {
      type: TYPE,
      status,
      destination: connection.customers({
        emptyValues: def.emptyValues ?? "keep",
        readIds: () => def.readIds === true || isIdSyncDownstream(RED, this),
      }),
      isSimulated: connection.isSimulated,
      testMode: account.testCustomers.size > 0,
      concurrency: Number(def.concurrency) || 2,
      budget: connection.budget,
      // A bulk request, whose result is read about twice.
      requestsPerBatch: 3,
      things: "customers",
      kind: CUSTOMER_UPDATE,
      notAPayload: "msg.payload must be a customer or a list of customers, as they come from a bloomreach in node.",
      judge: (item, message) => judgeCustomer(item, hardIdOf(message, account.hardId), account.testCustomers),
      result: deliveredCustomers,
    });
  }
  registerNode(RED, TYPE, CustomerUpsert);
};
