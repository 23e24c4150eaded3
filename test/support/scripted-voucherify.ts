import { type Clock, install } from "@sinonjs/fake-timers";
import type { LaneRecord, Settlement } from "../../src/delivery/destination";
import type { CustomerUpdate } from "../../src/destinations/customer-update";
import { VoucherifyCustomers } from "../../src/destinations/voucherify/voucherify-customers";
import type { HttpAnswer, HttpRequest } from "../../src/http/http-client";
import type { JsonObject, JsonValue } from "../../src/json";
import { MetadataSchemas } from "../../src/voucherify/metadata-schemas";
import { VoucherifyApi } from "../../src/voucherify/voucherify-api";

export interface LoggedRequest {
  readonly at: number;
  /** "POST /v1/customers" */
  readonly call: string;
  readonly body: string;
}

export function answer(status: number, json?: JsonValue, headers: Record<string, string> = {}): HttpAnswer {
  return { status, headers, json, text: json === undefined ? "" : JSON.stringify(json) };
}

export function apiError(status: number, key: string, message = "Refused", details = "because"): HttpAnswer {
  return answer(status, { code: status, key, message, details });
}

export const DONE: JsonObject = {
  status: "DONE",
  progress: 100,
  result: { done_count: 0, failed_count: 0, errors: [] },
};

/** The answer of a project whose customers have these metadata keys. */
export function schemaAnswer(types: Record<string, string>): HttpAnswer {
  const properties = Object.entries(types).map(([key, type]) => [key, { type, array: false, optional: true }]);
  return answer(200, { related_object: "customer", properties: Object.fromEntries(properties) as JsonObject });
}

/** Answers as the test says, on fake time. Every part may be replaced; it may throw. */
export class ScriptedVoucherify {
  readonly clock: Clock = install({ now: 1_700_000_000_000, toFake: ["setTimeout", "clearTimeout", "Date"] });
  readonly log: LoggedRequest[] = [];
  one: (customer: JsonObject) => HttpAnswer = ({ source_id }) => answer(200, { id: `cust_${source_id as string}` });
  bulk: (customers: JsonObject[], call: number) => HttpAnswer = (_customers, call) =>
    answer(202, { async_action_id: `aa_${call}` });
  /** `read` counts from 1 for each action. */
  action: (id: string, read: number) => HttpAnswer = () => answer(200, DONE);
  schema: (name: string) => HttpAnswer = () => schemaAnswer({ points: "number" });
  private readonly api = new VoucherifyApi({
    apiUrl: "https://voucherify.test",
    keys: { applicationId: "id", secretKey: "secret" },
    send: (request) => this.respond(request),
  });
  readonly schemas = new MetadataSchemas((name, signal) => this.api.readMetadataSchema(name, signal));
  readonly destination = new VoucherifyCustomers({ api: this.api, schemas: this.schemas, emptyValues: "keep" });
  private readonly reads = new Map<string, number>();
  private bulkCalls = 0;

  /** How often something was called: "bulk", "one", "read", "schema". */
  count(kind: "bulk" | "one" | "read" | "schema"): number {
    return this.log.filter(({ call }) => call.startsWith(CALLS[kind]) && (kind !== "one" || call === CALLS.one)).length;
  }

  /** Delivers customers given as `source_id` or as a whole record; resolves with what was yielded, call by call. */
  async deliver(
    customers: readonly (string | JsonObject)[],
    signal = new AbortController().signal,
  ): Promise<Settlement[][]> {
    const yielded: Settlement[][] = [];
    const delivery = (async () => {
      for await (const settlements of this.destination.deliver(customers.map(laneRecord), signal))
        yielded.push(settlements);
    })();
    let running = true;
    delivery.finally(() => (running = false)).catch(() => undefined);
    while (running) await this.clock.tickAsync(100);
    await delivery;
    return yielded;
  }

  private respond({ method, url, body = "" }: HttpRequest): Promise<HttpAnswer> {
    const { pathname } = new URL(url);
    this.log.push({ at: Date.now(), call: `${method} ${pathname}`, body });
    const name = decodeURIComponent(pathname.split("/").at(-1) ?? "");
    return new Promise((resolve) => {
      if (pathname === "/v1/customers") return resolve(this.one(JSON.parse(body) as JsonObject));
      if (pathname === "/v1/customers/bulk/async")
        return resolve(this.bulk(JSON.parse(body) as JsonObject[], ++this.bulkCalls));
      if (pathname.startsWith("/v1/metadata-schemas/")) return resolve(this.schema(name));
      const read = (this.reads.get(name) ?? 0) + 1;
      this.reads.set(name, read);
      resolve(this.action(name, read));
    });
  }
}

const CALLS = {
  bulk: "POST /v1/customers/bulk/async",
  one: "POST /v1/customers",
  read: "GET /v1/async-actions/",
  schema: "GET /v1/metadata-schemas/",
};

export function laneRecord(customer: string | JsonObject, id: number): LaneRecord<CustomerUpdate> {
  const record = typeof customer === "string" ? { registered: customer } : customer;
  const sourceId = record.registered as string;
  return { id, key: sourceId, body: { sourceId, hardId: "registered", record } };
}

export function names(count: number): string[] {
  return Array.from({ length: count }, (_, n) => `c${n}`);
}

/** "delivered 3, failed 1" */
export function tally(settlements: readonly Settlement[]): string {
  const counts = new Map<string, number>();
  for (const { outcome } of settlements) counts.set(outcome.status, (counts.get(outcome.status) ?? 0) + 1);
  return [...counts].map(([status, count]) => `${status} ${count}`).join(", ");
}
