import type { Delivery } from "../../../src/delivery/delivery";
import { deliveryLife } from "../delivery/delivery-life";

/** So long what was found out is not found out again: nobody needs keys to ask, and each time costs a synced write. */
const FRESH_MS = 1_000;
/** A disk that takes longer is not ready: Bloomreach waits 1,000 ms for an answer, and so do most health checks. */
const WRITE_LIMIT_MS = 800;

/** The answer, for everybody: without places, numbers or reasons, which stand in the log. */
export interface ReadyAnswer {
  readonly status: 200 | 500;
  readonly body: { readonly ready: boolean; readonly message: string };
}

const READY: ReadyAnswer = { status: 200, body: { ready: true, message: "Webhooks can be received." } };
const NO_FLOWS = notReady("The flows of this Node-RED do not run, so no webhook can be received now.");
const NO_STORE = notReady("Nothing can be kept safely now, so no webhook can be received: see the log of Node-RED.");

/** Whether a webhook can be kept now: found out by keeping something. */
export class Readiness {
  private latest: { readonly at: number; readonly answer: Promise<boolean> } | undefined;

  constructor(private readonly delivery: () => Delivery) {}

  /** Never rejects. @param flowsRun whether flows run */
  async answer(flowsRun: boolean): Promise<ReadyAnswer> {
    if (!flowsRun || deliveryLife().stopped) return NO_FLOWS;
    const now = performance.now();
    if (!this.latest || now - this.latest.at >= FRESH_MS) this.latest = { at: now, answer: this.canKeep() };
    // What was learned of the store meanwhile counts at once.
    return (await this.latest.answer) && this.delivery().problem === undefined ? READY : NO_STORE;
  }

  private async canKeep(): Promise<boolean> {
    let timer: NodeJS.Timeout | undefined;
    const limit = new Promise<false>((resolve) => (timer = setTimeout(() => resolve(false), WRITE_LIMIT_MS)));
    const probe = async (): Promise<boolean> => {
      const delivery = this.delivery();
      await delivery.usable(WRITE_LIMIT_MS);
      await delivery.probe();
      return true;
    };
    const answer = await Promise.race([probe().catch(() => false), limit]);
    clearTimeout(timer);
    return answer;
  }
}

function notReady(message: string): ReadyAnswer {
  return { status: 500, body: { ready: false, message } };
}
