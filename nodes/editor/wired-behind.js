/**
 * What is wired behind a node, in the flow as it stands in the editor: by wires, link nodes and into subflows. The editor's
 * own getAllDownstreamNodes also goes back up from what it finds, to the nodes of other webhooks.
 *
 * @returns {object[]} each node once, the nearest first, without the disabled ones and what only they lead to
 */
export function wiredBehind(node) {
  const seen = new Set();
  const waiting = [node];
  for (let at = waiting.shift(); at; at = waiting.shift())
    for (const one of nextOf(at)) {
      if (!one || one.d || seen.has(one)) continue;
      seen.add(one);
      waiting.push(one);
    }
  return [...seen];
}

function nextOf(node) {
  const targets = (source) => RED.nodes.filterLinks({ source }).map((link) => link.target);
  const next = targets(node);
  if (node.type === "link out" && node.mode !== "return") next.push(...(node.links || []).map(RED.nodes.node));
  if (node.type === "link call") next.push(...(node.links || []).slice(0, 1).map(RED.nodes.node));
  const subflow = /^subflow:/.test(node.type) && RED.nodes.subflow(node.type.slice("subflow:".length));
  if (subflow) next.push(...(subflow.in || []).flatMap(targets));
  return next;
}
