import { DeadLetters } from "./dead-letters/dead-letters";
import { inboxKeys } from "./inbox/inbox-keys";
import { LaneKeys } from "./outbox/lane-keys";

/** Where in a store lies what waits, or has failed and is kept. */
export const KEPT_WORK = [inboxKeys.entries, LaneKeys.allContents, DeadLetters.all] as const;
