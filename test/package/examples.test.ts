import assert from "node:assert/strict";
import { EXAMPLES } from "../support/examples";

describe("The examples, side by side in one Node-RED", () => {
  const all = EXAMPLES.flatMap(({ nodes }) => nodes);
  const twice = (values: readonly unknown[]): unknown[] =>
    values.filter((value, index) => values.indexOf(value) < index);

  it("have nodes and config nodes of their own, so that the import asks nothing", () => {
    assert.deepEqual(twice(all.map(({ id }) => id)), []);
  });

  it("receive on paths of their own", () => {
    assert.deepEqual(twice(all.filter(({ type }) => /^bv-.*-in$/.test(type)).map(({ path }) => path)), []);
  });

  for (const { name, nodes } of EXAMPLES)
    it(`${name}: its simulators call a node of the same example that receives what they play`, () => {
      for (const simulator of nodes.filter(({ type }) => type === "bv-simulator")) {
        const receiver = nodes.find(({ type, path }) => /^bv-.*-in$/.test(type) && path === simulator.path);
        const receives = receiver?.type === "bv-voucherify-in" ? "voucherify" : receiver?.kind;
        assert.equal(receives, simulator.plays, `${simulator.id} calls ${String(simulator.path)}`);
      }
    });
});
