import type { Node, NodeAPI, NodeDef } from "node-red";
import { retryLaterAnswer, type WebhookAnswer as BloomreachAnswer } from "../src/bloomreach/webhook-answer";
import { StoreUnavailableError } from "../src/store/durable-store";
import type { VoucherifyEvent } from "../src/schemas/voucherify-event";
import { isSimulatorKey } from "../src/simulator";
import { readWebhook } from "../src/voucherify/webhook-event";
import {
  ACTIVITY_EVENTS,
  DISTRIBUTION_EVENTS,
  PROJECT_EVENTS,
  SOURCE_ADDRESSES,
} from "../src/voucherify/webhook-setup";
import { hasSignatureForm, isSigned } from "../src/voucherify/webhook-signature";
import { webhookUrl } from "../src/bloomreach/paste-templates";
import { addDialogRoute, postedText } from "./lib/accounts/account-routes";
import { builtInKeys } from "./lib/accounts/built-in-simulator";
import { onClose } from "./lib/delivery/delivery-life";
import { prepareDelivery } from "./lib/delivery/durable-delivery";
import { unsetVariable } from "./lib/accounts/environment";
import {
  chosenKinds,
  emitEvents,
  outputOf,
  receivedEvents,
  type ReceivedEvents,
  SEEN_FOR_MS,
} from "./lib/delivery/event-source";
import { nodeRoot } from "./lib/webhooks/local-address";
import { type Fresh, Reception } from "./lib/delivery/reception";
import { clock, NodeStatus } from "./lib/runtime/status";
import type { VoucherifyAccount } from "./lib/accounts/voucherify-connection";
import {
  type WebhookAnswer,
  type WebhookHead,
  type WebhookRequest,
  webhookRoutes,
} from "./lib/webhooks/webhook-routes";

const TYPE = "bv-voucherify-in";
/** Events hold whole orders; Voucherify names no limit. */
const MAX_BYTES = 10 * 2 ** 20;
const SIGNATURE = "x-voucherify-signature";

interface VoucherifyInDef extends NodeDef {
  account: string;
  path: string;
  dropEchoes: boolean;
  kinds: unknown;
}

interface Credentials {
  secret?: string;
  secondSecret?: string;
}

/** Receives Voucherify's webhooks: checks the signature, answers as soon as the event is safe, sends each event once. */
export = (RED: NodeAPI): void => {
  prepareDelivery(RED);
  const routes = webhookRoutes(RED);

  function VoucherifyIn(this: Node<Credentials>, def: VoucherifyInDef): void {
    RED.nodes.createNode(this, def);
    const account = RED.nodes.getNode(def.account) as VoucherifyAccount | null;
    const status = new NodeStatus(RED, this, "voucherify-in");
    const kinds = chosenKinds(def.kinds);
    const { secrets, problem } = secretsOf(this.credentials, account);

    const fail = (key: string, sentence: string): void => {
      status.show("problem", key);
      this.error(sentence);
    };
    const refuse = (reason: string): void => fail(routes.enabled ? "path-taken" : "no-routes", reason);

    const answer = async (request: WebhookRequest): Promise<WebhookAnswer> => {
      const time = clock(Date.now());
      const { requestId, body } = request;
      if (request.tooLarge) {
        status.show("waiting", "too-large", { time });
        this.error("A webhook was larger than 10 MB and was not taken.");
        return taken(requestId, { ignored: "too_large" });
      }
      if (!isSigned(body, signatureOf(request), secrets)) return refused(request);
      try {
        return await take(request, time);
      } catch (error) {
        if (error instanceof StoreUnavailableError) return retryLaterAnswer(requestId) satisfies BloomreachAnswer;
        throw error;
      }
    };

    /** Without a signature no byte of the body is kept. */
    const refusal = (head: WebhookHead): WebhookAnswer | undefined =>
      secrets.length > 0 && hasSignatureForm(signatureOf(head)) ? undefined : refused(head);

    const refused = ({ method, requestId }: WebhookHead): WebhookAnswer => {
      if (method === "POST" && secrets.length > 0)
        status.show("waiting", "wrong-signature", { time: clock(Date.now()) });
      const description =
        "The signature is missing or wrong. Compare the signing secret of the voucherify in node with Voucherify.";
      return { status: 401, body: { success: false, error: description, request_id: requestId } };
    };

    const take = async ({ body, requestId, path }: WebhookRequest, time: string): Promise<WebhookAnswer> => {
      const reading = readWebhook(body);
      if (!reading.ok) {
        await reception.bury({
          node: this.id,
          customer: "",
          body: body.toString("utf8"),
          reason: reading.reason,
          reasonKey: reading.code,
          attempts: 1,
          acceptedAt: Date.now(),
          failedAt: Date.now(),
          messageId: requestId,
          index: 0,
          envelope: { webhook: { request_id: requestId, path } },
          requestId,
        });
        status.show("waiting", "unreadable", { time });
        this.error(reading.reason, { topic: reading.code, payload: body.toString("utf8") });
        return taken(requestId, { ignored: reading.code });
      }
      const { event } = reading;
      if (def.dropEchoes !== false && account && event.causedBy === account.connection.applicationId) {
        status.show("ok", "echo", { time });
        return taken(requestId, { ignored: "own_event" });
      }
      const output = outputOf(event, kinds);
      if (output === "none") return taken(requestId, { ignored: "not_chosen" });
      const isNew = await keepOnce(event, requestId, path);
      if (!isNew) status.show("ok", "duplicate", { time });
      else if (output === "others") status.show("ok", "other", { time });
      else status.show("ok", "accepted", { kind: (event.kind ?? event.type).replace(/^customer\./, ""), time });
      return taken(requestId, isNew ? {} : { ignored: "repeated" });
    };

    /** Writes an event down, with the mark that it was seen, and hands it to the flow; false when it came before. */
    const keepOnce = async (event: VoucherifyEvent, requestId: string, path: string): Promise<boolean> => {
      let seen: Fresh<VoucherifyEvent> | undefined;
      try {
        seen = await reception.firstOf([event], ({ sameAs, id }) => `${def.account} ${sameAs ?? id}`);
        if (seen.fresh.length > 0) {
          const webhook = { request_id: requestId, path, received_at: Date.now() };
          const received = receivedEvents([event], { webhook });
          reception.emitAfterAnswer(received, await reception.keep(received, requestId, seen.operations));
        }
        seen.done();
        return seen.fresh.length > 0;
      } catch (error) {
        seen?.release();
        throw error;
      }
    };

    const claim = routes.claim(def.path, answer, { maxBytes: MAX_BYTES, refusal, onRefused: refuse });
    const showReadiness = (): void => {
      if (!claim.ok) refuse(claim.reason);
      else if (!account) fail("no-account", "Choose a voucherify account in this voucherify in node, then deploy.");
      else if (problem) fail("no-secret", problem);
      else status.show("idle", "waiting");
    };
    const reception = new Reception<ReceivedEvents>(RED, this, {
      emit: emitEvents,
      isSimulated: account?.connection.isSimulated === true,
      repeatedWithinMs: SEEN_FOR_MS,
      showProblem: () => status.show("problem", "store"),
      showUsual: showReadiness,
    });
    showReadiness();

    onClose(this, (removed) => {
      reception.close();
      if (claim.ok) claim.release(removed);
    });
  }
  RED.nodes.registerType<Node<Credentials>, VoucherifyInDef, object, Credentials>(TYPE, VoucherifyIn, {
    credentials: { secret: { type: "password" }, secondSecret: { type: "password" } },
  });

  addDialogRoute(RED, TYPE, "voucherify-in/paste", (posted, editorOrigin) => {
    const publicUrl = postedText(posted, "publicUrl");
    const place = {
      publicUrl: publicUrl || editorOrigin,
      httpNodeRoot: nodeRoot(RED),
      path: postedText(posted, "path"),
    };
    return Promise.resolve({
      url: webhookUrl(place),
      urlNote: publicUrl
        ? ""
        : "Type the public https address of this Node-RED: Voucherify cannot reach a private one.",
      projectEvents: PROJECT_EVENTS,
      distributionEvents: DISTRIBUTION_EVENTS,
      activityEvents: ACTIVITY_EVENTS,
      addresses: SOURCE_ADDRESSES,
    });
  });
};

/** The secrets that a signature may be made with, or the sentence that says why every webhook is refused. */
function secretsOf(
  credentials: Credentials | undefined,
  account: VoucherifyAccount | null,
): { secrets: string[]; problem?: string } {
  const typed = [credentials?.secret, credentials?.secondSecret].flatMap((secret) => secret?.trim() || []);
  const unset = unsetVariable({ "Signing secret": typed[0], "Second secret": typed[1] });
  if (unset) return { secrets: [], problem: unset };
  if (account?.connection.isSimulated)
    return { secrets: [...typed.filter((secret) => !isSimulatorKey(secret)), builtInKeys().signingSecret] };
  if (typed.some(isSimulatorKey))
    return {
      secrets: [],
      problem: "This signing secret belongs to the built-in simulator: type the one of your Voucherify project.",
    };
  if (typed.length > 0) return { secrets: typed };
  return {
    secrets: [],
    problem:
      "Type the signing secret from Voucherify (Project settings > Webhooks). Until then every webhook is refused.",
  };
}

function signatureOf({ headers }: WebhookHead): string | undefined {
  const signature = headers[SIGNATURE];
  return typeof signature === "string" ? signature : undefined;
}

/** 200: Voucherify disables a webhook that fails twelve times. */
function taken(requestId: string, more: object): WebhookAnswer {
  return { status: 200, body: { success: true, ...more, request_id: requestId } };
}
