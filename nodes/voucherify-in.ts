import type { Node, NodeAPI, NodeDef } from "node-red";
import { StoreUnavailableError } from "../src/store/durable-store";
import { chosenKinds, identityOf } from "../src/voucherify/event-choice";
import {
  type Answered,
  answerTaken,
  judgeWebhook,
  refusalOfBody,
  refusalOfHead,
  tooLarge,
} from "../src/voucherify/webhooks/voucherify-intake";
import { webhookSetup } from "../src/voucherify/webhooks/webhook-setup";
import { retryLaterAnswer, type WebhookAnswer } from "../src/webhooks/webhook-answer";
import type { WebhookRequest } from "../src/webhooks/webhook-request";
import { addDialogRoute, postedText } from "./lib/accounts/account-routes";
import { registerNode } from "./lib/runtime/register-node";
import type { VoucherifyAccount } from "./lib/accounts/voucherify-connection";
import { type SigningSecrets, signingSecretsOf } from "./lib/accounts/voucherify-webhook-secrets";
import { prepareDelivery } from "./lib/delivery/durable-delivery";
import { emitEvents, receivedEvents, type ReceivedEvents, SEEN_FOR_MS } from "./lib/delivery/event-source";
import { keepOnce } from "./lib/delivery/keep-once";
import { nodeRoot } from "./lib/runtime/local-address";
import { NodeStatus } from "./lib/runtime/status";
import { runReceivingNode } from "./lib/webhooks/receiving-node";
import { webhookRoutes } from "./lib/webhooks/webhook-routes";

const TYPE = "bv-voucherify-in";
/** Events hold whole orders; Voucherify names no limit. */
const MAX_MEGABYTES = 10;

interface VoucherifyInDef extends NodeDef {
  account: string;
  path: string;
  dropEchoes: boolean;
  kinds: unknown;
}

/** Receives Voucherify's webhooks: checks the signature, answers as soon as the event is safe, sends each event once. */
export = (RED: NodeAPI): void => {
  prepareDelivery(RED);
  webhookRoutes(RED);

  function VoucherifyIn(this: Node<SigningSecrets>, def: VoucherifyInDef): void {
    RED.nodes.createNode(this, def);
    const account = RED.nodes.getNode(def.account) as VoucherifyAccount | null;
    const status = new NodeStatus(RED, this, "voucherify-in");
    const isSimulated = account?.connection.isSimulated === true;
    const { secrets, problem } = signingSecretsOf(this.credentials ?? {}, isSimulated);
    const choice = {
      kinds: chosenKinds(def.kinds),
      echoesOf: def.dropEchoes === false ? undefined : account?.connection.applicationId,
    };

    const tell = ({ answer, status: line }: Answered): WebhookAnswer => {
      if (line) status.tell(line);
      return answer;
    };

    const answer = async (request: WebhookRequest): Promise<WebhookAnswer> => {
      const { requestId } = request;
      if (request.tooLarge) {
        const refused = tooLarge(requestId, MAX_MEGABYTES);
        this.error(refused.error);
        return tell(refused);
      }
      const refusal = refusalOfBody(request, secrets);
      if (refusal) return tell(refusal);
      try {
        return tell(await take(request));
      } catch (error) {
        if (error instanceof StoreUnavailableError) return retryLaterAnswer(requestId);
        throw error;
      }
    };

    const take = async (request: WebhookRequest): Promise<Answered> => {
      const { requestId, path } = request;
      const intake = judgeWebhook(request, choice);
      if (intake.does === "answer") return intake;
      if (intake.does === "bury") {
        await bury(request, intake);
        return intake;
      }
      const webhook = { request_id: requestId, path, received_at: Date.now() };
      const count = await keepOnce(reception, {
        items: [intake.event],
        keyOf: (event) => identityOf(event, def.account),
        received: (events) => receivedEvents(events, { webhook }),
        requestId,
      });
      return answerTaken(intake, count > 0, requestId);
    };

    /** Keeps a webhook that nothing can be made of, for a person to look at. */
    const bury = async (
      { body, requestId, path }: WebhookRequest,
      { code, reason }: { readonly code: string; readonly reason: string },
    ): Promise<void> => {
      const text = body.toString("utf8");
      await reception.bury({
        node: this.id,
        customer: "",
        body: text,
        reason,
        reasonKey: code,
        attempts: 1,
        acceptedAt: Date.now(),
        failedAt: Date.now(),
        messageId: requestId,
        index: 0,
        envelope: { webhook: { request_id: requestId, path } },
        requestId,
      });
      this.error(reason, { topic: code, payload: text });
    };

    const reception = runReceivingNode<ReceivedEvents>(RED, this, {
      status,
      path: def.path,
      maxBytes: MAX_MEGABYTES * 2 ** 20,
      problem: account
        ? problem === undefined
          ? undefined
          : { key: "no-secret", sentence: problem }
        : { key: "no-account", sentence: "Choose a voucherify account in this voucherify in node, then deploy." },
      isSimulated,
      repeatedWithinMs: SEEN_FOR_MS,
      refusal: (head) => {
        const refusal = refusalOfHead(head, secrets);
        return refusal && tell(refusal);
      },
      answer,
      emit: emitEvents,
    });
  }
  registerNode<VoucherifyInDef, SigningSecrets>(RED, TYPE, VoucherifyIn, {
    credentials: { secret: { type: "password" }, secondSecret: { type: "password" } },
  });

  addDialogRoute(RED, TYPE, "voucherify-in/paste", (posted, editorOrigin) =>
    Promise.resolve(
      webhookSetup({
        publicUrl: postedText(posted, "publicUrl"),
        editorOrigin,
        httpNodeRoot: nodeRoot(RED),
        path: postedText(posted, "path"),
      }),
    ),
  );
};
