import { createHash } from "node:crypto";
import type { Change } from "../change";
import type { Cursors } from "../cursors";
import { asChanges } from "./changes";
import type { KeyValueEngine, KeyValueOperation } from "./engine";
import { keyPages } from "./pages";

export class KeyValueCursors implements Cursors {
  constructor(private readonly engine: KeyValueEngine) {}

  async read(node: string, customer: string): Promise<string | undefined> {
    const [value] = await this.engine.get([keyOf(node, customer)]);
    return typeof value === "string" ? value : undefined;
  }

  moveTo(node: string, customer: string, cursor: string): Change {
    return asChanges([{ type: "put", key: keyOf(node, customer), value: cursor }])[0]!;
  }

  async forget(customer: string): Promise<void> {
    const found: KeyValueOperation[] = [];
    for await (const page of keyPages(this.engine, ALL))
      for (const key of page) if (key.endsWith(`/${hashOf(customer)}`)) found.push({ type: "del", key });
    if (found.length > 0) await this.engine.write(found);
  }
}

const ALL = { gte: "cursor/", lt: "cursor0" };

function keyOf(node: string, customer: string): string {
  return `cursor/${encodeURIComponent(node)}/${hashOf(customer)}`;
}

function hashOf(customer: string): string {
  return createHash("sha256").update(customer).digest("base64url");
}
