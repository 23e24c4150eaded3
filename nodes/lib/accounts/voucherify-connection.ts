import type { Node } from "node-red";
import { ConfigurationError } from "../../../src/delivery/outcome";
import { budgetedSend } from "../../../src/destinations/voucherify/budgeted-send";
import { EventLessons } from "../../../src/destinations/voucherify/event-lessons";
import type { CustomerUpdate } from "../../../src/destinations/customer-update";
import { VoucherifyCustomers } from "../../../src/destinations/voucherify/voucherify-customers";
import type { CustomEvent } from "../../../src/destinations/custom-event";
import { VoucherifyEvents } from "../../../src/destinations/voucherify/voucherify-events";
import { GatewayCustomers } from "../../../src/destinations/gateway/gateway-customers";
import { GatewayEvents } from "../../../src/destinations/gateway/gateway-events";
import type { Repeat } from "../../../src/destinations/lost-answers";
import type { Destination } from "../../../src/delivery/destination";
import { isSafeAddress } from "../../../src/http/address";
import { type HttpRequest, sendHttp } from "../../../src/http/http-client";
import type { EmptyValues } from "../../../src/mapping/values/presence";
import { isSimulatorKey, PLAN_HEADER, writePlan } from "../../../src/simulator";
import type { RequestBudget } from "../../../src/throttle/request-budget";
import { gatewayUrlOf, VoucherifyGateway } from "../../../src/voucherify/gateway-api";
import { MetadataSchemas } from "../../../src/voucherify/metadata-schemas";
import { VoucherifyApi, type VoucherifyKeys } from "../../../src/voucherify/voucherify-api";
import { BUILT_IN_SIMULATOR, builtInKeys, simulatorUrl } from "./built-in-simulator";
import { unsetVariable } from "./environment";
import { processOwned } from "../runtime/process-owned";

/** What a user set in a voucherify account, `${ENV}` replaced. */
export interface VoucherifySettings {
  readonly apiUrl: string;
  readonly hardId: string;
  readonly applicationId: string;
  readonly secretKey: string;
  /** How customers and events go. */
  readonly transport: "api" | "gateway";
  /** "" takes the one of the region. */
  readonly gatewayUrl: string;
}

/** A voucherify account as other nodes use it. */
export interface VoucherifyAccount extends Node {
  readonly apiUrl: string;
  readonly hardId: string;
  /** When not empty, only these `source_id`s are delivered. */
  readonly testCustomers: ReadonlySet<string>;
  /** Whose limit counts: the account's plan, or a throttle that takes its place. */
  readonly limitedBy: "plan" | "throttle";
  readonly connection: VoucherifyConnection;
}

/** One usable way to one Voucherify project, or the sentence that says why there is none. */
export interface VoucherifyConnection {
  readonly problem: string | undefined;
  /** It is the built-in simulator. */
  readonly isSimulated: boolean;
  /** Whose events are our own. */
  readonly applicationId: string;
  readonly api: VoucherifyApi;
  /** The same, for what a webhook waits for: goes before queued work, and may use the whole limit. */
  readonly urgentApi: VoucherifyApi;
  readonly schemas: MetadataSchemas;
  readonly publicationSchemas: MetadataSchemas;
  readonly budget: RequestBudget;
  /** Where customers and events go, by the transport that the user chose. */
  customers(options: CustomerOptions): Destination<CustomerUpdate>;
  events(repeat: Repeat): Destination<CustomEvent>;
}

/** What a node decides about its customers. */
export interface CustomerOptions {
  readonly emptyValues: EmptyValues;
  /** Asked when customers were sent in bulk: whether somebody wants their IDs. */
  readonly readIds: () => boolean;
}

/** The sentence for settings that cannot work, or undefined. Never contains a key. @internal with a table of cases of its own */
export function voucherifyProblem(settings: VoucherifySettings): string | undefined {
  const unset = unsetVariable({
    "API base URL": settings.apiUrl,
    "Main Hard ID": settings.hardId,
    "Application ID": settings.applicationId,
    "Secret key": settings.secretKey,
  });
  if (unset) return unset;
  if (settings.apiUrl === BUILT_IN_SIMULATOR) return undefined;
  if (!/^https?:\/\/[^\s/]+/.test(settings.apiUrl))
    return "The voucherify account has no API base URL: choose a region or type your dedicated URL.";
  if (!isSafeAddress(settings.apiUrl)) return UNSAFE("API base URL");
  if (!settings.applicationId || !settings.secretKey)
    return "The voucherify account has no keys: type the Application ID and the Secret key.";
  if (isSimulatorKey(settings.applicationId) || isSimulatorKey(settings.secretKey))
    return "These keys belong to the built-in simulator: type the keys of your Voucherify project.";
  if (settings.transport === "gateway" && !gatewayAddress(settings))
    return "The hosted gateway has no address in a dedicated region: type the Gateway URL in the voucherify account.";
  if (settings.transport === "gateway" && !isSafeAddress(gatewayAddress(settings)!)) return UNSAFE("Gateway URL");
  return undefined;
}

const UNSAFE = (field: string): string =>
  `The ${field} of the voucherify account must begin with https://, or the keys could be read on their way.`;

function gatewayAddress({ gatewayUrl, apiUrl }: VoucherifySettings): string | undefined {
  return gatewayUrl || gatewayUrlOf(apiUrl);
}

/**
 * Connects with `settings`; the budget and the cached metadata schemas outlive deploys.
 * @param owner id of the account or throttle whose plan the built-in simulator plays
 */
export function connectVoucherify(
  settings: VoucherifySettings,
  budget: RequestBudget,
  owner: string,
): VoucherifyConnection {
  const problem = voucherifyProblem(settings);
  const simulated = settings.apiUrl === BUILT_IN_SIMULATOR;
  // The simulator knows its own keys only: those of a project have no business there.
  const { applicationId, secretKey } = simulated ? builtInKeys() : settings;
  const keys: VoucherifyKeys = { applicationId, secretKey };
  // The simulator gets its port when it starts, at the first request; until then its address has only a name.
  const apiUrl = simulated ? "http://simulator" : settings.apiUrl;
  const prepare = async (request: HttpRequest): Promise<HttpRequest> => {
    if (problem) throw new ConfigurationError(problem);
    if (!simulated) return request;
    const { configured: limit, periodMs } = budget.state();
    const headers = { ...request.headers, [PLAN_HEADER]: writePlan(owner, { limit, periodMs }) };
    return { ...request, headers, url: request.url.replace(apiUrl, await simulatorUrl()) };
  };
  const api = new VoucherifyApi({ apiUrl, keys, send: budgetedSend(budget, prepare) });
  const urgentApi = new VoucherifyApi({ apiUrl, keys, send: budgetedSend(budget, prepare, true) });
  const project = `${settings.apiUrl} ${keys.applicationId}`;
  const schemas = schemasOf(api, project, "customer");
  const gateway = new VoucherifyGateway({
    gatewayUrl: simulated ? apiUrl : (gatewayAddress(settings) ?? ""),
    keys,
    // Its requests count for the gateway's day, not for the API's limit.
    send: async (request) => sendHttp(await prepare(request)),
  });
  const byGateway = settings.transport === "gateway";
  return {
    problem,
    isSimulated: simulated,
    applicationId: keys.applicationId,
    api,
    urgentApi,
    schemas,
    publicationSchemas: schemasOf(urgentApi, project, "publication"),
    budget,
    customers: ({ emptyValues, readIds }) =>
      byGateway
        ? new GatewayCustomers({ gateway, hardId: settings.hardId, emptyValues })
        : new VoucherifyCustomers({ api, schemas, emptyValues, readIds }),
    events: (repeat) =>
      byGateway
        ? new GatewayEvents({ gateway, hardId: settings.hardId, repeat })
        : new VoucherifyEvents({ api, repeat, lessons: lessonsOf(project) }),
  };
}

/** What a project's refusals have taught outlives a deploy. */
function lessonsOf(project: string): EventLessons {
  const lessons = processOwned<EventLessons>("event-lessons");
  const known = lessons.get(project) ?? new EventLessons();
  lessons.set(project, known);
  return known;
}

/** The schemas of one project, read through its newest connection. */
class CachedSchemas {
  readonly schemas: MetadataSchemas;

  constructor(
    public api: VoucherifyApi,
    resource: string,
  ) {
    this.schemas = new MetadataSchemas((name, signal) => this.api.readMetadataSchema(name, signal), resource);
  }
}

/** Schemas are cached per project, so that a deploy costs no request. */
function schemasOf(api: VoucherifyApi, project: string, resource: string): MetadataSchemas {
  const cache = processOwned<CachedSchemas>("metadata-schemas");
  const name = `${resource} ${project}`;
  const cached = cache.get(name) ?? new CachedSchemas(api, resource);
  cache.set(name, cached);
  cached.api = api;
  return cached.schemas;
}
