import type { Node, NodeAPI, NodeDef } from "node-red";
import { OneEachTurn } from "../src/async/one-each-turn";
import { sendAgainAnswer, wrongKeysAnswer } from "../src/bloomreach/bloomreach-answers";
import {
  answerUnread,
  eventKeyOf,
  type ReceivedRecords,
  takeIn,
  webhookKindOf,
} from "../src/bloomreach/bloomreach-intake";
import { aboutWebhook, messagesOf } from "../src/bloomreach/bloomreach-messages";
import { isAuthorized } from "../src/bloomreach/webhook-keys";
import { StoreUnavailableError } from "../src/store/durable-store";
import type { WebhookAnswer } from "../src/webhooks/webhook-answer";
import type { WebhookRequest } from "../src/webhooks/webhook-request";
import { addPasteRoute } from "./lib/accounts/bloomreach-paste";
import type { BloomreachAccount } from "./lib/accounts/bloomreach-webhook-keys";
import { prepareDelivery } from "./lib/delivery/durable-delivery";
import { keepOnce } from "./lib/delivery/keep-once";
import { NodeStatus } from "./lib/runtime/status";
import { WebhookReply } from "./lib/runtime/webhook-reply";
import { runReceivingNode } from "./lib/webhooks/receiving-node";
import { webhookRoutes } from "./lib/webhooks/webhook-routes";
import { registerNode } from "./lib/runtime/register-node";

const TYPE = "bv-bloomreach-in";
const MEGABYTE = 1_048_576;
/** Bloomreach waits 1,000 ms for an answer; a 500 makes it send the same request again. */
const ANSWER_LIMIT_MS = 900;
/** Bloomreach repeats a webhook whose answer it missed; one that comes later than this is another one. */
const REPEATED_WITHIN_MS = 86_400_000;

interface BloomreachInDef extends NodeDef {
  account: string;
  kind: string;
  path: string;
  output: "webhook" | "customer";
  eventKey: string;
  maxBytes: number | string;
}

/** Webhooks whose records are to be read. */
const readings = new OneEachTurn();

/** Receives Bloomreach's webhooks: answers at once, then one message per webhook or per record. */
export = (RED: NodeAPI): void => {
  prepareDelivery(RED);
  const routes = webhookRoutes(RED);

  function BloomreachIn(this: Node, def: BloomreachInDef): void {
    RED.nodes.createNode(this, def);
    const account = RED.nodes.getNode(def.account) as BloomreachAccount | null;
    const status = new NodeStatus(RED, this, "bloomreach-in");
    const maxMegabytes = Number(def.maxBytes) || 10;
    const kind = webhookKindOf(def.kind);
    const isSimulated = account?.connection.isSimulated === true;
    const knows = (headers: WebhookRequest["headers"]): boolean => isAuthorized(headers, account?.webhookKeys);

    const answer = async (request: WebhookRequest): Promise<WebhookAnswer> => {
      const unread = answerUnread(request, maxMegabytes);
      if (unread) {
        if (unread.told) {
          status.tell(unread.told.status);
          this.error(unread.told.error);
        }
        return unread.answer;
      }
      await readings.turn();
      const intake = takeIn(request, { kind, hardId: account?.hardId ?? "registered" });
      const { received, complaint } = intake;
      status.tell(intake.status);
      if (!received) return intake.answer;
      if (complaint)
        setImmediate(() => {
          const about = { ...aboutWebhook(received, kind), ...reception.mark };
          reception.speaker().error(complaint.sentence, { ...about, payload: complaint.records });
        });
      if (received.records.length === 0) return intake.answer;
      return kind === "requests" ? askFlow(received, intake.batch) : ((await keep(received)) ?? intake.answer);
    };

    /** Writes a webhook down, then hands it to the flow. Returns the answer when that was not possible. */
    const keep = async (received: ReceivedRecords): Promise<WebhookAnswer | undefined> => {
      const requestId = received.webhook.request_id;
      try {
        if (kind === "events" && def.eventKey)
          await keepOnce(reception, {
            items: received.records,
            keyOf: (record) => {
              const key = eventKeyOf(record, def.eventKey);
              return key === undefined ? undefined : `${this.id} ${key}`;
            },
            received: (records) => ({ ...received, records: [...records] }),
            requestId,
          });
        else reception.emitAfterAnswer(received, await reception.keep(received, requestId));
        return undefined;
      } catch (error) {
        if (error instanceof StoreUnavailableError) return sendAgainAnswer(requestId);
        throw error;
      }
    };

    /** The flow answers, or nobody in time. */
    const askFlow = async (received: ReceivedRecords, batch: boolean): Promise<WebhookAnswer> => {
      const requestId = received.webhook.request_id;
      const reply = new WebhookReply(requestId, isSimulated);
      const payload = batch ? received.records : received.records[0];
      reception.speaker().send({ ...aboutWebhook(received, kind), ...reception.mark, payload, res: reply });
      const limit = setTimeout(() => {
        const late = sendAgainAnswer(requestId);
        if (reply.answer(late.status, late.body)) status.tell({ look: "waiting", key: "late" });
      }, ANSWER_LIMIT_MS);
      return reply.answered.finally(() => clearTimeout(limit));
    };

    const reception = runReceivingNode<ReceivedRecords>(RED, this, {
      status,
      path: def.path,
      maxBytes: maxMegabytes * MEGABYTE,
      problem: problemOf(account),
      isSimulated,
      repeatedWithinMs: REPEATED_WITHIN_MS,
      knows,
      refusal: ({ headers, requestId }) => {
        if (knows(headers)) return undefined;
        if (account?.webhookKeys) status.tell({ look: "waiting", key: "wrong-key" });
        return wrongKeysAnswer(requestId);
      },
      answer,
      emit: (node, received, handed) => {
        for (const message of messagesOf(received, kind, def.output)) node.send({ ...message, ...handed });
      },
    });
  }
  registerNode(RED, TYPE, BloomreachIn);

  RED.httpAdmin.get(
    "/bloomreach-voucherify/bloomreach-in/path-owner",
    RED.auth.needsPermission(`${TYPE}.read`),
    (request, response) => {
      const path = typeof request.query.path === "string" ? request.query.path : "";
      response.json({ owner: routes.pathOwner(path) ?? null });
    },
  );
  addPasteRoute(RED, TYPE);
};

function problemOf(account: BloomreachAccount | null): { key: string; sentence: string } | undefined {
  if (!account)
    return { key: "no-account", sentence: "Choose a bloomreach account: until then every webhook is refused." };
  return account.problem === undefined ? undefined : { key: "no-keys", sentence: account.problem };
}
