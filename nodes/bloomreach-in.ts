import type { Node, NodeAPI, NodeDef } from "node-red";
import { authenticationBlock, customerTemplate, rootTemplate, webhookUrl } from "../src/bloomreach/paste-templates";
import {
  acceptedAnswer,
  connectionTestAnswer,
  retryLaterAnswer,
  tooLargeAnswer,
  type WebhookAnswer,
  wrongKeysAnswer,
} from "../src/bloomreach/webhook-answer";
import { parseWebhookBody, type Rejection } from "../src/bloomreach/webhook-body";
import { isAuthorized } from "../src/bloomreach/webhook-keys";
import { StoreUnavailableError } from "../src/delivery/durable-store";
import type { JsonObject } from "../src/json";
import { addDialogRoute, postedText } from "./lib/admin-routes";
import type { BloomreachAccount } from "./lib/bloomreach-webhook-keys";
import { hasDeliveryDownstream } from "./lib/downstream";
import { durableDelivery, showStoreProblem } from "./lib/durable-delivery";
import { onceFlowsRun, watchFlows } from "./lib/flow-lifecycle";
import { nodeRoot } from "./lib/local-address";
import { clock, NodeStatus } from "./lib/status";
import type { VoucherifyAccount } from "./lib/voucherify-connection";
import { type WebhookRequest, webhookRoutes } from "./lib/webhook-routes";

const TYPE = "bv-bloomreach-in";
const MEGABYTE = 1_048_576;
/** How long a webhook waits for the store when Node-RED has just started. */
const STORE_PATIENCE_MS = 700;

/** What one webhook brought, as it is kept until the flow has taken it. */
interface Received extends JsonObject {
  records: JsonObject[];
  hardId: string;
  webhook: { request_id: string } & JsonObject;
}

interface BloomreachInDef extends NodeDef {
  account: string;
  kind: "customers";
  path: string;
  output: "webhook" | "customer";
  maxBytes: number | string;
}

/** Receives Bloomreach's webhooks: answers at once, then one message per webhook or per customer. */
export = (RED: NodeAPI): void => {
  watchFlows(RED);
  const routes = webhookRoutes(RED);
  const delivery = durableDelivery(RED);

  function BloomreachIn(this: Node, def: BloomreachInDef): void {
    RED.nodes.createNode(this, def);
    const account = RED.nodes.getNode(def.account) as BloomreachAccount | null;
    const status = new NodeStatus(RED, this, "bloomreach-in");
    const maxMegabytes = Number(def.maxBytes) || 10;
    const hardId = account?.hardId ?? "registered";

    const fail = (key: string, sentence: string): void => {
      status.show("problem", key);
      this.error(sentence);
    };
    const refuse = (reason: string): void => fail(routes.enabled ? "path-taken" : "no-routes", reason);

    const answer = async (request: WebhookRequest): Promise<WebhookAnswer> => {
      const now = { time: clock(Date.now()) };
      if (!isAuthorized(request.headers, account?.webhookKeys)) {
        if (account?.webhookKeys) status.show("waiting", "wrong-key", now);
        return wrongKeysAnswer(request.requestId);
      }
      if (request.tooLarge) {
        status.show("waiting", "too-large", now);
        this.error(
          `A webhook was larger than ${maxMegabytes} MB and was not taken: lower the batch size in Bloomreach.`,
        );
        return tooLargeAnswer(maxMegabytes, request.requestId);
      }
      if (request.method === "GET" || request.method === "HEAD" || request.body.length === 0)
        return connectionTestAnswer(request.requestId);

      const { records, rejected, test } = parseWebhookBody(request.body, hardId);
      const reply = acceptedAnswer({ accepted: records.length, rejected, test, requestId: request.requestId });
      if (test) {
        status.show("ok", "test", now);
        return reply;
      }
      const webhook = {
        request_id: request.requestId,
        path: request.path,
        accepted: records.length,
        rejected: rejected.length,
        errors: reply.body.errors.map((error) => ({ ...error })),
      };
      const received: Received = { records: records.map(({ record }) => record), hardId, webhook };
      let receipt: string | undefined;
      try {
        if (records.length > 0 && isFollowed()) receipt = await keep(received);
      } catch (error) {
        if (error instanceof StoreUnavailableError) return retryLaterAnswer(request.requestId);
        throw error;
      }
      showCounts(records.length, rejected, now);
      // First the answer, then the flow; after a deploy the next node of this id speaks for this one.
      setImmediate(() => {
        const speaker = (): Node => RED.nodes.getNode(this.id) ?? this;
        if (receipt === undefined) onceFlowsRun(() => emit(speaker(), received));
        else if (delivery.inbox.mayEmit(receipt)) emit(speaker(), { ...received, receipt });
        if (rejected.length > 0) onceFlowsRun(() => report(speaker(), received, rejected));
      });
      return reply;
    };

    const isFollowed = (): boolean => hasDeliveryDownstream(RED, this);

    /** Writes a webhook down: only then it may be answered. @throws StoreUnavailableError when that is not possible now */
    const keep = async (received: Received): Promise<string> => {
      await delivery.usable(STORE_PATIENCE_MS);
      const requestId = received.webhook.request_id;
      return delivery.inbox.receive({ node: this.id, receivedAt: Date.now(), requestId, message: received });
    };

    const showCounts = (accepted: number, rejected: readonly Rejection[], now: { time: string }): void => {
      if (rejected.length === 0) status.show("ok", "accepted", { count: accepted, ...now });
      else if (accepted === 0 && rejected.every(({ code }) => code === "missing_hard_id"))
        status.show("waiting", "hard-id", { hardId, ...now });
      else status.show("waiting", "rejected", { accepted, rejected: rejected.length, ...now });
    };

    /** Each message has its own copy: what a flow does to one must not show in another. */
    const about = ({ hardId, webhook }: Received): object => ({
      topic: def.kind,
      hardId,
      webhook: structuredClone(webhook),
    });

    const emit = (node: Node, received: Received & { receipt?: string; replayed?: boolean }): void => {
      const { records, receipt, replayed } = received;
      const all = { ...(receipt !== undefined && { receipt }), ...(replayed && { replayed }) };
      const count = records.length;
      if (def.output === "customer")
        records.forEach((payload, index) => {
          const parts = { id: received.webhook.request_id, index, count };
          node.send({ ...about(received), ...all, payload, parts });
        });
      else if (count > 0) node.send({ ...about(received), ...all, payload: records });
    };

    const report = (node: Node, received: Received, rejected: readonly Rejection[]): void => {
      const count = received.records.length + rejected.length;
      const sentence = `${rejected.length} of ${count} customers not accepted: ${rejected[0]?.description ?? ""}`;
      node.error(sentence, { ...about(received), payload: rejected.map(({ raw }) => raw ?? null) });
    };

    const claim = routes.claim(def.path, answer, {
      maxBytes: maxMegabytes * MEGABYTE,
      onRefused: (reason) => refuse(reason),
    });
    const showReadiness = (): void => {
      if (!claim.ok) refuse(claim.reason);
      else if (!account) fail("no-account", "Choose a bloomreach account: until then every webhook is refused.");
      else if (account.problem) fail("no-keys", account.problem);
      else status.show("idle", "waiting");
    };
    showReadiness();
    const forgetProblem = showStoreProblem(
      delivery,
      // Where nothing is kept, nothing depends on it.
      () => isFollowed() && status.show("problem", "store"),
      showReadiness,
    );
    const forgetReplay = delivery.onReplay(this.id, ({ message, receipt }, replayed) =>
      emit(this, { ...(message as Received), receipt, replayed }),
    );

    this.on("close", (removed: boolean, done: () => void) => {
      forgetProblem();
      forgetReplay();
      if (claim.ok) claim.release(removed);
      done();
    });
  }
  RED.nodes.registerType(TYPE, BloomreachIn);

  RED.httpAdmin.get(
    "/bloomreach-voucherify/bloomreach-in/path-owner",
    RED.auth.needsPermission(`${TYPE}.read`),
    (request, response) => {
      const path = typeof request.query.path === "string" ? request.query.path : "";
      response.json({ owner: routes.pathOwner(path) ?? null });
    },
  );

  addDialogRoute(RED, TYPE, "bloomreach-in/paste", async (posted, editorOrigin) => {
    const account = RED.nodes.getNode(postedText(posted, "account")) as BloomreachAccount | null;
    const hardId = postedText(posted, "hardId") || account?.hardId || "registered";
    const publicUrl = postedText(posted, "publicUrl");
    const place = {
      publicUrl: publicUrl || editorOrigin,
      httpNodeRoot: nodeRoot(RED),
      path: postedText(posted, "path"),
    };
    const applicationId = postedText(posted, "applicationId") || account?.webhookKeys?.applicationId || "";
    const { keys, note } = await metadataKeys(postedText(posted, "voucherifyAccount"));
    return {
      url: webhookUrl(place),
      urlNote: publicUrl
        ? ""
        : "Type the public https address of this Node-RED into the bloomreach account: Bloomreach cannot reach a private one.",
      authentication: authenticationBlock({ ...place, applicationId }),
      rootTemplate: rootTemplate(),
      customerTemplate: customerTemplate(hardId, keys),
      metadataNote: note,
    };
  });

  /** The metadata keys that Voucherify has defined for customers, and what to tell the user about them. */
  async function metadataKeys(accountId: string): Promise<{ keys: string[]; note: string }> {
    const account = RED.nodes.getNode(accountId) as VoucherifyAccount | null;
    if (!account)
      return { keys: [], note: "Deploy a voucherify account first: then its metadata keys are listed here." };
    if (account.connection.problem) return { keys: [], note: account.connection.problem };
    const schema = await account.connection.schemas.customer(AbortSignal.timeout(10_000));
    const keys = Object.keys(schema.properties);
    return {
      keys,
      note: keys.length > 0 ? "" : "Voucherify has no customer metadata defined (Project settings > Metadata schema).",
    };
  }
};
