import type { Node, NodeAPI } from "node-red";
import type { Delivery } from "../../../src/delivery/delivery";
import type { LevelStore } from "../../../src/store/level/level-store";
import { GRACE_MS } from "../../../src/http/http-client";
import { onFlowsHalted, onFlowsStarted, onFlowsStopping } from "../runtime/flow-lifecycle";
import { processOwned } from "../runtime/process-owned";

/** For writing down what became of the calls, behind the time that they have. */
const WRITING_MS = 1_000;

/** What is open in one folder. */
interface Opened {
  readonly delivery: Delivery;
  readonly store: LevelStore;
}

/**
 * The one owner of the life of all durable delivery in this process. A deploy is no stop. When the process is told to end,
 * no call starts any more, those in flight end within `GRACE_MS`, all at once, what became of them is written, and the
 * store is closed; only then the process may end. Embedding apps and "Stop flows" stop the calls in the same way, and
 * whatever starts the flows again goes on.
 */
class DeliveryLife {
  private readonly opened = new Map<string, Opened>();
  private readonly answers = new Set<Promise<unknown>>();
  private settling: Promise<void> | undefined;
  private ending: Promise<void> | undefined;
  /** Somebody was told something that may mean the end: it does when flows stop in the same turn. */
  private perhaps = false;

  constructor() {
    // First in line, to know of it before Node-RED closes the nodes.
    for (const signal of ["SIGTERM", "SIGINT"] as const) {
      const stop = (): void => {
        this.stop();
        // Where nobody else listens, the signal ends the process by itself.
        if (process.listenerCount(signal) > 1) return;
        void this.end().then(() => {
          process.removeListener(signal, stop);
          process.kill(process.pid, signal);
        });
      };
      process.prependListener(signal, stop);
    }
    // The other ways in which Node-RED is told to stop (red.js); in another app they may mean something else.
    for (const way of ["SIGHUP", "SIGUSR2", "SIGBREAK", "message"])
      if (process.listenerCount(way) > 0)
        process.prependListener(way as NodeJS.Signals, () => {
          this.perhaps = true;
          setImmediate(() => (this.perhaps = false));
        });
  }

  get(folder: string): Delivery | undefined {
    return this.opened.get(folder)?.delivery;
  }

  /** Takes over what was opened in a folder. */
  add(RED: NodeAPI, folder: string, opened: Opened): void {
    this.opened.set(folder, opened);
    const { delivery } = opened;
    onFlowsStopping(RED, () => {
      delivery.flowsStopping();
      if (this.perhaps) this.stop();
    });
    onFlowsHalted(RED, () => void delivery.stop());
    onFlowsStarted(RED, () => void (this.settling ?? delivery.flowsStarted()));
  }

  /** Somebody waits for this: when the process is told to end, it has the same time as a call. */
  async answering(work: Promise<unknown>): Promise<void> {
    this.answers.add(work);
    await work.catch(() => undefined);
    this.answers.delete(work);
  }

  /** Resolves when calls in flight have ended; undefined while the process goes on. */
  get stopped(): Promise<void> | undefined {
    return this.settling;
  }

  private stop(): void {
    if (this.settling) return;
    const work = [...[...this.opened.values()].map(({ delivery }) => delivery.stop()), ...this.answers];
    this.settling = within(GRACE_MS + WRITING_MS, work);
    // Node-RED ends the process when its nodes have closed: at once where flows are stopped, or no node is ours.
    const exit = process.exit.bind(process);
    process.exit = ((code) => void this.end().then(() => exit(code))) as typeof process.exit;
    // An app that embeds Node-RED may let the process run out.
    process.once("beforeExit", () => void this.end());
  }

  /** Closes the stores, when all nodes have closed: until then what they accept is kept. */
  private end(): Promise<void> {
    return (this.ending ??= (async () => {
      await this.settling;
      const closing = [...this.opened.values()].map(async ({ delivery, store }) => {
        await delivery.end();
        await store.close();
      });
      await within(WRITING_MS, closing);
    })());
  }
}

/** The owner of this process. */
export function deliveryLife(): DeliveryLife {
  const owned = processOwned<DeliveryLife>("delivery-life");
  const life = owned.get("process") ?? new DeliveryLife();
  owned.set("process", life);
  return life;
}

/**
 * Runs `end` when the node closes. When the process is told to end, Node-RED then waits for the calls in flight.
 * @param end gets whether the node was removed
 */
export function onClose(node: Node, end: (removed: boolean) => void): void {
  node.on("close", (removed: boolean, done: () => void) => {
    end(removed);
    const stopped = deliveryLife().stopped;
    if (stopped) void stopped.then(done);
    else done();
  });
}

/** A signal that is aborted when the node closes; when the process is told to end, what is asked for has its time before. */
export function closingSignal(node: Node): AbortSignal {
  const closing = new AbortController();
  onClose(node, () => {
    const stopped = deliveryLife().stopped;
    if (stopped) void stopped.then(() => closing.abort());
    else closing.abort();
  });
  return closing.signal;
}

/** Says at the start when Node-RED would not wait for the calls in flight. */
export function checkCloseTimeout(RED: NodeAPI): void {
  const { nodeCloseTimeout } = RED.settings as { nodeCloseTimeout?: unknown };
  if (typeof nodeCloseTimeout !== "number" || nodeCloseTimeout <= 0 || nodeCloseTimeout >= GRACE_MS) return;
  RED.log.warn(
    `nodeCloseTimeout in settings.js is ${nodeCloseTimeout} ms, but calls to Bloomreach and Voucherify have up to ${GRACE_MS} ms to end when Node-RED stops: set it to ${GRACE_MS + 2 * WRITING_MS} or more, or remove it, and restart.`,
  );
}

/** Resolves when all the work has ended, however, or after `ms`. */
async function within(ms: number, work: readonly Promise<unknown>[]): Promise<void> {
  let timer: NodeJS.Timeout | undefined;
  const limit = new Promise((resolve) => (timer = setTimeout(resolve, ms)));
  await Promise.race([Promise.allSettled(work), limit]);
  clearTimeout(timer);
}
