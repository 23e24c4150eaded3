import type { JsonObject } from "../../json";
import type { Repetition } from "../../delivery/repetition";

/** An item that needs no call: held back, or one that never can be sent. */
export interface SettledAtOnce {
  readonly failed: boolean;
  /** It is for somebody who is no test customer. */
  readonly notSent?: true;
  /** What the message says of it; where it stands is added to what failed. */
  readonly result: JsonObject;
}

/** An item that is to be delivered, as one record or several. */
interface ToDeliver<Body> {
  readonly records: readonly { readonly key: string; readonly body: Body }[];
  /** What comes again with an equal key in this time is left out. */
  readonly repetition?: Repetition;
}

/** What is made of one item of a payload before anything is sent. */
export type JudgedItem<Body> = ToDeliver<Body> | SettledAtOnce;

/** An item for a customer who is no test customer. @param sourceId whose it is */
export function heldForTest(sourceId: string): SettledAtOnce {
  return { failed: false, notSent: true, result: { source_id: sourceId, status: "held" } };
}

/** Whether only test customers are delivered, and this is none. */
export function isHeld(testCustomers: ReadonlySet<string>, sourceId: string): boolean {
  return testCustomers.size > 0 && !testCustomers.has(sourceId);
}
