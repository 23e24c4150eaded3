import type { Node, NodeAPI, NodeDef } from "node-red";
import { sendTestEvent } from "../src/bloomreach/test-event";
import { BloomreachTracking } from "../src/destinations/bloomreach/bloomreach-tracking";
import { CUSTOM_EVENT, TRACKING_COMMAND } from "../src/destinations/body-kinds";
import type { TrackingWork } from "../src/destinations/bloomreach/tracking-work";
import type { CustomEvent } from "../src/destinations/custom-event";
import { deliveredCommands, judgeForBloomreach } from "../src/destinations/work/command-work";
import { deliveredEvents, judgeCustomEvent } from "../src/destinations/work/event-work";
import { hardIdOf, receivedAt } from "../src/destinations/work/message-facts";
import { DEFAULT_EVENT_NAMES } from "../src/mapping/events/event-names";
import type { EventKind } from "../src/schemas/voucherify-event";
import { addDialogRoute, postedText } from "./lib/accounts/account-routes";
import type { BloomreachAccount } from "./lib/accounts/bloomreach-webhook-keys";
import { runDeliveryNode } from "./lib/delivery/delivery-node";
import { declareDeliveryType } from "./lib/delivery/downstream";
import { prepareDelivery } from "./lib/delivery/durable-delivery";
import { declareIdSync } from "./lib/accounts/id-sync-nodes";
import { refuseMessages } from "./lib/runtime/message-handler";
import { registerNode } from "./lib/runtime/register-node";
import { NodeStatus } from "./lib/runtime/status";
import type { VoucherifyAccount } from "./lib/accounts/voucherify-connection";

const TYPE = "bv-event-forward";

interface EventForwardDef extends NodeDef {
  sendTo: "bloomreach" | "voucherify";
  account: string;
  voucherifyAccount: string;
  send: "event" | "properties" | "both";
  names: Partial<Record<EventKind, string>>;
  currency: string;
  fillMs: number | string;
  repeat: "at-least-once" | "at-most-once";
  concurrency: number | string;
}

/** Sends events on: Voucherify's into Bloomreach, or Bloomreach's into Voucherify. */
export = (RED: NodeAPI): void => {
  prepareDelivery(RED);
  declareDeliveryType(TYPE);

  function EventForward(this: Node, def: EventForwardDef): void {
    RED.nodes.createNode(this, def);
    const status = new NodeStatus(RED, this, "event-forward");
    if (def.sendTo === "voucherify") intoVoucherify(this, def, status);
    else intoBloomreach(this, def, status);
  }

  function intoBloomreach(node: Node, def: EventForwardDef, status: NodeStatus): void {
    const account = RED.nodes.getNode(def.account) as BloomreachAccount | null;
    if (!account) return refuseMessages(node, status, "no-account", CHOOSE("bloomreach"));
    const { api, budget, isSimulated } = account.connection;
    if (account.idSync) declareIdSync(node);
    const mapping = {
      send: def.send ?? "both",
      names: def.names ?? {},
      hardId: account.hardId,
      currency: def.currency || "EUR",
      ...(account.idSync && { idSync: account.idSync }),
    };
    const fillMs = Number(def.fillMs ?? 1_000);
    runDeliveryNode<TrackingWork>(RED, node, {
      type: TYPE,
      status,
      destination: new BloomreachTracking<TrackingWork>({ api, fillMs: Number.isFinite(fillMs) ? fillMs : 1_000 }),
      isSimulated,
      concurrency: Number(def.concurrency) || 4,
      budget,
      things: "events",
      kind: TRACKING_COMMAND,
      notAPayload: NOT_A_PAYLOAD,
      judge: (item, message) => judgeForBloomreach(item, mapping, receivedAt(message)),
      result: deliveredCommands,
    });
  }

  function intoVoucherify(node: Node, def: EventForwardDef, status: NodeStatus): void {
    const account = RED.nodes.getNode(def.voucherifyAccount) as VoucherifyAccount | null;
    if (!account) return refuseMessages(node, status, "no-account", CHOOSE("voucherify"));
    const { budget, isSimulated } = account.connection;
    runDeliveryNode<CustomEvent>(RED, node, {
      type: TYPE,
      status,
      destination: account.connection.events(def.repeat ?? "at-least-once"),
      isSimulated,
      testMode: account.testCustomers.size > 0,
      concurrency: Number(def.concurrency) || 4,
      budget,
      things: "events",
      kind: CUSTOM_EVENT,
      notAPayload: NOT_A_PAYLOAD,
      judge: (item, message) => judgeCustomEvent(item, hardIdOf(message, account.hardId), account.testCustomers),
      result: deliveredEvents,
    });
  }
  registerNode(RED, TYPE, EventForward);

  RED.httpAdmin.get(
    "/bloomreach-voucherify/event-forward/names",
    RED.auth.needsPermission(`${TYPE}.read`),
    (_request, response) => void response.json(DEFAULT_EVENT_NAMES),
  );

  addDialogRoute(RED, TYPE, "event-forward/test", async (posted) => {
    const account = RED.nodes.getNode(postedText(posted, "account")) as BloomreachAccount | null;
    if (!account) return { ok: false, sentence: "Deploy the bloomreach account first, then test." };
    const customer = postedText(posted, "customer").trim();
    if (!customer) return { ok: false, sentence: "Type the ID of a customer in Bloomreach, for example your own." };
    const { api, problem } = account.connection;
    if (problem) return { ok: false, sentence: problem };
    return sendTestEvent(api, { [account.hardId]: customer }, AbortSignal.timeout(15_000));
  });
};

const CHOOSE = (side: string): string => `Choose a ${side} account in this event forward node, then deploy.`;
const NOT_A_PAYLOAD = "msg.payload must be an event or a list of events.";
