import type { IncomingHttpHeaders } from "node:http";
import type { JsonObject } from "../../json";
import type { MetadataSchema } from "../../schemas/voucherify";
import { ActivityBook } from "./customers/activity-book";
import { AsyncActions } from "./async-actions";
import { CampaignBook, campaignAnswer, voucherAnswer } from "./campaigns";
import { CustomEventBook } from "./customers/custom-events";
import { CustomerBook } from "./customers/customer-book";
import { CustomerResource } from "./customers/customer-resource";
import { decodePathPart, MAX_BODY_BYTES, type SimulatedAnswer, type SimulatedRequest } from "../exchange";
import { readLimit } from "./query-limit";
import { seededSchemas } from "./customers/simulated-schemas";
import { type Publication, PublicationBook, publicationAnswer } from "./publications";
import { RateCounter, type SimulatedRateLimit } from "./rate-counter";
import { PLAN_HEADER, readPlan } from "./simulated-plan";
import { type KeyPermission, permissionFor } from "./voucherify-permissions";
import * as errors from "./voucherify-errors";
import { Wallet } from "./wallet";

/** How the simulated Voucherify project is set up. */
export interface VoucherifySetup {
  readonly keys: { readonly applicationId: string; readonly secretKey: string };
  readonly rateLimit: SimulatedRateLimit;
  /** Bulk requests have a counter of their own when this is set; otherwise they count as API calls. */
  readonly bulkRateLimit?: SimulatedRateLimit;
  readonly asyncActionMs: number;
}

type Handler = (request: SimulatedRequest, id: string, second: string) => SimulatedAnswer;

interface Route {
  readonly method: string;
  readonly path: RegExp;
  readonly handle: Handler;
}

/**
 * The part of Voucherify's API that the package uses (docs.voucherify.io/api-reference): customers and their activity, async
 * actions, metadata schemas, publications, with keys, limits and error bodies. Any other path is 404.
 */
export class SimulatedVoucherify {
  /** By resource, or by name for nested schemas. Tests may change them. */
  readonly schemas = seededSchemas();
  readonly book = new CustomerBook(this.schemas);
  readonly campaigns = new CampaignBook();
  readonly publications = new PublicationBook(this.campaigns, this.book, this.schemas, (publication) =>
    this.recordPublication(publication),
  );
  readonly activity: ActivityBook;
  readonly wallet = new Wallet(this.campaigns, this.book);
  readonly events: CustomEventBook;
  private readonly actions: AsyncActions;
  private readonly customers: CustomerResource;
  /** What the key may not do; change it to try keys of a limited role. */
  readonly denied = new Set<KeyPermission>();
  /** Counters of accounts that brought a plan of their own. */
  private readonly planned = new Map<string, RateCounter>();
  private apiCalls: RateCounter;
  private bulkCalls: RateCounter;

  private readonly routes: readonly Route[] = [
    { method: "POST", path: /^\/v1\/customers$/, handle: (request) => this.customers.upsert(request.json) },
    { method: "GET", path: /^\/v1\/customers$/, handle: (request) => this.customers.list(request.query) },
    { method: "POST", path: BULK_PATH, handle: (request) => this.customers.bulkUpsert(request.json) },
    { method: "GET", path: /^\/v1\/customers\/([^/]+)$/, handle: (_request, id) => this.customers.read(id) },
    {
      method: "PUT",
      path: /^\/v1\/customers\/([^/]+)$/,
      handle: (request, id) => this.customers.update(id, request.json),
    },
    { method: "POST", path: /^\/v1\/events$/, handle: (request) => this.events.track(request.json) },
    { method: "GET", path: /^\/v1\/async-actions$/, handle: (request) => this.listActions(request.query) },
    { method: "GET", path: /^\/v1\/async-actions\/([^/]+)$/, handle: (_request, id) => this.readAction(id) },
    { method: "GET", path: /^\/v1\/metadata-schemas$/, handle: () => this.listSchemas() },
    { method: "GET", path: /^\/v1\/metadata-schemas\/([^/]+)$/, handle: (_request, id) => this.readSchema(id) },
    { method: "GET", path: /^\/v1\/campaigns$/, handle: (request) => this.listCampaigns(request.query, "campaigns") },
    { method: "GET", path: /^\/v1\/loyalties$/, handle: (request) => this.listCampaigns(request.query, "loyalties") },
    {
      method: "POST",
      path: /^\/v1\/publications$/,
      handle: ({ json, query }) => this.publications.publish(json, query.get("join_once") === "true"),
    },
    { method: "GET", path: /^\/v1\/publications$/, handle: ({ query }) => this.publications.list(query) },
    { method: "POST", path: /^\/v1\/qualifications$/, handle: ({ json }) => this.wallet.qualify(json) },
    { method: "GET", path: /^\/v1\/vouchers\/([^/]+)$/, handle: (_request, code) => this.wallet.voucher(code) },
    { method: "GET", path: /^\/v1\/promotions\/tiers\/([^/]+)$/, handle: (_request, id) => this.wallet.tier(id) },
    {
      method: "GET",
      path: /^\/v1\/customers\/([^/]+)\/activity$/,
      handle: ({ query }, id) => this.activity.list(id, query),
    },
    {
      method: "GET",
      path: /^\/v1\/customers\/([^/]+)\/redeemables$/,
      handle: ({ query }, id) => this.wallet.redeemables(id, query),
    },
    {
      method: "GET",
      path: /^\/v1\/loyalties\/([^/]+)\/members$/,
      handle: ({ query }, id) => this.wallet.members(id, query),
    },
    { method: "GET", path: /^\/v2\/loyalties\/programs$/, handle: () => this.wallet.programs() },
    {
      method: "GET",
      path: /^\/v2\/loyalties\/programs\/([^/]+)\/memberships\/([^/]+)$/,
      handle: ({ query }, program, customer) => this.wallet.membership(program, customer, query),
    },
  ];

  constructor(private readonly setup: VoucherifySetup) {
    this.activity = new ActivityBook(this.book, setup.keys.applicationId);
    const { book: customers, campaigns, wallet, activity } = this;
    this.events = new CustomEventBook({ customers, campaigns, wallet, activity });
    this.actions = new AsyncActions(setup.asyncActionMs);
    this.customers = new CustomerResource(this.book, wallet, this.actions);
    this.apiCalls = new RateCounter("api_calls", setup.rateLimit);
    this.bulkCalls = this.newBulkCounter();
  }

  /** Answers one request, in the order of checks of the real gateway: keys, limit, body, route. */
  answer(request: SimulatedRequest): SimulatedAnswer {
    const counter = this.counterOf(request);
    if (!this.hasKeys(request.headers)) return withHeaders(errors.unauthorized(), counter.headers(Date.now()));
    if (!counter.take(Date.now()))
      return { status: 429, body: errors.TOO_MANY_REQUESTS, headers: counter.rejection(Date.now()) };
    const answer = this.forbidden(request) ?? this.bodyProblem(request) ?? this.route(request);
    return withHeaders(answer, counter.headers(Date.now()));
  }

  /** The headers of a 429 that a fault asks for: try again in one second. */
  faultRejection(request: SimulatedRequest): SimulatedAnswer {
    const now = Date.now();
    return {
      status: 429,
      body: errors.TOO_MANY_REQUESTS,
      headers: this.counterOf(request).rejectionUntil(now + 1_000, now),
    };
  }

  /** Back to a fresh project; its schemas are the seeded ones again. */
  clear(): void {
    this.actions.clear();
    this.book.clear();
    this.campaigns.clear();
    this.publications.clear();
    this.activity.clear();
    this.events.clear();
    this.schemas.clear();
    for (const [name, schema] of seededSchemas()) this.schemas.set(name, schema);
    this.apiCalls = new RateCounter("api_calls", this.setup.rateLimit);
    this.bulkCalls = this.newBulkCounter();
    this.planned.clear();
    this.denied.clear();
  }

  private forbidden({ method, path }: SimulatedRequest): SimulatedAnswer | undefined {
    const needed = permissionFor(method, path);
    return needed && this.denied.has(needed) ? errors.forbidden() : undefined;
  }

  private newBulkCounter(): RateCounter {
    return this.setup.bulkRateLimit ? new RateCounter("bulk_api_calls", this.setup.bulkRateLimit) : this.apiCalls;
  }

  private counterOf(request: SimulatedRequest): RateCounter {
    const plan = request.headers[PLAN_HEADER];
    const rate = typeof plan === "string" ? readPlan(plan) : undefined;
    if (typeof plan === "string" && rate) {
      const counter = this.planned.get(plan) ?? new RateCounter("api_calls", rate);
      this.planned.set(plan, counter);
      return counter;
    }
    return BULK_PATH.test(request.path) ? this.bulkCalls : this.apiCalls;
  }

  private hasKeys(headers: IncomingHttpHeaders): boolean {
    const { applicationId, secretKey } = this.setup.keys;
    return headers["x-app-id"] === applicationId && headers["x-app-token"] === secretKey;
  }

  private bodyProblem(request: SimulatedRequest): SimulatedAnswer | undefined {
    if (request.method !== "POST" && request.method !== "PUT") return undefined;
    if (request.bytes > MAX_BODY_BYTES)
      return errors.gatewayError(
        413,
        "Request Entity Too Large",
        `Payload content length greater than maximum allowed: ${MAX_BODY_BYTES}`,
      );
    if (!/^application\/json\s*(;|$)/i.test(request.headers["content-type"] ?? ""))
      return errors.gatewayError(415, "Unsupported Media Type", "Unsupported Media Type");
    if (request.bytes > 0 && request.json === undefined)
      return errors.gatewayError(400, "Bad Request", "Invalid request payload JSON format");
    return undefined;
  }

  private route(request: SimulatedRequest): SimulatedAnswer {
    for (const { method, path, handle } of this.routes) {
      const match = method === request.method ? path.exec(request.path) : null;
      if (match) return handle(request, decodePathPart(match[1] ?? ""), decodePathPart(match[2] ?? ""));
    }
    return errors.gatewayError(404, "Not Found", "Not Found");
  }

  private recordPublication(publication: Publication): void {
    const { customer, vouchers, failure } = publication;
    const answer = publicationAnswer(publication);
    const [voucher] = vouchers;
    const campaign = publication.campaign ?? voucher?.campaign;
    this.activity.record(customer.id, {
      type: failure ? "customer.publication.failed" : "customer.publication.succeeded",
      createdAt: publication.createdAt,
      data: {
        customer: answer.customer ?? null,
        campaign: campaign ? campaignAnswer(campaign) : null,
        publication: answer,
        ...(voucher && { voucher: voucherAnswer(voucher) }),
      },
    });
  }

  private listCampaigns(query: URLSearchParams, dataRef: "campaigns" | "loyalties"): SimulatedAnswer {
    const limit = readLimit(query);
    if (limit === undefined) return errors.badQuery("Property .limit should be integer between 1 and 100");
    const all = [...this.campaigns.campaigns.values()].filter(
      ({ type }) => dataRef === "campaigns" || type === "LOYALTY_PROGRAM",
    );
    const start = (Number(query.get("page") ?? 1) - 1) * limit;
    const campaigns = all.slice(start, start + limit).map(campaignAnswer);
    return { status: 200, body: { object: "list", data_ref: "campaigns", campaigns, total: all.length } };
  }

  private readAction(id: string): SimulatedAnswer {
    const action = this.actions.read(id);
    return action ? { status: 200, body: action } : errors.notFound("async_action", id);
  }

  private listActions(query: URLSearchParams): SimulatedAnswer {
    const limit = readLimit(query);
    if (limit === undefined) return errors.badQuery("Property .limit should be integer between 1 and 100");
    return {
      status: 200,
      body: { object: "list", data_ref: "async_actions", async_actions: this.actions.list(limit) },
    };
  }

  private readSchema(resource: string): SimulatedAnswer {
    const schema = this.schemas.get(resource);
    return schema
      ? { status: 200, body: schemaAnswer(resource, schema) }
      : errors.notFound("metadata schema", resource);
  }

  private listSchemas(): SimulatedAnswer {
    const schemas = [...this.schemas].map(([name, schema]) => schemaAnswer(name, schema));
    return { status: 200, body: { object: "list", data_ref: "schemas", schemas, total: schemas.length } };
  }
}

const BULK_PATH = /^\/v1\/customers\/bulk\/async$/;

function withHeaders(answer: SimulatedAnswer, headers: Record<string, string>): SimulatedAnswer {
  return { ...answer, headers };
}

function schemaAnswer(name: string, schema: MetadataSchema): JsonObject {
  return {
    id: `ms_${name}`,
    related_object: name,
    properties: structuredClone(schema.properties) as unknown as JsonObject,
    allow_defined_only: schema.allow_defined_only ?? null,
    created_at: "2026-01-05T08:00:00.000Z",
    object: "metadata_schema",
  };
}
