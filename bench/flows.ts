import { BLOOMREACH_KEYS, customerFlow, CUSTOMERS_PATH, type FlowNode, TEST_KEYS } from "../test/support/flows";
import type { NodeRedOptions } from "../test/support/node-red-process";

/** The secret of Voucherify's webhooks. */
export const SIGNING_SECRET = "bench-signing-secret-81d0";

/** Where each job is asked for, of ours and of the flow of core nodes that does the same. */
export const PATHS = {
  customers: { ours: CUSTOMERS_PATH, core: "/core/customers" },
  /** The core flow stores nothing and sends nothing on: it only answers. */
  receive: { ours: CUSTOMERS_PATH, core: "/core/receive" },
  codesNow: { ours: "/bloomreach-engagement/publications", core: "/core/codes-now" },
  codesQueued: { ours: "/bloomreach-engagement/queued-publications", core: "/core/codes-queued" },
  eventsToVoucherify: { ours: "/bloomreach-engagement/create-event-bulk", core: "/core/events" },
  eventsToBloomreach: { ours: "/voucherify/webhooks", core: "/core/webhooks" },
} as const;

const UNLIMITED = 1_000_000;
const VOUCHERIFY_HEADERS = {
  "content-type": "application/json",
  "x-app-id": TEST_KEYS.applicationId,
  "x-app-token": TEST_KEYS.secretKey,
};
const BLOOMREACH_HEADERS = {
  "content-type": "application/json",
  authorization: `Basic ${Buffer.from(`${BLOOMREACH_KEYS.apiKeyId}:${BLOOMREACH_KEYS.apiSecret}`).toString("base64")}`,
};

/** Our flows and their rivals, for one Node-RED. */
export function benchFlows(apiUrl: string): Pick<NodeRedOptions, "flows" | "credentials"> {
  const ours = customerFlow(apiUrl, { account: { requests: UNLIMITED } });
  const quiet = ours.flows
    .filter(({ type }) => !["debug", "status", "catch"].includes(type))
    .map((node): FlowNode => {
      if (node.id === "bloomreach") return { ...node, apiUrl, requestsPerSecond: 100 };
      return node.id === "upsert" ? { ...node, wires: [[]] } : node;
    });
  return {
    flows: [...quiet, ...ourOtherFlows(), ...coreFlows(apiUrl)],
    credentials: ours.credentials && { ...ours.credentials, hooks: { secret: SIGNING_SECRET } },
  };
}

function ourOtherFlows(): FlowNode[] {
  const node = (id: string, type: string, properties: object): FlowNode => ({
    ...{ id, type, z: "tab", x: 100, y: 100 },
    ...properties,
  });
  const asks = { account: "bloomreach", kind: "requests", maxBytes: 10 };
  const publish = {
    account: "voucherify",
    campaign: "Abandoned cart",
    frequency: "send",
    currency: "EUR",
    wires: [[]],
  };
  const forward = { account: "bloomreach", names: {}, currency: "EUR", fillMs: 100, wires: [[]] };
  return [
    node("ask", "bv-bloomreach-in", { ...asks, path: PATHS.codesNow.ours, wires: [["now"]] }),
    node("now", "bv-voucherify-publish", { ...publish, answer: "now" }),
    node("ask-queue", "bv-bloomreach-in", { ...asks, path: PATHS.codesQueued.ours, wires: [["queue"]] }),
    node("queue", "bv-voucherify-publish", { ...publish, answer: "queue" }),
    node("events", "bv-bloomreach-in", {
      ...{
        account: "bloomreach",
        kind: "events",
        path: PATHS.eventsToVoucherify.ours,
        maxBytes: 10,
        wires: [["tell"]],
      },
    }),
    node("tell", "bv-event-forward", { ...forward, sendTo: "voucherify", voucherifyAccount: "voucherify" }),
    node("hooks", "bv-voucherify-in", {
      ...{ account: "voucherify", path: PATHS.eventsToBloomreach.ours, dropEchoes: true, wires: [["track"], []] },
    }),
    node("track", "bv-event-forward", { ...forward, sendTo: "bloomreach", send: "event" }),
  ];
}

/**
 * The rival: the same jobs by core nodes alone, as their own examples do it. Each record is one request, because bulk with a
 * result for each customer, retries and rules for metadata cannot be wired from core nodes; a webhook is answered when all is
 * done.
 */
function coreFlows(apiUrl: string): FlowNode[] {
  const voucherify = (mapping: string): string =>
    `${mapping} msg.headers = ${JSON.stringify(VOUCHERIFY_HEADERS)}; return msg;`;
  const track = `const { redemption, customer } = msg.payload.data;
msg.payload = { commands: [{ name: "customers/events", data: { customer_ids: { registered: customer.source_id }, event_type: "voucherify_redemption_succeeded", timestamp: Date.parse(msg.payload.created_at) / 1000, properties: { voucherify_event_id: redemption.id } } }] };
msg.headers = ${JSON.stringify(BLOOMREACH_HEADERS)};
return msg;`;
  const publication = voucherify(
    `msg.payload = { customer: msg.payload.customer, campaign: { name: "Abandoned cart", count: 1 }, source_id: msg.payload.send };`,
  );
  return [
    { id: "core", type: "tab", label: "Core nodes" },
    ...chain(PATHS.customers.core, [
      { type: "split" },
      {
        type: "function",
        func: voucherify(
          "const { registered, ...rest } = msg.payload; msg.payload = { source_id: registered, ...rest };",
        ),
      },
      { type: "http request", url: `${apiUrl}/v1/customers` },
      { type: "join" },
    ]),
    ...chain(PATHS.receive.core, []),
    ...chain(
      PATHS.codesNow.core,
      [
        { type: "function", func: publication },
        { type: "http request", url: `${apiUrl}/v1/publications` },
      ],
      "msg.payload",
    ),
    ...chain(PATHS.codesQueued.core, [
      { type: "split" },
      { type: "function", func: publication },
      { type: "http request", url: `${apiUrl}/v1/publications` },
      { type: "join" },
    ]),
    ...chain(PATHS.eventsToVoucherify.core, [
      { type: "split" },
      {
        type: "function",
        func: voucherify(
          "const { customer, ...rest } = msg.payload; msg.payload = { customer: { source_id: customer.registered }, ...rest };",
        ),
      },
      { type: "http request", url: `${apiUrl}/v1/events` },
      { type: "join" },
    ]),
    ...chain(PATHS.eventsToBloomreach.core, [
      { type: "function", func: track },
      { type: "http request", url: `${apiUrl}/track/v2/projects/${BLOOMREACH_KEYS.projectToken}/batch` },
    ]),
  ];
}

/** `http in`, some nodes, a function that makes the answer, `http response`. */
function chain(
  path: string,
  between: readonly { type: string; [property: string]: unknown }[],
  answer = "{ done: true }",
): FlowNode[] {
  const settings: Record<string, object> = {
    split: { splt: "\\n", arraySplt: 1, arraySpltType: "len" },
    join: { mode: "auto" },
    "http request": { method: "POST", ret: "obj" },
    function: { outputs: 1 },
  };
  const nodes = [
    { type: "http in", url: path, method: "post" },
    ...between,
    { type: "function", outputs: 1, func: `delete msg.headers; msg.payload = ${answer}; return msg;` },
    { type: "http response", statusCode: "200", headers: {} },
  ];
  const id = (place: number): string => `${path.replaceAll("/", "-")}-${place}`;
  return nodes.map((node, place) => ({
    ...{ id: id(place), z: "core", x: 100 + 150 * place, y: 100 },
    ...settings[node.type],
    ...node,
    wires: place < nodes.length - 1 ? [[id(place + 1)]] : [],
  }));
}
