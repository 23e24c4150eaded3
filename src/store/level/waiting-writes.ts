import type { ClassicLevel } from "classic-level";
import type { StoreUnavailableError } from "../durable-store";
import type { KeyValueOperation } from "../key-value/engine";
import type { RawOperation } from "./open";
import { encodeValue } from "./values";

/** Who waits for a write. */
export interface Caller {
  readonly operations: readonly RawOperation[];
  readonly size: number;
  resolve(): void;
  reject(error: StoreUnavailableError): void;
}

/** Callers share a batch up to that many characters; one call alone may be larger. */
const BATCH_SIZE = 4 * 1024 * 1024;

/** Writes that wait for the one before them, in the order of the calls. */
export class WaitingWrites {
  private callers: Caller[] = [];

  get size(): number {
    return this.callers.length;
  }

  /** Resolves or rejects as `next` or `refuse` say. */
  add(operations: readonly RawOperation[]): Promise<void> {
    const size = operations.reduce(
      (sum, each) => sum + each.key.length + (each.type === "put" ? each.value.length : 0),
      0,
    );
    return new Promise((resolve, reject) => this.callers.push({ operations, size, resolve, reject }));
  }

  /** Takes out those that share the next batch. */
  next(): Caller[] {
    let size = 0;
    const over = this.callers.findIndex((caller, index) => (size += caller.size) > BATCH_SIZE && index > 0);
    return this.callers.splice(0, over < 0 ? this.callers.length : over);
  }

  refuse(error: StoreUnavailableError): void {
    for (const caller of this.callers.splice(0)) caller.reject(error);
  }
}

/** An operation as it lies on disk; values are taken now. */
export function toRaw(operation: KeyValueOperation): RawOperation {
  if (operation.type === "del") return { type: "del", key: operation.key };
  return { type: "put", key: operation.key, value: encodeValue(operation.key, operation.value) };
}

/**
 * What makes `operations` undone: the values of their keys now, when they did not come into force. A batch that failed
 * can still be on disk, and be found at the next open.
 */
export async function valuesNow(
  db: ClassicLevel,
  operations: readonly RawOperation[],
): Promise<readonly RawOperation[]> {
  const keys = operations.map(({ key }) => key);
  const values = await db.getMany(keys).catch(() => undefined);
  if (!values) return [];
  return keys.map((key, index) => {
    const value = values[index];
    return value === undefined ? { type: "del", key } : { type: "put", key, value };
  });
}
