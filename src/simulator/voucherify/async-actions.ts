import type { JsonObject } from "../../json";
import { newId } from "../exchange";
import type { VoucherifyError } from "./voucherify-errors";

/** What went wrong with one customer of a bulk request. */
export type BulkError = VoucherifyError & { readonly source_id: string };

interface SimulatedAction {
  readonly id: string;
  readonly requestId: string;
  readonly createdAt: number;
  readonly startsAt: number;
  readonly endsAt: number;
  /** Set when the work is done. */
  result?: { readonly done: number; readonly errors: readonly BulkError[]; readonly at: number };
}

/** Actions that are still known; older ones are answered 404. */
const KEPT = 1_000;

/**
 * Bulk requests that Voucherify works off later, one behind another (docs.voucherify.io/api-reference/async-actions).
 * Each is ENQUEUED, then IN_PROGRESS, then DONE.
 */
export class AsyncActions {
  private readonly actions = new Map<string, SimulatedAction>();
  private readonly timers = new Set<NodeJS.Timeout>();
  private busyUntil = 0;

  /** @param durationMs how long one action takes, in ms */
  constructor(private readonly durationMs: number) {}

  /** Queues `work`, which tells how many customers it stored and what went wrong with the others. Returns the id. */
  enqueue(work: () => { done: number; errors: readonly BulkError[] }): string {
    const now = Date.now();
    const startsAt = Math.max(now, this.busyUntil);
    const action: SimulatedAction = {
      id: newId("aa_"),
      requestId: newId("v-"),
      createdAt: now,
      startsAt,
      endsAt: startsAt + this.durationMs,
    };
    this.busyUntil = action.endsAt;
    this.actions.set(action.id, action);
    if (this.actions.size > KEPT) this.actions.delete(this.actions.keys().next().value as string);
    const timer = setTimeout(() => {
      this.timers.delete(timer);
      action.result = { ...work(), at: Date.now() };
    }, action.endsAt - now);
    this.timers.add(timer);
    return action.id;
  }

  /** The action as `GET /v1/async-actions/{id}` shows it. */
  read(id: string): JsonObject | undefined {
    const action = this.actions.get(id);
    if (!action) return undefined;
    const { result } = action;
    if (!result) return { ...summary(action), result: null };
    return {
      ...summary(action),
      operation_status: result.done > 0 || result.errors.length === 0 ? "SUCCESS" : "FAILED",
      result: {
        done_count: result.done,
        failed_count: result.errors.length,
        reports: [],
        errors: result.errors.map((error) => ({ ...error })),
      },
      processing_time: result.at - action.startsAt,
    };
  }

  /** The newest actions, without their results, as `GET /v1/async-actions` shows them. */
  list(limit: number): JsonObject[] {
    return [...this.actions.values()].slice(-limit).reverse().map(summary);
  }

  /** Forgets everything; work that has not begun is never done. */
  clear(): void {
    for (const timer of this.timers) clearTimeout(timer);
    this.timers.clear();
    this.actions.clear();
    this.busyUntil = 0;
  }
}

function summary(action: SimulatedAction): JsonObject {
  const now = Date.now();
  const share = (now - action.startsAt) / Math.max(1, action.endsAt - action.startsAt);
  // The first third of its own time counts as waiting, so that a lone action is seen in all three states.
  const status = action.result ? "DONE" : share < 1 / 3 ? "ENQUEUED" : "IN_PROGRESS";
  return {
    id: action.id,
    type: "CUSTOMERS.BULK_UPDATE",
    status,
    operation_status: "UNKNOWN",
    created_at: new Date(action.createdAt).toISOString(),
    updated_at: new Date(action.result?.at ?? now).toISOString(),
    request_id: action.requestId,
    progress: status === "DONE" ? 100 : status === "ENQUEUED" ? 0 : Math.min(99, Math.floor(share * 100)),
    object: "async_action",
  };
}
