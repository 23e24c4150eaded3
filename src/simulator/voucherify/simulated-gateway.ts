import type { IncomingHttpHeaders } from "node:http";
import { isJsonObject, type JsonObject, type JsonValue } from "../../json";
import type { MetadataSchema } from "../../schemas/voucherify";
import type { CustomEventBook } from "./customers/custom-events";
import type { CustomerBook } from "./customers/customer-book";
import { checkCustomerFields } from "./customers/customer-payload";
import { MAX_BODY_BYTES, type SimulatedAnswer, type SimulatedRequest } from "../exchange";
import { fittingMetadata } from "./customers/metadata-rules";
import * as errors from "./voucherify-errors";

/** How the integration is set up in Voucherify. */
export interface GatewaySetup {
  /** The keys of the integration. */
  readonly keys: { readonly applicationId: string; readonly secretKey: string };
  /** Name of the Main Hard ID. */
  readonly hardId: string;
  /** Calls that it takes a day (UTC). */
  readonly dailyCalls: number;
}

/** The most items of one request: Bloomreach's largest batch. */
const MOST_ITEMS = 1_000;
const DAY_MS = 86_400_000;

/** One of the two endpoints. */
interface Endpoint {
  /** What is wrong with an item. */
  check(item: JsonValue | undefined): string | undefined;
  /** Takes an item that was checked. */
  take(item: JsonObject): void;
}

/**
 * Voucherify's hosted integration for Bloomreach (docs.voucherify.io/integrations/bloomreach-engagement): two endpoints,
 * which leave out metadata that is undefined or of the wrong type. Its answers are documented nowhere; these are a guess.
 */
export class SimulatedGateway {
  private readonly endpoints: ReadonlyMap<string, Endpoint> = new Map([
    [
      "/bloomreach-engagement/upsert-customer-bulk",
      { check: (item) => this.customerProblem(item), take: (item) => this.upsertCustomer(item) },
    ],
    [
      "/bloomreach-engagement/create-event-bulk",
      { check: (item) => this.eventProblem(item), take: (item) => this.createEvent(item) },
    ],
  ]);
  private day = 0;
  private calls = 0;

  constructor(
    private readonly setup: GatewaySetup,
    private readonly customers: CustomerBook,
    private readonly schemas: ReadonlyMap<string, MetadataSchema>,
    private readonly events: CustomEventBook,
  ) {}

  /** Answers one request below `/bloomreach-engagement/`. */
  answer({ method, path, headers, bytes, json }: SimulatedRequest): SimulatedAnswer {
    if (!this.hasKeys(headers)) return errors.unauthorized();
    const endpoint = method === "POST" ? this.endpoints.get(path) : undefined;
    if (!endpoint) return errors.gatewayError(404, "Not Found", "Not Found");
    if (!this.count())
      return { status: 429, body: errors.TOO_MANY_REQUESTS, headers: { "X-Rate-Limit-Type": "webhook_calls" } };
    const items = Array.isArray(json) ? json : [json];
    if (bytes > MAX_BODY_BYTES || items.length > MOST_ITEMS)
      return errors.gatewayError(413, "Request Entity Too Large", "Request Entity Too Large");
    for (const item of items) {
      const problem = endpoint.check(item);
      if (problem !== undefined) return errors.badRequest(errors.invalidPayload(problem));
    }
    for (const item of items as JsonObject[]) endpoint.take(item);
    return { status: 200, body: { success: true } };
  }

  /** The calls of the day are all there again. */
  clear(): void {
    this.calls = 0;
  }

  private customerProblem(item: JsonValue | undefined): string | undefined {
    return checkCustomerFields(item) ?? this.hardIdProblem(item, "");
  }

  /** A customer that cannot be stored is dropped: nobody waits for a result. */
  private upsertCustomer(item: JsonObject): void {
    const metadata = fittingMetadata(item.metadata, this.schemas, "customer");
    this.customers.upsert(item[this.setup.hardId] as string, { ...item, metadata });
  }

  private eventProblem(item: JsonValue | undefined): string | undefined {
    if (!isJsonObject(item)) return "Payload should be object";
    if (typeof item.event !== "string" || item.event === "") return "Property .event should be string";
    return this.hardIdProblem(item.customer, ".customer");
  }

  private createEvent({ event, customer, metadata }: JsonObject): void {
    const name = event as string;
    const stored = this.customers.upsert((customer as JsonObject)[this.setup.hardId] as string, {});
    if ("error" in stored) return;
    this.events.keep(stored.customer, name, fittingMetadata(metadata, this.events.schemas, name));
  }

  private hardIdProblem(holder: JsonValue | undefined, path: string): string | undefined {
    const { hardId } = this.setup;
    const value = isJsonObject(holder) && Object.hasOwn(holder, hardId) ? holder[hardId] : undefined;
    return typeof value === "string" && value !== "" ? undefined : `Property ${path}.${hardId} should be string`;
  }

  private hasKeys(headers: IncomingHttpHeaders): boolean {
    const { applicationId, secretKey } = this.setup.keys;
    return headers["application-id"] === applicationId && headers["secret-key"] === secretKey;
  }

  private count(): boolean {
    const day = Math.floor(Date.now() / DAY_MS);
    if (day !== this.day) this.calls = 0;
    this.day = day;
    return this.calls++ < this.setup.dailyCalls;
  }
}
