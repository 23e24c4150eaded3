import type { Node, NodeAPI, NodeDef } from "node-red";
import { listPrograms, type Question, VoucherifyLookups } from "../src/destinations/voucherify/voucherify-lookups";
import {
  keepMsOf,
  lookUp,
  type QuestionFields,
  questionOf,
  readLookupMessage,
} from "../src/destinations/work/lookup-work";
import { addDialogRoute, postedText } from "./lib/accounts/account-routes";
import { registerNode } from "./lib/runtime/register-node";
import type { VoucherifyAccount, VoucherifyConnection } from "./lib/accounts/voucherify-connection";
import { closingSignal } from "./lib/delivery/delivery-life";
import { declareAccount, refusalOfSimulated, simulatedMark } from "./lib/delivery/simulated-origin";
import { AnsweredMessage } from "./lib/runtime/answered-message";
import { onEachMessage, refuseMessages } from "./lib/runtime/message-handler";
import { NodeStatus } from "./lib/runtime/status";

const TYPE = "bv-voucherify-lookup";

interface VoucherifyLookupDef extends NodeDef, QuestionFields {
  account: string;
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
    answerQuestions(this, status, account, questionOf(def), keepMsOf(def.cacheSeconds));
  }
  registerNode(RED, TYPE, VoucherifyLookup);

  addDialogRoute(RED, TYPE, "voucherify-lookup/programs", async (posted) => {
    const account = RED.nodes.getNode(postedText(posted, "account")) as VoucherifyAccount | null;
    if (!account)
      return { programs: [], note: "Deploy the voucherify account first: then its loyalty programs are listed here." };
    const { problem, urgentApi } = account.connection;
    if (problem) return { programs: [], note: problem };
    return { programs: await listPrograms(urgentApi, AbortSignal.timeout(10_000)) };
  });
};

function answerQuestions(
  node: Node,
  status: NodeStatus,
  { connection, hardId }: VoucherifyAccount,
  question: Question,
  keepMs: number,
): void {
  const answers = lookupsOf(connection);
  const closing = closingSignal(node);

  onEachMessage(node, async (message, send) => {
    const asked = new AnsweredMessage(message, status, { found: false });
    const refusal = refusalOfSimulated(message, connection);
    if (refusal) return asked.refuse(refusal.key, refusal.reason, { simulated: true });
    Object.assign(message, simulatedMark(connection.isSimulated));
    const reading = readLookupMessage(message, hardId);
    if (!reading.ok) return asked.refuse(reading.key, reading.reason);

    const found = await lookUp(answers, question, reading.sourceId, {
      keepMs,
      urgent: asked.isAwaited,
      signal: closing,
    });
    if (found.kind === "refused") return asked.refuse(found.key, found.reason, found.details);
    if (found.kind === "later") return asked.postpone(found.key, found.reason, found.details);
    const answered = asked.answer(found.answer);
    if (asked.reply && !answered) status.tell({ look: "waiting", key: "late" });
    else status.tell({ look: "ok", key: found.answer.found === true ? "found" : "none" });
    send(Object.assign(message, { payload: found.answer, answered }));
  });
}

function lookupsOf(connection: VoucherifyConnection): VoucherifyLookups {
  const known = lookups.get(connection) ?? new VoucherifyLookups(connection.api, connection.urgentApi);
  lookups.set(connection, known);
  return known;
}
