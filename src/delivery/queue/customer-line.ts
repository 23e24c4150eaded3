import { Fifo } from "../../async/fifo";
import type { TriedGroup } from "../../store/kept-record";
import type { LendLimits } from "./waiting-record";

/** The records of one key that are lent or that the cursor has passed, by their ids, in order. */
export class CustomerLine {
  /** Goes before everything else of the key. */
  group: TriedGroup | undefined;
  state: "free" | "ready" | "resting" | "lent" = "free";
  /** What is lent now is forgotten at its conclusion. */
  isErased = false;
  /** The first of the lent records, when it is written down that they are being sent. */
  noted: number | undefined;
  /** Untried; the first `lent` of them are lent. */
  untried = new Fifo<number>();
  private lent = 0;

  constructor(readonly key: string) {}

  /** The ids that are to be lent next: those that were tried as one, else as many untried ones as may go together. */
  next({ records, together }: LendLimits): readonly number[] {
    if (this.group) return this.group.ids;
    const ids: number[] = [];
    const most = Math.min(together ? records : 1, this.untried.size);
    for (let place = 0; place < most; place++) ids.push(this.untried.at(place)!);
    return ids;
  }

  /** The next `count` records are lent. */
  lend(count: number): void {
    this.state = "lent";
    if (!this.group) this.lent = count;
  }

  /** One more, which came directly behind the lent ones, is lent with them. */
  lendAlso(id: number): void {
    this.untried.push(id);
    this.lend(this.untried.size);
  }

  /** Whether an untried record that comes now would come directly behind the ones that are lent. */
  get isLentToTheLast(): boolean {
    return this.state === "lent" && !this.group && this.lent === this.untried.size;
  }

  /** Under which id is written down what is known of its tries, if anything is. */
  get notedId(): number | undefined {
    return this.noted ?? this.group?.ids[0];
  }

  /** How many records are lent. */
  get lentCount(): number {
    if (this.state !== "lent") return 0;
    return this.group ? this.group.ids.length : this.lent;
  }

  /** The ids of the records that are lent. */
  get lentIds(): number[] {
    if (this.group) return this.lentCount > 0 ? [...this.group.ids] : [];
    return Array.from({ length: this.lentCount }, (_none, place) => this.untried.at(place)!);
  }

  /** The ids of its records that are not lent. */
  get unlent(): number[] {
    const ids = this.lentCount > 0 ? [] : [...(this.group?.ids ?? [])];
    for (let place = this.lent; place < this.untried.size; place++) ids.push(this.untried.at(place)!);
    return ids;
  }

  /** The lent records are gone. */
  settle(): void {
    this.untried.drop(this.lent);
    this.group = undefined;
    this.isErased = false;
    this.giveBack("free");
  }

  /** Everything but the lent records is gone, and these will be. */
  erase(): void {
    const lent = new Fifo<number>();
    for (let place = 0; place < this.lent; place++) lent.push(this.untried.at(place)!);
    this.untried = lent;
    this.isErased = true;
  }

  /** The lent records were tried and are tried again, together, when the group is due. */
  rest(group: TriedGroup): void {
    this.untried.drop(this.lent);
    this.group = group;
    this.giveBack("resting");
  }

  /** The lent records wait on, or the group is due. */
  giveBack(state: "free" | "ready" | "resting"): void {
    this.lent = 0;
    this.noted = undefined;
    this.state = state;
  }
}
