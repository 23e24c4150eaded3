import type { LaneIntake } from "./lane-intake";
import type { LaneWork } from "./lane-work";

/** Whose queue it is, for people who look at it while the node is not there. */
export interface LaneOwner {
  readonly node: string;
  readonly name: string;
  readonly type: string;
}

/** One queue, opened. */
export interface OpenedLane {
  readonly intake: LaneIntake;
  readonly work: LaneWork;
}

/** The queues of all delivery nodes. */
export interface Lanes {
  /** Whose queues there are, whether their nodes exist or not; without name and type where these were lost. */
  owners(): Promise<readonly LaneOwner[]>;

  /**
   * Goes on with what the last life left, and tells the administrator what of it is missing. Once for each queue in a
   * process.
   */
  open(owner: LaneOwner): Promise<OpenedLane>;
}
