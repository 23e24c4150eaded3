import type { Node, NodeAPI, NodeDef } from "node-red";
import { ConfigurationError } from "../src/delivery/outcome";
import { TryLater } from "../src/destinations/voucherify/voucherify-answers";
import {
  listPrograms,
  LookupRefused,
  type Question,
  VoucherifyLookups,
} from "../src/destinations/voucherify/voucherify-lookups";
import { isJsonObject, type JsonObject } from "../src/json";
import { readHardId } from "../src/schemas/hard-id";
import { addDialogRoute, postedText } from "./lib/accounts/account-routes";
import { closingSignal } from "./lib/delivery/delivery-life";
import { MessageError, onEachMessage, refuseMessages } from "./lib/runtime/message-handler";
import { declareAccount, simulatedMark, refusalOfSimulated } from "./lib/delivery/simulated-origin";
import { clock, NodeStatus } from "./lib/runtime/status";
import type { VoucherifyAccount, VoucherifyConnection } from "./lib/accounts/voucherify-connection";
import { replyOf } from "./lib/runtime/webhook-reply";

const TYPE = "bv-voucherify-lookup";
const BATCH =
  "A batch cannot tell each customer something else: send one customer in each webhook, or split the list before this node.";
/** A webhook gives up long before; what comes later than this helps nobody, and its request is left to others. */
const WEBHOOK_PATIENCE_MS = 30_000;

interface VoucherifyLookupDef extends NodeDef {
  account: string;
  what: Question["what"];
  program: string;
  look: "wallet" | "open" | "both";
  currency: string;
  cacheSeconds: number | string;
}

/** Nodes of one account share their answers. */
const lookups = new WeakMap<VoucherifyConnection, VoucherifyLookups>();

/** Looks up points, the newest discount or the vouchers of a customer, and answers the webhook that waits. */
export = (RED: NodeAPI): void => {
  function VoucherifyLookup(this: Node, def: VoucherifyLookupDef): void {
    RED.nodes.createNode(this, def);
    const account = RED.nodes.getNode(def.account) as VoucherifyAccount | null;
    const status = new NodeStatus(RED, this, "voucherify-lookup");
    if (!account)
      return refuseMessages(
        this,
        status,
        "no-account",
        "Choose a voucherify account in this voucherify lookup node, then deploy.",
      );
    declareAccount(RED, this, account.connection);
    lookUp(this, status, account, questionOf(def), keepMsOf(def.cacheSeconds));
  }
  RED.nodes.registerType(TYPE, VoucherifyLookup);

  addDialogRoute(RED, TYPE, "voucherify-lookup/programs", async (posted) => {
    const account = RED.nodes.getNode(postedText(posted, "account")) as VoucherifyAccount | null;
    if (!account)
      return { programs: [], note: "Deploy the voucherify account first: then its loyalty programs are listed here." };
    const { problem, urgentApi } = account.connection;
    if (problem) return { programs: [], note: problem };
    return { programs: await listPrograms(urgentApi, AbortSignal.timeout(10_000)) };
  });
};

function lookUp(node: Node, status: NodeStatus, account: VoucherifyAccount, question: Question, keepMs: number): void {
  const answers = lookupsOf(account.connection);
  const closing = closingSignal(node);

  onEachMessage(node, async (message, send) => {
    const reply = replyOf(message);
    const { payload, hardId } = message;
    const now = (): { time: string } => ({ time: clock(Date.now()) });
    /** Says no, in a way that a scenario can branch on. */
    const refuse = (key: string, reason: string, more: JsonObject = {}): never => {
      reply?.answer(200, { success: false, found: false, key, error: reason, request_id: reply.requestId });
      status.show("problem", "refused", { key, ...now() });
      throw new MessageError(reason, { key, ...more });
    };
    /** Has Bloomreach ask again later. */
    const postpone = (key: "paused" | "retry", reason: string, more: JsonObject): never => {
      const errors = [{ code: key, description: reason }];
      reply?.answer(500, { success: false, errors, request_id: reply.requestId });
      status.show("problem", key, { reason: reason.slice(0, 60), ...now() });
      throw new MessageError(reason, more);
    };
    const refusal = refusalOfSimulated(message, account.connection);
    if (refusal) return refuse(refusal.key, refusal.reason, { simulated: true });
    Object.assign(message, simulatedMark(account.connection.isSimulated));
    if (Array.isArray(payload)) return refuse("batch", BATCH);
    if (!isJsonObject(payload)) return refuse("not_an_object", 'msg.payload must be {"customer": …}.');
    const holder = isJsonObject(payload.customer) ? payload.customer : payload;
    const id = readHardId(holder, typeof hardId === "string" ? hardId : account.hardId);
    if (!id.ok) return refuse("missing_hard_id", id.reason);

    const urgent = reply?.isAnswered === false;
    const signal = urgent ? AbortSignal.any([closing, AbortSignal.timeout(WEBHOOK_PATIENCE_MS)]) : closing;
    let answer: JsonObject;
    try {
      answer = await answers.ask(question, id.sourceId, { keepMs, urgent, signal });
    } catch (error) {
      if (error instanceof LookupRefused)
        return refuse(error.refusal.key, error.refusal.reason, detailsOf(error.refusal));
      if (error instanceof TryLater) return postpone("retry", error.outcome.reason, detailsOf(error.outcome));
      if (error instanceof ConfigurationError) return postpone("paused", error.message, detailsOf(error));
      throw error;
    }
    const answered = reply?.answer(200, answer) ?? false;
    if (reply && !answered) status.show("waiting", "late", now());
    else status.show("ok", answer.found === true ? "found" : "none", now());
    send(Object.assign(message, { payload: answer, answered }));
  });
}

/** What Voucherify said, for Catch nodes. */
function detailsOf({ answer }: { readonly answer?: ConfigurationError["answer"] }): JsonObject {
  return {
    ...(answer?.statusCode !== undefined && { statusCode: answer.statusCode }),
    ...(answer?.body !== undefined && { response: answer.body }),
  };
}

function questionOf({ what, program, look, currency }: VoucherifyLookupDef): Question {
  const inCurrency = currency || "EUR";
  if (what === "discount") return { what, look: look ?? "both", currency: inCurrency };
  if (what === "vouchers") return { what, currency: inCurrency };
  return { what: "points", program: (program ?? "").trim() };
}

/** An empty field is the default, 0 keeps nothing. */
function keepMsOf(seconds: number | string | undefined): number {
  return (/^\d+$/.test(String(seconds ?? "")) ? Number(seconds) : 60) * 1_000;
}

function lookupsOf(connection: VoucherifyConnection): VoucherifyLookups {
  const known = lookups.get(connection) ?? new VoucherifyLookups(connection.api, connection.urgentApi);
  lookups.set(connection, known);
  return known;
}
