import { type IncomingMessage, type Server, type ServerResponse, STATUS_CODES } from "node:http";
import type { Duplex } from "node:stream";
import { STOP_CODES } from "./stop-codes";

type ClientError = Error & { code?: string; rawPacket?: Buffer };

/** A request whose head could be read. */
export interface LatestRequest {
  readonly request: IncomingMessage;
  readonly isOurs: boolean;
}

/** What Node.js answers itself (nodejs.org/api/http.html#event-clienterror); everything else is 400. */
const NODE_ANSWERS: Record<string, number> = {
  HPE_HEADER_OVERFLOW: 431,
  HPE_CHUNK_EXTENSIONS_OVERFLOW: 413,
  ERR_HTTP_REQUEST_TIMEOUT: 408,
};

/**
 * Answers requests that are not even HTTP (broken Content-Length, broken chunks). Node.js answers them 400 or 413 before
 * any route is asked, and these codes stop a whole Bloomreach campaign: on our paths, and where the path cannot be told, they get
 * `body` with 500. All others get what Node.js would have answered.
 * @param pending our responses that are not written yet, by connection
 * @param latest the request whose head came last, by connection
 */
export function answerBrokenRequests(
  server: Server,
  pending: WeakMap<Duplex, ServerResponse>,
  latest: WeakMap<Duplex, LatestRequest>,
  isOurs: (url: string) => boolean,
  body: () => object,
): void {
  // Without a listener, Node.js closes the connection of a request for a tunnel.
  server.on("connect", (request, socket) => {
    if (isOurs(request.url ?? "")) end(socket, 500, JSON.stringify(body()));
    else if (server.listenerCount("connect") === 1) socket.destroy();
  });
  server.on("clientError", (error: ClientError, socket) => {
    const packet = error.rawPacket?.subarray(0, 8192).toString("latin1") ?? "";
    const named = /^\s*[^\s:]+ +(\/\S*|https?:\/\/\S+)/i.exec(packet)?.[1];
    const status = NODE_ANSWERS[error.code ?? ""] ?? 400;
    const last = latest.get(socket);
    // What breaks in a body is the request that came last; a packet from the middle of a head does not tell its path.
    const mayBeOurs =
      last && !last.request.complete ? last.isOurs : named !== undefined ? isOurs(named) : STOP_CODES.includes(status);
    if (pending.has(socket) || mayBeOurs) end(socket, 500, JSON.stringify(body()));
    else if (server.listenerCount("clientError") === 1) end(socket, status, "");
  });
}

function end(socket: Duplex, status: number, text: string): void {
  const started = (socket as { _httpMessage?: ServerResponse })._httpMessage?.headersSent;
  if (!socket.writable || started) return void socket.destroy();
  const type = text ? "Content-Type: application/json\r\n" : "";
  socket.end(
    `HTTP/1.1 ${status} ${STATUS_CODES[status]}\r\nConnection: close\r\n${type}` +
      `Content-Length: ${Buffer.byteLength(text)}\r\n\r\n${text}`,
  );
}
