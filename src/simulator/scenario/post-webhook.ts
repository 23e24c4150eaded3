import { request as requestHttp } from "node:http";
import { request as requestHttps } from "node:https";
import type { JsonValue } from "../../json";

/** The most of an answer that Bloomreach reads. */
const MAX_ANSWER_BYTES = 64 * 1024;

/** One webhook call. */
export interface WebhookCall {
  readonly url: string;
  readonly headers: Readonly<Record<string, string>>;
  readonly body: string;
  readonly timeoutMs: number;
  /** Accept any certificate, for https on this machine. */
  readonly insecureTls: boolean;
}

/** Sends one webhook. Never rejects: status 0 and a sentence as the body when no answer came. */
export function postWebhook(call: WebhookCall): Promise<{ status: number; body: JsonValue }> {
  return new Promise((resolve) => {
    const send = new URL(call.url).protocol === "https:" ? requestHttps : requestHttp;
    const unanswered = (error: Error): void =>
      resolve({
        status: 0,
        body: timeUp.aborted
          ? `No answer came within ${call.timeoutMs} ms.`
          : `No answer came: ${error.message || error.name}.`,
      });
    const timeUp = AbortSignal.timeout(call.timeoutMs);
    const request = send(
      call.url,
      {
        method: "POST",
        headers: {
          "content-type": "application/json",
          ...call.headers,
          "content-length": Buffer.byteLength(call.body),
        },
        signal: timeUp,
        agent: false,
        rejectUnauthorized: !call.insecureTls,
      },
      (response) => {
        const chunks: Buffer[] = [];
        let bytes = 0;
        response.on("data", (chunk: Buffer) => {
          if (bytes < MAX_ANSWER_BYTES) chunks.push(chunk.subarray(0, MAX_ANSWER_BYTES - bytes));
          bytes += chunk.length;
        });
        response.on("error", unanswered);
        response.on("end", () =>
          resolve({ status: response.statusCode ?? 0, body: parse(Buffer.concat(chunks).toString("utf8")) }),
        );
      },
    );
    request.on("error", unanswered);
    request.end(call.body);
  });
}

function parse(text: string): JsonValue {
  try {
    return JSON.parse(text) as JsonValue;
  } catch {
    return text;
  }
}
