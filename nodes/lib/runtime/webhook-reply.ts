import type { WebhookAnswer } from "../../../src/webhooks/webhook-answer";

/** The parts of Express's response that the core "http response" node uses. */
interface ExpressResponse {
  set(headers: string | Record<string, unknown>, value?: unknown): ExpressResponse;
  get(name: string): unknown;
  status(code: number): ExpressResponse;
  send(body?: unknown): ExpressResponse;
  jsonp(body: unknown): ExpressResponse;
  cookie(): ExpressResponse;
  clearCookie(): ExpressResponse;
}

/**
 * `msg.res` of a webhook that waits for its answer: our own nodes call `answer`, and the core "http response" node finds what
 * it needs. The first answer counts; later ones, and one that comes after the limit, are ignored.
 */
export class WebhookReply {
  /** Resolves with the answer. */
  readonly answered: Promise<WebhookAnswer>;
  private resolve: ((answer: WebhookAnswer) => void) | undefined;

  /** @param isSimulated the webhook came to an account on the built-in simulator */
  constructor(
    readonly requestId: string,
    readonly isSimulated = false,
  ) {
    this.answered = new Promise((resolve) => (this.resolve = resolve));
  }

  /** Whether the webhook has its answer. */
  get isAnswered(): boolean {
    return this.resolve === undefined;
  }

  /** Answers the webhook; false when it has its answer already. @param body sent as JSON */
  answer(status: number, body: object): boolean {
    if (!this.resolve) return false;
    this.resolve({ status, body });
    this.resolve = undefined;
    return true;
  }

  /** As the core "http response" node uses it; headers and cookies say nothing to Bloomreach, and are left out. */
  get _res(): ExpressResponse {
    let code = 200;
    const finish = (body: unknown): ExpressResponse => {
      this.answer(code, typeof body === "object" && body !== null ? body : { data: body === undefined ? null : body });
      return response;
    };
    const response: ExpressResponse = {
      set: () => response,
      get: () => undefined,
      status: (status) => {
        code = status;
        return response;
      },
      send: finish,
      jsonp: finish,
      cookie: () => response,
      clearCookie: () => response,
    };
    return response;
  }
}

/** The reply that a message carries, if its webhook waits for an answer. */
export function replyOf(message: Readonly<Record<string, unknown>>): WebhookReply | undefined {
  return message.res instanceof WebhookReply ? message.res : undefined;
}
