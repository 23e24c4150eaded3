import type { Node, NodeAPI } from "node-red";
import { onFlowsStarted, onFlowsStopping } from "./flow-lifecycle";
import { processOwned } from "./process-owned";

/** A node as it stands in the flow file, as far as messages find their way by it. */
interface FlowNode {
  readonly id: string;
  readonly type: string;
  readonly z?: string;
  /** Switched off by the user. */
  readonly d?: boolean;
  /** A tab that is switched off. */
  readonly disabled?: boolean;
  readonly wires?: readonly (readonly string[])[];
  /** Link nodes: where to; `mode` and `linkType` say how. */
  readonly links?: readonly string[];
  readonly mode?: string;
  readonly linkType?: string;
  /** Subflows: which nodes the input leads to, and which nodes lead to each output. */
  readonly in?: readonly { readonly wires: readonly { readonly id: string }[] }[];
  readonly out?: readonly { readonly wires: readonly { readonly id: string }[] }[];
}

/** Declares that nodes of a type take what was received into a queue of their own. */
export function declareDeliveryType(type: string): void {
  processOwned<true>("delivery-types").set(type, true);
}

/**
 * Whether a message that leaves `node` can reach a delivery node: by wires, links and through subflows. A node inside a
 * subflow is taken to lead wherever any instance of the subflow leads.
 */
export function hasDeliveryDownstream(RED: NodeAPI, node: Node): boolean {
  const known = reached(RED);
  const id = (node as { _alias?: string })._alias ?? node.id;
  const existing = known.get(id);
  if (existing !== undefined) return existing;
  const found = new FlowMap(RED).leadsToDelivery(id);
  known.set(id, found);
  return found;
}

/** What is known of the flows that run now, by node id. */
function reached(RED: NodeAPI): Map<string, boolean> {
  const owned = processOwned<Map<string, boolean>>("reached");
  const existing = owned.get("flows");
  if (existing) return existing;
  const known = new Map<string, boolean>();
  owned.set("flows", known);
  onFlowsStopping(RED, () => known.clear());
  onFlowsStarted(RED, () => known.clear());
  return known;
}

/** The deployed flows as a graph. */
class FlowMap {
  private readonly nodes = new Map<string, FlowNode>();

  constructor(RED: NodeAPI) {
    RED.nodes.eachNode((node) => void this.nodes.set(node.id, node as unknown as FlowNode));
  }

  leadsToDelivery(from: string): boolean {
    const types = processOwned<true>("delivery-types");
    const seen = new Set<string>();
    const next = [...this.after(from)];
    for (let id = next.pop(); id !== undefined; id = next.pop()) {
      const node = this.nodes.get(id);
      if (seen.has(id) || !node || !this.isOn(node)) continue;
      if (types.has(node.type)) return true;
      seen.add(id);
      next.push(...this.into(node), ...this.after(id));
    }
    return false;
  }

  private isOn({ d, z }: FlowNode): boolean {
    return d !== true && this.nodes.get(z ?? "")?.disabled !== true;
  }

  /** Where a message goes that reaches this node, beside its own outputs. */
  private into({ type, mode, linkType, links = [] }: FlowNode): readonly string[] {
    if (type === "link out") return mode === "return" ? this.outputsOf("link call") : links;
    if (type === "link call") return linkType === "dynamic" ? this.idsOf("link in") : links;
    const subflow = this.subflowOf(type);
    return subflow?.in?.flatMap(({ wires }) => wires.map(({ id }) => id)) ?? [];
  }

  /** Where a message goes that leaves this node. */
  private after(id: string): string[] {
    const node = this.nodes.get(id);
    if (!node) return [];
    const subflow = this.nodes.get(node.z ?? "");
    // An instance's outputs are fed by the nodes inside; only an input that leads straight out is the instance's own.
    const wired = this.subflowOf(node.type) ? [] : (node.wires ?? []).flat();
    const inner = subflow?.type === "subflow" ? this.outOf(subflow, id) : [];
    const straight = this.subflowOf(node.type);
    return [...wired, ...inner, ...(straight ? this.outOf(straight, straight.id) : [])];
  }

  /** Where the outputs of a subflow lead that are fed by `feeder`. */
  private outOf(subflow: FlowNode, feeder: string): string[] {
    const fed = (subflow.out ?? []).flatMap(({ wires }, output) =>
      wires.some(({ id }) => id === feeder) ? [output] : [],
    );
    const instances = [...this.nodes.values()].filter(({ type }) => type === `subflow:${subflow.id}`);
    return instances.flatMap(({ wires }) => fed.flatMap((output) => wires?.[output] ?? []));
  }

  private subflowOf(type: string): FlowNode | undefined {
    return type.startsWith("subflow:") ? this.nodes.get(type.slice("subflow:".length)) : undefined;
  }

  private idsOf(wanted: string): string[] {
    return [...this.nodes.values()].filter(({ type }) => type === wanted).map(({ id }) => id);
  }

  private outputsOf(wanted: string): string[] {
    return [...this.nodes.values()].filter(({ type }) => type === wanted).flatMap(({ wires }) => (wires ?? []).flat());
  }
}
