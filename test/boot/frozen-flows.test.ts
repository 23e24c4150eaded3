import { FROZEN_EXAMPLES, thatRuns } from "../support/examples";
import { startNodeRed } from "../support/node-red-process";
import { waitFor } from "../support/wait-for";

describe("Flows of release 0.1.0", () => {
  for (const major of [4, 5] as const)
    it(`run unchanged in Node-RED ${major}, all in one process, with the same results`, async () => {
      const flows = thatRuns(FROZEN_EXAMPLES.flatMap(({ nodes }) => nodes));
      const nodeRed = await startNodeRed({ major, flows });
      try {
        for (const { name, shown } of FROZEN_EXAMPLES)
          for (const text of shown) await waitFor(`${name}: ${text}`, () => text.test(nodeRed.log()), 60_000);
      } catch (error) {
        console.log(nodeRed.log().slice(-4_000));
        throw error;
      } finally {
        await nodeRed.remove();
      }
    });
});
