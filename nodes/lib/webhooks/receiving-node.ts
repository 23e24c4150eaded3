import type { Node, NodeAPI } from "node-red";
import type { ClaimOptions } from "../../../src/webhooks/claimed-paths";
import type { WebhookHandler } from "../../../src/webhooks/webhook-request";
import type { JsonObject } from "../../../src/json";
import { onClose } from "../delivery/delivery-life";
import { Reception, type ReceptionOptions } from "../delivery/reception";
import type { NodeStatus } from "../runtime/status";
import { webhookRoutes } from "./webhook-routes";

/** What one kind of receiving node does. */
export interface ReceivingWork<Received extends JsonObject>
  extends
    Omit<ReceptionOptions<Received>, "showProblem" | "showUsual">,
    Required<Pick<ClaimOptions, "maxBytes" | "refusal">>,
    Pick<ClaimOptions, "knows"> {
  readonly status: NodeStatus;
  /** As typed into the node. */
  readonly path: string;
  /** Why every webhook is refused: a status, and the sentence for it; undefined where none is. */
  readonly problem: { readonly key: string; readonly sentence: string } | undefined;
  readonly answer: WebhookHandler;
}

/** The life of a receiving node: claims its path, says whether it is ready, and lets go of everything when it closes. */
export function runReceivingNode<Received extends JsonObject>(
  RED: NodeAPI,
  node: Node,
  work: ReceivingWork<Received>,
): Reception<Received> {
  const { status, path, problem, answer, maxBytes, refusal, knows } = work;
  const routes = webhookRoutes(RED);
  const fail = (key: string, sentence: string): void => {
    status.show("problem", key);
    node.error(sentence);
  };
  const refuse = (reason: string): void => fail(routes.enabled ? "path-taken" : "no-routes", reason);
  const claim = routes.claim(path, answer, { maxBytes, refusal, ...(knows && { knows }), onRefused: refuse });
  const showReadiness = (): void => {
    if (!claim.ok) refuse(claim.reason);
    else if (problem) fail(problem.key, problem.sentence);
    else status.show("idle", "waiting");
  };
  const reception = new Reception<Received>(RED, node, {
    emit: work.emit,
    isSimulated: work.isSimulated,
    repeatedWithinMs: work.repeatedWithinMs,
    showProblem: () => status.show("problem", "store"),
    showUsual: showReadiness,
  });
  showReadiness();
  onClose(node, (removed) => {
    reception.close();
    if (claim.ok) claim.release(removed);
  });
  return reception;
}
