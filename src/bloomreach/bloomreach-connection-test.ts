import type { HttpAnswer, HttpRequest } from "../http/http-client";
import { isSafeAddress } from "../http/address";
import { isJsonObject } from "../json";

/** One line of a connection test. "unknown": this test cannot tell. */
export interface BloomreachCheck {
  readonly name: "API base URL" | "Project token" | "API keys" | "Permissions";
  readonly ok: boolean | "unknown";
  /** What was found, and what to do where it is not good. */
  readonly sentence: string;
}

/** What is tested: the fields of the bloomreach account. */
export interface TestedBloomreach {
  readonly apiUrl: string;
  readonly projectToken: string;
  readonly keys: { readonly keyId: string; readonly secret: string };
  readonly send: (request: HttpRequest) => Promise<HttpAnswer>;
  readonly signal: AbortSignal;
}

const TIMEOUT_MS = 10_000;

/**
 * Asks Bloomreach for its time (`GET /track/v2/projects/{token}/system/time`, Basic authentication:
 * documentation.bloomreach.com/engagement/reference/authentication) and tells what the answer proves. It changes
 * nothing in the project. Never rejects; no sentence holds a key.
 */
export async function testBloomreachConnection(connection: TestedBloomreach): Promise<BloomreachCheck[]> {
  const unfit = checkFields(connection);
  if (unfit) return [unfit];
  try {
    return explain(await connection.send(systemTime(connection)));
  } catch (error) {
    const reason = error instanceof Error ? ` ${error.message}` : "";
    return [address(false, `Bloomreach could not be reached: check the API base URL and the network.${reason}`)];
  }
}

function checkFields({ apiUrl, projectToken, keys }: TestedBloomreach): BloomreachCheck | undefined {
  const missing = [
    ["Project token", projectToken],
    ["API Key ID", keys.keyId],
    ["API secret", keys.secret],
  ].flatMap(([label, value]) => (value?.trim() ? [] : [label]));
  if (missing.length === 3)
    return apiKeys("unknown", "There is nothing to test: API keys are only needed once a node sends to Bloomreach.");
  if (missing.length > 0) return apiKeys(false, `Fill in ${missing.join(" and ")}, then test again.`);
  if (!isSafeAddress(apiUrl))
    return address(false, "The API base URL must begin with https://, for example https://api.exponea.com.");
  return undefined;
}

function systemTime({ apiUrl, projectToken, keys, signal }: TestedBloomreach): HttpRequest {
  const pair = Buffer.from(`${keys.keyId.trim()}:${keys.secret.trim()}`).toString("base64");
  const base = apiUrl.trim().replace(/\/+$/, "");
  return {
    method: "GET",
    url: `${base}/track/v2/projects/${encodeURIComponent(projectToken.trim())}/system/time`,
    headers: { authorization: `Basic ${pair}`, accept: "application/json" },
    timeoutMs: TIMEOUT_MS,
    signal,
  };
}

/** documentation.bloomreach.com/engagement/reference/tracking-api-authorization-errors */
function explain({ status, text, json }: HttpAnswer): BloomreachCheck[] {
  if (status === 200 && isJsonObject(json) && json.success !== false && typeof json.time === "number") return allGood();
  if (/invalid project id|could not authenticate/i.test(text))
    return [
      address(true, "Bloomreach answers."),
      token(
        false,
        "Bloomreach does not know this Project token: copy it from Project settings > Access management > API.",
      ),
    ];
  if (status === 401)
    return [
      address(true, "Bloomreach answers."),
      apiKeys(
        false,
        "Bloomreach does not know this API Key ID: use a key of a private API group of this project " +
          "(Project settings > Access management > API).",
      ),
    ];
  if (status === 403 && /invalid secret/i.test(text))
    return [
      address(true, "Bloomreach answers."),
      apiKeys(false, "The API secret does not belong to this API Key ID: enter the secret again, or add a new key."),
    ];
  if (status === 403)
    return [
      address(true, "Bloomreach answers."),
      apiKeys(false, "Bloomreach knows these keys but refuses them for this project: check the group of the key."),
    ];
  if (status === 404)
    return [address(false, "There is no Bloomreach API at this address: check the API base URL (without a path).")];
  if (status === 429 || status >= 500)
    return [address("unknown", `Bloomreach is busy or unavailable (HTTP ${status}): test again in a few minutes.`)];
  return [address(false, `This address did not answer as Bloomreach does (HTTP ${status}): check the API base URL.`)];
}

function allGood(): BloomreachCheck[] {
  return [
    address(true, "Bloomreach answers."),
    token(true, "Bloomreach knows this project."),
    apiKeys(true, "Bloomreach accepts these keys."),
    {
      name: "Permissions",
      ok: "unknown",
      sentence:
        "This test cannot prove permissions, because that takes writing an event. In the API group, allow Set for the " +
        "events and customer properties you send, or for new events and new properties.",
    },
  ];
}

function address(ok: BloomreachCheck["ok"], sentence: string): BloomreachCheck {
  return { name: "API base URL", ok, sentence };
}

function token(ok: BloomreachCheck["ok"], sentence: string): BloomreachCheck {
  return { name: "Project token", ok, sentence };
}

function apiKeys(ok: BloomreachCheck["ok"], sentence: string): BloomreachCheck {
  return { name: "API keys", ok, sentence };
}
