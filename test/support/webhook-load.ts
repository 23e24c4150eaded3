import { Agent, type ClientRequest, request as httpRequest } from "node:http";
import type { Socket } from "node:net";

/** One kind of request in the load. */
export interface LoadKind {
  readonly name: string;
  readonly method?: string;
  readonly path: string;
  readonly headers?: Record<string, string>;
  readonly body?: string | Buffer;
  /** Sends half of the body and closes the connection. */
  readonly hangUp?: boolean;
  /** Sent once in so many rounds; default every round. */
  readonly everyRounds?: number;
}

/** What became of one request. Times are Unix ms. */
export interface LoadRecord {
  readonly kind: string;
  readonly sentAt: number;
  /** When its connection was opened, which with keep-alive can be long before; absent when it was never accepted. */
  openedAt?: number;
  /** Absent when no answer came. */
  status?: number;
  /** Why no answer came, for example ECONNREFUSED. */
  error?: string;
  endedAt?: number;
}

/** No answer after this is no answer. */
const ANSWER_LIMIT_MS = 20_000;

/**
 * Sends webhooks at a constant pace, whether they are answered or not, alternately on new and on kept connections, and
 * records what became of each.
 */
export class WebhookLoad {
  readonly records: LoadRecord[] = [];
  private readonly keepAlive = new Agent({ keepAlive: true });
  private readonly openedAt = new WeakMap<Socket, number>();
  private readonly open = new Set<Promise<void>>();
  private timer: NodeJS.Timeout | undefined;
  private round = 0;
  private readonly queue: LoadKind[] = [];

  constructor(
    private readonly port: number,
    private readonly kinds: readonly LoadKind[],
  ) {}

  start(perSecond: number): void {
    this.timer = setInterval(() => this.sendNext(), 1000 / perSecond);
  }

  /** Stops sending and waits for what is open. */
  async stop(): Promise<readonly LoadRecord[]> {
    clearInterval(this.timer);
    await Promise.all(this.open);
    this.keepAlive.destroy();
    return this.records;
  }

  /** Waits until `count` more requests, all sent after this call, have been answered with 200. */
  async answered(count: number): Promise<void> {
    const from = Date.now();
    const good = (): number => this.records.filter(({ sentAt, status }) => sentAt >= from && status === 200).length;
    while (good() < count) await new Promise((resolve) => setTimeout(resolve, 20));
  }

  private sendNext(): void {
    while (this.queue.length === 0) {
      this.round++;
      this.queue.push(...this.kinds.filter(({ everyRounds = 1 }) => this.round % everyRounds === 0));
    }
    const kind = this.queue.shift();
    if (!kind) return;
    const record: LoadRecord = { kind: kind.name, sentAt: Date.now() };
    this.records.push(record);
    const done = this.send(kind, record).then((news) => {
      Object.assign(record, news, { endedAt: Date.now() });
      this.open.delete(done);
    });
    this.open.add(done);
  }

  private send(kind: LoadKind, record: LoadRecord): Promise<Pick<LoadRecord, "status" | "error">> {
    const { method = "POST", path, headers = {}, body = "" } = kind;
    const agent = this.records.length % 2 === 0 ? this.keepAlive : new Agent();
    return new Promise((resolve) => {
      const request = httpRequest({
        ...{ host: "127.0.0.1", port: this.port, method, path, agent },
        headers: { ...headers, "content-length": Buffer.byteLength(body) },
        signal: AbortSignal.timeout(ANSWER_LIMIT_MS),
      });
      this.noteConnection(request, record);
      request.on("response", (answer) => {
        answer.resume();
        answer.on("error", (error: NodeJS.ErrnoException) => resolve({ error: error.code ?? error.message }));
        answer.on("end", () => resolve({ status: answer.statusCode }));
      });
      request.on("error", (error: NodeJS.ErrnoException) => resolve({ error: error.code ?? error.message }));
      if (kind.hangUp) request.write(body.slice(0, body.length / 2), () => request.destroy());
      else request.end(body);
    });
  }

  private noteConnection(request: ClientRequest, record: LoadRecord): void {
    request.on("socket", (socket) => {
      record.openedAt = this.openedAt.get(socket);
      if (!socket.connecting) return;
      socket.once("connect", () => {
        record.openedAt = Date.now();
        this.openedAt.set(socket, record.openedAt);
      });
    });
  }
}
