import type { RequestHandler } from "express";

/**
 * Lets an admin request through only when it says that its body is JSON. A page of somebody else can make a browser post a
 * form or plain text to a Node-RED that the browser reaches, but JSON only with the consent of that Node-RED.
 */
export const jsonOnly: RequestHandler = (request, response, next) => {
  if (/^application\/json\s*(;|$)/i.test(request.headers["content-type"] ?? "")) return next();
  response.status(415).json({ error: 'Send JSON, with the header "Content-Type: application/json".' });
};
