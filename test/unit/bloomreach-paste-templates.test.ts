import assert from "node:assert/strict";
import fc from "fast-check";
import {
  authenticationBlock,
  customerTemplate,
  eventTemplate,
  type MetadataKey,
  rootTemplate,
} from "../../src/bloomreach/paste-templates";
import { EVENT_RECORD } from "../../src/bloomreach/bodies/record-shapes";
import { parseWebhookBody } from "../../src/bloomreach/bodies/webhook-body";
import type { JsonObject, JsonValue } from "../../src/json";
import { renderRoot, renderTemplate } from "../../src/simulator/scenario/template";
import { wildId, wildValue } from "../support/wild-values";

const text = (key: string): MetadataKey => ({ key, structured: false });
const structure = (key: string): MetadataKey => ({ key, structured: true });

describe("rootTemplate", () => {
  it("is the documented one", () => assert.equal(rootTemplate(), "[\n{% output customers separated by ',' %}\n]"));
});

describe("customerTemplate", () => {
  it("has the shape of the hosted integration's payload", () =>
    assert.equal(
      customerTemplate("registered", [text("segment"), structure("tags")]),
      `{
    "registered": {{ customer_ids.registered | string | json }},
    "name": {{ customer.firstName | string | json }},
    "description": {{ customer.description | string | json }},
    "email": {{ customer.email | string | json }},
    "phone": {{ customer.phone | string | json }},
    "birthdate": {{ customer.birthDate | string | json }},
    "address": {
        "city": {{ customer.city | string | json }},
        "state": {{ customer.state | string | json }},
        "line_1": {{ customer.address1 | string | json }},
        "line_2": {{ customer.address2 | string | json }},
        "country": {{ customer.country | string | json }},
        "postal_code": {{ customer.postalCode | string | json }}
    },
    "metadata": {
        "segment": {{ customer.segment | string | json }},
        "tags": {{ customer.tags | default('', true) | json }}
    }
}`,
    ));

  it("has no metadata where none is defined", () =>
    assert.doesNotMatch(customerTemplate("registered", []), /metadata/));

  for (const [key, line] of [
    ["shoe size", `"shoe size": {{ customer['shoe size'] |`],
    ["1st", `"1st": {{ customer['1st'] |`],
    ["it's", `"it's": {{ customer['it\\'s'] |`],
    ["größe", `"größe": {{ customer['größe'] |`],
    ["items", `"items": {{ (customer['items'] if 'items' in customer) |`],
  ] as const)
    it(`reads ${key} by its name in brackets`, () =>
      assert.ok(customerTemplate("registered", [text(key)]).includes(line)));

  it("reads a hard ID with a special name", () =>
    assert.ok(customerTemplate("email-id", []).startsWith(`{\n    "email-id": {{ customer_ids['email-id'] |`)));
});

/** The text that a value is in a template. */
const asText = (value: JsonValue | undefined): string =>
  renderTemplate("{{ value }}", value === undefined ? {} : { value });

describe("batch templates, rendered as Bloomreach does and read back", () => {
  const attributes = ["firstName", "description", "email", "phone", "birthDate", "city", "state", "postalCode"];
  const metadata = ["shoe size", "it's", "items", "größe"];
  const profile = fc.record({
    id: wildId,
    attributes: fc.record(Object.fromEntries([...attributes, ...metadata, "tags"].map((key) => [key, wildValue])), {
      requiredKeys: [],
    }),
  });
  const separators = fc.constantFrom(rootTemplate(), "[\n{% output customers separated by ',\\\\n' %}\n]");

  it("every customer comes back whole, whatever the fields hold", () => {
    const template = customerTemplate("email_id", [...metadata.map(text), structure("tags")]);
    fc.assert(
      fc.property(fc.array(profile, { minLength: 1, maxLength: 4 }), separators, (profiles, root) => {
        const rendered = profiles.map((one) =>
          renderTemplate(template, { customer_ids: { email_id: one.id }, customer: one.attributes as JsonObject }),
        );
        const { records, rejected, test } = parseWebhookBody(Buffer.from(renderRoot(root, rendered)), "email_id");
        assert.deepEqual([rejected, test], [[], false]);
        for (const [index, { record }] of records.entries()) {
          const { id: sourceId, attributes: given } = profiles[index]!;
          const has = given as Record<string, JsonValue | undefined>;
          const { name, description, email, phone, birthdate, address, ...rest } = record;
          assert.equal(rest.email_id, sourceId);
          assert.deepEqual(
            [name, description, email, phone, birthdate],
            ["firstName", "description", "email", "phone", "birthDate"].map((key) => asText(has[key])),
          );
          const { city, state, postal_code } = address as JsonObject;
          assert.deepEqual(
            [city, state, postal_code],
            ["city", "state", "postalCode"].map((key) => asText(has[key])),
          );
          const tags = has.tags;
          const isEmpty = !tags || (typeof tags === "object" && Object.keys(tags).length === 0);
          assert.deepEqual(rest.metadata, {
            ...Object.fromEntries(metadata.map((key) => [key, asText(has[key])])),
            tags: isEmpty ? "" : tags,
          });
        }
        assert.equal(records.length, profiles.length);
      }),
    );
  });

  it("every event comes back whole, with a key of its own", () => {
    const template = eventTemplate("registered", "event_key", 'a "good" review');
    fc.assert(
      fc.property(wildId, wildValue, fc.double({ min: 1, max: 2e9, noNaN: true }), (registered, stars, timestamp) => {
        const rendered = renderTemplate(template, {
          customer_ids: { registered },
          action: { id: "a1" },
          event: { timestamp, stars },
        });
        const body = Buffer.from(renderRoot(rootTemplate(), [rendered]));
        const { records, rejected } = parseWebhookBody(body, "registered", EVENT_RECORD);
        assert.deepEqual(rejected, []);
        assert.deepEqual(records[0]?.record, {
          event: 'a "good" review',
          customer: { registered },
          event_key: `${registered}-a1-${timestamp}`,
          metadata: { stars: asText(stars) },
        });
      }),
    );
  });

  it("is known as Bloomreach's batch test, rendered without data or not at all", () => {
    const template = customerTemplate("registered", [text("segment"), structure("tags")]);
    for (const body of [renderTemplate(template, { customer_ids: {}, customer: {} }), template])
      for (const records of [`[${body}]`, `[${body},${body}]`])
        assert.equal(parseWebhookBody(Buffer.from(records), "registered").test, true);
  });
});

describe("authenticationBlock", () => {
  const block = authenticationBlock({
    publicUrl: "https://hooks.example.com/",
    httpNodeRoot: "/api/",
    path: "/bloomreach-engagement/upsert-customer-bulk",
    applicationId: "app-1",
  });

  it("lists what Bloomreach asks for", () =>
    assert.deepEqual(
      block.map(({ label, value, secret }) => [label, value, secret]),
      [
        ["Endpoint prefix", "https://hooks.example.com/api/bloomreach-engagement", false],
        ["Custom header application-id", "app-1", true],
        ["Custom header secret-key", "", true],
        ["Test method", "GET", false],
        ["Test path", "/api/bloomreach-engagement/upsert-customer-bulk", false],
      ],
    ));

  it("names the path itself where it lies elsewhere", () =>
    assert.equal(
      authenticationBlock({ publicUrl: "https://a.example", httpNodeRoot: "/", path: "/own", applicationId: "" })[0]
        ?.value,
      "https://a.example/own",
    ));
});
