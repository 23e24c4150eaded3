import type { Node, NodeAPI, NodeDef } from "node-red";
import { isJsonObject } from "../src/json";
import { customerTemplate, rootTemplate } from "../src/bloomreach/paste-templates";
import { type BloomreachProfile, SAMPLE_METADATA_KEYS, sampleCustomers, sendScenario } from "../src/simulator";
import type { BloomreachAccount } from "./lib/bloomreach-webhook-keys";
import { simulatorUrl } from "./lib/built-in-simulator";
import { localAddress } from "./lib/local-address";
import { MessageError, onEachMessage } from "./lib/message-handler";
import { NodeStatus } from "./lib/status";

interface SimulatorDef extends NodeDef {
  account: string;
  path: string;
  send: "batch" | "single";
  batchSize: number | string;
  mess: "none" | "leftovers" | "broken-quote";
}

/** Plays Bloomreach: renders the pasted templates for some customers and posts them to this Node-RED's own webhook. */
export = (RED: NodeAPI): void => {
  function SimulatorNode(this: Node, def: SimulatorDef): void {
    RED.nodes.createNode(this, def);
    const status = new NodeStatus(RED, this, "simulator");
    simulatorUrl().then(
      () => status.show("idle", "running"),
      (error: Error) => this.error(`The built-in simulator does not start: ${error.message}`),
    );

    onEachMessage(this, async (message, send) => {
      const account = RED.nodes.getNode(def.account) as BloomreachAccount | null;
      if (!account?.webhookKeys)
        throw new MessageError(account?.problem ?? "Choose a bloomreach account in this simulator node, then deploy.");
      const own = profilesOf(message.payload);
      const customers = own ?? sampleCustomers(account.hardId);
      const { requests, stopped } = await sendScenario({
        url: `${localAddress(RED)}${def.path}`,
        headers: headersOf(account),
        customers,
        customerTemplate: customerTemplate(account.hardId, own ? metadataKeysOf(own) : SAMPLE_METADATA_KEYS),
        rootTemplate: rootTemplate(),
        mode: def.send ?? "batch",
        batchSize: Number(def.batchSize) || 1000,
        mess: def.mess ?? "none",
        // Node-RED's own certificate is often self-signed, and this connection never leaves the machine.
        insecureTls: true,
      });
      if (stopped) status.show("problem", "stopped");
      else status.show("ok", "sent", { count: customers.length, status: requests.at(-1)?.status ?? "-" });
      const answers = requests.map((request) => ({ statusCode: request.status, body: request.body }));
      send(Object.assign(message, { payload: answers, ...(stopped && { stopped }) }));
    });
  }
  RED.nodes.registerType("bv-simulator", SimulatorNode);
};

function headersOf({ webhookKeys }: BloomreachAccount): Record<string, string> {
  const { applicationId, secretKey, headerName, headerValue } = webhookKeys ?? { applicationId: "", secretKey: "" };
  return {
    ...(applicationId && { "application-id": applicationId, "secret-key": secretKey }),
    ...(headerName && headerValue && { [headerName]: headerValue }),
  };
}

/** Bloomreach profiles that a message brings: `[{ customer_ids, properties }]`; undefined when it brings none. */
function profilesOf(payload: unknown): readonly BloomreachProfile[] | undefined {
  if (!Array.isArray(payload) || payload.length === 0) return undefined;
  return payload.map((given: unknown) => {
    const profile = isJsonObject(given) ? given : {};
    return {
      customer_ids: isJsonObject(profile.customer_ids) ? profile.customer_ids : {},
      properties: isJsonObject(profile.properties) ? profile.properties : {},
    };
  });
}

/** The properties that the Customer template of the reference document puts under metadata: all but the core fields. */
function metadataKeysOf(customers: readonly BloomreachProfile[]): string[] {
  const core = new Set([
    "firstName",
    "description",
    "email",
    "phone",
    "birthDate",
    "city",
    "state",
    "address1",
    "address2",
    "country",
    "postalCode",
  ]);
  return [...new Set(customers.flatMap(({ properties }) => Object.keys(properties)))].filter((key) => !core.has(key));
}
