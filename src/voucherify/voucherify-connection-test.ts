import type { HttpAnswer } from "../http/http-client";
import { explainAnswer } from "./errors";
import type { VoucherifyApi } from "./voucherify-api";

/** What nodes use an account for. Each use needs other permissions of the key. */
export const VOUCHERIFY_USES = [
  "customer upsert",
  "customer IDs",
  "event forward",
  "voucherify publish",
  "voucherify lookup: points",
  "voucherify lookup: discount",
  "voucherify lookup: vouchers",
  "voucherify activity",
] as const;
export type VoucherifyUse = (typeof VOUCHERIFY_USES)[number];

/** One line of the checklist that "Test connection" shows. */
export interface VoucherifyCheck {
  readonly name: string;
  /** "unknown": this test cannot tell. "unneeded": no deployed node uses it. */
  readonly ok: boolean | "unknown" | "unneeded";
  /** What was found, and what to do where it is not good. */
  readonly sentence: string;
}

/** What a use needs, and how it is tried without changing anything. */
interface Need {
  readonly name: string;
  readonly uses: readonly VoucherifyUse[];
  /** Absent for what would create data. */
  readonly ask?: (api: VoucherifyApi, signal: AbortSignal) => Promise<HttpAnswer>;
  /** The answer for something that nobody has proves the permission. */
  readonly asksForNothing?: true;
  /** What happens without it, where nodes run all the same. */
  readonly without?: string;
}

/** No customer, code or promotion has this id. */
const NOBODY = "node-red-connection-test";

/** The first request of a test, whose answer also tells of the address and the keys. */
const readSchemas: NonNullable<Need["ask"]> = (api, signal) => api.readMetadataSchema("customer", signal);

const NEEDS: readonly Need[] = [
  {
    name: "Read metadata schemas",
    uses: ["customer upsert", "voucherify publish"],
    ask: readSchemas,
    // Nothing defined yet is answered 404.
    asksForNothing: true,
  },
  {
    name: "Read customers",
    uses: [
      "customer IDs",
      "voucherify publish",
      "voucherify lookup: points",
      "voucherify lookup: vouchers",
      "voucherify activity",
    ],
    ask: (api, signal) => api.listCustomers(1, signal),
  },
  {
    name: "Read async actions",
    uses: ["customer upsert"],
    ask: (api, signal) => api.listAsyncActions(1, signal),
  },
  {
    name: "Read customer activity",
    uses: ["voucherify activity"],
    ask: (api, signal) => api.customerActivity(NOBODY, { limit: 1, order: "-created_at" }, signal),
    asksForNothing: true,
  },
  {
    name: "Read publications",
    uses: ["voucherify publish"],
    ask: (api, signal) => api.listPublications({}, signal),
  },
  {
    name: "Read campaigns",
    uses: ["voucherify publish"],
    ask: (api, signal) => api.listCampaigns(1, 1, signal),
    without: "Codes are published all the same; the dialog cannot list campaigns, so type the name.",
  },
  {
    name: "Check qualifications",
    uses: ["voucherify lookup: discount"],
    // Without a customer, or Voucherify might create one.
    ask: (api, signal) => api.qualify('{"scenario":"AUDIENCE_ONLY","options":{"limit":1}}', signal),
  },
  {
    name: "Read vouchers",
    uses: ["voucherify lookup: discount"],
    ask: (api, signal) => api.readVoucher(NOBODY, signal),
    asksForNothing: true,
  },
  {
    name: "Read promotions",
    uses: ["voucherify lookup: discount"],
    ask: (api, signal) => api.readPromotionTier(NOBODY, signal),
    asksForNothing: true,
  },
  {
    name: "Read loyalty programs (v1)",
    uses: ["voucherify lookup: points"],
    ask: (api, signal) => api.listLoyaltyCampaigns(signal),
    without: "Points are looked up all the same; the dialog cannot list these programs, so type the name.",
  },
  {
    name: "Read loyalty programs (v2)",
    uses: ["voucherify lookup: points"],
    ask: (api, signal) => api.listLoyaltyPrograms(signal),
    // A project without this API answers 404.
    asksForNothing: true,
    without: "Points of v2 programs are not found. A project without such programs misses nothing.",
  },
  { name: "Write customers", uses: ["customer upsert", "voucherify publish"] },
  { name: "Write publications", uses: ["voucherify publish"] },
  { name: "Write events", uses: ["event forward"] },
];

/** The Region and Keys lines, then what the uses need. */
export interface ConnectionTest {
  readonly api: VoucherifyApi;
  /** What deployed nodes use the account for; empty while none does: then everything is tried, and nothing is missing. */
  readonly uses: ReadonlySet<VoucherifyUse>;
  readonly signal: AbortSignal;
}

/**
 * Tries what can be tried without changing anything: one reading request for each permission that the uses need.
 * Never rejects: what goes wrong is a line of the list.
 */
export async function testVoucherifyConnection({ api, uses, signal }: ConnectionTest): Promise<VoucherifyCheck[]> {
  let first: HttpAnswer;
  try {
    first = await readSchemas(api, signal);
  } catch (error) {
    return [{ name: "Region", ok: false, sentence: error instanceof Error ? error.message : String(error) }];
  }
  const region = regionCheck(first);
  if (region.ok !== true) return [region];
  const keys = keyCheck(first);
  if (keys.ok !== true) return [region, keys];
  const needed = NEEDS.filter((need) => uses.size === 0 || need.uses.some((use) => uses.has(use)));
  const checks = await Promise.all(
    needed.map((need) =>
      checkOf(need.ask === readSchemas ? { ...need, ask: () => Promise.resolve(first) } : need, { api, uses, signal }),
    ),
  );
  return [
    region,
    keys,
    ...checks,
    ...unneeded(
      NEEDS.filter((need) => !needed.includes(need)),
      uses,
    ),
  ];
}

function unneeded(needs: readonly Need[], uses: ConnectionTest["uses"]): VoucherifyCheck[] {
  if (uses.size === 0)
    return [
      {
        name: "Nodes",
        ok: "unneeded",
        sentence:
          "No deployed node uses this account yet, so nothing is missing. Deploy your nodes and test again to see what they need.",
      },
    ];
  if (needs.length === 0) return [];
  const names = needs.map(({ name }) => name).join(", ");
  return [
    { name: "Not needed now", ok: "unneeded", sentence: `${names}. No deployed node of this account uses them.` },
  ];
}

async function checkOf(need: Need, { api, uses, signal }: ConnectionTest): Promise<VoucherifyCheck> {
  const { name, ask } = need;
  const users = need.uses.filter((use) => uses.size === 0 || uses.has(use)).join(", ");
  if (!ask)
    return {
      name,
      ok: "unknown",
      sentence: `Not tried, because it would create data. The role of the key must allow it, for ${users}.`,
    };
  try {
    return permissionCheck(need, await ask(api, signal), { users, isNeeded: uses.size > 0 });
  } catch (error) {
    return { name, ok: "unknown", sentence: error instanceof Error ? error.message : String(error) };
  }
}

function regionCheck(answer: HttpAnswer): VoucherifyCheck {
  if (answer.json !== undefined && answer.status < 500)
    return { name: "Region", ok: true, sentence: "Voucherify answers at this address." };
  const sentence =
    answer.status >= 500
      ? `${explainAnswer(answer).message} Try again later.`
      : "Something answers at this address, but it is not Voucherify's API: check the API base URL.";
  return { name: "Region", ok: false, sentence };
}

function keyCheck(answer: HttpAnswer): VoucherifyCheck {
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

function permissionCheck(
  { name, asksForNothing, without }: Need,
  answer: HttpAnswer,
  { users, isNeeded }: { readonly users: string; readonly isNeeded: boolean },
): VoucherifyCheck {
  const { status } = answer;
  if (status < 300 || (status === 404 && asksForNothing)) return { name, ok: true, sentence: "Allowed." };
  if (status !== 401 && status !== 403) return { name, ok: "unknown", sentence: explainAnswer(answer).message };
  if (without !== undefined) return { name, ok: "unknown", sentence: `Not allowed. ${without}` };
  if (!isNeeded)
    return { name, ok: "unknown", sentence: `Not allowed. ${users} would need this permission in Voucherify.` };
  return {
    name,
    ok: false,
    sentence: `Not allowed: give the role of this key the permission in Voucherify. Used by ${users}.`,
  };
}
