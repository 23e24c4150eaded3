import type { NodeAPI } from "node-red";
import { type Answering, requestBlock } from "../../../src/bloomreach/paste-requests";
import {
  authenticationBlock,
  customerTemplate,
  eventTemplate,
  type MetadataKey,
  rootTemplate,
} from "../../../src/bloomreach/paste-templates";
import type { JsonObject } from "../../../src/json";
import { isSimulatorKey } from "../../../src/simulator";
import { webhookUrl } from "../../../src/webhooks/webhook-address";
import { addDialogRoute, postedText } from "./account-routes";
import type { BloomreachAccount } from "./bloomreach-webhook-keys";
import { nodeRoot } from "../runtime/local-address";
import type { VoucherifyAccount } from "./voucherify-connection";

/** Adds the route that tells the dialog of bloomreach in what a user pastes into Bloomreach. */
export function addPasteRoute(RED: NodeAPI, type: string): void {
  addDialogRoute(RED, type, "bloomreach-in/paste", async (posted, editorOrigin) => {
    const account = RED.nodes.getNode(postedText(posted, "account")) as BloomreachAccount | null;
    const hardId = postedText(posted, "hardId") || account?.hardId || "registered";
    const publicUrl = postedText(posted, "publicUrl");
    const place = {
      publicUrl: publicUrl || editorOrigin,
      httpNodeRoot: nodeRoot(RED),
      path: postedText(posted, "path"),
    };
    const applicationId = postedText(posted, "applicationId") || ownApplicationId(account);
    return {
      url: webhookUrl(place),
      urlNote: publicUrl
        ? ""
        : "Type the public https address of this Node-RED into the bloomreach account: Bloomreach cannot reach a private one.",
      authentication: authenticationBlock({ ...place, applicationId }),
      ...(await templates(posted, hardId)),
    };
  });

  async function templates(posted: JsonObject, hardId: string): Promise<object> {
    const kind = postedText(posted, "kind");
    if (kind === "requests") {
      const block = requestBlock(hardId, answeringOf(posted));
      return { ...block, ...(block.batch && { rootTemplate: rootTemplate() }) };
    }
    if (kind === "events")
      return {
        rootTemplate: rootTemplate(),
        customerTemplate: eventTemplate(hardId, postedText(posted, "eventKey")),
      };
    const { keys, note } = await metadataKeys(postedText(posted, "voucherifyAccount"));
    return { rootTemplate: rootTemplate(), customerTemplate: customerTemplate(hardId, keys), metadataNote: note };
  }

  /** The metadata keys that Voucherify has defined for customers, and what to tell the user about them. */
  async function metadataKeys(accountId: string): Promise<{ keys: MetadataKey[]; note: string }> {
    const account = RED.nodes.getNode(accountId) as VoucherifyAccount | null;
    if (!account)
      return { keys: [], note: "Deploy a voucherify account first: then its metadata keys are listed here." };
    if (account.connection.problem) return { keys: [], note: account.connection.problem };
    const schema = await account.connection.schemas.current(AbortSignal.timeout(10_000));
    const keys = Object.entries(schema.properties).map(([key, { type, array }]) => ({
      key,
      structured: array || type === "object",
    }));
    return {
      keys,
      note: keys.length > 0 ? "" : "Voucherify has no customer metadata defined (Project settings > Metadata schema).",
    };
  }
}

/** What Bloomreach has to send; "" where it is known to the built-in simulator alone. */
function ownApplicationId(account: BloomreachAccount | null): string {
  const applicationId = account?.webhookKeys?.applicationId ?? "";
  return isSimulatorKey(applicationId) ? "" : applicationId;
}

/** What the dialog has found behind the node, or the user has chosen; a code in the answer where nobody said. */
function answeringOf(posted: JsonObject): Answering {
  const what = postedText(posted, "answerWith");
  return {
    with: what === "points" || what === "discount" || what === "vouchers" ? what : "code",
    how: postedText(posted, "answerHow") === "queue" ? "queue" : "now",
    campaign: postedText(posted, "campaign"),
    newCodeForEverySend: ["", "send"].includes(postedText(posted, "frequency")),
  };
}
