import type { Node, NodeAPI } from "node-red";
import { processOwned } from "../runtime/process-owned";

/** A node as it stands in the deployed flows; only what matters for the way of a message. */
interface FlowNode {
  readonly id: string;
  readonly type: string;
  /** Tab or subflow that it stands in. */
  readonly z?: string;
  /** True for a disabled node. */
  readonly d?: boolean;
  /** True for a disabled tab. */
  readonly disabled?: boolean;
  /** By output. */
  readonly wires?: readonly (readonly string[])[];
  /** Of a link node: ids of the other sides. */
  readonly links?: readonly string[];
  /** Of a link out: "link" or "return". */
  readonly mode?: string;
  /** Of a link call: "static" or "dynamic". */
  readonly linkType?: string;
  /** Of a subflow: what its input is wired to inside. */
  readonly in?: readonly { readonly wires: readonly { readonly id: string }[] }[];
  /** Of a subflow: what its outputs are wired to inside; its own id stands for its input. */
  readonly out?: readonly { readonly wires: readonly { readonly id: string; readonly port?: number }[] }[];
}

/** A node as it runs: one for each subflow instance that it stands in. */
interface RunningNode {
  readonly type: string;
  readonly next: string[];
  /** Where a link call sends a message that comes back. */
  readonly called: string[];
  /** A link out that sends messages back to their link call. */
  readonly returns: boolean;
}

/** The running flows. */
interface Graph {
  readonly nodes: ReadonlyMap<string, RunningNode>;
  /** What is behind the link calls. */
  readonly behindCalls: readonly string[];
  readonly answers: Map<string, ReadonlySet<string>>;
}

/** Where nodes stand: at the top (any tab), or in an instance of a subflow. */
interface Place {
  /** Stands before the ids of its nodes. */
  readonly prefix: string;
  readonly subflow?: FlowNode;
  /** Of an instance: where its outputs lead, by output. */
  readonly outputs: readonly (readonly string[])[];
}

/** How a message got somewhere: a link call on its way will get back what it has sent, or there was none. */
type Way = "direct" | "called";

/** Graphs by the event emitter of their Node-RED, as long as its flows do not change. */
const graphs = new WeakMap<NodeAPI["events"], { graph?: Graph }>();

/** Says that nodes of this type keep what reaches them until it is delivered. */
export function declareDeliveryType(type: string): void {
  processOwned<true>("delivery-types").set(type, true);
}

/**
 * Whether what a node sends can reach a delivery node: by wires, link nodes, and in and out of subflows. The flows are
 * walked once for each node and deploy. True also for a node that does not stand in the deployed flows (it is part of a
 * subflow that comes as a package, or just removed): keeping too much is the safe side.
 */
export function hasDeliveryDownstream(RED: NodeAPI, node: Pick<Node, "id">): boolean {
  const found = deliveryNodesDownstream(RED, node);
  return found === undefined || found.size > 0;
}

/**
 * The ids of the delivery nodes that what a node sends can reach; those behind another one too. Undefined for a node that
 * does not stand in the deployed flows.
 */
export function deliveryNodesDownstream(RED: NodeAPI, { id }: Pick<Node, "id">): ReadonlySet<string> | undefined {
  const graph = graphOf(RED);
  if (!graph.nodes.has(id)) return undefined;
  const answer = graph.answers.get(id) ?? walk(graph, id);
  graph.answers.set(id, answer);
  return answer;
}

function graphOf(RED: NodeAPI): Graph {
  let cache = graphs.get(RED.events);
  if (!cache) {
    const made: { graph?: Graph } = (cache = {});
    const forget = (): void => void delete made.graph;
    RED.events.on("flows:stopping", forget);
    RED.events.on("flows:started", forget);
    graphs.set(RED.events, made);
  }
  return (cache.graph ??= buildGraph(RED));
}

function walk({ nodes, behindCalls }: Graph, start: string): Set<string> {
  const found = new Set<string>();
  const types = processOwned<true>("delivery-types");
  // What a link call on this way has sent comes back to it, and its wires are walked anyway; other ways go on anywhere.
  const seen = { direct: new Set<string>(), called: new Set<string>() };
  const waiting: [way: Way, id: string][] = [];
  const go = (way: Way, ids: readonly string[]): void => {
    for (const id of ids) {
      if (seen[way].has(id)) continue;
      seen[way].add(id);
      waiting.push([way, id]);
    }
  };
  const leave = (way: Way, node: RunningNode): void => {
    go(way, node.next);
    go("called", node.called);
    if (node.returns && way === "direct") go("direct", behindCalls);
  };
  const first = nodes.get(start);
  if (first) leave("direct", first);
  for (let at = waiting.pop(); at; at = waiting.pop()) {
    const node = nodes.get(at[1]);
    if (!node) continue;
    if (types.has(node.type)) found.add(at[1]);
    leave(at[0], node);
  }
  return found;
}

function buildGraph(RED: NodeAPI): Graph {
  const all: FlowNode[] = [];
  RED.nodes.eachNode((node) => void all.push(node));
  const { nodes, behindCalls } = new GraphBuilder(all);
  return { nodes, behindCalls, answers: new Map() };
}

/**
 * Makes the running nodes of deployed flows. A node in a subflow runs once for each instance, and gets the id
 * `<id of the instance>-<its id>`, at each level.
 */
class GraphBuilder {
  readonly nodes = new Map<string, RunningNode>();
  readonly behindCalls: string[] = [];
  private readonly subflows: ReadonlyMap<string, FlowNode>;
  /** By the subflow that they stand in; "" for all tabs. */
  private readonly standing = new Map<string, FlowNode[]>();
  /** Link ins by link out. */
  private readonly linkIns = new Map<string, string[]>();
  private readonly allLinkIns: string[] = [];

  constructor(all: readonly FlowNode[]) {
    this.subflows = new Map(all.flatMap((node) => (node.type === "subflow" ? [[node.id, node] as const] : [])));
    const disabledTabs = new Set(all.filter(({ disabled }) => disabled === true).map(({ id }) => id));
    for (const node of all) {
      if (node.z === undefined || node.d === true || disabledTabs.has(node.z)) continue;
      addTo(this.standing, this.subflows.has(node.z) ? node.z : "", node);
      // Either side of a link may name the other.
      if (node.type === "link in") for (const out of node.links ?? []) addTo(this.linkIns, out, node.id);
      if (node.type === "link out") for (const target of node.links ?? []) addTo(this.linkIns, node.id, target);
    }
    this.addNodesOf("", { prefix: "", outputs: [] });
  }

  private addNodesOf(container: string, place: Place): void {
    for (const node of this.standing.get(container) ?? []) {
      const id = `${place.prefix}${node.id}`;
      const outputs = outputsOf(node, place);
      const subflow = this.subflows.get(node.type.replace(/^subflow:/, ""));
      if (subflow) this.addInstance(id, subflow, outputs);
      else this.nodes.set(id, this.runningNode(node, place.prefix, outputs.flat()));
      if (node.type === "link in") this.allLinkIns.push(id);
      if (node.type === "link call") this.behindCalls.push(...outputs.flat());
    }
  }

  private addInstance(id: string, subflow: FlowNode, outputs: Place["outputs"]): void {
    const inside = (subflow.in ?? []).flatMap(({ wires }) => wires.map((wire) => `${id}-${wire.id}`));
    const straightOn = outputsOf({ id: subflow.id, type: subflow.type }, { prefix: "", subflow, outputs });
    this.nodes.set(id, { type: subflow.type, next: [...inside, ...straightOn.flat()], called: [], returns: false });
    this.addNodesOf(subflow.id, { prefix: `${id}-`, subflow, outputs });
  }

  private runningNode({ id, type, mode, linkType, links = [] }: FlowNode, prefix: string, next: string[]): RunningNode {
    const node = { type, next, called: [], returns: false };
    if (type === "link out") {
      if (mode === "return") return { ...node, next: [], returns: true };
      return { ...node, next: (this.linkIns.get(id) ?? []).map((target) => `${prefix}${target}`) };
    }
    if (type !== "link call") return node;
    // A link call in a subflow reaches link ins beside it and on tabs.
    const targets = links.slice(0, 1).flatMap((target) => [`${prefix}${target}`, target]);
    return { ...node, called: linkType === "dynamic" ? this.allLinkIns : targets };
  }
}

/** Where the outputs of a node lead: along its wires, and out of the subflow that it stands in. */
function outputsOf({ id, wires = [] }: FlowNode, { prefix, subflow, outputs }: Place): string[][] {
  const leads = wires.map((output) => output.map((target) => `${prefix}${target}`));
  for (const [output, { wires: ends }] of (subflow?.out ?? []).entries())
    for (const end of ends) if (end.id === id) (leads[end.port ?? 0] ??= []).push(...(outputs[output] ?? []));
  return leads;
}

function addTo<Item>(map: Map<string, Item[]>, key: string, item: Item): void {
  const items = map.get(key) ?? [];
  items.push(item);
  map.set(key, items);
}
