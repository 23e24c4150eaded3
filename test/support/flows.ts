/** Keys that only tests use: a live account refuses the simulator's own. */
export const TEST_KEYS = { applicationId: "test-application-id", secretKey: "test-secret-key-5f1c" } as const;
export const BLOOMREACH_KEYS = {
  projectToken: "test-project-token",
  apiKeyId: "test-key-id",
  apiSecret: "test-key-secret-2c9e",
} as const;
export const WEBHOOK_KEYS = {
  "application-id": "webhook-application-id",
  "secret-key": "webhook-secret-key-77aa",
} as const;
export const CUSTOMERS_PATH = "/bloomreach-engagement/upsert-customer-bulk";

/** A node as it stands in a flow file. */
export type FlowNode = { id: string; type: string; [property: string]: unknown };

/** bloomreach in -> customer upsert -> debug, with Catch -> debug, both accounts, and the credentials of the accounts. */
export function customerFlow(
  apiUrl: string,
  options: { upsert?: object; account?: object; in?: object } = {},
): { flows: FlowNode[]; credentials: Record<string, Record<string, string>> } {
  const debug = {
    type: "debug",
    z: "tab",
    active: true,
    tosidebar: true,
    console: true,
    complete: "true",
    targetType: "full",
  };
  const flows: FlowNode[] = [
    { id: "tab", type: "tab", label: "Customers" },
    {
      id: "in",
      type: "bv-bloomreach-in",
      z: "tab",
      name: "",
      account: "bloomreach",
      kind: "customers",
      path: CUSTOMERS_PATH,
      output: "webhook",
      maxBytes: 10,
      wires: [["upsert"]],
      ...options.in,
    },
    {
      id: "upsert",
      type: "bv-customer-upsert",
      z: "tab",
      name: "",
      account: "voucherify",
      emptyValues: "keep",
      concurrency: 2,
      wires: [["result"]],
      ...options.upsert,
    },
    { id: "result", name: "Result", ...debug, wires: [] },
    { id: "catch", type: "catch", z: "tab", scope: null, uncaught: false, wires: [["failed"]] },
    { id: "failed", name: "Failed", ...debug, wires: [] },
    { id: "status", type: "status", z: "tab", scope: null, wires: [["statuses"]] },
    { id: "statuses", name: "Statuses", ...debug, wires: [] },
    {
      id: "bloomreach",
      type: "bv-bloomreach-account",
      name: "Bloomreach",
      apiUrl: "https://api.exponea.com",
      projectToken: BLOOMREACH_KEYS.projectToken,
      hardId: "registered",
      publicUrl: "",
      headerName: "",
    },
    {
      id: "voucherify",
      type: "bv-voucherify-account",
      name: "Voucherify",
      apiUrl,
      hardId: "registered",
      plan: "own",
      requests: 2000,
      period: "minute",
      throttle: "",
      testCustomers: "",
      ...options.account,
    },
  ];
  return {
    // Without a place, Node-RED takes a node for a config node.
    flows: flows.map((node, row) => ("z" in node ? { x: 100, y: 50 * row, ...node } : node)),
    credentials: {
      bloomreach: {
        webhookApplicationId: WEBHOOK_KEYS["application-id"],
        webhookSecretKey: WEBHOOK_KEYS["secret-key"],
        apiKeyId: BLOOMREACH_KEYS.apiKeyId,
        apiSecret: BLOOMREACH_KEYS.apiSecret,
      },
      voucherify: { ...TEST_KEYS },
    },
  };
}
