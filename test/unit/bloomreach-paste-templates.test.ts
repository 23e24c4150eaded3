import assert from "node:assert/strict";
import { authenticationBlock, customerTemplate, rootTemplate, webhookUrl } from "../../src/bloomreach/paste-templates";
import { parseWebhookBody } from "../../src/bloomreach/webhook-body";
import { renderRoot, renderTemplate } from "../../src/simulator/template";

describe("rootTemplate", () => {
  it("is the documented one", () => assert.equal(rootTemplate(), "[\n{% output customers separated by ',\\n' %}\n]"));
});

describe("customerTemplate", () => {
  it("has the shape of the hosted integration's payload", () =>
    assert.equal(
      customerTemplate("registered", ["segment", "loyalty_points"]),
      `{
    "registered": "{{ customer_ids.registered }}",
    "name": "{{ customer.firstName }}",
    "description": "{{ customer.description }}",
    "email": "{{ customer.email }}",
    "phone": "{{ customer.phone }}",
    "birthdate": "{{ customer.birthDate }}",
    "address": {
        "city": "{{ customer.city }}",
        "state": "{{ customer.state }}",
        "line_1": "{{ customer.address1 }}",
        "line_2": "{{ customer.address2 }}",
        "country": "{{ customer.country }}",
        "postal_code": "{{ customer.postalCode }}"
    },
    "metadata": {
        "segment": "{{ customer.segment }}",
        "loyalty_points": "{{ customer.loyalty_points }}"
    }
}`,
    ));

  it("has no metadata where none is defined", () =>
    assert.deepEqual(Object.keys(JSON.parse(customerTemplate("registered", [])) as object).slice(-1), ["address"]));

  for (const [key, line] of [
    ["shoe size", `"shoe size": "{{ customer['shoe size'] }}"`],
    ["1st", `"1st": "{{ customer['1st'] }}"`],
    ["it's", `"it's": "{{ customer['it\\'s'] }}"`],
    ["größe", `"größe": "{{ customer['größe'] }}"`],
    ["items", `"items": "{{ customer['items'] }}"`],
  ] as const)
    it(`reads ${key} by its name in brackets`, () => assert.ok(customerTemplate("registered", [key]).includes(line)));

  it("reads a hard ID with a special name", () =>
    assert.ok(customerTemplate("email-id", []).startsWith(`{\n    "email-id": "{{ customer_ids['email-id'] }}",`)));

  it("renders to a body that is read back", () => {
    const template = customerTemplate("email_id", ["shoe size", "vip"]);
    const customers = ["ann", "bob"].map((name) =>
      renderTemplate(template, {
        customer_ids: { email_id: `${name}@example.com` },
        customer: { firstName: name, "shoe size": 38, vip: true, city: null },
      }),
    );
    const { records } = parseWebhookBody(Buffer.from(renderRoot(rootTemplate(), customers)), "email_id");
    assert.deepEqual(
      records.map(({ record }) => [record.email_id, record.name, record.metadata]),
      ["ann", "bob"].map((name) => [`${name}@example.com`, name, { "shoe size": "38", vip: "True" }]),
    );
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

describe("webhookUrl", () => {
  for (const [publicUrl, httpNodeRoot, path, expected] of [
    ["https://a.example", "/", "/x/y", "https://a.example/x/y"],
    ["https://a.example/", "/api", "x/y", "https://a.example/api/x/y"],
    [" https://a.example/base// ", "/api/", "//x/", "https://a.example/base/api/x"],
    ["https://a.example:8443", "", "/x", "https://a.example:8443/x"],
  ] as const)
    it(expected, () => assert.equal(webhookUrl({ publicUrl, httpNodeRoot, path }), expected));
});
