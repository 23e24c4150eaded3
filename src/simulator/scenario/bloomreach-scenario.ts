import { setTimeout as wait } from "node:timers/promises";
import type { JsonObject, JsonValue } from "../../json";
import { postWebhook } from "./post-webhook";
import { makeMess, type Mess } from "./scenario-mess";
import { renderRoot, renderTemplate } from "./template";

/** A customer as Bloomreach has it: `customer_ids.*` and `customer.*` of the templates. */
export interface BloomreachProfile {
  readonly customer_ids: JsonObject;
  readonly properties: JsonObject;
}

/** A scenario whose last node is a webhook. */
export interface Scenario {
  readonly url: string;
  /** Headers of the webhook, its keys among them. */
  readonly headers: Readonly<Record<string, string>>;
  readonly customers: readonly BloomreachProfile[];
  readonly customerTemplate: string;
  readonly rootTemplate: string;
  /** What the templates may read besides the customer: `event`, `scenario`, `action`. */
  readonly context?: JsonObject;
  /** "batch": the Root template with up to `batchSize` customers; "single": one request per customer. */
  readonly mode: "batch" | "single";
  /** 1 to 1,000 (default). */
  readonly batchSize?: number;
  readonly mess?: Mess;
  /** Accept any certificate, for https on this machine. */
  readonly insecureTls?: boolean;
  /** How long to wait for one answer, in ms; 10,000 by default. */
  readonly timeoutMs?: number;
  /** Pause before requests that were answered 500 are sent again, in ms; 1,000 by default. */
  readonly retryDelayMs?: number;
}

/** One request of a scenario and its last answer. */
export interface ScenarioRequest {
  /** HTTP status; 0 when no answer came. */
  readonly status: number;
  /** The answer: parsed when it was JSON, else its text, at most 64 KB. */
  readonly body: JsonValue;
  /** Number of customers in the request. */
  readonly customers: number;
}

/** What came of a scenario. */
export interface ScenarioResult {
  /** The requests that were sent, in order. */
  readonly requests: readonly ScenarioRequest[];
  /** Present when the endpoint ended the whole campaign: nothing was sent after this answer. */
  readonly stopped?: { readonly code: number; readonly sentence: string };
  /** How often a request was sent again after a 500. */
  readonly retried: number;
  /** Customers whose request was refused or not answered. */
  readonly failed: number;
  /** Customers whose request was never sent, because the campaign had been stopped. */
  readonly unsent: number;
}

const STOP_CODES: ReadonlySet<number> = new Set([400, 404, 410, 412, 413, 418]);
/** Bloomreach does not say how often it retries; the simulator gives up after this many times. */
const MAX_RETRIES = 5;

/**
 * Plays a Bloomreach scenario webhook. It obeys what Bloomreach documents
 * (documentation.bloomreach.com/engagement/docs/creating-api-endpoint-for-webhooks): 400, 404, 410, 412, 413 and 418
 * stop the whole campaign, 500 means "send the same request again later", any other 4xx fails that request's customers.
 * Throws a sentence when the address or a template cannot be used.
 */
export async function sendScenario(scenario: Scenario): Promise<ScenarioResult> {
  if (!/^https?:\/\//i.test(scenario.url) || !URL.canParse(scenario.url))
    throw new Error("The address of the webhook must begin with http:// or https://.");
  const prepared = prepare(scenario);
  const answers = new Map<number, ScenarioRequest>();
  let retried = 0;
  let stopped: ScenarioResult["stopped"];
  let round = [...prepared.keys()];

  for (let tries = 0; round.length > 0 && !stopped; tries += 1) {
    if (tries > 0) await wait(scenario.retryDelayMs ?? 1_000);
    const again: number[] = [];
    for (const index of round) {
      const { body, customers } = prepared[index] as PreparedRequest;
      const answer = await postWebhook({
        url: scenario.url,
        headers: scenario.headers,
        body,
        timeoutMs: scenario.timeoutMs ?? 10_000,
        insecureTls: scenario.insecureTls ?? false,
      });
      if (tries > 0) retried += 1;
      answers.set(index, { ...answer, customers });
      if (STOP_CODES.has(answer.status)) {
        stopped = { code: answer.status, sentence: explainStop(answer.status) };
        break;
      }
      if (answer.status === 500 && tries < MAX_RETRIES) again.push(index);
    }
    round = again;
  }

  const requests = [...answers.keys()].sort((a, b) => a - b).map((index) => answers.get(index) as ScenarioRequest);
  const sum = (list: readonly { customers: number }[]): number =>
    list.reduce((all, { customers }) => all + customers, 0);
  return {
    requests,
    ...(stopped && { stopped }),
    retried,
    failed: sum(requests.filter(({ status }) => status < 200 || status > 299)),
    unsent: sum(prepared) - sum(requests),
  };
}

interface PreparedRequest {
  readonly body: string;
  readonly customers: number;
}

function prepare(scenario: Scenario): PreparedRequest[] {
  const rendered = makeMess(scenario.customers, scenario.mess ?? "none").map(({ customer_ids, properties }) =>
    renderTemplate(scenario.customerTemplate, { ...scenario.context, customer_ids, customer: properties }),
  );
  if (scenario.mode === "single") return rendered.map((body) => ({ body, customers: 1 }));
  const size = Math.min(1_000, Math.max(1, Math.floor(scenario.batchSize ?? 1_000)));
  const batches: PreparedRequest[] = [];
  for (let start = 0; start < rendered.length; start += size) {
    const batch = rendered.slice(start, start + size);
    batches.push({ body: renderRoot(scenario.rootTemplate, batch), customers: batch.length });
  }
  return batches;
}

function explainStop(code: number): string {
  const why =
    code === 404 || code === 410
      ? "Check the path of the webhook's address."
      : code === 413
        ? "Send fewer customers in one request."
        : "Check the webhook's address and template.";
  return `The answer ${code} makes Bloomreach stop the whole campaign: it sends nothing more, to any customer. ${why}`;
}
