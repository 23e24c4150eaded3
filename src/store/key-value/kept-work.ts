import { LETTERS } from "./dead-letters";
import { inboxKeys } from "./inbox-keys";
import { LaneKeys } from "./lane-keys";

/** Under which keys lies what waits, or has failed and is kept. */
export const KEPT_WORK = [inboxKeys.entries, LaneKeys.allContents, LETTERS] as const;
