import type { Node, NodeAPI, NodeDef } from "node-red";
import { codeTemplate } from "../src/bloomreach/paste-requests";
import { customerTemplate, eventTemplate, type MetadataKey, rootTemplate } from "../src/bloomreach/paste-templates";
import { isJsonObject } from "../src/json";
import type { EventKind } from "../src/schemas/voucherify-event";
import {
  type BloomreachProfile,
  formsOf,
  renderEmail,
  SAMPLE_METADATA_KEYS,
  sampleCustomers,
  sampleEventData,
  sampleMembers,
  sampleWebhook,
  sendScenario,
  sendWebhook,
  type WebhookForm,
} from "../src/simulator";
import type { BloomreachAccount } from "./lib/accounts/bloomreach-webhook-keys";
import { builtInKeys, builtInSimulator } from "./lib/accounts/built-in-simulator";
import { localAddress } from "./lib/runtime/local-address";
import { type Message, MessageError, onEachMessage } from "./lib/runtime/message-handler";
import { keepMarks, simulatedMark } from "./lib/delivery/simulated-origin";
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
  RED.nodes.registerType("bv-simulator", SimulatorNode);
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
    headers: headersOf(account),
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
  return customerTemplate(hardId, own ? metadataKeysOf(own) : sample());
}

/** Sends a signed webhook; a kind that no webhook brings goes into the activity of a simulated customer instead. */
async function playVoucherify(RED: NodeAPI, def: SimulatorDef, message: Message, status: NodeStatus): Promise<object> {
  const { kind, form } = def;
  const sourceId = sourceIdOf(message.payload) ?? "anna.kowalska@example.com";
  const forms = formsOf(kind);
  if (forms.length === 0) {
    await recordActivity(kind, sourceId);
    status.show("ok", "recorded");
    return { payload: { kind, way: "activity", customer: { source_id: sourceId } }, ...simulatedMark(true) };
  }
  if (!forms.includes(form))
    throw new MessageError(
      `Voucherify sends ${kind} in no such form. Choose another form in this simulator node: ${forms.join(", ")}.`,
    );
  const { statuses } = await sendWebhook({
    url: `${localAddress(RED)}${def.path}`,
    body: sampleWebhook(kind, form, { customer: { source_id: sourceId } }),
    secret: builtInKeys().signingSecret,
    retries: 0,
    insecureTls,
  });
  const statusCode = statuses.at(-1) ?? 0;
  const isTaken = statusCode >= 200 && statusCode < 300;
  status.show(isTaken ? "ok" : "problem", "sent", { count: 1, status: statusCode });
  return { payload: { kind, way: form, customer: { source_id: sourceId }, statusCode }, ...simulatedMark(true) };
}

async function recordActivity(kind: EventKind, sourceId: string): Promise<void> {
  const simulator = await builtInSimulator();
  const customer = simulator.customerOf(sourceId);
  simulator.activity.record(customer.id, {
    type: kind,
    data: sampleEventData(kind, { customer: { id: customer.id, source_id: sourceId } }),
    // A person did it, so that it is no echo of this Node-RED's own calls.
    source: { channel: "USER_PORTAL" },
  });
}

/** `{ customer: "<source id>" }`, of a message. */
function sourceIdOf(payload: unknown): string | undefined {
  return isJsonObject(payload) && typeof payload.customer === "string" ? payload.customer : undefined;
}

function headersOf({ webhookKeys }: BloomreachAccount): Record<string, string> {
  const { applicationId, secretKey, headerName, headerValue } = webhookKeys ?? { applicationId: "", secretKey: "" };
  return {
    ...(applicationId && { "application-id": applicationId, "secret-key": secretKey }),
    ...(headerName && headerValue && { [headerName]: headerValue }),
  };
}

/** Bloomreach profiles that a message brings: `[{ customer_ids, properties }]`; undefined when it brings none. */
function profilesOf(payload: unknown): readonly BloomreachProfile[] | undefined {
  if (!Array.isArray(payload) || payload.length === 0) return undefined;
  return payload.map((given: unknown) => {
    const profile = isJsonObject(given) ? given : {};
    return {
      customer_ids: isJsonObject(profile.customer_ids) ? profile.customer_ids : {},
      properties: isJsonObject(profile.properties) ? profile.properties : {},
    };
  });
}

/** The properties that the Customer template of the reference document puts under metadata: all but the core fields. */
function metadataKeysOf(customers: readonly BloomreachProfile[]): MetadataKey[] {
  const core = new Set([
    "firstName",
    "description",
    "email",
    "phone",
    "birthDate",
    "city",
    "state",
    "address1",
    "address2",
    "country",
    "postalCode",
  ]);
  const keys = new Set(customers.flatMap(({ properties }) => Object.keys(properties)).filter((key) => !core.has(key)));
  const isStructure = (value: unknown): boolean => typeof value === "object" && value !== null;
  return [...keys].map((key) => ({
    key,
    structured: customers.some(({ properties }) => isStructure(properties[key])),
  }));
}
