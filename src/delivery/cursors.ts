import { createHash } from "node:crypto";
import type { DurableStore, StoreOperation } from "../store/durable-store";
import { readAll } from "../store/store-keys";

/** How far something was read, on disk. The customer's ID is kept as a hash. */
export class Cursors {
  constructor(private readonly store: DurableStore) {}

  /** Where a node was with a customer; undefined at the beginning. @throws StoreUnavailableError */
  async read(node: string, customer: string): Promise<string | undefined> {
    const [value] = await this.store.get([keyOf(node, customer)]);
    return typeof value === "string" ? value : undefined;
  }

  /** To be written in the same moment as what was read up to there. */
  moveTo(node: string, customer: string, cursor: string): StoreOperation {
    return { type: "put", key: keyOf(node, customer), value: cursor };
  }

  /** Forgets where every node was with a customer. @throws StoreUnavailableError */
  async forget(customer: string): Promise<void> {
    const found: StoreOperation[] = [];
    for await (const [key] of readAll(this.store, ALL))
      if (key.endsWith(`/${hashOf(customer)}`)) found.push({ type: "del", key });
    if (found.length > 0) await this.store.write(found);
  }
}

const ALL = { gte: "cursor/", lt: "cursor0" };

function keyOf(node: string, customer: string): string {
  return `cursor/${encodeURIComponent(node)}/${hashOf(customer)}`;
}

function hashOf(customer: string): string {
  return createHash("sha256").update(customer).digest("base64url");
}
