import type { IncomingMessage, Server, ServerResponse } from "node:http";
import type { Duplex } from "node:stream";

/**
 * Requests for which Node.js has an answer, or none, before any route is asked (nodejs.org/api/http.html#class-httpserver): the offer
 * of another protocol, an expectation, a missing Host. On our paths they are requests like all others.
 */
export function routeUnusualRequests(server: Server, isOurs: (url: string) => boolean): void {
  // Node.js gives such requests to the listeners of "upgrade" and to nobody else; Node-RED's leaves them without an answer.
  server.on("upgrade", (request, socket, head) => {
    if (isOurs(request.url ?? "") || server.listenerCount("upgrade") === 1)
      declineUpgrade(server, request, socket, head);
  });
  server.on("checkExpectation", (request: IncomingMessage, response: ServerResponse) => {
    if (isOurs(request.url ?? "")) server.emit("request", request, response);
    else response.writeHead(417).end();
  });
  // Node.js would answer 400, which stops a campaign.
  (server as { requireHostHeader?: boolean }).requireHostHeader = false;
}

/** Whether Node.js would have refused a request that has no Host (RFC 9112 section 3.2). */
export function lacksHost({ httpVersion, headers }: IncomingMessage): boolean {
  return httpVersion === "1.1" && headers.host === undefined;
}

/** A server may ignore the offer of another protocol (RFC 9110 section 7.8): the same request comes again without it. */
function declineUpgrade(server: Server, request: IncomingMessage, socket: Duplex, head: Buffer): void {
  const lines = [`${request.method} ${request.url} HTTP/${request.httpVersion}`];
  for (let at = 0; at < request.rawHeaders.length; at += 2) {
    const [name = "", value = ""] = request.rawHeaders.slice(at, at + 2);
    if (!["upgrade", "connection", "http2-settings"].includes(name.toLowerCase())) lines.push(`${name}: ${value}`);
  }
  lines.push("Connection: close");
  socket.unshift(Buffer.concat([Buffer.from(`${lines.join("\r\n")}\r\n\r\n`, "latin1"), head]));
  server.emit("connection", socket);
}
