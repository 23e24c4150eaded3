import type { Node, NodeAPI, NodeDef } from "node-red";
import { ConfigurationError } from "../src/delivery/outcome";
import { sleep } from "../src/async/sleep";
import { PUBLICATION_REQUEST } from "../src/destinations/body-kinds";
import { Publisher, type Published } from "../src/destinations/voucherify/publisher";
import { TryLater } from "../src/destinations/voucherify/voucherify-answers";
import { VoucherifyPublications } from "../src/destinations/voucherify/voucherify-publications";
import { isJsonObject, type JsonObject, type JsonValue } from "../src/json";
import { publicationAnswer } from "../src/mapping/codes/publication-answer";
import {
  type Frequency,
  type PublicationDefaults,
  type PublicationRequest,
  readPublicationRequest,
} from "../src/mapping/codes/publication-request";
import { addDialogRoute, postedText } from "./lib/accounts/account-routes";
import { closingSignal } from "./lib/delivery/delivery-life";
import { type Judged, runDeliveryNode } from "./lib/delivery/delivery-node";
import { declareDeliveryType } from "./lib/delivery/downstream";
import { prepareDelivery } from "./lib/delivery/durable-delivery";
import { type Message, MessageError, onEachMessage, refuseMessages } from "./lib/runtime/message-handler";
import { processOwned } from "./lib/runtime/process-owned";
import { declareAccount, simulatedMark, refusalOfSimulated } from "./lib/delivery/simulated-origin";
import { clock, NodeStatus } from "./lib/runtime/status";
import type { VoucherifyAccount, VoucherifyConnection } from "./lib/accounts/voucherify-connection";
import { replyOf } from "./lib/runtime/webhook-reply";

const TYPE = "bv-voucherify-publish";
/** Pauses before an answer-now request is tried again, ms: the first at once, because an answer may only have been lost. */
const PAUSES_MS = [0, 500, 1_000, 2_000, 4_000, 8_000];
const ONLY_TEST_CUSTOMERS =
  "Only test customers get codes: see Deliver only these test customers in the voucherify account.";
const BATCH = "A batch cannot give each customer its own code: use Queue.";

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
    const settings: Settings = {
      account,
      status,
      currency: def.currency || "EUR",
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
  RED.nodes.registerType(TYPE, VoucherifyPublish);

  addDialogRoute(RED, TYPE, "voucherify-publish/campaigns", async (posted) => {
    const account = RED.nodes.getNode(postedText(posted, "account")) as VoucherifyAccount | null;
    if (!account)
      return { campaigns: [], note: "Deploy the voucherify account first: then its campaigns are listed here." };
    return { campaigns: await campaignsOf(account.connection) };
  });
};

interface Settings {
  readonly account: VoucherifyAccount;
  readonly status: NodeStatus;
  readonly currency: string;
  readonly defaults: PublicationDefaults;
}

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

function answerNow(RED: NodeAPI, node: Node, { account, status, currency, defaults }: Settings): void {
  const publisher = publisherOf(account.connection, true);
  const closing = closingSignal(node);
  declareAccount(RED, node, account.connection);
  /** By node; outlives deploys, as the counts of the queues do. */
  const notSent = processOwned<number>("not-sent");
  if (account.testCustomers.size > 0) {
    status.tellTestMode(() => notSent.get(node.id) ?? 0);
    status.clear();
  }

  onEachMessage(node, async (message, send) => {
    const reply = replyOf(message);
    const now = { time: clock(Date.now()) };
    /** Says no, in a way that a scenario can branch on. */
    const refuse = (key: string, reason: string, more: JsonObject = {}): never => {
      reply?.answer(200, { success: false, key, error: reason, request_id: reply.requestId });
      status.show("problem", "refused", { key, ...now });
      throw new MessageError(reason, { key, ...more });
    };
    const refusal = refusalOfSimulated(message, account.connection);
    if (refusal) return refuse(refusal.key, refusal.reason, { simulated: true });
    Object.assign(message, simulatedMark(account.connection.isSimulated));
    const { payload } = message;
    if (Array.isArray(payload)) return refuse("batch", BATCH);
    if (!isJsonObject(payload)) return refuse("not_an_object", 'msg.payload must be {"customer": …, "campaign": …}.');
    const reading = readPublicationRequest(payload, settingsFor(message, defaults), receivedAt(message.webhook));
    if (!reading.ok) return refuse(reading.key, reading.reason);
    const { request } = reading;
    if (account.testCustomers.size > 0 && !account.testCustomers.has(request.sourceId)) {
      const reason = ONLY_TEST_CUSTOMERS;
      const refused = { success: false, key: "held", error: reason, not_sent: 1 };
      const answered = reply?.answer(200, { ...refused, request_id: reply.requestId }) ?? false;
      notSent.set(node.id, (notSent.get(node.id) ?? 0) + 1);
      status.clear();
      return send(Object.assign(message, { payload: { status: "held", reason }, answered }));
    }
    let published: Published;
    try {
      published = await insist(() => publisher.publish(request, closing), closing);
    } catch (error) {
      return laterOrNever(error, (key, reason, more) => {
        const description = { code: key, description: reason };
        reply?.answer(500, { success: false, errors: [description], request_id: reply.requestId });
        status.show("problem", key, { reason: reason.slice(0, 60), ...now });
        throw new MessageError(reason, more);
      });
    }
    if (!published.ok) {
      const { key, reason, answer } = published.refusal;
      return refuse(key, reason, {
        ...(answer?.statusCode !== undefined && { statusCode: answer.statusCode }),
        ...(answer?.body !== undefined && { response: answer.body }),
      });
    }
    const answer = publicationAnswer(published.publication, currency);
    const answered = reply?.answer(200, answer) ?? false;
    status.show(answered || !reply ? "ok" : "waiting", answered || !reply ? "published" : "late", now);
    const { omitted } = published;
    send(Object.assign(message, { payload: answer, answered, ...(omitted.length > 0 && { omitted }) }));
  });
}

function publishFromQueue(RED: NodeAPI, node: Node, settings: Settings, concurrency: number): void {
  const { account, status, currency, defaults } = settings;
  runDeliveryNode<PublicationRequest>(RED, node, {
    type: TYPE,
    status,
    destination: new VoucherifyPublications(publisherOf(account.connection, false)),
    isSimulated: account.connection.isSimulated,
    testMode: account.testCustomers.size > 0,
    concurrency,
    budget: account.connection.budget,
    things: "requests",
    sendsFailures: true,
    kind: PUBLICATION_REQUEST,
    judge: (item, message) => {
      const judged = judge(item, message, defaults, account.testCustomers);
      if (!("repetition" in judged) || !judged.repetition) return judged;
      // Each node has its own requests.
      const { key, forMs } = judged.repetition;
      return { ...judged, repetition: { key: `${TYPE} ${node.id} ${key}`, forMs } };
    },
    accepted: (message, { waiting, failed, repeated, notSent }) => {
      const reply = replyOf(message);
      const errors = failed.map(({ index, key, reason }) => ({ index: index!, code: key!, description: reason! }));
      reply?.answer(200, {
        success: waiting + repeated > 0 || failed.length + notSent === 0,
        accepted: waiting,
        repeated,
        ...(notSent > 0 && {
          not_sent: notSent,
          message: `Test mode: ${notSent.toLocaleString("en-US")} not sent. ${ONLY_TEST_CUSTOMERS}`,
        }),
        rejected: failed.length,
        errors: errors.slice(0, 100),
        request_id: reply.requestId,
      });
      if (repeated > 0 && waiting === 0) status.show("idle", "repeated", { count: repeated, time: clock(Date.now()) });
    },
    result: (delivered, failed) => {
      const codes = delivered.map(({ outcome }) =>
        publicationAnswer(outcome.result.publication as JsonObject, currency),
      );
      const without = failed.map(({ body, outcome, acceptedAt }) => failedPublication(body, outcome, acceptedAt));
      const omitted = delivered.flatMap(({ outcome }) => outcome.result.omitted as JsonObject[]);
      const [payload = null] = [...codes, ...without];
      return { payload, ...(omitted.length > 0 && { omitted }) };
    },
  });
}

function judge(
  item: JsonValue,
  message: Message,
  defaults: PublicationDefaults,
  testCustomers: ReadonlySet<string>,
): Judged<PublicationRequest> {
  if (!isJsonObject(item))
    return { failed: true, result: { key: "not_an_object", reason: "A request must be an object with fields." } };
  const reading = readPublicationRequest(item, settingsFor(message, defaults), receivedAt(message.webhook));
  if (!reading.ok) return { failed: true, result: { key: reading.key, reason: reading.reason } };
  const { request, repetition } = reading;
  if (testCustomers.size > 0 && !testCustomers.has(request.sourceId))
    return { failed: false, notSent: true, result: { source_id: request.sourceId, status: "held" } };
  return { records: [{ key: request.sourceId, body: request }], repetition };
}

/** What a request without a code becomes for the flow: the same bytes whenever it is asked. */
function failedPublication(
  { sourceId, campaign, idempotencyKey }: PublicationRequest,
  { key, reason }: { readonly key: string; readonly reason: string },
  acceptedAt: number,
): JsonObject {
  return {
    object: "publication",
    success: false,
    result: "FAILURE",
    failure_code: key,
    failure_message: reason,
    created_at: new Date(acceptedAt).toISOString(),
    source_id: idempotencyKey,
    tracking_id: sourceId,
    customer: { source_id: sourceId },
    ...(campaign !== undefined && { campaign: { name: campaign } }),
  };
}

/** The request may say which ID it has, and a message may choose the campaign. */
function settingsFor({ hardId, campaign }: Message, defaults: PublicationDefaults): PublicationDefaults {
  return {
    ...defaults,
    ...(typeof hardId === "string" && { hardId }),
    ...(typeof campaign === "string" && campaign && { campaign }),
  };
}

/** When the webhook came, so that a repeated message is the same request; Unix ms. */
function receivedAt(webhook: unknown): number {
  const at = isJsonObject(webhook) ? Number(webhook.received_at) : NaN;
  return at > 0 ? at : Date.now();
}

/** Tries again for some seconds: the webhook may have given up by then, but its repetition finds the code. */
async function insist(publish: () => Promise<Published>, signal: AbortSignal): Promise<Published> {
  for (const pauseMs of PAUSES_MS) {
    try {
      return await publish();
    } catch (error) {
      if (!(error instanceof TryLater) || error.outcome.answer?.statusCode === 429) throw error;
      await sleep(error.outcome.retryAfterMs ?? pauseMs, signal);
    }
  }
  return publish();
}

function laterOrNever(
  error: unknown,
  tell: (key: "paused" | "retry", reason: string, more: JsonObject) => never,
): never {
  if (error instanceof ConfigurationError)
    return tell("paused", error.message, {
      ...(error.answer?.statusCode !== undefined && { statusCode: error.answer.statusCode }),
    });
  if (!(error instanceof TryLater)) throw error;
  const { reason, answer } = error.outcome;
  return tell("retry", reason, { ...(answer?.statusCode !== undefined && { statusCode: answer.statusCode }) });
}

/** Names of the campaigns that can give out codes, all pages up to a thousand. */
async function campaignsOf({ urgentApi, problem }: VoucherifyConnection): Promise<string[]> {
  if (problem) return [];
  const names: string[] = [];
  for (let page = 1; page <= 10; page++) {
    const { json, status } = await urgentApi.listCampaigns(100, page, AbortSignal.timeout(10_000));
    const campaigns = status === 200 && isJsonObject(json) && Array.isArray(json.campaigns) ? json.campaigns : [];
    for (const campaign of campaigns.filter(isJsonObject))
      if (typeof campaign.name === "string" && campaign.campaign_type !== "PROMOTION") names.push(campaign.name);
    if (campaigns.length < 100) break;
  }
  return names;
}
