import type { JsonObject } from "../json";

/** A customer as Bloomreach sent it, and who it is. */
export interface CustomerUpdate {
  /** As `readHardId` read it. */
  readonly sourceId: string;
  /** Name of the Main Hard ID when the customer was accepted. */
  readonly hardId: string;
  readonly record: JsonObject;
}
