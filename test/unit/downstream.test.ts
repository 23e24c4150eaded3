import assert from "node:assert/strict";
import { EventEmitter } from "node:events";
import type { NodeAPI } from "node-red";
import helper from "node-red-node-test-helper";
import { declareDeliveryType, hasDeliveryDownstream } from "../../nodes/lib/delivery/downstream";
import { waitFor } from "../support/wait-for";

// eslint-disable-next-line @typescript-eslint/no-require-imports -- core nodes have no types
const linkNodes = require("@node-red/nodes/core/common/60-link.js");

type FlowNode = { id: string; type: string; [property: string]: unknown };

const tab: FlowNode = { id: "tab", type: "tab" };
/** A node on a tab, wired from its only output to others. */
const node = (id: string, to: string[] = [], more: object = {}): FlowNode => ({
  id,
  type: "some",
  z: "tab",
  wires: [to],
  ...more,
});
const start = (...to: string[]): FlowNode => node("start", to);
const delivery = (more: object = {}): FlowNode => node("delivery", [], { type: "test-delivery", ...more });
const instance = (id: string, subflow: string, wires: string[][], more: object = {}): FlowNode =>
  node(id, [], { type: `subflow:${subflow}`, wires, ...more });
/** A subflow; ends are "<node>" or "<node>:<port>". */
const subflow = (id: string, into: string[], ...out: string[][]): FlowNode => ({
  id,
  type: "subflow",
  in: [{ wires: into.map((target) => ({ id: target })) }],
  out: out.map((ends) => ({
    wires: ends.map((end) => ({ id: end.split(":")[0], port: Number(end.split(":")[1] ?? 0) })),
  })),
});
const inside = (z: string): object => ({ z });

interface Case {
  readonly flow: FlowNode[];
  readonly reaches: boolean;
  /** Id of the running node that is asked about; "start" when left out. */
  readonly from?: string;
}

/** in -> out of one link call, and the flow that it calls: link in "target" -> link out in return mode. */
const callOf = (id: string, to: string[]): FlowNode =>
  node(id, to, { type: "link call", links: ["target"], linkType: "static" });
const called = [
  node("target", ["back"], { type: "link in" }),
  node("back", [], { type: "link out", mode: "return", links: [] }),
];

const cases: Record<string, Case> = {
  "a wire": { flow: [start("delivery"), delivery()], reaches: true },
  "no wire": { flow: [start(), delivery()], reaches: false },
  "wires over other nodes, from a later output": {
    flow: [node("start", [], { wires: [[], ["a"]] }), node("a", ["b"]), node("b", ["delivery"]), delivery()],
    reaches: true,
  },
  "a wire against its direction": { flow: [start(), delivery({ wires: [["start"]] })], reaches: false },
  "a circle without a delivery node": { flow: [start("a"), node("a", ["start"]), delivery()], reaches: false },
  "a circle back to a delivery node itself": {
    flow: [delivery({ id: "start", wires: [["a"]] }), node("a", ["start"])],
    reaches: true,
  },
  "a delivery node with nothing behind it": { flow: [delivery({ id: "start" })], reaches: false },
  "a wire to nowhere": { flow: [start("gone")], reaches: false },
  "a disabled delivery node": { flow: [start("delivery"), delivery({ d: true })], reaches: false },
  "a disabled node on the way": {
    flow: [start("a"), node("a", ["delivery"], { d: true }), delivery()],
    reaches: false,
  },
  "a junction": { flow: [start("a"), node("a", ["delivery"], { type: "junction" }), delivery()], reaches: true },
  "a node that does not stand in the flows": { flow: [], reaches: true },

  "link out and link in, named by the link out": {
    flow: [
      start("out"),
      node("out", [], { type: "link out", mode: "link", links: ["in"] }),
      node("in", ["delivery"], { type: "link in", links: [], z: "other" }),
      delivery({ z: "other" }),
    ],
    reaches: true,
  },
  "link out without a mode and link in, named by the link in": {
    flow: [
      start("out"),
      node("out", [], { type: "link out" }),
      node("in", ["delivery"], { type: "link in", links: ["out"] }),
      delivery(),
    ],
    reaches: true,
  },
  "a link in on a disabled tab": {
    flow: [
      { id: "off", type: "tab", disabled: true },
      start("out"),
      node("out", [], { type: "link out", links: ["in"] }),
      node("in", ["delivery"], { type: "link in", links: ["out"], z: "off" }),
      delivery({ z: "off" }),
    ],
    reaches: false,
  },
  "a link out that returns to nobody": {
    flow: [
      start("out"),
      node("out", [], { type: "link out", mode: "return", links: ["in"] }),
      node("in", ["delivery"], { type: "link in", links: ["out"] }),
      delivery(),
    ],
    reaches: false,
  },
  "a called link in": {
    flow: [start("call"), callOf("call", []), node("target", ["delivery"], { type: "link in" }), delivery()],
    reaches: true,
  },
  "behind a link call": { flow: [start("call"), callOf("call", ["delivery"]), ...called, delivery()], reaches: true },
  "behind another link call of the same target": {
    flow: [start("call"), callOf("call", []), callOf("other", ["delivery"]), ...called, delivery()],
    reaches: false,
  },
  "from a called flow, behind its link calls": {
    flow: [
      callOf("call", ["delivery"]),
      node("target", ["start"], { type: "link in" }),
      start("back"),
      called[1]!,
      delivery(),
    ],
    reaches: true,
  },
  "a dynamic link call": {
    flow: [
      start("call"),
      node("call", [], { type: "link call", links: [], linkType: "dynamic" }),
      node("any", ["delivery"], { type: "link in" }),
      delivery(),
    ],
    reaches: true,
  },

  "into a subflow": {
    flow: [
      subflow("S", ["a"]),
      node("a", ["delivery"], inside("S")),
      delivery({ z: "S" }),
      start("I"),
      instance("I", "S", []),
    ],
    reaches: true,
  },
  "a subflow without its input wired": {
    flow: [subflow("S", []), delivery({ z: "S" }), start("I"), instance("I", "S", [])],
    reaches: false,
  },
  "through a subflow": {
    flow: [
      subflow("S", ["a"], ["a"]),
      node("a", [], inside("S")),
      start("I"),
      instance("I", "S", [["delivery"]]),
      delivery(),
    ],
    reaches: true,
  },
  "straight through a subflow": {
    flow: [subflow("S", [], ["S"]), start("I"), instance("I", "S", [["delivery"]]), delivery()],
    reaches: true,
  },
  "through a subflow, to another of its outputs": {
    flow: [
      subflow("S", ["a"], ["a"], ["b"]),
      node("a", [], inside("S")),
      node("b", [], inside("S")),
      start("I"),
      instance("I", "S", [[], ["delivery"]]),
      delivery(),
    ],
    reaches: false,
  },
  "through another instance of the subflow": {
    flow: [
      subflow("S", ["a"], ["a"]),
      node("a", [], inside("S")),
      start("I"),
      instance("I", "S", [[]]),
      instance("J", "S", [["delivery"]]),
      delivery(),
    ],
    reaches: false,
  },
  "a disabled subflow instance": {
    flow: [subflow("S", ["delivery"]), delivery({ z: "S" }), start("I"), instance("I", "S", [], { d: true })],
    reaches: false,
  },
  "out of a subflow instance": {
    flow: [subflow("S", [], ["start"]), node("start", [], inside("S")), instance("I", "S", [["delivery"]]), delivery()],
    from: "I-start",
    reaches: true,
  },
  "out of another subflow instance": {
    flow: [
      subflow("S", [], ["start"]),
      node("start", [], inside("S")),
      instance("I", "S", [["delivery"]]),
      instance("J", "S", [[]]),
      delivery(),
    ],
    from: "J-start",
    reaches: false,
  },
  "out of subflows within subflows, by the second output of each": {
    flow: [
      subflow("S", [], [], ["start:1"]),
      subflow("T", [], [], ["I:1"]),
      node("start", [], { z: "S", wires: [[], []] }),
      instance("I", "S", [[], []], { z: "T" }),
      instance("J", "T", [[], ["delivery"]]),
      delivery(),
    ],
    from: "J-I-start",
    reaches: true,
  },
  "links within a subflow instance": {
    flow: [
      subflow("S", ["out"]),
      node("out", [], { type: "link out", links: ["in"], z: "S" }),
      node("in", ["delivery"], { type: "link in", links: ["out"], z: "S" }),
      delivery({ z: "S" }),
      start("I"),
      instance("I", "S", []),
    ],
    reaches: true,
  },
  "a link call from a subflow to a tab": {
    flow: [
      subflow("S", ["call"]),
      { ...callOf("call", []), z: "S" },
      start("I"),
      instance("I", "S", []),
      node("target", ["delivery"], { type: "link in" }),
      delivery(),
    ],
    reaches: true,
  },
};

describe("what is downstream", () => {
  before(() => declareDeliveryType("test-delivery"));

  /** A Node-RED with these flows deployed. */
  function nodeRed(flow: { nodes: FlowNode[] }): { RED: NodeAPI; events: EventEmitter; walks: () => number } {
    let walks = 0;
    const events = new EventEmitter();
    const eachNode = (tell: (node: FlowNode) => void): void => {
      walks++;
      flow.nodes.forEach(tell);
    };
    return { RED: { events, nodes: { eachNode } } as unknown as NodeAPI, events, walks: () => walks };
  }

  for (const [name, { flow, from = "start", reaches }] of Object.entries(cases))
    it(`${reaches ? "finds" : "does not find"} a delivery node: ${name}`, () => {
      const { RED } = nodeRed({ nodes: [tab, ...flow] });
      assert.equal(hasDeliveryDownstream(RED, { id: from }), reaches);
    });

  it("reads the flows once, and again after a deploy", () => {
    const flow = { nodes: [tab, start("delivery"), delivery()] };
    const { RED, events, walks } = nodeRed(flow);
    for (let times = 0; times < 3; times++) assert.equal(hasDeliveryDownstream(RED, { id: "start" }), true);
    assert.equal(hasDeliveryDownstream(RED, { id: "delivery" }), false);
    assert.equal(walks(), 1);
    for (const event of ["flows:stopping", "flows:started"]) {
      flow.nodes = flow.nodes.length === 3 ? [tab, start()] : [tab, start("delivery"), delivery()];
      events.emit(event);
      assert.equal(hasDeliveryDownstream(RED, { id: "start" }), flow.nodes.length === 3);
    }
    assert.equal(walks(), 3);
  });

  it("walks ten thousand nodes with many circles", () => {
    const many = Array.from({ length: 10_000 }, (_, at) => node(`n${at}`, [`n${at + 1}`, `n${(at * 7) % 10_000}`]));
    const { RED } = nodeRed({ nodes: [tab, start("n0"), ...many] });
    assert.equal(hasDeliveryDownstream(RED, { id: "start" }), false);
  });

  describe("in Node-RED", () => {
    before(async () => {
      helper.init(require.resolve("node-red"));
      // Typed as void, but it returns a promise.
      await (helper.startServer() as unknown as Promise<void>);
    });
    after(() => helper.stopServer());
    afterEach(() => helper.unload());

    it("knows the nodes of subflow instances by the ids with which they run, and follows links", async () => {
      const answers = new Map<string, boolean>();
      const got: string[] = [];
      const testNodes = (RED: NodeAPI): void => {
        for (const type of ["test-start", "test-delivery"])
          RED.nodes.registerType(type, function (this, config) {
            RED.nodes.createNode(this, config);
            this.on("input", (message, send, done) => {
              answers.set(this.id, hasDeliveryDownstream(RED, this));
              if (type === "test-delivery") got.push(`${message.topic} at ${this.id}`);
              send(message);
              done();
            });
          });
      };
      const at = { x: 1, y: 1 };
      const flow = [
        tab,
        { id: "other", type: "tab" },
        // "I" leads to "delivery" over links; "J" leads nowhere; "K" holds an instance of S in one of T.
        { ...subflow("S", ["start"], ["start"]), name: "S" },
        node("start", [], { type: "test-start", z: "S", ...at }),
        { ...subflow("T", ["inner"], ["inner"]), name: "T" },
        instance("inner", "S", [["outer-delivery"]], { z: "T", ...at }),
        node("outer-delivery", [], { type: "test-delivery", z: "T", ...at }),
        instance("I", "S", [["out"]], at),
        instance("J", "S", [[]], at),
        instance("K", "T", [[]], at),
        node("out", [], { type: "link out", mode: "link", links: ["in"], ...at }),
        node("in", ["call"], { type: "link in", links: ["out"], z: "other", ...at }),
        node("call", ["delivery"], { type: "link call", links: ["target"], linkType: "static", z: "other", ...at }),
        node("target", ["back"], { type: "link in", links: [], z: "other", ...at }),
        node("back", [], { type: "link out", mode: "return", links: [], z: "other", ...at }),
        delivery({ z: "other", ...at }),
      ];
      await helper.load([linkNodes, testNodes] as never, flow);
      for (const id of ["I", "J", "K"]) helper.getNode(id).receive({ topic: id });
      await waitFor("all nodes to have a message", () => answers.size === 5);
      assert.deepEqual(got.sort(), ["I at delivery", "K at K-outer-delivery"]);
      assert.deepEqual(Object.fromEntries(answers), {
        "I-start": true,
        "J-start": false,
        "K-inner-start": true,
        "K-outer-delivery": false,
        delivery: false,
      });
    });
  });
});
