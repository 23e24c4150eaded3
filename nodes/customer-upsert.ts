import type { Node, NodeAPI, NodeDef } from "node-red";
import type { CustomerUpdate } from "../src/destinations/voucherify-customers";
import { isJsonObject, type JsonObject } from "../src/json";
import { readHardId } from "../src/schemas/hard-id";
import { runDeliveryNode, type SettledAtOnce, type Sorted } from "./lib/delivery-node";
import { declareDeliveryType } from "./lib/downstream";
import { prepareDelivery } from "./lib/durable-delivery";
import { MessageError, refuseMessages } from "./lib/message-handler";
import { NodeStatus } from "./lib/status";
import type { VoucherifyAccount } from "./lib/voucherify-connection";

const TYPE = "bv-customer-upsert";

interface CustomerUpsertDef extends NodeDef {
  account: string;
  emptyValues: "keep" | "clear";
  concurrency: number | string;
  readIds: boolean;
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
      destination: connection.customers({ emptyValues: def.emptyValues ?? "keep", readIds: def.readIds === true }),
      isSimulated: connection.isSimulated,
      concurrency: Number(def.concurrency) || 2,
      budget: connection.budget,
      // A bulk request, whose result is read about twice.
      requestsPerBatch: 3,
      things: "customers",
      sort: ({ payload, hardId }) =>
        sort(customersOf(payload), typeof hardId === "string" ? hardId : account.hardId, account.testCustomers),
      result: (delivered) => {
        const payload = delivered.map(({ outcome }) => ({ status: "delivered", ...outcome.result }));
        return { payload, omitted: payload.flatMap((customer) => omissionsOf(customer)) };
      },
      naming: ({ sourceId }) => ({ source_id: sourceId }),
      original: ({ record }) => record,
    });
  }
  RED.nodes.registerType(TYPE, CustomerUpsert);
};

/** The customers of a payload: a list, or one. Throws a sentence for anything else. */
function customersOf(payload: unknown): unknown[] {
  if (Array.isArray(payload)) return payload;
  if (isJsonObject(payload)) return [payload];
  throw new MessageError(
    "msg.payload must be a customer or a list of customers, as they come from a bloomreach in node.",
  );
}

/** Sorts customers into those to deliver and those that need no call. */
function sort(
  customers: readonly unknown[],
  hardId: string,
  testCustomers: ReadonlySet<string>,
): Sorted<CustomerUpdate> {
  const records: { key: string; body: CustomerUpdate }[] = [];
  const settledAtOnce: SettledAtOnce[] = [];
  for (const [index, record] of customers.entries()) {
    const id = isJsonObject(record) ? readHardId(record, hardId) : undefined;
    const text = JSON.stringify(record ?? null);
    if (!isJsonObject(record) || !id?.ok) {
      const reason = id && !id.ok ? id.reason : "A customer must be an object with fields.";
      const result = { index, key: id ? "missing_hard_id" : "not_an_object", reason };
      settledAtOnce.push({ text, failed: true, result });
    } else if (testCustomers.size > 0 && !testCustomers.has(id.sourceId)) {
      settledAtOnce.push({ text, failed: false, result: { source_id: id.sourceId, status: "held" } });
    } else records.push({ key: id.sourceId, body: { sourceId: id.sourceId, hardId, record } });
  }
  return { records, settledAtOnce };
}

/** Which values of a delivered customer were left out, each with whose it was. */
function omissionsOf(customer: JsonObject): JsonObject[] {
  const omitted = Array.isArray(customer.omitted) ? customer.omitted.filter(isJsonObject) : [];
  return omitted.map((omission) => ({ source_id: customer.source_id ?? null, ...omission }));
}
