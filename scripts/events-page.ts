import { readFileSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import type { JsonObject, JsonValue } from "../src/json";
import { DEFAULT_EVENT_NAMES } from "../src/mapping/events/event-names";
import { CUSTOMER_PROPERTIES } from "../src/mapping/events/customer-properties";
import { EVENT_PROPERTIES, type EventProperty } from "../src/mapping/events/event-properties";
import { commandsFor } from "../src/mapping/events/event-commands";
import { EVENT_KINDS, type EventKind } from "../src/schemas/voucherify-event";
import type { TrackingCommand } from "../src/schemas/tracking";
import { formsOf } from "../src/simulator";
import { sampleEventData } from "../src/simulator/scenario/sample-events";
import { readActivity } from "../src/voucherify/activity";

/** Where the page stands. */
export const EVENTS_PAGE = join(__dirname, "../docs/events.md");

/** When the events of the page happened. */
export const DOCUMENTED_AT = "2026-11-24T12:00:00.000Z";
/** Whose they are. */
export const DOCUMENTED_CUSTOMER: JsonObject = {
  id: "cust_7iUa6ICKyU6gH40dBU25kQU1",
  source_id: "anna.kowalska@example.com",
};

/** The data of the event that the page shows for a kind: always the same. */
export function documentedData(kind: EventKind): JsonObject {
  const data = withFixedIds(sampleEventData(kind, { customer: DOCUMENTED_CUSTOMER, createdAt: DOCUMENTED_AT }));
  return { ...data, ...shownToo(kind, data) };
}

/** What Voucherify sends in some events of a kind, and the usual samples do not have. */
function shownToo(kind: EventKind, data: JsonObject): JsonObject {
  const { redemption, publication, validation } = data as Record<string, JsonObject>;
  const voucher = {
    id: "v_spring",
    code: "0J4K-SPRING",
    type: "DISCOUNT_VOUCHER",
    campaign: "Spring",
    campaign_id: "camp_1",
  };
  const reason = { key: "quantity_exceeded", message: "quantity exceeded" };
  switch (kind) {
    case "customer.redemption.failed":
      return { redemption: { ...redemption, voucher, metadata: { channel: "shop" } } };
    case "customer.publication.succeeded":
      return {
        publication: { ...publication, vouchers: ["0J4K-SPRING", "8F2M-SPRING"], metadata: { channel: "newsletter" } },
        voucher: { ...voucher, discount: { type: "AMOUNT", amount_off: 500 } },
        campaign: { id: "camp_1", name: "Spring" },
      };
    case "customer.validation.succeeded":
      return {
        validation: {
          ...validation,
          redeemables: [
            { id: "promo_1", type: "promotion_tier" },
            { id: "0J4K-SPRING", type: "voucher" },
          ],
        },
      };
    case "customer.validation.failed":
      return {
        validation: {
          ...validation,
          inapplicable_redeemables: [{ id: "0J4K-SPRING", type: "voucher", result: { error: reason } }],
        },
      };
    case "customer.rewarded.loyalty_points":
      return { loyalty_tier: { id: "lmtr_1", name: "Gold" } };
    default:
      return {};
  }
}

/** The simulator makes ids and codes at random. */
function withFixedIds(data: JsonObject): JsonObject {
  const known = new Map<string, string>();
  const fixed = (_found: string, before: string, random: string): string => {
    const number = String(known.size + 1).padStart(random.length, "0");
    const made = known.get(random) ?? (/^[0-9A-F]{8}$/.test(random) ? `C0DE${number.slice(4)}` : number);
    known.set(random, made);
    return `${before}${made}"`;
  };
  const text = JSON.stringify(data).replace(/("(?:[a-z]+_|order-)?)([0-9a-f]{18}|[0-9a-f]{6}|[0-9A-F]{8})"/g, fixed);
  return JSON.parse(text) as JsonObject;
}

/** The commands that event forward makes of it, as it stands after installing. */
export function documentedCommands(kind: EventKind): readonly TrackingCommand[] {
  const event = readActivity({
    id: "evcus_1",
    type: kind,
    created_at: DOCUMENTED_AT,
    data: { data: documentedData(kind) },
  });
  const mapped = event && commandsFor(event, { send: "both", names: {}, hardId: "registered", currency: "EUR" });
  if (!mapped?.ok) throw new Error(`The sample of ${kind} makes no command.`);
  return mapped.commands;
}

/** The page: what each event in Bloomreach holds. */
export async function eventsPage(): Promise<string> {
  const { format } = await import("prettier");
  return format([INTRODUCTION, ...EVENT_KINDS.map(sectionOf), customerSection()].join("\n\n"), {
    ...{ parser: "markdown", printWidth: 120 },
  });
}

const INTRODUCTION = `# Events in Bloomreach

What _event forward_ writes into Bloomreach of each kind of Voucherify's events. **Names are final**: Bloomreach cannot rename
a tracked event or its properties. The names of events can be changed in event forward before the first use.

- **Time**: an event has its own time (Unix seconds), never the time of sending.
- **Money** is in major units (12.34, not 1234), in the currency chosen in event forward, which stands in \`local_currency\`.
- **Codes are texts**, also those of digits alone.
- **What Voucherify does not tell is left out**: no property is empty or null. "Always" means: in each event as Voucherify
  documents it.
- **Sizes**: an event has at most 255 properties, a value is smaller than 16 KB, all together are smaller than 800 KB. What is
  over that is left out and reported in \`msg.omitted\`. The same holds for events and updates that a flow makes itself.
- **Own events** (\`{ registered, event, properties, time }\`) keep their properties as they are.

This page is made by \`npm run docs\` of the table that the events are made of (\`src/mapping/events/event-properties.ts\`); a test
compares both.`;

function sectionOf(kind: EventKind): string {
  const [command] = documentedCommands(kind);
  const sent = command!.data.properties;
  const rows = EVENT_PROPERTIES.filter(({ kinds }) => kinds.includes(kind)).map((row) =>
    rowOf(row, sampleOf(row, sent)),
  );
  return `## ${DEFAULT_EVENT_NAMES[kind]}

Voucherify's \`${kind}\`; ${waysOf(kind)}.

| property | type | when | what it is | sample |
| --- | --- | --- | --- | --- |
${rows.join("\n")}

\`\`\`json
${JSON.stringify(command!.data, null, 2)}
\`\`\``;
}

function waysOf(kind: EventKind): string {
  const words = { project: "a project webhook", distribution: "a distribution", raw: undefined };
  const webhooks = formsOf(kind).flatMap((form) => words[form] ?? []);
  const made = kind.startsWith("customer.publication.") ? ["what voucherify publish sends on"] : [];
  return `comes by ${[...webhooks, "voucherify activity", ...made].join(", ")}`;
}

function rowOf({ name, type, when, meaning }: EventProperty, sample: JsonValue): string {
  return `| \`${name}\` | ${type} | ${when} | ${meaning} | \`${JSON.stringify(sample)}\` |`;
}

function sampleOf({ name, sample }: EventProperty, sent: JsonObject): JsonValue {
  return sent[name] ?? sample;
}

function customerSection(): string {
  const rows = CUSTOMER_PROPERTIES.map(({ name, type, kinds, meaning, sample }) => {
    const events = kinds.map((kind) => `\`${DEFAULT_EVENT_NAMES[kind]}\``).join(", ");
    return `| \`${name}\` | ${type} | with ${events} | ${meaning} | \`${JSON.stringify(sample)}\` |`;
  });
  return `## Customer properties

Written with the event's own time, so that an older event never takes the place of a newer one; not where event forward is
set to write the event alone.

| property | type | when | what it is | sample |
| --- | --- | --- | --- | --- |
${rows.join("\n")}

Voucherify's customer ID is written where the bloomreach account says: as a property, or as a Soft ID or Hard ID beside the
Main Hard ID (then, for results of customer upsert, also as the property \`voucherify_customer_id\`, a text).`;
}

async function write(): Promise<void> {
  const page = await eventsPage();
  if (page !== readFileSync(EVENTS_PAGE, { encoding: "utf8", flag: "a+" })) writeFileSync(EVENTS_PAGE, page);
}

if (require.main === module) void write();
