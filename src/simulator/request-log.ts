import type { IncomingHttpHeaders } from "node:http";
import type { FaultKind } from "./faults";

/** One API request that the simulator got. */
export interface LoggedRequest {
  /** When its head arrived (Unix ms). */
  readonly at: number;
  readonly method: string;
  /** Path with query string. */
  readonly path: string;
  /** Lower-case names; the values of secrets are masked. */
  readonly headers: Readonly<Record<string, string>>;
  /** Size of its body. */
  bytes: number;
  /** The body, while it is among the newest ones (`BODIES_BYTES` in all). */
  bodyText?: string;
  /** Source ids of the customers it is about, while among the newest ones (`IDS_BYTES` in all). */
  customerIds?: string[];
  /** HTTP status of the answer; 0 while there is none, and for good when the connection was cut. */
  status: number;
  /** The fault that was played on it. */
  fault?: FaultKind;
}

const BODIES_BYTES = 32 * 2 ** 20;
const IDS_BYTES = 32 * 2 ** 20;
const SECRETS = new Set(["x-app-token", "authorization", "secret-key", "x-client-token", "cookie"]);

/** The newest requests, bounded in number and in memory. */
export class RequestLog {
  private kept: LoggedRequest[] = [];
  private bodies = new Newest<LoggedRequest>(BODIES_BYTES, (entry) => delete entry.bodyText);
  private ids = new Newest<LoggedRequest>(IDS_BYTES, (entry) => delete entry.customerIds);

  /** @param capacity how many requests are kept */
  constructor(private readonly capacity: number) {}

  /** The kept requests, oldest first. */
  get entries(): LoggedRequest[] {
    return this.kept.slice(-this.capacity);
  }

  /** Begins the entry of a request whose head has arrived. */
  add(method: string, path: string, headers: IncomingHttpHeaders): LoggedRequest {
    const entry: LoggedRequest = { at: Date.now(), method, path, headers: masked(headers), bytes: 0, status: 0 };
    this.kept.push(entry);
    // Cutting only when twice as many are held keeps the cost of one request constant.
    if (this.kept.length >= 2 * this.capacity) this.kept = this.entries;
    return entry;
  }

  /** Completes an entry when the body has arrived. */
  addBody(entry: LoggedRequest, bytes: number, bodyText: string, customerIds: string[]): void {
    entry.bytes = bytes;
    if (bodyText !== "") {
      entry.bodyText = bodyText;
      this.bodies.add(entry, bytes);
    }
    if (customerIds.length > 0) {
      entry.customerIds = customerIds;
      this.ids.add(
        entry,
        customerIds.reduce((size, id) => size + id.length + 32, 0),
      );
    }
  }

  clear(): void {
    this.kept = [];
    this.bodies.clear();
    this.ids.clear();
  }
}

/** Lets go of the oldest items when all of them together weigh more than `limit`. */
class Newest<Item> {
  private queue: { item: Item; weight: number }[] = [];
  private first = 0;
  private total = 0;

  constructor(
    private readonly limit: number,
    private readonly letGo: (item: Item) => void,
  ) {}

  add(item: Item, weight: number): void {
    this.queue.push({ item, weight });
    this.total += weight;
    while (this.total > this.limit) {
      const oldest = this.queue[this.first++];
      if (!oldest) break;
      this.total -= oldest.weight;
      this.letGo(oldest.item);
    }
    if (this.first > this.queue.length / 2) {
      this.queue = this.queue.slice(this.first);
      this.first = 0;
    }
  }

  clear(): void {
    this.queue = [];
    this.first = 0;
    this.total = 0;
  }
}

function masked(headers: IncomingHttpHeaders): Record<string, string> {
  const readable: Record<string, string> = {};
  for (const [name, value] of Object.entries(headers))
    readable[name] = SECRETS.has(name) ? "***" : Array.isArray(value) ? value.join(", ") : (value ?? "");
  return readable;
}
