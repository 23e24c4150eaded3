import { idText, jsonOf } from "./paste-templates";

/** What answers a request for a code or information, as it is wired behind bloomreach in. */
export interface Answering {
  readonly with: "code" | "points" | "discount" | "vouchers";
  /** With a code: in the answer of the webhook, or later by an event. */
  readonly how: "now" | "queue";
  /** With a code: which campaign the node has chosen; "" leaves it to the payload. */
  readonly campaign: string;
  /** With a code: whether the node goes by the value `send` of the payload. */
  readonly newCodeForEverySend: boolean;
}

/** What a user pastes into the webhook of a scenario that asks, and into the message behind it. */
export interface RequestBlock {
  /** One, or one for each kind of scenario. */
  readonly payloads: readonly { readonly scenario: "any" | "event" | "scheduled"; readonly template: string }[];
  /** The webhook asks for many customers at once: it also needs the Root template. */
  readonly batch: boolean;
  readonly tags: readonly MessageTag[];
  /** The text of a message that is right also where there is nothing to tell. */
  readonly guard: string;
}

/** One value that a message can show. */
export interface MessageTag {
  readonly name: "code" | "worth" | "validUntil" | "campaign" | "points" | "expiring" | "expireOn" | "tier" | "count";
  readonly tag: string;
}

/** What to paste so that a request and its message fit what answers it. */
export function requestBlock(hardId: string, answering: Answering): RequestBlock {
  const { tags, guard } = MESSAGES[answering.with === "code" ? answering.how : answering.with];
  if (answering.with !== "code")
    return { payloads: [{ scenario: "any", template: lookupTemplate(hardId) }], batch: false, tags, guard };
  const campaign = answering.campaign === "" ? SAMPLE_CAMPAIGN : undefined;
  const sends = answering.newCodeForEverySend ? (["event", "scheduled"] as const) : [undefined];
  return {
    payloads: sends.map((send) => ({ scenario: send ?? "any", template: codeTemplate(hardId, campaign, send) })),
    batch: answering.how === "queue",
    tags,
    guard,
  };
}

/**
 * The payload of a webhook that asks for a code, in the shape of Voucherify's own publication request
 * (support.voucherify.io/article/613-bloomreach-engagement-integration).
 * @param campaign its name; undefined where the voucherify publish node has chosen one
 * @param send what makes `send` another one for every message and the same when Bloomreach repeats a request: the event, or in
 *   a scheduled scenario, which has none, the day; undefined for no `send`
 */
export function codeTemplate(hardId: string, campaign: string | undefined, send?: keyof typeof SENDS): string {
  const rows = [
    customerRow(hardId),
    ...(campaign === undefined ? [] : [`    "campaign": {\n        "name": ${JSON.stringify(campaign)}\n    }`]),
    ...(send === undefined ? [] : [`    "send": ${SENDS[send]}`]),
  ];
  return `{\n${rows.join(",\n")}\n}`;
}

/** What the vendor's own page writes where the user's campaign belongs. */
const SAMPLE_CAMPAIGN = "Discount code campaign name";

function lookupTemplate(hardId: string): string {
  return `{\n${customerRow(hardId)}\n}`;
}

function customerRow(hardId: string): string {
  return `    "customer": {\n        ${JSON.stringify(hardId)}: ${idText(hardId)}\n    }`;
}

/**
 * `time` is the Unix time at which Bloomreach renders; where a project does not have it, `send` ends with a dash and
 * `readPublicationRequest` adds the day.
 */
const SENDS = {
  event: jsonOf("(scenario['id'] ~ '-' ~ action['id'] ~ '-' ~ event.timestamp)"),
  scheduled: jsonOf("(scenario['id'] ~ '-' ~ action['id'] ~ '-' ~ (time // 86400 if time else ''))"),
} as const;

/**
 * What a message shows of an answer (documentation.bloomreach.com/engagement/docs/using-webhook-responses; the dotted key is the one
 * of Voucherify's own page). A message about a code is worth nothing without one, and aborts; where the answer is one sentence
 * among others, only this sentence is left out.
 */
const MESSAGES: Readonly<
  Record<"now" | "queue" | "points" | "discount" | "vouchers", Pick<RequestBlock, "tags" | "guard">>
> = {
  now: {
    tags: [
      { name: "code", tag: "{{ webhook['voucher.code'] }}" },
      { name: "worth", tag: "{{ webhook.discount_text }}" },
      { name: "validUntil", tag: "{{ webhook.valid_until }}" },
    ],
    guard: "{% if webhook['voucher.code'] %}Your code: {{ webhook['voucher.code'] }}{% else %}{% abort %}{% endif %}",
  },
  queue: {
    tags: [
      { name: "code", tag: "{{ event.voucher_code }}" },
      { name: "campaign", tag: "{{ event.campaign_name }}" },
    ],
    guard: "{% if event.voucher_code %}Your code: {{ event.voucher_code }}{% else %}{% abort %}{% endif %}",
  },
  points: {
    tags: [
      { name: "points", tag: "{{ webhook.points }}" },
      { name: "expiring", tag: "{{ webhook.points_expiring }}" },
      { name: "expireOn", tag: "{{ webhook.points_expire_on }}" },
      { name: "tier", tag: "{{ webhook.tier }}" },
    ],
    guard:
      "{% if webhook.found %}You have {{ webhook.points }} points." +
      "{% if webhook.points_expiring %} {{ webhook.points_expiring }} of them expire on {{ webhook.points_expire_on }}.{% endif %}{% endif %}",
  },
  discount: {
    tags: [
      { name: "worth", tag: "{{ webhook.discount_text }}" },
      { name: "code", tag: "{{ webhook.discount_code }}" },
      { name: "validUntil", tag: "{{ webhook.valid_until }}" },
    ],
    guard:
      "{% if webhook.found %}For you: {{ webhook.discount_text }}" +
      "{% if webhook.discount_code %} with the code {{ webhook.discount_code }}{% endif %}.{% endif %}",
  },
  vouchers: {
    tags: [
      { name: "code", tag: "{{ webhook.discount_code }}" },
      { name: "worth", tag: "{{ webhook.discount_text }}" },
      { name: "validUntil", tag: "{{ webhook.valid_until }}" },
      { name: "count", tag: "{{ webhook.count }}" },
    ],
    guard:
      "{% if webhook.found %}Your voucher: {{ webhook.discount_code }}" +
      "{% if webhook.discount_text %} ({{ webhook.discount_text }}){% endif %}.{% endif %}",
  },
};
