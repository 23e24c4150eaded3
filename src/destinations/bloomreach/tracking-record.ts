import type { JsonObject } from "../../json";
import type { TrackingCommand } from "../../schemas/tracking";

/** A command as it is sent: rendered once, so that its bytes are the same however often it is tried. */
export interface TrackingRecord extends JsonObject {
  /** `{"name":…,"command_id":…,"data":…}` */
  command: string;
}

/** Renders a command. @param commandId comes back with its result */
export function trackingRecord({ name, data }: TrackingCommand, commandId: string): TrackingRecord {
  return { command: JSON.stringify({ name, command_id: commandId, data }) };
}
