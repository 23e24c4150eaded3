import type { HttpAnswer } from "../http/http-client";
import { explainAnswer } from "./errors";
import type { VoucherifyApi } from "./voucherify-api";

/** One line of the checklist that "Test connection" shows. */
export interface ConnectionCheck {
  readonly name:
    "Region" | "Keys" | "Read metadata schemas" | "Read customers" | "Read async actions" | "Write customers";
  readonly ok: boolean | "unknown";
  /** What was found, and what to do where it is not good. */
  readonly sentence: string;
}

/**
 * Tries what can be tried without changing anything: three reading requests.
 * Never rejects: what goes wrong is a line of the list.
 */
export async function testVoucherifyConnection(api: VoucherifyApi, signal: AbortSignal): Promise<ConnectionCheck[]> {
  let schemas: HttpAnswer;
  try {
    schemas = await api.readMetadataSchema("customer", signal);
  } catch (error) {
    return [{ name: "Region", ok: false, sentence: error instanceof Error ? error.message : String(error) }];
  }
  const region = regionCheck(schemas);
  if (region.ok !== true) return [region];
  const keys = keyCheck(schemas);
  if (keys.ok !== true) return [region, keys];
  return [
    region,
    keys,
    // Nothing defined yet is answered 404: the permission is there.
    permissionCheck("Read metadata schemas", schemas.status === 404 ? { ...schemas, status: 200 } : schemas),
    await probe("Read customers", () => api.listCustomers(1, signal)),
    await probe("Read async actions", () => api.listAsyncActions(1, signal)),
    {
      name: "Write customers",
      ok: "unknown",
      sentence:
        "Not tried, because it would create data. The role of the key must allow creating and updating customers.",
    },
  ];
}

function regionCheck(answer: HttpAnswer): ConnectionCheck {
  if (answer.json !== undefined && answer.status < 500)
    return { name: "Region", ok: true, sentence: "Voucherify answers at this address." };
  const sentence =
    answer.status >= 500
      ? `${explainAnswer(answer).message} Try again later.`
      : "Something answers at this address, but it is not Voucherify's API: check the API base URL.";
  return { name: "Region", ok: false, sentence };
}

function keyCheck(answer: HttpAnswer): ConnectionCheck {
  const name = "Keys";
  switch (answer.status) {
    case 401:
      return {
        name,
        ok: false,
        sentence: "Voucherify does not know these keys: check the Application ID, the Secret key and the region.",
      };
    case 402:
      return {
        name,
        ok: false,
        sentence: `${explainAnswer(answer).message} Check the plan of your Voucherify account.`,
      };
    case 429:
      return {
        name,
        ok: "unknown",
        sentence: "Voucherify's request limit is reached at the moment, so nothing could be tested. Try again later.",
      };
    default:
      return { name, ok: true, sentence: "Voucherify accepts these keys." };
  }
}

async function probe(name: ConnectionCheck["name"], ask: () => Promise<HttpAnswer>): Promise<ConnectionCheck> {
  try {
    return permissionCheck(name, await ask());
  } catch (error) {
    return { name, ok: "unknown", sentence: error instanceof Error ? error.message : String(error) };
  }
}

function permissionCheck(name: ConnectionCheck["name"], answer: HttpAnswer): ConnectionCheck {
  if (answer.status < 300) return { name, ok: true, sentence: "Allowed." };
  if (answer.status === 401 || answer.status === 403)
    return { name, ok: false, sentence: "Not allowed: give the role of this key the permission in Voucherify." };
  return { name, ok: "unknown", sentence: explainAnswer(answer).message };
}
