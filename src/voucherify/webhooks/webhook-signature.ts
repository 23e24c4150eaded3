import { createHmac, timingSafeEqual } from "node:crypto";

const QUOTE = 0x22;
const BACKSLASH = 0x5c;
const WHITE_SPACE: readonly number[] = [0x20, 0x09, 0x0a, 0x0d];

/**
 * Whether a webhook was signed by Voucherify: `x-voucherify-signature` is the hexadecimal HMAC-SHA256 of the body, made
 * with the project's secret key (docs.voucherify.io/api-reference/introduction-to-webhooks). Voucherify signs JSON without
 * insignificant white space, and text as it is: the bytes as they came are tried first, then the same bytes without that
 * white space. Nothing is parsed, because that would change `1.0`, long numbers and `\u` escapes.
 * @param body the bytes as they came
 * @param signature value of the header
 * @param secrets any of them may have signed it, so that a key can be replaced; blank ones sign nothing
 */
export function isSigned(body: Buffer, signature: string | undefined, secrets: readonly string[]): boolean {
  if (signature === undefined || !hasSignatureForm(signature)) return false;
  const digest = Buffer.from(signature.trim(), "hex");
  const usable = secrets.filter((secret) => secret.trim() !== "");
  const isOf = (bytes: Buffer): boolean =>
    usable.some((secret) => timingSafeEqual(createHmac("sha256", secret).update(bytes).digest(), digest));
  if (isOf(body)) return true;
  const compact = withoutWhiteSpace(body);
  return compact.length < body.length && isOf(compact);
}

/** Whether the value of the header can be a signature at all, whatever it signs. */
export function hasSignatureForm(signature: string | undefined): boolean {
  return /^[0-9a-f]{64}$/i.test(signature?.trim() ?? "");
}

/** JSON in UTF-8 without the white space that stands outside of its strings. */
function withoutWhiteSpace(json: Buffer): Buffer {
  const kept = Buffer.allocUnsafe(json.length);
  let length = 0;
  let isQuoted = false;
  let isEscaped = false;
  for (const byte of json) {
    if (!isQuoted && WHITE_SPACE.includes(byte)) continue;
    kept[length++] = byte;
    if (byte === QUOTE && !isEscaped) isQuoted = !isQuoted;
    isEscaped = byte === BACKSLASH && !isEscaped;
  }
  return kept.subarray(0, length);
}
