import type { JsonObject, JsonValue } from "../json";
import type { StoredCustomer } from "./voucherify/customers/customer-book";
import type { SimulatedAnswer, SimulatedRequest } from "./exchange";
import { type Faults, readFaults } from "./faults";
import { renderPage } from "./voucherify/page";
import type { ProfileBook } from "./bloomreach/profile-book";
import type { LoggedRequest } from "./request-log";

/** What the control endpoints may see and do. */
export interface Controlled {
  readonly url: string;
  readonly log: LoggedRequest[];
  readonly customers: ReadonlyMap<string, StoredCustomer>;
  readonly bloomreach: { readonly book: ProfileBook };
  reset(): void;
  setFaults(faults: Faults | undefined): void;
}

/**
 * The page at `/` and the endpoints below `/_simulator/` that let another process watch and steer the simulator:
 * `GET log`, `GET customers`, `GET profiles` (of Bloomreach), `POST reset`, `POST faults` (an object as for `setFaults`, `null` for no faults).
 */
export function answerControl(request: SimulatedRequest, simulator: Controlled): SimulatedAnswer {
  if (!isLocal(request.headers.host)) return refuse(403, "The simulator answers only to addresses of this machine.");
  switch (`${request.method} ${request.path}`) {
    case "GET /":
      return renderPage(simulator.customers, simulator.bloomreach.book, simulator.log);
    case "GET /_simulator/log":
      return { status: 200, body: simulator.log as unknown as JsonValue };
    case "GET /_simulator/customers":
      return { status: 200, body: [...simulator.customers.values()] };
    case "GET /_simulator/profiles":
      return { status: 200, body: profilesOf(simulator.bloomreach.book) };
    case "POST /_simulator/reset":
      simulator.reset();
      return DONE;
    case "POST /_simulator/faults":
      return setFaults(request.json, simulator);
    default:
      return refuse(
        404,
        "The simulator has no such address. Voucherify's API begins with /v1/, Bloomreach's with /track/.",
      );
  }
}

function profilesOf({ profiles }: ProfileBook): JsonValue {
  return [...profiles].map(({ ids, properties, events }) => ({
    ids,
    properties,
    events: events.map((event) => ({ ...event })),
  }));
}

function setFaults(json: JsonValue | undefined, simulator: Controlled): SimulatedAnswer {
  const faults = json === null ? undefined : readFaults(json);
  if (typeof faults === "string") return refuse(400, faults);
  simulator.setFaults(faults);
  return DONE;
}

const DONE: SimulatedAnswer = { status: 200, body: { success: true } satisfies JsonObject };

function refuse(status: number, message: string): SimulatedAnswer {
  return { status, body: { success: false, message } };
}

/** A web page that makes its own name point to 127.0.0.1 could otherwise read what is here. */
function isLocal(host: string | undefined): boolean {
  return /^(127\.0\.0\.1|localhost|\[::1\])(:\d+)?$/i.test(host ?? "");
}
