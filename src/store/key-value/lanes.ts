import type { LaneOwner, Lanes, OpenedLane } from "../lanes";
import type { KeyValueEngine } from "./engine";
import { KeyValueLane, type LaneSummary } from "./lane";
import { LaneKeys } from "./lane-keys";
import { readPages } from "./pages";

export class KeyValueLanes implements Lanes {
  constructor(private readonly engine: KeyValueEngine) {}

  async owners(): Promise<readonly LaneOwner[]> {
    const { engine } = this;
    const owners = new Map<string, LaneOwner>();
    for await (const page of readPages(engine, LaneKeys.allSummaries))
      for (const [key, value] of page) {
        const { name = "", type = "" } = (value ?? {}) as Partial<LaneSummary>;
        const node = LaneKeys.nodeOfSummary(key);
        owners.set(node, { node, name, type });
      }
    const { gte, lt } = LaneKeys.allContents;
    for (let [key] = await engine.readKeys({ gte, lt, limit: 1 }); key !== undefined;) {
      const node = LaneKeys.nodeOfContent(key);
      if (!owners.has(node)) owners.set(node, { node, name: "", type: "" });
      [key] = await engine.readKeys({ gte: new LaneKeys(node).all.lt, lt, limit: 1 });
    }
    return [...owners.values()];
  }

  async open(owner: LaneOwner): Promise<OpenedLane> {
    const lane = await KeyValueLane.open(this.engine, owner);
    return { intake: lane, work: lane };
  }
}
