import assert from "node:assert/strict";
import fc from "fast-check";
import { type Answering, codeTemplate, requestBlock } from "../../src/bloomreach/paste-requests";
import { rootTemplate } from "../../src/bloomreach/paste-templates";
import { REQUEST_RECORD } from "../../src/bloomreach/bodies/record-shapes";
import { parseWebhookBody } from "../../src/bloomreach/bodies/webhook-body";
import type { JsonObject } from "../../src/json";
import { readPublicationRequest } from "../../src/mapping/codes/publication-request";
import { renderEmail } from "../../src/simulator";
import { wildId } from "../support/wild-values";
import { AbortedError, renderRoot, renderTemplate } from "../../src/simulator/scenario/template";

const NOW: Answering = { with: "code", how: "now", campaign: "", newCodeForEverySend: true };
const QUEUE: Answering = { ...NOW, how: "queue" };
const lookup = (what: Answering["with"]): Answering => ({ ...NOW, with: what });
const names = (answering: Answering): string[] => requestBlock("registered", answering).tags.map(({ name }) => name);
const guardOf = (answering: Answering): string => requestBlock("registered", answering).guard;
const jane = { customer_ids: { registered: "jane" }, properties: {} };

describe("what is pasted for a request", () => {
  it("a code in the answer: Voucherify's own payload, for a scenario with an event and for a scheduled one", () => {
    const { payloads, batch } = requestBlock("registered", NOW);
    assert.deepEqual(
      payloads.map(({ scenario }) => scenario),
      ["event", "scheduled"],
    );
    assert.equal(batch, false);
    assert.equal(
      payloads[0]?.template,
      `{
    "customer": {
        "registered": {{ customer_ids.registered | string | json }}
    },
    "campaign": {
        "name": "Discount code campaign name"
    },
    "send": {{ (scenario['id'] ~ '-' ~ action['id'] ~ '-' ~ event.timestamp) | json }}
}`,
    );
    assert.doesNotMatch(payloads[1]?.template ?? "", /event/);
  });

  it("codes from a queue: a batch, and the tags of the event that brings them", () => {
    const { batch, tags } = requestBlock("registered", QUEUE);
    assert.equal(batch, true);
    assert.deepEqual(tags[0], { name: "code", tag: "{{ event.voucher_code }}" });
  });

  it("no campaign where the node has chosen one, no send where the node does not look at it", () => {
    const { payloads } = requestBlock("registered", { ...QUEUE, campaign: "Gift", newCodeForEverySend: false });
    assert.deepEqual(payloads, [
      {
        scenario: "any",
        template: '{\n    "customer": {\n        "registered": {{ customer_ids.registered | string | json }}\n    }\n}',
      },
    ]);
  });

  for (const [what, first] of [
    ["points", "points"],
    ["discount", "worth"],
    ["vouchers", "code"],
  ] as const)
    it(`${what}: names the customer only, with tags of its own`, () => {
      const { payloads, batch } = requestBlock("email-id", lookup(what));
      assert.deepEqual([payloads.length, batch, names(lookup(what))[0]], [1, false, first]);
      const body = renderTemplate(payloads[0]!.template, { customer_ids: { "email-id": 'a"b' } });
      assert.deepEqual(JSON.parse(body), { customer: { "email-id": 'a"b' } });
    });
});

describe("what is pasted for a message", () => {
  for (const [what, answering, answer, expected] of [
    ["a code", NOW, { voucher: { code: "A-1" } }, "Your code: A-1"],
    ["no code: no message", NOW, { success: false, key: "out_of_codes" }, null],
    ["an error: no message", NOW, "Bad Gateway", null],
    ["points", lookup("points"), { found: true, points: 250, points_expiring: 0 }, "You have 250 points."],
    [
      "points that expire",
      lookup("points"),
      { found: true, points: 250, points_expiring: 50, points_expire_on: "2027-01-31" },
      "You have 250 points. 50 of them expire on 2027-01-31.",
    ],
    ["no points yet", lookup("points"), { found: true, points: 0, points_expiring: 0 }, "You have 0 points."],
    ["nobody in the program", lookup("points"), { found: false }, ""],
    [
      "a discount with a code",
      lookup("discount"),
      { found: true, discount_text: "15 % off", discount_code: "A-1" },
      "For you: 15 % off with the code A-1.",
    ],
    [
      "a promotion",
      lookup("discount"),
      { found: true, discount_text: "15 % off", discount_code: "" },
      "For you: 15 % off.",
    ],
    ["no discount", lookup("discount"), { found: false }, ""],
    [
      "a voucher",
      lookup("vouchers"),
      { found: true, discount_code: "A-1", discount_text: "5 EUR off", count: 2 },
      "Your voucher: A-1 (5 EUR off).",
    ],
    ["an error where a voucher was", lookup("vouchers"), { success: false, key: "batch" }, ""],
  ] as const)
    it(`${what}: the mail goes out only where it says something`, () =>
      assert.equal(renderEmail(guardOf(answering), jane, answer), expected));

  it("a code that an event brings", () => {
    assert.equal(renderTemplate(guardOf(QUEUE), { event: { voucher_code: "007" } }), "Your code: 007");
    assert.throws(() => renderTemplate(guardOf(QUEUE), { event: {} }), AbortedError);
  });
});

describe("the value send, rendered as Bloomreach does", () => {
  const defaults = { hardId: "registered", campaign: "", frequency: "send", channel: "", joinOnce: false } as const;
  const DAY = 86_400;
  const AT = Date.UTC(2026, 10, 24, 12) / 1_000;
  /** The idempotency key of a request that a scenario sends at `seconds`. */
  const keyAt = (scenario: "event" | "scheduled", seconds: number, more: JsonObject = {}): string => {
    const body = renderTemplate(codeTemplate("registered", "Cart", scenario), {
      customer_ids: { registered: "jane" },
      ...{ scenario: { id: "s" }, action: { id: "a" } },
      ...more,
    });
    const { records } = parseWebhookBody(Buffer.from(body), "registered", REQUEST_RECORD);
    const reading = readPublicationRequest(records[0]!.record, defaults, seconds * 1_000);
    assert.ok(reading.ok);
    return reading.request.idempotencyKey;
  };

  it("on event: one for each event, whenever the request comes", () => {
    const first = keyAt("event", AT, { event: { timestamp: AT } });
    assert.equal(keyAt("event", AT + DAY, { event: { timestamp: AT } }), first);
    assert.notEqual(keyAt("event", AT, { event: { timestamp: AT + 0.5 } }), first);
  });

  for (const [name, time] of [
    ["with Bloomreach's time", (seconds: number): JsonObject => ({ time: seconds })],
    ["where a project has no time", (): JsonObject => ({})],
  ] as const) {
    it(`scheduled, ${name}: one for each day`, () => {
      const first = keyAt("scheduled", AT, time(AT));
      assert.equal(keyAt("scheduled", AT + 600, time(AT + 600)), first);
      assert.notEqual(keyAt("scheduled", AT + 30 * DAY, time(AT + 30 * DAY)), first);
      assert.notEqual(keyAt("scheduled", AT, { ...time(AT), action: { id: "other" } }), first);
    });
  }

  it("scheduled, repeated after midnight: the same", () =>
    assert.equal(keyAt("scheduled", AT, { time: AT }), keyAt("scheduled", AT + DAY, { time: AT })));

  it("on event, pasted into a scheduled scenario by mistake: one for each day", () =>
    assert.notEqual(keyAt("event", AT), keyAt("event", AT + 30 * DAY)));
});

describe("requests in a batch, rendered as Bloomreach does and read back", () => {
  it("every request comes back whole, whatever the ID and the campaign hold", () => {
    const campaign = fc.stringMatching(/^[a-z"'\\[\], é]{1,12}$/);
    fc.assert(
      fc.property(fc.array(wildId, { minLength: 1, maxLength: 4 }), campaign, (ids, name) => {
        const template = codeTemplate("registered", name, "event");
        const rendered = ids.map((registered) =>
          renderTemplate(template, {
            customer_ids: { registered },
            ...{ scenario: { id: "s" }, action: { id: 'a"' }, event: { timestamp: 5.25 } },
          }),
        );
        const body = Buffer.from(renderRoot(rootTemplate(), rendered));
        const { records, rejected } = parseWebhookBody(body, "registered", REQUEST_RECORD);
        assert.deepEqual(rejected, []);
        assert.deepEqual(
          records.map(({ record }) => record),
          ids.map((registered) => ({ customer: { registered }, campaign: { name }, send: 's-a"-5.25' })),
        );
      }),
    );
  });
});
