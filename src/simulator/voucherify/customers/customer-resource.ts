import { isJsonObject, type JsonObject, type JsonValue } from "../../../json";
import type { SimulatedAnswer } from "../../exchange";
import type { AsyncActions, BulkError } from "../async-actions";
import { readLimit } from "../query-limit";
import * as errors from "../voucherify-errors";
import type { Wallet } from "../wallet";
import { type CustomerBook, customerAnswer, type StoredCustomer } from "./customer-book";
import { findCustomers } from "./customer-list";
import { checkCustomerFields } from "./customer-payload";

/** The calls that create, update and read customers, one by one or in bulk (docs.voucherify.io/api-reference/customers). */
export class CustomerResource {
  constructor(
    private readonly book: CustomerBook,
    private readonly wallet: Wallet,
    private readonly actions: AsyncActions,
  ) {}

  upsert(payload: JsonValue | undefined): SimulatedAnswer {
    const problem = checkCustomerFields(payload);
    if (problem !== undefined || !isJsonObject(payload))
      return errors.badRequest(errors.invalidPayload(problem ?? "Payload should be object"));
    if (typeof payload.id === "string") {
      // An id wins over a source id, and only Voucherify makes ids.
      const known = this.book.find(payload.id);
      return known?.id === payload.id ? this.store(known.source_id, payload) : errors.notFound("customer", payload.id);
    }
    if (typeof payload.source_id !== "string")
      return errors.badRequest(errors.invalidPayload("Payload should have required property 'source_id'"));
    return this.store(payload.source_id, payload);
  }

  update(id: string, payload: JsonValue | undefined): SimulatedAnswer {
    const known = this.book.find(id);
    if (!known) return errors.notFound("customer", id);
    const problem = checkCustomerFields(payload);
    if (problem !== undefined || !isJsonObject(payload))
      return errors.badRequest(errors.invalidPayload(problem ?? "Payload should be object"));
    // A source id is set once: another one in the payload changes nothing.
    return this.store(known.source_id, payload);
  }

  private store(sourceId: string, payload: JsonObject): SimulatedAnswer {
    const stored = this.book.upsert(sourceId, payload);
    return "error" in stored ? errors.badRequest(stored.error) : { status: 200, body: this.answerOf(stored.customer) };
  }

  private answerOf(customer: StoredCustomer): JsonObject {
    return { ...customerAnswer(customer), loyalty: this.wallet.loyaltyOf(customer) };
  }

  bulkUpsert(payload: JsonValue | undefined): SimulatedAnswer {
    if (!Array.isArray(payload)) return errors.badRequest(errors.invalidPayload("Payload should be array"));
    if (payload.length === 0)
      return errors.badRequest(errors.invalidPayload("Payload should NOT have fewer than 1 items"));
    const customers: { sourceId: string; fields: JsonObject }[] = [];
    for (const [index, fields] of payload.entries()) {
      const problem = checkCustomerFields(fields, `[${index}]`);
      if (problem !== undefined || !isJsonObject(fields))
        return errors.badRequest(errors.invalidPayload(problem ?? `Property [${index}] should be object`));
      if (typeof fields.source_id !== "string")
        return errors.badRequest(
          errors.invalidPayload(`Property [${index}] should have required property 'source_id'`),
        );
      customers.push({ sourceId: fields.source_id, fields });
    }
    const id = this.actions.enqueue(() => {
      const failed: BulkError[] = [];
      for (const { sourceId, fields } of customers) {
        const stored = this.book.upsert(sourceId, fields);
        if ("error" in stored) failed.push({ ...stored.error, source_id: sourceId });
      }
      return { done: customers.length - failed.length, errors: failed };
    });
    return { status: 202, body: { async_action_id: id } };
  }

  read(id: string): SimulatedAnswer {
    const customer = this.book.find(id);
    return customer ? { status: 200, body: this.answerOf(customer) } : errors.notFound("customer", id);
  }

  list(query: URLSearchParams): SimulatedAnswer {
    const limit = readLimit(query);
    if (limit === undefined) return errors.badQuery("Property .limit should be integer between 1 and 100");
    const found = findCustomers(this.book, query);
    if (typeof found === "string") return errors.badQuery(found);
    const start = (found.page - 1) * limit;
    const customers = found.customers.slice(start, start + limit).map((customer) => this.answerOf(customer));
    return { status: 200, body: { object: "list", data_ref: "customers", customers, total: found.customers.length } };
  }
}
