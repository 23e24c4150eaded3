import type { JsonObject } from "../json";

/** Hard and soft IDs of a Bloomreach customer, by ID name. */
export type CustomerIds = Readonly<Record<string, string>>;

/** "Add event" of Bloomreach's Tracking API (documentation.bloomreach.com/engagement/reference/add-event). */
export interface EventCommand {
  readonly name: "customers/events";
  readonly data: {
    readonly customer_ids: CustomerIds;
    readonly event_type: string;
    readonly properties: JsonObject;
    /** Unix seconds, the event's own time. */
    readonly timestamp: number;
  };
}

/** "Update customer properties" (documentation.bloomreach.com/engagement/reference/update-customer-properties). */
export interface CustomerCommand {
  readonly name: "customers";
  readonly data: {
    readonly customer_ids: CustomerIds;
    readonly properties: JsonObject;
    /** Unix seconds: newer values of a property stay. */
    readonly update_timestamp?: number;
  };
}

/** What a batch request holds (documentation.bloomreach.com/engagement/reference/batch-commands). */
export type TrackingCommand = EventCommand | CustomerCommand;
