import { newId, type SimulatedAnswer, type SimulatedRequest } from "./exchange";
import { SIMULATOR_BLOOMREACH_KEYS } from "./keys";

const SYSTEM_TIME = /^\/track\/v2\/projects\/([^/]+)\/system\/time$/;

/**
 * The part of Bloomreach's Tracking API that a connection test uses: system time, with Basic authentication and the
 * documented error bodies (documentation.bloomreach.com/engagement/reference).
 */
export function answerAsBloomreach(request: SimulatedRequest): SimulatedAnswer {
  return { ...systemTime(request), headers: { "x-request-id": newId("") } };
}

function systemTime({ method, path, headers }: SimulatedRequest): SimulatedAnswer {
  const projectToken = SYSTEM_TIME.exec(path)?.[1];
  if (method !== "GET" || projectToken === undefined)
    return {
      status: 404,
      body: { errors: { code: 404, description: "The requested URL was not found on the server" } },
    };
  const encoded = /^Basic\s+(\S+)$/i.exec(headers.authorization ?? "")?.[1];
  if (encoded === undefined) return refused(401, "Access key not provided");
  const pair = Buffer.from(encoded, "base64").toString("utf8");
  const colon = pair.indexOf(":");
  if (pair.slice(0, Math.max(0, colon)) !== SIMULATOR_BLOOMREACH_KEYS.apiKeyId)
    return refused(401, "Access key not found");
  if (pair.slice(colon + 1) !== SIMULATOR_BLOOMREACH_KEYS.apiSecret) return refused(403, "invalid secret");
  if (projectToken !== SIMULATOR_BLOOMREACH_KEYS.projectToken) return refused(400, "Invalid project id");
  return { status: 200, body: { success: true, time: Date.now() / 1000 } };
}

function refused(status: number, error: string): SimulatedAnswer {
  return { status, body: { success: false, error } };
}
