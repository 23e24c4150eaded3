import {
  createServer,
  type IncomingMessage,
  request as httpRequest,
  type Server,
  type ServerResponse,
} from "node:http";
import { once } from "node:events";
import type { AddressInfo } from "node:net";

/** An API whose answers come when the test says so: requests reach it, and wait there. */
export class HeldApi {
  /** Requests that have come whole and wait. */
  readonly held = new Set<ServerResponse>();
  /** How many requests their client has given up. */
  givenUp = 0;
  private holding = false;
  private readonly waiting: (() => void)[] = [];

  private constructor(
    private readonly server: Server,
    private readonly behind: string,
  ) {
    server.on("request", (request, response) => void this.serve(request, response));
  }

  /** @param behind the API that answers in the end */
  static async start(behind: string): Promise<HeldApi> {
    const server = createServer().listen(0, "127.0.0.1");
    await once(server, "listening");
    return new HeldApi(server, behind);
  }

  get url(): string {
    return `http://127.0.0.1:${(this.server.address() as AddressInfo).port}`;
  }

  /** From now on no request is answered. */
  hold(): void {
    this.holding = true;
  }

  /** Answers what waits, and what comes. */
  release(): void {
    this.holding = false;
    for (const go of this.waiting.splice(0)) go();
  }

  stop(): void {
    this.server.closeAllConnections();
    this.server.close();
  }

  private async serve(request: IncomingMessage, response: ServerResponse): Promise<void> {
    const chunks: Buffer[] = [];
    for await (const chunk of request) chunks.push(chunk as Buffer);
    response.on("close", () => {
      if (this.held.delete(response)) this.givenUp++;
    });
    if (this.holding) {
      this.held.add(response);
      await new Promise<void>((resolve) => this.waiting.push(resolve));
      if (!this.held.delete(response)) return;
    }
    const { method, headers, url } = request;
    const onwards = httpRequest(this.behind + url, { method, headers }, (answer) => {
      response.writeHead(answer.statusCode ?? 502, answer.headers);
      answer.pipe(response);
    });
    onwards.on("error", () => response.destroy());
    onwards.end(Buffer.concat(chunks));
  }
}
