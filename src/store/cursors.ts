import type { Change } from "./change";

/** How far something was read. The customer's ID is kept as a hash. */
export interface Cursors {
  /** Where a node was with a customer; undefined at the beginning. */
  read(node: string, customer: string): Promise<string | undefined>;

  /** To be written in the same moment as what was read up to there. */
  moveTo(node: string, customer: string, cursor: string): Change;

  /** Forgets where every node was with a customer. */
  forget(customer: string): Promise<void>;
}
