import type { Node, NodeAPI, NodeDef } from "node-red";
import { codeTemplate } from "../src/bloomreach/paste-requests";
import {
  customerTemplate,
  eventTemplate,
  type MetadataKey,
  metadataKeysIn,
  rootTemplate,
} from "../src/bloomreach/paste-templates";
import { headersWith } from "../src/bloomreach/webhook-keys";
import type { EventKind } from "../src/schemas/voucherify-event";
import {
  type BloomreachProfile,
  profilesOf,
  recordSample,
  renderEmail,
  SAMPLE_METADATA_KEYS,
  sampleCustomers,
  sampleMembers,
  sampleWebhook,
  sendScenario,
  sendWebhook,
  sourceIdIn,
  wayOf,
  type WebhookForm,
} from "../src/simulator";
import type { BloomreachAccount } from "./lib/accounts/bloomreach-webhook-keys";
import { builtInKeys, builtInSimulator } from "./lib/accounts/built-in-simulator";
import { localAddress } from "./lib/runtime/local-address";
import { type Message, MessageError, onEachMessage } from "./lib/runtime/message-handler";
import { keepMarks, simulatedMark } from "./lib/delivery/simulated-origin";
import { registerNode } from "./lib/runtime/register-node";
import { NodeStatus } from "./lib/runtime/status";

interface SimulatorDef extends NodeDef {
  plays: "customers" | "events" | "requests" | "voucherify";
  account: string;
  path: string;
  count: number | string;
  event: string;
  campaign: string;
  send: "batch" | "single";
  batchSize: number | string;
  mess: "none" | "leftovers" | "broken-quote";
  email: string;
  kind: EventKind;
  form: WebhookForm;
}

/** Node-RED's own certificate is often self-signed, and these connections never leave the machine. */
const insecureTls = true;
/** Of the webhooks that this process sent as Bloomreach, ms: no two messages share one. */
let lastSentAt = 0;

/** Plays what calls this Node-RED: a Bloomreach scenario with the pasted templates, or a webhook of Voucherify. */
export = (RED: NodeAPI): void => {
  function SimulatorNode(this: Node, def: SimulatorDef): void {
    RED.nodes.createNode(this, def);
    const status = new NodeStatus(RED, this, "simulator");
    builtInSimulator().then(
      () => status.show("idle", "running"),
      (error: Error) => this.error(`The built-in simulator does not start: ${error.message}`),
    );
    keepMarks(RED, this);
    const play = def.plays === "voucherify" ? playVoucherify : playBloomreach;
    onEachMessage(this, async (message, send) => send(Object.assign(message, await play(RED, def, message, status))));
  }
  registerNode(RED, "bv-simulator", SimulatorNode);
};

/** Sends what a scenario sends; returns what the message tells of it. */
async function playBloomreach(RED: NodeAPI, def: SimulatorDef, message: Message, status: NodeStatus): Promise<object> {
  const account = RED.nodes.getNode(def.account) as BloomreachAccount | null;
  if (!account?.webhookKeys)
    throw new MessageError(account?.problem ?? "Choose a bloomreach account in this simulator node, then deploy.");
  const own = profilesOf(message.payload);
  const sample = def.plays === "events" || def.plays === "requests" ? sampleMembers : sampleCustomers;
  const customers = own ?? sample(account.hardId, Number(def.count) || 3);
  lastSentAt = Math.max(lastSentAt + 1, Date.now());
  const { requests, stopped } = await sendScenario({
    url: `${localAddress(RED)}${def.path}`,
    headers: headersWith(account.webhookKeys),
    customers,
    customerTemplate: templateOf(def, account.hardId, own),
    rootTemplate: rootTemplate(),
    context: {
      scenario: { id: "simulated-scenario" },
      action: { id: def.id },
      event: { timestamp: lastSentAt / 1_000, stars: 5 },
    },
    mode: def.send ?? "batch",
    batchSize: Number(def.batchSize) || 1000,
    mess: def.mess ?? "none",
    insecureTls,
  });
  if (stopped) status.show("problem", "stopped");
  else status.show("ok", "sent", { count: customers.length, status: requests.at(-1)?.status ?? "-" });
  const email = def.plays === "requests" && def.send === "single" && def.email ? def.email : undefined;
  return {
    payload: requests.map((request) => ({ statusCode: request.status, body: request.body })),
    ...simulatedMark(account.connection.isSimulated),
    ...(stopped && { stopped }),
    // Single requests are answered in the order of their customers.
    ...(email && { email: requests.map(({ body }, index) => renderEmail(email, customers[index]!, body)) }),
  };
}

function templateOf(def: SimulatorDef, hardId: string, own: readonly BloomreachProfile[] | undefined): string {
  if (def.plays === "events") return eventTemplate(hardId, "event_key", def.event);
  if (def.plays === "requests") return codeTemplate(hardId, def.campaign, "event");
  const sample = (): MetadataKey[] => SAMPLE_METADATA_KEYS.map((key) => ({ key, structured: false }));
  return customerTemplate(hardId, own ? metadataKeysIn(own.map(({ properties }) => properties)) : sample());
}

/** Sends a signed webhook; a kind that no webhook brings goes into the activity of a simulated customer instead. */
async function playVoucherify(RED: NodeAPI, def: SimulatorDef, message: Message, status: NodeStatus): Promise<object> {
  const { kind, form } = def;
  const sourceId = sourceIdIn(message.payload) ?? "anna.kowalska@example.com";
  const customer = { source_id: sourceId };
  const choice = wayOf(kind, form);
  if (!choice.ok) throw new MessageError(choice.reason);
  const { way } = choice;
  if (way === "activity") {
    recordSample(await builtInSimulator(), kind, sourceId);
    status.show("ok", "recorded");
    return { payload: { kind, way, customer }, ...simulatedMark(true) };
  }
  const { statuses, delivered } = await sendWebhook({
    url: `${localAddress(RED)}${def.path}`,
    body: sampleWebhook(kind, way, { customer }),
    secret: builtInKeys().signingSecret,
    retries: 0,
    insecureTls,
  });
  const statusCode = statuses.at(-1) ?? 0;
  status.show(delivered ? "ok" : "problem", "sent", { count: 1, status: statusCode });
  return { payload: { kind, way, customer, statusCode }, ...simulatedMark(true) };
}
