import type { JsonObject } from "../json";
import type { Change } from "./change";
import type { NewRecord } from "./kept-record";

/** Where records come into a queue: any process that receives may do that, also one that does not deliver from it. */
export interface LaneIntake {
  /**
   * Adds one message and its records as one block; when the promise resolves they are kept, and `also` is written, all or
   * nothing. The records get ids in the order in which the calls were made; no id is given twice, also after a restart.
   * @param records bodies are plain JSON, taken at the call; none: only `also` is written
   * @param now when they are accepted, Unix ms
   * @throws TypeError for a body that is no JSON: nothing is kept then
   */
  append(
    message: { readonly id: string; readonly envelope: JsonObject },
    records: readonly NewRecord<unknown>[],
    now: number,
    also?: readonly Change[],
  ): Promise<void>;
}
