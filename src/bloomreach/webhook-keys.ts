import { createHash, timingSafeEqual } from "node:crypto";
import type { IncomingHttpHeaders } from "node:http";

/** The keys that Bloomreach must send with every webhook. A blank pair or a blank header lets nobody in. */
export interface WebhookKeys {
  readonly applicationId: string;
  readonly secretKey: string;
  /** A header of the user's own choice, for example "Authorization", and the value it must have. */
  readonly headerName?: string;
  readonly headerValue?: string;
}

/**
 * True when the headers carry the right keys in at least one of the accepted styles: `application-id` with
 * `secret-key`, `X-App-Id` with `X-App-Token`, Basic authentication (RFC 7617: user = application id, password =
 * secret key), or the user's own header (documentation.bloomreach.com/engagement/docs/webhook-authentication). Each
 * comparison takes the same time whatever was sent. False when no keys are configured.
 * @param headers as Node.js gives them: names in lower case
 */
export function isAuthorized(headers: IncomingHttpHeaders, keys: WebhookKeys | undefined): boolean {
  if (!keys) return false;
  const { applicationId, secretKey, headerName = "", headerValue = "" } = keys;
  const matches: boolean[] = [];
  if (applicationId.trim() !== "" && secretKey.trim() !== "") {
    matches.push(
      allEqual([headers["application-id"], headers["secret-key"]], [applicationId, secretKey]),
      allEqual([headers["x-app-id"], headers["x-app-token"]], [applicationId, secretKey]),
      allEqual([readBasic(headers.authorization)], [`${applicationId}:${secretKey}`]),
    );
  }
  if (headerName.trim() !== "" && headerValue.trim() !== "")
    matches.push(allEqual([headers[headerName.trim().toLowerCase()]], [headerValue]));
  return matches.includes(true);
}

/** The headers that carry the keys, as they are entered in Bloomreach. */
export function headersWith({
  applicationId,
  secretKey,
  headerName,
  headerValue,
}: WebhookKeys): Record<string, string> {
  return {
    ...(applicationId && { "application-id": applicationId, "secret-key": secretKey }),
    ...(headerName && headerValue && { [headerName]: headerValue }),
  };
}

/** "user:password" of a Basic header. */
function readBasic(authorization: string | undefined): string | undefined {
  const encoded = /^basic +([\w+/=-]+) *$/i.exec(authorization ?? "")?.[1];
  return encoded === undefined ? undefined : Buffer.from(encoded, "base64").toString("utf8");
}

/** Compares all pairs, also after a difference: digests have one length, so the time tells nothing about the values. */
function allEqual(sent: readonly unknown[], expected: readonly string[]): boolean {
  return !expected
    .map((value, index) => timingSafeEqual(digest(sent[index]), digest(value)) && typeof sent[index] === "string")
    .includes(false);
}

function digest(value: unknown): Buffer {
  return createHash("sha256")
    .update(typeof value === "string" ? value : "")
    .digest();
}
