import { isJsonObject, type JsonObject, type JsonValue } from "../../json";
import { newId, type SimulatedAnswer, type SimulatedRequest } from "../exchange";
import type { SimulatorKeys } from "../keys";
import { ProfileBook } from "./profile-book";

const PATH = /^\/(?:track|data)\/v2\/projects\/([^/]+)\/(.+)$/;
/** Commands of a batch (documentation.bloomreach.com/engagement/reference/batch-commands-2). */
const MOST_COMMANDS = 50;
/** Bytes of a message (documentation.bloomreach.com/engagement/reference/add-event). */
const LARGEST_MESSAGE = 800_000;
const LARGEST_VALUE = 16 * 1024;
const MOST_ATTRIBUTES = 255;

/** The project and the API key that are accepted. */
type BloomreachKeys = Pick<SimulatorKeys, "projectToken" | "apiKeyId" | "apiSecret">;

/** What one command came to. */
type Result = { readonly success: true } | { readonly success: false; readonly errors: string[] };

/**
 * The part of Bloomreach's API that the package uses: system time, customer properties, events and batches of the Tracking
 * API, and the export of one customer, with Basic authentication and the documented error bodies
 * (documentation.bloomreach.com/engagement/reference).
 */
export class SimulatedBloomreach {
  readonly book = new ProfileBook();
  /** Event types that the API group may not set; tests and users change them. */
  readonly deniedEvents = new Set<string>();
  /** Customer properties that the API group may not set. */
  readonly deniedProperties = new Set<string>();
  /** Results are left out of answers, as many as this says, the last first. */
  missingResults = 0;

  constructor(private readonly keys: BloomreachKeys) {}

  answer(request: SimulatedRequest): SimulatedAnswer {
    return { ...this.route(request), headers: { "x-request-id": newId("") } };
  }

  clear(): void {
    this.book.clear();
    this.deniedEvents.clear();
    this.deniedProperties.clear();
    this.missingResults = 0;
  }

  private route(request: SimulatedRequest): SimulatedAnswer {
    const [, projectToken, route] = PATH.exec(request.path) ?? [];
    const handler = route === undefined ? undefined : this.handlers[`${request.method} ${route}`];
    if (!handler)
      return {
        status: 404,
        body: { errors: { code: 404, description: "The requested URL was not found on the server" } },
      };
    const refusal = this.unauthenticated(request, projectToken ?? "");
    if (refusal) return refusal;
    if (request.headers["content-encoding"] !== undefined)
      return { status: 400, body: { success: false, message: BAD_REQUEST } };
    return handler(request);
  }

  private unauthenticated({ headers }: SimulatedRequest, projectToken: string): SimulatedAnswer | undefined {
    const encoded = /^Basic\s+(\S+)$/i.exec(headers.authorization ?? "")?.[1];
    if (encoded === undefined) return refused(401, "Access key not provided");
    const pair = Buffer.from(encoded, "base64").toString("utf8");
    const colon = pair.indexOf(":");
    if (pair.slice(0, Math.max(0, colon)) !== this.keys.apiKeyId) return refused(401, "Access key not found");
    if (pair.slice(colon + 1) !== this.keys.apiSecret) return refused(403, "invalid secret");
    if (projectToken !== this.keys.projectToken) return refused(400, "Invalid project id");
    return undefined;
  }

  private readonly handlers: Readonly<Record<string, (request: SimulatedRequest) => SimulatedAnswer>> = {
    "GET system/time": () => ({ status: 200, body: { success: true, time: Date.now() / 1_000 } }),
    "POST customers": (request) => this.single("customers", request),
    "POST customers/events": (request) => this.single("customers/events", request),
    "POST batch": (request) => this.batch(request),
    "POST customers/export-one": (request) => this.exportOne(request.json),
  };

  private single(name: string, { json, bytes }: SimulatedRequest): SimulatedAnswer {
    if (bytes > LARGEST_MESSAGE) return { status: 413, body: { success: false, errors: ["Request entity too large"] } };
    if (!isJsonObject(json)) return { status: 400, body: { success: false, message: "Invalid JSON" } };
    const result = this.run(name, json);
    return result.success
      ? { status: 200, body: { errors: [], success: true } }
      : { status: 400, body: { errors: result.errors, success: false } };
  }

  private batch({ json, bytes }: SimulatedRequest): SimulatedAnswer {
    if (bytes > LARGEST_MESSAGE) return { status: 413, body: { success: false, errors: ["Request entity too large"] } };
    const commands = isJsonObject(json) ? json.commands : undefined;
    if (!Array.isArray(commands) || !commands.every(isJsonObject))
      return { status: 400, body: { success: false, message: "Invalid JSON" } };
    if (commands.length === 0) return { status: 400, body: { success: false, message: "No commands" } };
    if (commands.length > MOST_COMMANDS)
      return { status: 400, body: { success: false, message: `At most ${MOST_COMMANDS} commands are allowed` } };
    const start = Date.now() / 1_000;
    const results = commands.map((command): JsonObject => {
      const result = this.run(command.name, command.data);
      return { ...result, ...(typeof command.command_id === "string" && { command_id: command.command_id }) };
    });
    const missing = Math.min(this.missingResults, results.length);
    this.missingResults -= missing;
    return {
      status: 200,
      body: {
        results: results.slice(0, results.length - missing),
        start_time: start,
        end_time: Date.now() / 1_000,
        success: true,
      },
    };
  }

  private run(name: JsonValue | undefined, data: JsonValue | undefined): Result {
    if (!isJsonObject(data)) return failed("Invalid data.");
    if (!isJsonObject(data.customer_ids) || Object.keys(data.customer_ids).length === 0)
      return failed("At least one id should be specified.");
    const properties = data.properties ?? {};
    if (!isJsonObject(properties)) return failed("properties must be an object.");
    const largest = Object.entries(properties).find(
      ([, value]) => Buffer.byteLength(JSON.stringify(value)) >= LARGEST_VALUE,
    );
    if (largest) return failed(`The value of ${largest[0]} is too large.`);
    if (name === "customers/events") return this.track(data, properties);
    if (name === "customers") return this.update(data, properties);
    return failed("Unknown command.");
  }

  private track(data: JsonObject, properties: JsonObject): Result {
    const { event_type: type, timestamp } = data;
    if (typeof type !== "string" || type === "") return failed("event_type must be specified.");
    if (this.deniedEvents.has(type)) return failed("Not authorized to add event of specified type");
    if (Object.keys(properties).length > MOST_ATTRIBUTES) return failed("Too many attributes.");
    const at = timestamp === undefined ? Date.now() / 1_000 : Number(timestamp);
    if (!Number.isFinite(at)) return failed("timestamp must be a UNIX timestamp.");
    const profile = this.book.profileFor(data.customer_ids);
    if (!profile) return failed("At least one valid id should be specified");
    this.book.track(profile, { type, timestamp: at, properties: structuredClone(properties) });
    return { success: true };
  }

  private update(data: JsonObject, properties: JsonObject): Result {
    const names = Object.keys(properties);
    if (names.length === 0) return failed("At least one property should be specified.");
    if (names.some((name) => this.deniedProperties.has(name)))
      return failed("not authorized to update specified customer properties");
    const profile = this.book.profileFor(data.customer_ids);
    if (!profile) return failed("At least one valid id should be specified");
    this.book.update(profile, properties, Number(data.update_timestamp ?? Date.now() / 1_000));
    return { success: true };
  }

  private exportOne(json: JsonValue | undefined): SimulatedAnswer {
    const ids = isJsonObject(json) && isJsonObject(json.customer_ids) ? json.customer_ids : {};
    const profile = Object.entries(ids).flatMap(
      ([name, value]) => this.book.find(name, typeof value === "string" ? value : "") ?? [],
    )[0];
    if (!profile) return { status: 404, body: { errors: { _global: ["Customer does not exist"] }, success: false } };
    const { ids: known, properties, events } = profile;
    return {
      status: 200,
      body: { success: true, ids: known, properties, events: events.map((event) => ({ ...event })) },
    };
  }
}

const BAD_REQUEST = "BadRequest: The browser (or proxy) sent a request that this server could not understand";

function failed(error: string): Result {
  return { success: false, errors: [error] };
}

/** documentation.bloomreach.com/engagement/reference/tracking-api-authorization-errors */
function refused(status: number, error: string): SimulatedAnswer {
  return { status, body: { success: false, error } };
}
