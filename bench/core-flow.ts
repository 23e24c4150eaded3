import type { FlowNode } from "../test/support/flows";

/** The path of the rival flow. */
export const CORE_PATH = "/core";

/**
 * The rival: the same job by core nodes alone. Each customer is one request, because bulk with per-customer results,
 * retries and metadata rules cannot be wired from core nodes; the webhook is answered when all are done, as the core
 * nodes' own examples do it.
 */
export function coreFlow(apiUrl: string, keys: { applicationId: string; secretKey: string }): FlowNode[] {
  const mapping = `const { registered, ...customer } = msg.payload;
msg.payload = { source_id: registered, ...customer };
msg.headers = ${JSON.stringify({
    "content-type": "application/json",
    "x-app-id": keys.applicationId,
    "x-app-token": keys.secretKey,
  })};
return msg;`;
  return [
    { id: "core", type: "tab", label: "Core nodes" },
    { id: "c1", type: "http in", z: "core", url: CORE_PATH, method: "post", wires: [["c2"]] },
    { id: "c2", type: "split", z: "core", splt: "\\n", arraySplt: 1, arraySpltType: "len", wires: [["c3"]] },
    { id: "c3", type: "function", z: "core", func: mapping, outputs: 1, wires: [["c4"]] },
    {
      id: "c4",
      type: "http request",
      z: "core",
      method: "POST",
      ret: "obj",
      url: `${apiUrl}/v1/customers`,
      wires: [["c5"]],
    },
    { id: "c5", type: "join", z: "core", mode: "auto", wires: [["c6"]] },
    {
      id: "c6",
      type: "function",
      z: "core",
      func: "delete msg.headers; msg.payload = { done: msg.payload.length }; return msg;",
      outputs: 1,
      wires: [["c7"]],
    },
    { id: "c7", type: "http response", z: "core", statusCode: "200", headers: {}, wires: [] },
  ];
}
