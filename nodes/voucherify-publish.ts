import type { Node, NodeAPI, NodeDef } from "node-red";
import { PUBLICATION_REQUEST } from "../src/destinations/body-kinds";
import { listCodeCampaigns } from "../src/destinations/voucherify/campaign-list";
import { Publisher } from "../src/destinations/voucherify/publisher";
import { VoucherifyPublications } from "../src/destinations/voucherify/voucherify-publications";
import { heldAnswer, queuedAnswer } from "../src/destinations/work/code-answers";
import { type CodeSettings, judgeCodeRequest, readCodeMessage, settledCode } from "../src/destinations/work/code-work";
import { publishNow } from "../src/destinations/work/publish-now";
import { publicationAnswer } from "../src/mapping/codes/publication-answer";
import type { Frequency, PublicationRequest } from "../src/mapping/codes/publication-request";
import { addDialogRoute, postedText } from "./lib/accounts/account-routes";
import type { VoucherifyAccount, VoucherifyConnection } from "./lib/accounts/voucherify-connection";
import { closingSignal } from "./lib/delivery/delivery-life";
import { runDeliveryNode } from "./lib/delivery/delivery-node";
import { declareDeliveryType } from "./lib/delivery/downstream";
import { prepareDelivery } from "./lib/delivery/durable-delivery";
import { declareAccount, refusalOfSimulated, simulatedMark } from "./lib/delivery/simulated-origin";
import { AnsweredMessage } from "./lib/runtime/answered-message";
import { onEachMessage, refuseMessages } from "./lib/runtime/message-handler";
import { processOwned } from "./lib/runtime/process-owned";
import { NodeStatus } from "./lib/runtime/status";
import { replyOf } from "./lib/runtime/webhook-reply";
import { registerNode } from "./lib/runtime/register-node";

const TYPE = "bv-voucherify-publish";

interface VoucherifyPublishDef extends NodeDef {
  account: string;
  answer: "now" | "queue";
  campaign: string;
  frequency: Frequency;
  channel: string;
  joinOnce: boolean;
  currency: string;
  concurrency: number | string;
}

interface PublishSettings extends CodeSettings {
  readonly connection: VoucherifyConnection;
  readonly status: NodeStatus;
  readonly currency: string;
}

/** Gets a customer a unique code: in the answer to the webhook that waits, or one by one from a queue on disk. */
export = (RED: NodeAPI): void => {
  prepareDelivery(RED);
  declareDeliveryType(TYPE);

  function VoucherifyPublish(this: Node, def: VoucherifyPublishDef): void {
    RED.nodes.createNode(this, def);
    const account = RED.nodes.getNode(def.account) as VoucherifyAccount | null;
    const status = new NodeStatus(RED, this, "voucherify-publish");
    if (!account)
      return refuseMessages(
        this,
        status,
        "no-account",
        "Choose a voucherify account in this voucherify publish node, then deploy.",
      );
    const settings: PublishSettings = {
      connection: account.connection,
      status,
      currency: def.currency || "EUR",
      testCustomers: account.testCustomers,
      defaults: {
        hardId: account.hardId,
        campaign: def.campaign ?? "",
        frequency: def.frequency ?? "send",
        channel: def.channel ?? "",
        joinOnce: def.joinOnce === true,
      },
    };
    if (def.answer === "queue") publishFromQueue(RED, this, settings, Number(def.concurrency) || 2);
    else answerNow(RED, this, settings);
  }
  registerNode(RED, TYPE, VoucherifyPublish);

  addDialogRoute(RED, TYPE, "voucherify-publish/campaigns", async (posted) => {
    const account = RED.nodes.getNode(postedText(posted, "account")) as VoucherifyAccount | null;
    if (!account)
      return { campaigns: [], note: "Deploy the voucherify account first: then its campaigns are listed here." };
    const { urgentApi, problem } = account.connection;
    return { campaigns: problem ? [] : await listCodeCampaigns(urgentApi) };
  });
};

/** Equal requests share one call, also when they come to two nodes, or before and after a deploy. */
function publisherOf(
  { applicationId, urgentApi, api, publicationSchemas }: VoucherifyConnection,
  urgent: boolean,
): Publisher {
  const publishers = processOwned<{ publisher: Publisher; api: unknown }>("publishers");
  const name = `${applicationId} ${urgent}`;
  const known = publishers.get(name);
  const current = urgent ? urgentApi : api;
  if (known?.api === current) return known.publisher;
  const publisher = new Publisher(current, publicationSchemas);
  publishers.set(name, { publisher, api: current });
  return publisher;
}

function answerNow(RED: NodeAPI, node: Node, settings: PublishSettings): void {
  const { connection, status, currency, testCustomers } = settings;
  const publisher = publisherOf(connection, true);
  const closing = closingSignal(node);
  declareAccount(RED, node, connection);
  /** By node; outlives deploys, as the counts of the queues do. */
  const notSent = processOwned<number>("not-sent");
  if (testCustomers.size > 0) {
    status.tellTestMode(() => notSent.get(node.id) ?? 0);
    status.clear();
  }

  onEachMessage(node, async (message, send) => {
    const asked = new AnsweredMessage(message, status);
    const { reply } = asked;
    const refusal = refusalOfSimulated(message, connection);
    if (refusal) return asked.refuse(refusal.key, refusal.reason, { simulated: true });
    Object.assign(message, simulatedMark(connection.isSimulated));
    const reading = readCodeMessage(message, settings);
    if (reading.kind === "refused") return asked.refuse(reading.key, reading.reason);
    if (reading.kind === "held") {
      const { reason } = reading;
      const answered = reply ? asked.answer(heldAnswer(reason, reply.requestId)) : false;
      notSent.set(node.id, (notSent.get(node.id) ?? 0) + 1);
      status.clear();
      return send(Object.assign(message, { payload: { status: "held", reason }, answered }));
    }
    const published = await publishNow(publisher, reading.request, closing);
    if (published.kind === "later") return asked.postpone(published.key, published.reason, published.details);
    if (published.kind === "refused") return asked.refuse(published.key, published.reason, published.details);
    const { publication, omitted } = published;
    const payload = publicationAnswer(publication, currency);
    const answered = asked.answer(payload);
    if (reply && !answered) status.tell({ look: "waiting", key: "late" });
    else status.tell({ look: "ok", key: "published" });
    send(Object.assign(message, { payload, answered, ...(omitted.length > 0 && { omitted }) }));
  });
}

function publishFromQueue(RED: NodeAPI, node: Node, settings: PublishSettings, concurrency: number): void {
  const { connection, status, currency, testCustomers } = settings;
  runDeliveryNode<PublicationRequest>(RED, node, {
    type: TYPE,
    status,
    destination: new VoucherifyPublications(publisherOf(connection, false)),
    isSimulated: connection.isSimulated,
    testMode: testCustomers.size > 0,
    concurrency,
    budget: connection.budget,
    things: "requests",
    sendsFailures: true,
    kind: PUBLICATION_REQUEST,
    judge: (item, message) => judgeCodeRequest(item, message, settings, `${TYPE} ${node.id}`),
    accepted: (message, taken) => {
      const reply = replyOf(message);
      reply?.answer(200, queuedAnswer(taken, reply.requestId));
      const { repeated, waiting } = taken;
      if (repeated > 0 && waiting === 0) status.tell({ look: "idle", key: "repeated", values: { count: repeated } });
    },
    result: (delivered, failed) => settledCode(delivered, failed, currency),
  });
}
